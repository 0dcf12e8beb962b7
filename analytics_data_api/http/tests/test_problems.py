"""Errors of the API: their statuses, headers and words. Their shape stands in ``shape``, once."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections
from django.http import Http404
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import exceptions

from analytics_data_api.formats.registry import FORMATS
from analytics_data_api.http import problems
from analytics_data_api.http.tests.shape import error_page_of, problem_of
from analytics_data_api.tables.querysets import ReportQuerySet
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import IDS, OF_ENTITIES, OF_TABLES, address
from analytics_data_api.versions import ENDPOINTS
from analyticsdataserver.serving import health
from analyticsdataserver.tests.forms import FormClient
from conftest import KEY

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

ENROLLMENT = f"/api/v0/courses/{make.COURSE_ID}/enrollment"
TIMELINE = f"/api/{address('v0/videos/{video_id}/timeline')}"
every_endpoint = pytest.mark.parametrize("path", [f"/api/{address(endpoint)}/" for endpoint in ENDPOINTS])


def raising(error: BaseException) -> Callable[..., Any]:
    def stand_in(*args: Any, **kwargs: Any) -> Any:
        raise error

    return stand_in


@pytest.fixture
def status_raises(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Any]:
    """Return what a view answers that raises an exception."""

    def answer(error: BaseException) -> Any:
        monkeypatch.setattr(health.StatusView, "get", raising(error))
        return Client(raise_request_exception=False).get("/status/")

    return answer


@contextmanager
def broken(alias: str, error: Error) -> Iterator[None]:
    """Have every statement on a database fail."""
    with connections[alias].execute_wrapper(raising(error)):
        yield


class TestBadRequest:
    @pytest.mark.parametrize(
        ("query", "error_code", "told"),
        [
            ({"start_date": "yesterday"}, "invalid_date", "start_date is 'yesterday'"),
            ({"end_date": "2014-02-30"}, "invalid_date", "end_date is '2014-02-30'"),
            ({"start_date": "2014-12-11", "end_date": "2014-12-10"}, "invalid_date_range", "'2014-12-11'"),
            ({"fields": "count,colour"}, "unknown_field", "fields names 'colour'"),
            ({"start_date": "2014\0"}, "invalid_text", "start_date"),
        ],
    )
    def test_names_the_parameter_and_its_value(
        self, client: Client, query: dict[str, str], error_code: str, told: str
    ) -> None:
        make.EnrollmentFactory()
        assert told in problem_of(client.get(ENROLLMENT, query_params=query), 400, error_code)["detail"]

    def test_a_body_that_cannot_be_read(self) -> None:
        response = Client().post("/api-token-auth/", data="{", content_type="application/json")
        problem_of(response, 400, "parse_error")

    def test_each_wrong_field_of_a_form_is_named(self) -> None:
        detail = problem_of(FormClient().post("/api-token-auth/"), 400)["detail"]
        assert "username" in detail
        assert "password" in detail


def test_a_service_at_its_limit_says_when_to_try_again() -> None:
    """HAProxy recognizes it by that: docs/cluster/haproxy.cfg."""
    response = problems.service_busy()
    problem_of(response, 503, "service_busy")
    assert response["Retry-After"] == "1"


class TestUnauthorized:
    @every_endpoint
    def test_no_key(self, path: str) -> None:
        response = Client().get(path)
        assert "Authorization: Token <key>" in problem_of(response, 401, "not_authenticated")["detail"]
        assert response["WWW-Authenticate"] == "Token"

    def test_an_unknown_key(self, client: Client) -> None:
        response = client.get(ENROLLMENT, headers={"authorization": "Token nobodys"})
        problem_of(response, 401, "authentication_failed")
        assert response["WWW-Authenticate"] == "Token"

    def test_comes_before_what_is_wrong_with_the_request(self) -> None:
        problem_of(Client().get(ENROLLMENT, query_params={"start_date": "yesterday"}), 401)


class TestForbidden:
    def test_a_form_from_elsewhere_sent_with_a_session(self, browser: Client) -> None:
        browser.handler.enforce_csrf_checks = True
        problem_of(browser.post("/api-auth/logout/", headers={"accept": "*/*"}), 403, "csrf_failed")

    @pytest.mark.parametrize("error", [PermissionDenied(), exceptions.PermissionDenied()])
    def test_a_view_that_denies(self, status_raises: Callable[..., Any], error: Exception) -> None:
        problem_of(status_raises(error), 403, "permission_denied")


class TestNotFound:
    def refused(self, client: Client, path: str, **query: str) -> tuple[str, str]:
        body = problem_of(client.get(path, query_params=query), 404)
        return body["error_code"], body["detail"]

    def test_each_reason_has_its_own_code_and_words(self, client: Client) -> None:
        make.EnrollmentFactory()
        route = self.refused(client, "/api/v0/nothing/here")
        malformed = self.refused(client, "/api/v0/courses/DemoX/enrollment")
        course = self.refused(client, "/api/v0/courses/edX/DemoX/Nobodys/enrollment")
        dates = self.refused(client, ENROLLMENT, start_date="2015-01-01", end_date="2015-02-01")

        codes = [code for code, _ in (route, malformed, course, dates)]
        assert codes == ["not_found", "not_found", "unknown_course", "no_data_in_range"]
        assert "'/api/v0/nothing/here'" in route[1]
        assert "org/course/run or course-v1:org+course+run" in malformed[1]
        assert "'edX/DemoX/Nobodys'" in course[1]
        for told in (repr(make.COURSE_ID), "start_date '2015-01-01'", "end_date '2015-02-01'", "2014-12-10"):
            assert told in dates[1]

    def test_a_kind_of_activity_that_the_course_has_not_differs_from_an_unknown_course(self, client: Client) -> None:
        make.CourseActivityFactory(activity_type="ACTIVE")
        known = f"/api/v0/courses/{make.COURSE_ID}/recent_activity"
        unknown = "/api/v0/courses/edX/DemoX/Nobodys/recent_activity"
        assert self.refused(client, known, activity_type="played_video")[0] == "no_activity_of_type"
        assert self.refused(client, known, activity_type="swimming")[0] == "unknown_activity_type"
        assert self.refused(client, unknown, activity_type="played_video")[0] == "unknown_course"

    @pytest.mark.parametrize("endpoint", OF_ENTITIES)
    def test_a_subject_without_rows(self, client: Client, endpoint: str) -> None:
        code, detail = self.refused(client, f"/api/{address(endpoint)}")
        assert code.startswith("unknown_")
        assert any(repr(id_) in detail for id_ in (make.COURSE_ID, make.PROBLEM_ID, make.SEQUENTIAL_ID, make.VIDEO_ID))

    def test_a_long_id_is_shortened(self, client: Client) -> None:
        _, detail = self.refused(client, f"/api/v0/courses/edX/DemoX/{'x' * 5000}/enrollment")
        assert len(detail) < 300

    @pytest.mark.parametrize("error", [Http404(), exceptions.NotFound()])
    def test_a_view_that_finds_nothing(self, status_raises: Callable[..., Any], error: Exception) -> None:
        problem_of(status_raises(error), 404, "not_found")

    def test_a_browser_gets_a_page(self, browser: Client) -> None:
        error_page_of(browser.get(ENROLLMENT), 404, "unknown_course")


class TestMethodNotAllowed:
    @pytest.mark.parametrize("endpoint", ENDPOINTS)
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_comes_before_401(self, endpoint: str, method: str) -> None:
        methods = ENDPOINTS[endpoint].http_method_names
        response = Client().generic(method, f"/api/{address(endpoint)}/")
        if method.lower() in methods:
            problem_of(response, 401, "not_authenticated")
        else:
            assert f"'{method}'" in problem_of(response, 405, "method_not_allowed")["detail"]
        assert response["Allow"] == ", ".join(methods).upper()

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("path", ["/status/", "/health/", "/authenticated/"])
    def test_nor_does_an_operational_endpoint(self, client: Client, path: str, method: str) -> None:
        response = client.generic(method, path)
        problem_of(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD, OPTIONS"

    def test_a_key_is_not_got_but_posted_for(self) -> None:
        response = Client().get("/api-token-auth/")
        problem_of(response, 405, "method_not_allowed")
        assert response["Allow"] == "POST, OPTIONS"


class TestNotAcceptable:
    @pytest.mark.parametrize(
        "accept", ["application/xml", "image/png, text/plain;q=0.5", "text/csv;q=0", "*/*;q=0", "nonsense", "é;ü=ö"]
    )
    def test_an_accept_header_that_no_format_fits(self, client: Client, accept: str) -> None:
        make.EnrollmentFactory()
        detail = problem_of(client.get(ENROLLMENT, headers={"accept": accept}), 406, "not_acceptable")["detail"]
        takes = ", ".join(each.media_type for each in FORMATS)
        assert takes.startswith("application/json, text/csv, application/x-ndjson, ")
        assert f"The header Accept is {accept!r}; it takes one of: {takes}." in detail

    def test_an_unknown_format(self, client: Client) -> None:
        make.EnrollmentFactory()
        detail = problem_of(client.get(ENROLLMENT, query_params={"format": "xml"}), 406, "not_acceptable")["detail"]
        assert detail.startswith("format is 'xml'; it takes one of: json, csv")


@pytest.mark.parametrize(("wait", "seconds"), [(30, 30), (0.2, 1)])
def test_429_says_when_to_try_again(status_raises: Callable[..., Any], wait: float, seconds: int) -> None:
    response = status_raises(exceptions.Throttled(wait=wait))
    problem_of(response, 429, "throttled")
    assert int(response["Retry-After"]) == seconds


def test_429_says_so_also_where_the_reason_does_not(status_raises: Callable[..., Any]) -> None:
    response = status_raises(exceptions.Throttled())
    problem_of(response, 429, "throttled")
    assert int(response["Retry-After"]) > 0


@pytest.mark.parametrize("error", [ValueError("its secret"), KeyError("its secret"), AssertionError("its secret")])
def test_500_keeps_the_details_for_the_log(
    status_raises: Callable[..., Any], caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    response = status_raises(error)
    problem_of(response, 500, "server_error")
    assert b"secret" not in response.content
    assert type(error).__name__.encode() not in response.content
    assert "its secret" in caplog.text


class TestDatabaseUnavailable:
    @pytest.mark.parametrize("alias", ["default", "analytics"])
    @pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
    @pytest.mark.parametrize("path", [ENROLLMENT, TIMELINE])
    def test_the_message_of_the_driver_is_logged_and_not_sent(
        self, client: Client, caplog: pytest.LogCaptureFixture, alias: str, kind: type[Error], path: str
    ) -> None:
        with broken(alias, kind(2013, "Lost connection to 10.0.0.7")):
            response = client.get(path)
        problem_of(response, 503, "database_unavailable")
        assert int(response["Retry-After"]) > 0
        assert b"10.0.0.7" not in response.content
        # The log has it.
        assert "Lost connection to 10.0.0.7" in caplog.text

    @pytest.mark.parametrize("path", [f"/api/{address(endpoint)}/" for endpoint in OF_TABLES])
    def test_on_every_endpoint(self, client: Client, path: str) -> None:
        with broken("analytics", OperationalError(2013, "Lost connection")):
            assert int(client.get(path)["Retry-After"]) > 0
            problem_of(client.get(path), 503, "database_unavailable")

    def test_a_session_that_cannot_be_looked_up(self, browser: Client) -> None:
        with broken("default", OperationalError(2006, "Gone away")):
            response = browser.get(ENROLLMENT, headers={"accept": "*/*"})
        problem_of(response, 503, "database_unavailable")
        assert int(response["Retry-After"]) > 0

    def test_a_connection_that_cannot_be_made(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connections["analytics"], "ensure_connection", raising(OperationalError("refused")))
        problem_of(client.get(ENROLLMENT), 503, "database_unavailable")

    def test_one_that_fails_in_the_midst_of_the_rows(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        make.EnrollmentFactory.create_batch(2)
        whole = ReportQuerySet.read

        def cut_off(rows: Any, *shape: Any, **values: Any) -> Iterator[Any]:
            yield next(whole(rows, *shape, **values))
            raise OperationalError(2013, "Lost connection during query")

        monkeypatch.setattr(ReportQuerySet, "read", cut_off)
        problem_of(client.get(ENROLLMENT), 503, "database_unavailable")


class TestKeysAreSecret:
    @pytest.mark.parametrize("key", [KEY, KEY.upper(), "a-key-that-nobody-has", "cl\xe9", f"{KEY} {KEY}", f"{KEY}\0"])
    def test_in_answers_and_in_the_log(self, client: Client, caplog: pytest.LogCaptureFixture, key: str) -> None:
        caplog.set_level(logging.DEBUG)
        header = {"authorization": f"Token {key}"}
        answers = [client.get(path, headers=header) for path in (ENROLLMENT, "/authenticated/", "/nowhere")]
        for alias in ("default", "analytics"):
            with broken(alias, OperationalError(2013, "Lost connection")):
                answers.append(client.get(ENROLLMENT, headers=header))
        for answer in answers:
            assert key not in answer.content.decode()
            assert key not in str(answer.headers)
        assert caplog.records
        assert key not in caplog.text


# What WSGI hands over as text: bytes, each as the Latin-1 character of its number.
BYTES_AS_TEXT = st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
PERCENT_ENCODED = st.binary(max_size=20).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw))
HEADER = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60)


class TestNoRequestIsA500:
    """Nothing that a client sends causes a status of 500 or more."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(
        endpoint=st.sampled_from(list(ENDPOINTS)),
        entity=BYTES_AS_TEXT,
        parameter=st.sampled_from(["start_date", "end_date", "fields", "activity_type", "label", "format", "", "x"]),
        value=BYTES_AS_TEXT | PERCENT_ENCODED,
        known=st.booleans(),
    )
    def test_addresses(
        self, *, client: Client, endpoint: str, entity: str, parameter: str, value: str, known: bool
    ) -> None:
        ids = {} if known else {**dict.fromkeys(IDS, f"a/b/{entity}"), "report_name": entity}
        path = f"/api/{address(endpoint, **ids)}"
        client.raise_request_exception = False
        response = client.generic("GET", "/", PATH_INFO=path, QUERY_STRING=f"{parameter}={value}")
        view = ENDPOINTS[endpoint]
        if response.status_code == 200 and (view.is_list or not view.models):
            # Nothing is on record: a list may have no item. What reads no table has an answer: a file of another test,
            # the key.
            return
        assert 400 <= response.status_code < 500
        problem_of(response, response.status_code)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(name=st.sampled_from(["Accept", "Authorization", "Cookie", "Host", "X-Forwarded-Host"]), value=HEADER)
    def test_headers(self, reader: Any, name: str, value: str) -> None:
        prefix = {"Authorization": "Token ", "Cookie": "sessionid="}.get(name, "")
        response = Client(raise_request_exception=False).get("/authenticated/", headers={name: prefix + value})
        problem_of(response, response.status_code)
        assert response.status_code < 500

    @pytest.mark.parametrize(
        "accept", ["text/html; charset*=nonsense'en'utf-8", "text/html; q*0=1; q*=2", "a;q=nan", "," * 9000, ";" * 9000]
    )
    def test_accept(self, client: Client, accept: str) -> None:
        client.raise_request_exception = False
        assert client.get("/authenticated/", headers={"accept": accept}).status_code < 500

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("application/json", b'{"username": "\\ud800", "password": "x"}'),
            ("application/json", b'{"username": "a\\u0000", "password": "x"}'),
            ("application/json", b'{"username": ["a"], "password": {"b": 1}}'),
            ("application/json", b'{"username": 1e999, "password": NaN}'),
            ("application/json", b"[]"),
            ("application/json", b"null"),
            ("application/json", b"\xff"),
            ("application/json", b"[" * 100_000),
            ("application/x-www-form-urlencoded", b"username=%ff%00&password=%00"),
            ("application/x-www-form-urlencoded", b"a=b&" * 2000),
            ("multipart/form-data", b"username"),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n"),
            ("multipart/form-data; boundary=\xe9", b"--x"),
            ("text/plain; charset*=utf-8'en'%ff", b"x"),
            ("application/x-www-form-urlencoded; charset=utf-16", b"username=a&password=b"),
            ("", b"x"),
        ],
    )
    def test_bodies(self, content_type: str, body: bytes) -> None:
        response = Client(raise_request_exception=False).generic("POST", "/api-token-auth/", body, content_type)
        assert 400 <= response.status_code < 500
        problem_of(response, response.status_code)
