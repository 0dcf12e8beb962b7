"""Addresses that are no text are refused, before anything looks for what they might mean."""

import gc
import io
from http import HTTPStatus
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.exceptions import DisallowedHost
from django.http import HttpResponse, HttpResponseNotModified
from django.test import RequestFactory

from analytics_data_api.http.tests.shape import problem_of
from analyticsdataserver.serving.wsgi import application
from analyticsdataserver.web.middleware import REMEMBERED_HOSTS, AddressMiddleware
from analyticsdataserver.web.security import NOTHING_ALLOWED, SecurityMiddleware

PASSED = "passed on"

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
    "é",
    "北",
]


def passed_through(path: str) -> HttpResponse:
    response = AddressMiddleware(lambda request: HttpResponse(PASSED))(RequestFactory().get(path))
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize("place", ["/{}", "/a/{}/b", "/?x={}", "/?{}=x", "/?a=b&x={}&c=d", "/?{}"])
class TestRefusal:
    @pytest.mark.parametrize("text", ["%00", "a%00b", "%00%C3%A9"])
    def test_of_a_nul_character(self, place: str, text: str) -> None:
        assert "NUL" in problem_of(passed_through(place.format(text)), 400, "invalid_text")["detail"]

    @pytest.mark.parametrize("text", UNDECODABLE)
    def test_of_bytes_that_are_not_utf_8(self, place: str, text: str) -> None:
        assert "not UTF-8" in problem_of(passed_through(place.format(text)), 400, "invalid_text")["detail"]

    @pytest.mark.parametrize("text", TEXT)
    def test_of_nothing_else(self, place: str, text: str) -> None:
        assert passed_through(place.format(text)).content.decode() == PASSED


def test_a_parameter_is_told_by_name_and_value() -> None:
    detail = problem_of(passed_through("/?a=b&start_date=20%FF"), 400)["detail"]
    assert "start_date" in detail
    assert "'20%FF'" in detail
    assert "'b'" not in detail


@pytest.mark.parametrize("address", ["/{}", "/?x={}", "/?{}=x"])
def test_a_long_one_is_not_told_whole(address: str) -> None:
    assert len(problem_of(passed_through(address.format("x" * 10_000 + "%00")), 400)["detail"]) < 300


class TestHosts:
    def ask(self, middleware: AddressMiddleware, host: str, path: str = "/api/v0/x") -> str:
        response: Any = middleware(RequestFactory().get(path, headers={"host": host}))
        text: str = response.content.decode()
        return text

    @pytest.fixture
    def middleware(self) -> AddressMiddleware:
        return AddressMiddleware(lambda request: HttpResponse(PASSED))

    def test_one_that_is_served_lets_in_no_other(self, middleware: AddressMiddleware) -> None:
        for host in ("testserver", "testserver:8000", "localhost", "testserver"):
            assert self.ask(middleware, host) == PASSED
        for host in ("evil.example.com", "testserver.evil.example.com", "TESTSERVER@evil", "", "testserver:port"):
            with pytest.raises(DisallowedHost):
                self.ask(middleware, host)

    def test_a_probe_may_name_any_and_lets_in_none(self, middleware: AddressMiddleware) -> None:
        assert self.ask(middleware, "10.0.0.1", "/status/") == PASSED
        with pytest.raises(DisallowedHost):
            self.ask(middleware, "10.0.0.1")

    def test_not_all_of_any_number_are_remembered(self, middleware: AddressMiddleware, settings: Any) -> None:
        settings.ALLOWED_HOSTS = [".example.com"]
        for number in range(2 * REMEMBERED_HOSTS):
            assert self.ask(middleware, f"{number}.example.com") == PASSED
        assert len(middleware.served) == REMEMBERED_HOSTS


class TestSecurity:
    def headers(self, response: HttpResponse, *, secure: bool = False) -> dict[str, str]:
        return dict(SecurityMiddleware(lambda request: response)(RequestFactory().get("/", secure=secure)).headers)

    def test_headers_are_those_of_django(self, settings: Any) -> None:
        settings.SECURE_HSTS_SECONDS = 3600
        settings.X_FRAME_OPTIONS = "SAMEORIGIN"
        always = {
            "Content-Type": "text/html; charset=utf-8",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Frame-Options": "SAMEORIGIN",
            "Content-Security-Policy": NOTHING_ALLOWED,
        }
        assert self.headers(HttpResponse()) == always
        assert self.headers(HttpResponse(), secure=True) == always | {"Strict-Transport-Security": "max-age=3600"}

    def test_a_page_keeps_its_own(self) -> None:
        own = {"Content-Security-Policy": "default-src 'self'", "Referrer-Policy": "no-referrer"}
        assert self.headers(HttpResponse(headers=own)).items() >= own.items()

    def test_a_304_repeats_none(self) -> None:
        assert self.headers(HttpResponseNotModified()) == {}


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

    def test_a_path_is_told_as_it_was_meant(self) -> None:
        assert "'/nirgendwo/ä'" in problem_of(served("/nirgendwo/ä".encode()), 404)["detail"]

    @pytest.mark.parametrize(
        "content_type",
        ["text/plain; charset*=nonsense'en'x", "text/plain; charset*0=1; charset*=2", "a;b;c=", "\xff", ";"],
    )
    def test_what_a_body_is_said_to_be_is_no_fault_of_the_service(self, content_type: str) -> None:
        assert served(CONTENT_TYPE=content_type).status_code < HTTPStatus.INTERNAL_SERVER_ERROR


def test_what_is_there_for_good_is_kept_from_the_garbage_collector() -> None:
    # The application, which is imported above, has seen to it; Django alone has tens of thousands of objects.
    assert gc.get_freeze_count() > 10_000
