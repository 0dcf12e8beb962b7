"""Bodies: their formats, their size, and that none is read for a request that is refused anyway."""

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics_data_api.access import passwords
from analytics_data_api.access.bodies import MAX_BODY_SIZE
from analytics_data_api.access.passwords import checks
from analytics_data_api.http.problems import RETRY_BUSY
from analytics_data_api.http.tests.shape import problem_of

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

PATH = "/api-token-auth/"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
BODIES = {JSON: b'{"username": "teacher", "password": "chalk"}', FORM: b"username=teacher&password=chalk"}


class Body(io.BytesIO):
    """A body that counts the bytes that are read, and may end as a broken connection does."""

    def __init__(self, content: bytes, *, breaks: bool = False) -> None:
        super().__init__(content)
        self.breaks = breaks
        self.taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(min(1000, size) if size and size > 0 else 1000)
        if not chunk and self.breaks:
            raise ConnectionResetError
        self.taken += len(chunk)
        return chunk


@pytest.fixture(autouse=True)
def teacher() -> User:
    return User.objects.create_user("teacher", password="chalk")


def send(body: Body, content_type: str, path: str = PATH, method: str = "POST", **environ: Any) -> Any:
    sender = Client(raise_request_exception=False)
    return sender.generic(method, path, **{"wsgi.input": body, "CONTENT_TYPE": content_type, **environ})


def chunked(body: Body, content_type: str, **environ: Any) -> Any:
    environ |= {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    return send(body, content_type, **environ)


def sized(body: Body, content_type: str, size: int, **environ: Any) -> Any:
    return send(body, content_type, CONTENT_LENGTH=str(size), **environ)


@pytest.mark.parametrize("content_type", [JSON, f"{JSON}; charset=utf-8", "Application/JSON", FORM])
class TestTaken:
    def body(self, content_type: str, size: int = 0) -> bytes:
        body = BODIES[content_type.partition(";")[0].lower()]
        filling = b" " if body.startswith(b"{") else b"&x="
        return (body + filling).ljust(size, filling[-1:]) if size else body

    @pytest.mark.parametrize("size", [0, 5000, MAX_BODY_SIZE])
    def test_of_a_declared_length(self, content_type: str, size: int) -> None:
        body = self.body(content_type, size)
        assert sized(Body(body), content_type, len(body)).status_code == 200

    @pytest.mark.parametrize("size", [0, 5000, MAX_BODY_SIZE])
    def test_chunked(self, content_type: str, size: int) -> None:
        assert chunked(Body(self.body(content_type, size)), content_type).status_code == 200

    def test_no_more_than_it_is(self, content_type: str) -> None:
        body = Body(self.body(content_type) + b"GET /next HTTP/1.1")
        size = len(self.body(content_type))
        assert sized(body, content_type, size).status_code == 200
        assert body.taken == size


class TestRefused:
    DETAIL = "The body is too large; this address takes up to 64 kB."

    @pytest.mark.parametrize("length", [str(MAX_BODY_SIZE + 1), "600000000", "9" * 5000])
    def test_a_declared_length_beyond_the_limit_unread(self, length: str) -> None:
        body = Body(b"x" * 100_000)
        response = send(body, JSON, CONTENT_LENGTH=length)
        assert problem_of(response, 413, "body_too_large")["detail"] == self.DETAIL
        assert body.taken == 0

    def test_a_chunked_one_beyond_the_limit_read_up_to_it(self) -> None:
        body = Body(b" " * 10_000_000)
        assert problem_of(chunked(body, JSON), 413, "body_too_large")["detail"] == self.DETAIL
        assert body.taken == MAX_BODY_SIZE + 1

    @pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=x", "text/plain", "", "application/xml"])
    def test_another_format_unread(self, content_type: str) -> None:
        body = Body(b"x" * 100)
        problem_of(sized(body, content_type, 100), 415, "unsupported_media_type")
        problem_of(chunked(body, content_type), 415, "unsupported_media_type")
        assert body.taken == 0

    def test_one_that_ends_early(self) -> None:
        detail = problem_of(sized(Body(b"{}"), JSON, 10), 400, "parse_error")["detail"]
        assert detail == "The body ends after 2 of 10 bytes."

    def test_one_whose_connection_breaks(self) -> None:
        for response in (sized(Body(b"{}", breaks=True), JSON, 10), chunked(Body(b"{}", breaks=True), JSON)):
            detail = problem_of(response, 400, "parse_error")["detail"]
            assert detail == "The connection broke before the end of the body."

    @pytest.mark.parametrize("length", ["", "x", "-5", "0"])
    def test_none_is_an_empty_form(self, length: str) -> None:
        body = Body(BODIES[JSON])
        detail = problem_of(send(body, JSON, CONTENT_LENGTH=length), 400, "required")["detail"]
        assert detail == "username: This field is required. password: This field is required."
        assert body.taken == 0


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (405, {"method": "PUT"}),
        (405, {"method": "GET"}),
        (406, {"HTTP_ACCEPT": "image/png"}),
        (401, {"method": "GET", "path": "/api/v0/courses/a/b/c/enrollment"}),
        (401, {"method": "GET", "path": "/authenticated/"}),
        (200, {"method": "GET", "path": "/status/"}),
        (404, {"path": "/nowhere"}),
        (403, {"path": "/api-auth/login/"}),
    ],
)
def test_none_is_read_of_a_request_that_is_refused_or_reads(status: int, request_: dict[str, Any]) -> None:
    for content_type, size in ((JSON, 50), (FORM, 50), ("text/plain", 50), (JSON, 1_000_000)):
        body = Body(b"x" * size)
        sender = Client(enforce_csrf_checks=True)
        environ: dict[str, Any] = {"method": "POST", "path": PATH, **request_}
        environ |= {"wsgi.input": body, "CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(size)}
        response = sender.generic(**environ)
        assert (response.status_code, body.taken) == (status, 0)


@pytest.mark.parametrize("path", [PATH, "/api-auth/login/"])
def test_passwords_are_checked_a_few_at_a_time(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "PATIENCE", 0.1)
    free = 0
    while checks.acquire(blocking=False):
        free += 1
    try:
        response = sized(Body(BODIES[FORM]), FORM, len(BODIES[FORM]), path=path)
    finally:
        checks.release(free)
    assert free == 2
    body = problem_of(response, 503, "service_busy")
    assert body["detail"] == "The service is checking other passwords at the moment. Try again a little later."
    # HAProxy must not take it for a refusal of a server that is full.
    assert response["Retry-After"] == "2" != str(RETRY_BUSY)
    # The attempt does not count.
    assert response["RateLimit"].startswith('"passwords";r=10;')
    assert sized(Body(BODIES[FORM]), FORM, len(BODIES[FORM]), path=path).status_code in (200, 302)
