"""What every request passes: text, host, method, and the headers that all responses share."""

import io
import json
from typing import Any, Final
from wsgiref.util import setup_testing_defaults

import pytest
from django.db import connections
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.paths import PROBES
from analyticsdataserver.serving.wsgi import application
from analyticsdataserver.web.security import NOTHING_ALLOWED

# What no UTF-8 text holds: a lone byte, a sequence that is cut off, one that is too long, half of a surrogate pair.
UNDECODABLE = ["%ff", "%C3", "%e5%8c", "%c0%af", "%ED%A0%80", "%f5%80%80%80", "a%80b"]
TEXT = [
    "plain",
    "%41",
    "%C3%A9",
    "%e5%8c%97",
    "%F0%9F%8E%93",
    "%EF%BF%BD",
    "%2F%2B%3A",
    "a+b",
    "100%",
    "%zz",
    "%25FF",
    "%2500",
    "é",
    "北",
]


def answered(path: str) -> Any:
    """Return the response to a path where nothing is, or of the redirect at "/"."""
    return Client().get(path)


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("place", ["/{}", "/a/{}/b", "/?x={}", "/?{}=x", "/?a=b&x={}&c=d", "/?{}"])
class TestRefusal:
    @pytest.mark.parametrize("text", ["%00", "a%00b", "%00%C3%A9"])
    def test_of_a_nul_character(self, place: str, text: str) -> None:
        assert "NUL" in problem_of(answered(place.format(text)), 400, "invalid_text")["detail"]

    @pytest.mark.parametrize("text", UNDECODABLE)
    def test_of_bytes_that_are_not_utf_8(self, place: str, text: str) -> None:
        assert "not UTF-8" in problem_of(answered(place.format(text)), 400, "invalid_text")["detail"]

    @pytest.mark.parametrize("text", TEXT)
    def test_of_nothing_else(self, place: str, text: str) -> None:
        assert answered(place.format(text)).status_code in (302, 404)


@pytest.mark.django_db(databases=["default", "analytics"])
def test_a_parameter_is_named_with_its_value() -> None:
    detail = problem_of(answered("/?a=b&start_date=20%FF"), 400)["detail"]
    assert "start_date" in detail
    assert "'20%FF'" in detail
    assert "'b'" not in detail


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("address", ["/{}", "/?x={}", "/?{}=x"])
def test_a_long_one_is_shortened(address: str) -> None:
    assert len(problem_of(answered(address.format("x" * 10_000 + "%00")), 400)["detail"]) < 300


@pytest.mark.parametrize("path", ["/api/v0/courses/a/b/%25FF/enrollment", "/api/v0/courses/a/b/%FFc/enrollment"])
@pytest.mark.django_db(databases=["default", "analytics"])
def test_a_percent_sign_is_no_undecodable_byte(client: Client, path: str) -> None:
    status, code = (404, "unknown_course") if "%25" in path else (400, "invalid_text")
    problem_of(client.get(path), status, code)


@pytest.mark.parametrize("text", ["x=%ff", "x=%00"])
@pytest.mark.django_db(databases=["default", "analytics"])
class TestOrderOfErrors:
    """A query string that is no text is a fault of status 400, which comes after 405, 406 and 401, before 404."""

    ENROLLMENT: Final = "/api/v0/courses/a/b/c/enrollment"

    @pytest.mark.parametrize("path", [ENROLLMENT, "/authenticated/", "/status/", "/docs/", "/api-auth/login/"])
    def test_405_is_first(self, client: Client, path: str, text: str) -> None:
        problem_of(client.delete(f"{path}?{text}"), 405, "method_not_allowed")

    @pytest.mark.parametrize("path", [ENROLLMENT, "/authenticated/"])
    def test_406_and_401_come_before_it(self, client: Client, path: str, text: str) -> None:
        problem_of(Client().get(f"{path}?format=xml&{text}"), 406, "not_acceptable")
        problem_of(Client().get(f"{path}?{text}"), 401, "not_authenticated")
        wrong = Client(headers={"authorization": "Token unknown"})
        problem_of(wrong.get(f"{path}?{text}"), 401, "authentication_failed")
        problem_of(client.get(f"{path}?{text}"), 400, "invalid_text")

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_no_method_takes_it(self, client: Client, method: str, text: str) -> None:
        assert client.generic(method, f"{self.ENROLLMENT}?{text}").status_code == 400

    def test_404_comes_after_it(self, client: Client, text: str) -> None:
        problem_of(client.get(f"/nowhere?{text}"), 400, "invalid_text")

    def test_the_host_comes_before_it(self, text: str) -> None:
        problem_of(Client(headers={"host": "evil.example.com"}).get(f"/docs/?{text}"), 400, "unknown_host")


