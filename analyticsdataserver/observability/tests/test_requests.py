"""Each request has one line in the access log, written when its response is closed."""

import logging
from collections.abc import Iterator
from io import BytesIO
from threading import Thread
from time import perf_counter
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import OperationalError, connections
from django.http import FileResponse, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver
from django.views.generic import RedirectView
from rest_framework.settings import api_settings

from analytics_data_api.http.conditional import ARRIVED
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.observability import access_log, middleware
from analyticsdataserver.observability.middleware import RequestLogMiddleware
from analyticsdataserver.observability.tests.conftest import Line, Log
from analyticsdataserver.observability.tests.wsgi import WSGIResponse
from analyticsdataserver.serving import probes
from analyticsdataserver.serving.asgi import BodyTimeout, UnreadBody
from conftest import KEY_ID

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

ENROLLMENT = f"/api/v0/courses/{make.COURSE_ID}/enrollment/"
EVERY_DAY = "start_date=2014-12-01"
A_DAY = '{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-01","count":1,"created":"2014-12-10T193146"}'


def without_times(entry: Line) -> Line:
    """Return an entry without what differs each time, which is checked here."""
    assert entry.pop("time").endswith("Z")
    assert len(entry.pop("request_id")) == 32
    assert 0 < entry.pop("duration_ms") < 60_000
    return entry


def expected(**fields: Any) -> Line:
    """Return an entry as it is to be, but for the times."""
    entry = {
        "level": "INFO",
        "logger": "analyticsdataserver.request",
        "method": "GET",
        "route": "v0:CourseEnrollmentView",
        "path": ENROLLMENT,
        "status": 200,
        "rows": None,
        "user": None,
        "key": KEY_ID if fields.get("user") else None,
        "client": "127.0.0.1",
        "outcome": "complete",
        **fields,
    }
    return {"message": f"{entry['method']} {entry['route']} {entry['status']}", **entry}


@pytest.fixture
def days() -> list[Any]:
    return [make.EnrollmentFactory(date=make.DAY.replace(day=day), count=day) for day in range(1, 6)]


@pytest.mark.usefixtures("days")
class TestServed:
    def test_rows_and_bytes(self, client: Client, log: Log) -> None:
        body = client.get(f"{ENROLLMENT}?{EVERY_DAY}").content
        assert without_times(log.entry) == expected(rows=5, bytes=len(body), user="reader")

    def test_the_time_counts_for_which_it_has_waited_for_a_thread(self, client: Client, log: Log) -> None:
        arrived: Any = {ARRIVED: perf_counter() - 5}
        client.get(ENROLLMENT, **arrived)
        assert 5000 < log.entry["duration_ms"] < 10_000

    def test_csv(self, client: Client, log: Log) -> None:
        body = client.get(f"{ENROLLMENT}?{EVERY_DAY}&format=csv").content
        assert without_times(log.entry) == expected(rows=5, bytes=len(body), user="reader")

    def test_a_page_for_a_browser(self, browser: Client, log: Log) -> None:
        body = browser.get(f"{ENROLLMENT}?{EVERY_DAY}").content
        assert b"<html" in body
        assert without_times(log.entry) == expected(rows=5, bytes=len(body), user="reader", key=None)

    def test_compressed_it_has_the_bytes_that_are_sent(self, client: Client, log: Log) -> None:
        for day in range(6, 30):
            make.EnrollmentFactory(date=make.DAY.replace(day=day))
        response = client.get(f"{ENROLLMENT}?{EVERY_DAY}", headers={"accept-encoding": "gzip"})
        assert response["Content-Encoding"] == "gzip"
        assert without_times(log.entry) == expected(rows=29, bytes=len(response.content), user="reader")

    def test_one_item(self, client: Client, log: Log) -> None:
        make.CourseActivityFactory()
        path = f"/api/v0/courses/{make.COURSE_ID}/recent_activity"
        body = client.get(path).content
        route = "v0:CourseActivityMostRecentWeekView"
        assert without_times(log.entry) == expected(path=path, route=route, rows=1, bytes=len(body), user="reader")

    def test_head_has_no_bytes(self, client: Client, log: Log) -> None:
        client.head(f"{ENROLLMENT}?{EVERY_DAY}")
        assert without_times(log.entry) == expected(method="HEAD", rows=5, bytes=0, user="reader")

    def test_options(self, client: Client, log: Log) -> None:
        body = client.options(ENROLLMENT).content
        assert without_times(log.entry) == expected(method="OPTIONS", bytes=len(body), user="reader")

    def test_a_file_of_the_pages(self, log: Log) -> None:
        path = "/static/docs_page/page.css"
        body = Client().get(path).getvalue()
        assert without_times(log.entry) == expected(path=path, route="static", bytes=len(body))

    def test_a_file_that_the_server_sends_by_itself(self, log: Log) -> None:
        class Wrapper:
            def __init__(self, file: Any, block_size: int) -> None:
                self.close = file.close

        answer = WSGIResponse("/static/docs_page/page.css", **{"wsgi.file_wrapper": Wrapper})
        assert isinstance(answer.body, Wrapper)
        assert log.entries == []
        answer.body.close()
        assert (log.entry["bytes"], log.entry["outcome"]) == (int(answer.headers["Content-Length"]), "complete")