class TestHosts:
    @pytest.mark.parametrize("path", ["/api/v0/", "/docs/", "/authenticated/", "/api/v0/status/"])
    @pytest.mark.parametrize("host", ["evil.example.com", "testserver.evil.example.com", "", "testserver:port"])
    def test_one_that_is_not_served_is_refused(self, path: str, host: str) -> None:
        response = Client().get(path, headers={"host": host})
        detail = f"The header Host, {host!r}, names none of the hosts that are served here (ALLOWED_HOSTS)."
        assert problem_of(response, 400, "unknown_host")["detail"] == detail
        assert response["Content-Security-Policy"] == NOTHING_ALLOWED

    @pytest.mark.parametrize("path", ["/status/", "/status"])
    @pytest.mark.parametrize("host", ["10.0.0.1", "evil.example.com", ""])
    def test_a_probe_may_name_any(self, settings: Any, path: str, host: str) -> None:
        settings.SECURE_SSL_REDIRECT = True
        settings.SECURE_REDIRECT_EXEMPT = [f"^{PROBES}"]
        response = Client().get(path, headers={"host": host})
        assert (response.status_code, response.content) == (200, b"{}")

    def test_others_are_redirected_to_https(self, settings: Any) -> None:
        settings.SECURE_SSL_REDIRECT = True
        settings.SECURE_REDIRECT_EXEMPT = [f"^{PROBES}"]
        response = Client().get("/api/v0/?a=b")
        assert (response.status_code, response["Location"]) == (301, "https://testserver/api/v0/?a=b")


# Closing a response looks at the database connections.
@pytest.mark.django_db(databases=["default", "analytics"])
class TestHeaders:
    ALWAYS: Final = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Content-Security-Policy": NOTHING_ALLOWED,
    }

    @pytest.mark.parametrize("path", ["/status/", "/nowhere", "/?x=%00", "/static/docs_page/page.js", "/"])
    def test_every_response_has_those_that_protect_browsers(self, path: str) -> None:
        response = Client().get(path)
        assert response.headers.items() >= self.ALWAYS.items()
        response.close()

    def test_https_is_kept(self, settings: Any) -> None:
        settings.SECURE_HSTS_SECONDS = 3600
        assert Client().get("/status/", secure=True)["Strict-Transport-Security"] == "max-age=3600"
        assert "Strict-Transport-Security" not in Client().get("/status/")

    @pytest.mark.parametrize("path", ["/docs/", "/api-auth/login/"])
    @pytest.mark.django_db(databases=["default", "analytics"])
    def test_a_page_has_a_policy_of_its_own(self, path: str) -> None:
        assert "style-src 'self'" in Client().get(path)["Content-Security-Policy"]

    def test_a_304_has_no_length(self) -> None:
        etag = Client().get("/api/schema/")["ETag"]
        response = Client().get("/api/schema/", headers={"if-none-match": etag})
        assert response.status_code == 304
        assert "Content-Length" not in response


@pytest.mark.django_db(databases=["default", "analytics"])
class TestSessions:
    PATH: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"

    @pytest.mark.parametrize("cookie", [{}, {"cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"}])
    def test_a_request_with_a_key_looks_up_none(
        self, client: Client, cookie: dict[str, str], django_assert_num_queries: Any
    ) -> None:
        make.EnrollmentFactory()
        client.get(self.PATH)
        with django_assert_num_queries(1, connection=connections["default"]) as queries:
            response = client.get(self.PATH, headers=cookie)
        assert response.status_code == 200
        assert "api_key" in queries[0]["sql"]
        assert {name.strip() for name in response["Vary"].split(",")} == {"Accept", "Accept-Encoding"}
        assert not response.cookies