class TestRefused:
    def refused(self, log: Log, response: Any, status: int, **fields: Any) -> None:
        assert response.status_code == status
        # Django would log it, too.
        assert status >= 500 or "django.request" not in log.text
        assert without_times(log.entry) == expected(status=status, bytes=len(response.content), **fields)

    def test_without_a_key(self, log: Log) -> None:
        self.refused(log, Client().get(ENROLLMENT), 401, error="not_authenticated")

    def test_by_a_wrong_key(self, log: Log) -> None:
        self.refused(
            log, Client(headers={"authorization": "Token unknown"}).get(ENROLLMENT), 401, error="authentication_failed"
        )

    def test_without_data(self, client: Client, log: Log) -> None:
        self.refused(log, client.get(ENROLLMENT), 404, user="reader", error="unknown_course")

    def test_by_the_router(self, log: Log) -> None:
        self.refused(log, Client().get("/nowhere"), 404, path="/nowhere", route="not_found", error="not_found")

    def test_for_a_parameter(self, client: Client, log: Log) -> None:
        self.refused(log, client.get(f"{ENROLLMENT}?start_date=x"), 400, user="reader", error="invalid_date")

    def test_before_the_address_is_looked_at(self, log: Log) -> None:
        self.refused(log, Client().get("/a%00"), 400, path="/a\0", route="none", error="invalid_text")

    def test_for_text_that_is_none(self, log: Log) -> None:
        self.refused(log, Client().get("/api/?a=%00"), 400, path="/api/", route="versions", error="invalid_text")

    @pytest.mark.parametrize("path", [ENROLLMENT, "/api-auth/login/"])
    def test_for_too_many_parameters(self, client: Client, log: Log, path: str) -> None:
        response = client.get(f"{path}?{'&'.join(f'a{number}=1' for number in range(3000))}")
        self.has_only_a_line(log, response, 400, "bad_request")

    def test_for_a_form_that_is_too_large(self, log: Log) -> None:
        response = self.post_form("x" * 100_000)
        self.has_only_a_line(log, response, 413, "body_too_large")

    def test_for_a_form_that_does_not_arrive(self, log: Log) -> None:
        response = self.post_form("x", **{"wsgi.input": UnreadBody(BodyTimeout())})
        self.has_only_a_line(log, response, 408, "body_timeout")

    def test_for_a_form_of_another_site(self, log: Log) -> None:
        response = Client(enforce_csrf_checks=True).post("/api-auth/login/")
        self.has_only_a_line(log, response, 403, "csrf_failed")

    def post_form(self, body: str, **environ: Any) -> Any:
        """Return the response to a login form, which CSRF protection reads first."""
        sender = Client(enforce_csrf_checks=True, raise_request_exception=False)
        sender.get("/api-auth/login/")
        form = "application/x-www-form-urlencoded"
        return sender.post("/api-auth/login/", f"username={body}", content_type=form, **environ)

    def has_only_a_line(self, log: Log, response: Any, status: int, code: str) -> None:
        assert log.lines == log.entries
        entry = log.entries[-1]
        assert (response.status_code, entry["status"], entry["error"]) == (status, status, code)

    def test_for_the_host(self, log: Log) -> None:
        response = Client(headers={"host": "evil.example.com"}).get("/docs/")
        self.refused(log, response, 400, path="/docs/", route="none", error="unknown_host")

    def test_for_the_method(self, client: Client, log: Log) -> None:
        self.refused(log, client.delete(ENROLLMENT), 405, method="DELETE", error="method_not_allowed")

    def test_for_the_format(self, client: Client, log: Log) -> None:
        # The key has not been read yet.
        self.refused(log, client.get(f"{ENROLLMENT}?format=xml"), 406, error="not_acceptable")

    def test_for_a_fault_here(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        def get(*args: Any, **kwargs: Any) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(RedirectView, "get", get)
        response = Client(raise_request_exception=False).get("/")
        self.refused(log, response, 500, level="ERROR", route="root", path="/", error="server_error")
        # The reason has the same id.
        reason, entry = log.lines
        assert reason["request_id"] == entry["request_id"]
        assert reason["level"] == "ERROR"
        assert reason["exception"].splitlines()[0] == "Traceback (most recent call last):"
        assert reason["exception"].splitlines()[-1] == "ZeroDivisionError"

    def test_while_a_database_is_away(self, client: Client, log: Log) -> None:
        def fail(*args: Any) -> None:
            raise OperationalError(2013, "Lost connection")

        with connections["analytics"].execute_wrapper(fail):
            response = client.get(ENROLLMENT)
        self.refused(log, response, 503, level="ERROR", user="reader", error="database_unavailable")

    def test_by_a_worker_that_is_being_ended(self, log: Log) -> None:
        def get_response(request: Any) -> Any:
            raise SystemExit(1)

        with pytest.raises(SystemExit):
            RequestLogMiddleware(get_response)(RequestFactory().get("/x"))
        fields = {"status": 500, "level": "ERROR", "route": "none", "path": "/x", "bytes": 0, "outcome": "failed"}
        assert without_times(log.entry) == expected(**fields)


class TestFile:
    """A response from a file, as one that is too large for the memory of the process."""

    BODY = b"x" * 10_000

    @pytest.fixture
    def response(self) -> FileResponse:
        request = RequestFactory().get("/x")
        file = BytesIO(self.BODY)
        response = RequestLogMiddleware(lambda _: FileResponse(file))(request)
        assert isinstance(response, FileResponse)
        return response

    def logged(self, log: Log, size: int, outcome: str) -> None:
        assert without_times(log.entry) == expected(route="none", path="/x", bytes=size, outcome=outcome)

    def test_is_logged_when_it_is_closed(self, log: Log, response: FileResponse) -> None:
        assert b"".join(response) == self.BODY
        assert log.entries == []
        response.close()
        self.logged(log, len(self.BODY), "complete")

    def test_takes_until_it_is_closed(self, log: Log, monkeypatch: pytest.MonkeyPatch, response: FileResponse) -> None:
        monkeypatch.setattr(middleware, "perf_counter", lambda: perf_counter() + 1000)
        response.close()
        assert 1_000_000 < log.entry["duration_ms"] < 1_060_000

    def test_that_is_read_in_part_is_aborted(self, log: Log, response: FileResponse) -> None:
        next(iter(response))
        response.close()
        self.logged(log, response.block_size, "aborted")

    def test_that_a_server_reads_past_python_is_complete(self, log: Log) -> None:
        wrapper: Any = {"wsgi.file_wrapper": object()}
        request = RequestFactory().get("/x", **wrapper)
        RequestLogMiddleware(lambda _: FileResponse(BytesIO(self.BODY)))(request).close()
        self.logged(log, len(self.BODY), "complete")

    def test_is_closed_and_logged_once(self, log: Log) -> None:
        file = BytesIO(self.BODY)
        response = RequestLogMiddleware(lambda _: FileResponse(file))(RequestFactory().get("/x"))
        response.close()
        response.close()
        assert file.closed
        assert len(log.entries) == 1

    def test_head_is_complete_though_nothing_is_read(self, log: Log) -> None:
        request = RequestFactory().head("/x")
        RequestLogMiddleware(lambda _: FileResponse(BytesIO(self.BODY)))(request).close()
        assert (log.entry["bytes"], log.entry["outcome"]) == (0, "complete")

    def test_of_another_thread(self, log: Log, response: FileResponse) -> None:
        """A server may close a response in a thread other than that which made it."""
        b"".join(response)
        thread = Thread(target=response.close)
        thread.start()
        thread.join()
        assert log.entry["request_id"] == response["X-Request-ID"]
        assert log.entry["outcome"] == "complete"


def test_a_refusal_has_its_code(log: Log) -> None:
    class Problem(HttpResponse):
        error_code = "service_busy"

    RequestLogMiddleware(lambda _: Problem("no", status=503))(RequestFactory().get("/x")).close()
    fields = {"status": 503, "level": "ERROR", "route": "none", "path": "/x", "bytes": 2, "error": "service_busy"}
    assert without_times(log.entry) == expected(**fields)


@pytest.mark.usefixtures("days", "reader")
def test_a_short_response_that_does_not_get_through_is_aborted(log: Log) -> None:
    with pytest.raises(ConnectionResetError):
        WSGIResponse(ENROLLMENT).read(chunks=1, error=ConnectionResetError())
    assert (log.entry["status"], log.entry["outcome"], log.entry["level"]) == (200, "aborted", "INFO")


@pytest.mark.usefixtures("days", "reader")
@pytest.mark.parametrize("error", [RuntimeError("Not the client's"), OSError("A disk"), SystemExit(1)])
def test_a_response_that_the_server_gives_up_has_failed(log: Log, error: BaseException) -> None:
    with pytest.raises(type(error)):
        WSGIResponse(ENROLLMENT).read(chunks=1, error=error)
    assert (log.entry["status"], log.entry["outcome"], log.entry["level"]) == (200, "failed", "ERROR")


class TestProbes:
    @pytest.mark.parametrize("path", ["/status", "/health/"])
    def test_are_logged_at_debug(self, caplog: pytest.LogCaptureFixture, log: Log, path: str) -> None:
        Client().get(path)
        assert log.lines == []
        with caplog.at_level(logging.DEBUG):
            Client().get(path)
        assert (log.entry["level"], log.entry["route"]) == ("DEBUG", path.strip("/"))

    def test_that_fail_are_errors(self, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(probes, "readable", lambda aliases: dict.fromkeys(aliases, False))
        Client().get("/health/")
        assert (log.entry["level"], log.entry["status"], log.entry["route"]) == ("ERROR", 503, "health")


class TestUser:
    def test_of_a_session_is_no_reason_for_a_query(
        self, browser: Client, log: Log, django_assert_num_queries: Any
    ) -> None:
        with django_assert_num_queries(0):
            browser.get("/status/")
            browser.get("/nowhere")
        assert [entry["user"] for entry in log.entries] == [None]

    def test_who_logs_in(self, log: Log) -> None:
        User.objects.create_user("teacher", password="chalk and talk")
        Client().post("/api-auth/login/", {"username": "teacher", "password": "chalk and talk"})
        assert (log.entry["user"], log.entry["route"], log.entry["status"]) == ("teacher", "rest_framework:login", 302)

    def test_who_fails_to_log_in_is_none(self, log: Log) -> None:
        Client().post("/api-auth/login/", {"username": "teacher", "password": "wrong"})
        assert log.entry["user"] is None


class TestClient:
    @pytest.mark.parametrize(
        ("proxies", "forwarded", "client"),
        [
            (0, "203.0.113.9", "192.0.2.7"),
            (1, None, "192.0.2.7"),
            (1, "203.0.113.9", "203.0.113.9"),
            (1, "spoofed, 203.0.113.9", "203.0.113.9"),
            (2, "spoofed, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
            (3, "203.0.113.9", "203.0.113.9"),
            (1, "x" * 1000, "x" * 64),
        ],
    )
    def test_is_the_one_that_trusted_proxies_name(
        self, monkeypatch: pytest.MonkeyPatch, log: Log, proxies: int | None, forwarded: str | None, client: str
    ) -> None:
        monkeypatch.setattr(api_settings, "NUM_PROXIES", proxies, raising=False)
        headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}
        WSGIResponse("/nowhere", **headers).read()
        assert log.entry["client"] == client

    def test_is_not_known_behind_a_unix_socket(self, log: Log) -> None:
        WSGIResponse("/nowhere", REMOTE_ADDR="").read()
        assert log.entry["client"] is None


class TestPath:
    @pytest.mark.parametrize(
        ("path", "logged"),
        [
            ("/a?token=secret", "/a"),
            ("/" + "x" * 399, "/" + "x" * 399),
            ("/" + "x" * 400, "/" + "x" * 398 + "…"),
            ("/b%0D%0A%1b%22c", '/b\r\n\x1b"c'),
            ("/M%C3%A1laga", "/Málaga"),
        ],
    )
    def test_is_shortened_and_has_no_query(self, log: Log, path: str, logged: str) -> None:
        Client().get(path)
        assert log.entry["path"] == logged

    def test_that_no_utf_8_could_write(self, log: Log) -> None:
        request = RequestFactory().get("/")
        request.path = "/\ud800"
        RequestLogMiddleware(lambda _: HttpResponse())(request).close()
        assert log.entry["path"] == "/\\ud800"

    def test_that_is_no_text(self, log: Log) -> None:
        WSGIResponse("/a\xff").read()
        assert (log.entry["path"], log.entry["status"]) == ("/a%FF", 400)


def test_a_method_of_any_length(log: Log) -> None:
    Client().generic("X" * 500, "/nowhere")
    assert log.entry["method"] == "X" * 20


def named(patterns: Any, namespace: str = "") -> Iterator[tuple[str | None, URLPattern]]:
    """Yield each route with its name, as the log has it."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield pattern.name and f"{namespace}{pattern.name}", pattern
        else:
            yield from named(pattern.url_patterns, f"{pattern.namespace}:" if pattern.namespace else "")


def test_every_route_has_a_name_of_its_own() -> None:
    patterns = list(named(get_resolver().url_patterns))
    names = [name for name, pattern in patterns if "(?P<format>" not in str(pattern.pattern)]
    assert None not in names
    assert len(set(names)) == len(names)
    # The log and the metrics do not tell the formats apart.
    assert {name for name, _ in patterns} == set(names)
    assert {*access_log.PROBES} - {"metrics"} < set(names)
    assert not {access_log.STATIC, access_log.NO_ROUTE} & set(names)


def test_it_is_the_outermost() -> None:
    assert django_settings.MIDDLEWARE[0].endswith(".RequestLogMiddleware")