class TestMethods:
    """405 comes before every other error."""

    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            *((path, "GET, HEAD, OPTIONS") for path in ("/", "/docs/", "/api/", "/api/v0", "/api/schema/", "/status/")),
            *((path, "GET, HEAD, OPTIONS") for path in ("/authenticated/", "/api/v0/courses/a/b/c/enrollment.csv")),
            ("/api/v0/health", "GET, HEAD, OPTIONS"),
            ("/api-auth/login/", "GET, POST, HEAD, OPTIONS"),
            ("/api-auth/logout/", "POST, OPTIONS"),
            ("/api-token-auth/", "POST, OPTIONS"),
        ],
    )
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PURGE", "__INIT__"])
    def test_each_path_lists_its_own(self, path: str, allowed: str, method: str) -> None:
        sender = Client(enforce_csrf_checks=True, headers={"accept": "image/png", "authorization": "Token nobodys"})
        response = sender.generic(method, path, "x" * 100_000, "text/plain")
        *others, last = allowed.split(", ")
        detail = f"The method is {method!r}; this address takes {', '.join(others)} and {last}."
        assert problem_of(response, 405, "method_not_allowed")["detail"] == detail
        assert set(response["Allow"].split(", ")) == set(allowed.split(", "))


@pytest.mark.django_db(databases=["default", "analytics"])
class TestScriptName:
    """The service below a path of another site."""

    @pytest.mark.parametrize(
        ("path", "location"), [("/", "/x/docs/"), ("/api/v0/status", "/x/status/"), ("/api/v0/health/", "/x/health/")]
    )
    def test_redirects_stay_below_it(self, path: str, location: str) -> None:
        assert served(path.encode(), SCRIPT_NAME="/x")["Location"] == location

    @pytest.mark.parametrize("path", ["/status/", "/docs/", "/api/", "/api/schema/"])
    def test_what_is_there_is_found(self, path: str) -> None:
        assert served(path.encode(), SCRIPT_NAME="/x").status_code == 200

    def test_lists_have_the_paths_below_it(self) -> None:
        versions = json.loads(served(b"/api/", SCRIPT_NAME="/x").content)
        assert [version["path"] for version in versions] == ["/x/api/v0/", "/x/api/v1/"]

    def test_an_unknown_path_is_shown_whole(self) -> None:
        detail = problem_of(served(b"/api/nowhere", SCRIPT_NAME="/x"), 404, "not_found")["detail"]
        assert detail.startswith("There is nothing at '/x/api/nowhere'. Endpoints are /api/v0/courses/")

    def test_a_page_of_an_error_links_below_it(self) -> None:
        html = served(b"/nowhere", SCRIPT_NAME="/x", HTTP_ACCEPT="text/html").content.decode()
        assert 'href="/x/docs"' in html


class Answer(dict[str, str]):
    """What a WSGI server gets to send: headers, a status and a body."""

    status_code: int
    content: bytes


def served(path: bytes = b"/status/", query: bytes = b"", **environ: Any) -> Answer:
    """Return what the application answers to a request as a WSGI server hands it over (PEP 3333).

    Args:
        path: The path, percent-encoding resolved.
        query: The query string, as it was sent.
        environ: What else the server says.
    """
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        answer.status_code = int(status.split(maxsplit=1)[0])
        answer.update(headers)

    environ = {
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "HTTP_HOST": "testserver",
        "wsgi.input": io.BytesIO(),
        **environ,
    }
    setup_testing_defaults(environ)
    body = application(environ, start_response)
    answer.content = b"".join(body)
    body.close()
    return answer


@pytest.mark.django_db
class TestThroughWSGI:
    @pytest.mark.parametrize(
        ("path", "query"),
        [
            (b"/status/\0", b""),
            (b"/status/\xff", b""),
            (b"/api/v0/courses/a/b/\xc3/enrollment", b""),
            (b"/api/v0/courses/a/\xed\xa0\x80/c/enrollment", b""),
            (b"/status/", b"x=%00"),
            (b"/status/", b"x=\0"),
            (b"/status/", b"x=%ff"),
            (b"/status/", b"x=\xff"),
            (b"/status/", b"x=\xc3%28"),
        ],
    )
    def test_what_is_no_text_is_400(self, path: bytes, query: bytes) -> None:
        problem_of(served(path, query), 400, "invalid_text")

    @pytest.mark.parametrize("query", [b"", b"x=%C3%A9", "x=é北".encode(), b"x=%e5%8c%97&y"])
    def test_text_is_taken(self, query: bytes) -> None:
        answer = served(query=query)
        assert (answer.status_code, answer.content) == (200, b"{}")

    def test_an_id_may_be_any_text(self) -> None:
        answer = served("/api/v0/courses/Málaga/北/🎓/enrollment".encode())
        problem_of(answer, 401)

    def test_a_path_is_shown_decoded(self) -> None:
        assert "'/nirgendwo/ä'" in problem_of(served("/nirgendwo/ä".encode()), 404)["detail"]
