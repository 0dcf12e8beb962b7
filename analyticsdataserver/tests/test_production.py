"""The service as production runs it: settings, server and all."""

import re
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from analyticsdataserver.tests.served import NEEDED, Copy, environment, served

HOST = "analytics.example.com"
ORIGIN = f"https://{HOST}"
KEY = "a-key-of-production"
# What the proxy says of a request that came to it by HTTPS.
BY_HTTPS = {"X-Forwarded-Proto": "https"}
PASSWORD = "a password of production"

EVERY_KIND_OF_ANSWER = [
    ("/status/", 200),
    ("/authenticated/", 200),
    ("/docs/", 200),
    ("/api-auth/login/", 200),
    ("/api/schema/", 200),
    ("/nowhere", 404),
    ("/api/v0/courses/a/b/c/enrollment/", 503),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project with a user in its database; its static files are in place."""
    copy = Copy(tmp_path_factory.mktemp("production"))
    program = (
        "from django.contrib.auth.models import User; user = User.objects.get(username='reader'); "
        f"user.set_password({PASSWORD!r}); user.save()"
    )
    for arguments in (
        ["migrate"],
        ["set_api_key", "reader", KEY],
        ["shell", "--no-imports", "-c", program],
        ["collectstatic", "--no-input"],
    ):
        result = copy.run(*arguments, settings="production", **NEEDED, SQLITE_FOR_USERS="true")
        assert result.returncode == 0, result.stderr
    return copy


def service(copy: Copy, **variables: str) -> Any:
    needed = environment("production", **NEEDED, SQLITE_FOR_USERS="true", LOG_LEVEL="CRITICAL", **variables)
    return served(needed, folder=copy.folder)


@pytest.fixture(scope="module")
def direct(copy: Copy) -> Iterator[str]:
    """The service with nothing but what it needs."""
    with service(copy) as address:
        yield address


@pytest.fixture(scope="module")
def proxied(copy: Copy) -> Iterator[str]:
    """The service behind a proxy that says how a request came."""
    other = "https://reports.example.com"
    with service(copy, SECURE_PROXY_SSL_HEADER="X-Forwarded-Proto", CSRF_TRUSTED_ORIGINS=other) as address:
        yield address


def get(address: str, path: str, **headers: str) -> requests.Response:
    given = {"Host": HOST, "Authorization": f"Token {KEY}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return requests.get(address + path, headers=given, timeout=60, allow_redirects=False)


class TestPlainHTTP:
    @pytest.mark.parametrize(
        "path", ["/", "/docs/", "/authenticated/", "/api/v0/courses/a/b/c/enrollment?start_date=x"]
    )
    def test_is_redirected(self, direct: str, path: str) -> None:
        response = get(direct, path)
        assert (response.status_code, response.headers["Location"]) == (301, ORIGIN + path)

    @pytest.mark.parametrize("path", ["/status/", "/status", "/health/", "/health"])
    @pytest.mark.parametrize("host", [HOST, "10.1.2.3", "10.1.2.3:8000", "[::1]:8000", "whatever", "a b"])
    def test_of_a_probe_is_answered_whatever_host_it_names(self, direct: str, path: str, host: str) -> None:
        # The analytics database has no tables.
        assert get(direct, path, Host=host).status_code == (503 if "health" in path else 200)

    @pytest.mark.parametrize("path", ["/", "/authenticated/", "/status/x", "/statuses", "/api/v0/status/", "/health/x"])
    @pytest.mark.parametrize("host", ["10.1.2.3", "evil.example.com", f"{HOST}.evil.example.com"])
    def test_of_anything_else_is_refused_for_another_host(
        self, direct: str, proxied: str, path: str, host: str
    ) -> None:
        for response in (get(direct, path, Host=host), get(proxied, path, Host=host, **BY_HTTPS)):
            assert (response.status_code, response.json()["error_code"]) == (400, "unknown_host")

    @pytest.mark.parametrize("header", ["X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Ssl", "Forwarded"])
    def test_is_not_taken_for_https_on_a_clients_word(self, direct: str, header: str) -> None:
        value = {"X-Forwarded-Ssl": "on", "Forwarded": "proto=https"}.get(header, "https")
        assert get(direct, "/authenticated/", **{header: value}).status_code == 301

    def test_says_nothing_of_https_only(self, direct: str) -> None:
        assert "Strict-Transport-Security" not in get(direct, "/status/").headers

    def test_can_be_let_in(self, copy: Copy) -> None:
        with service(copy, SECURE_SSL_REDIRECT="false") as address:
            assert get(address, "/authenticated/").status_code == 200


class TestBehindAProxy:
    def test_https_is_served_and_anything_else_redirected(self, proxied: str) -> None:
        assert get(proxied, "/authenticated/", **BY_HTTPS).status_code == 200
        for headers in ({}, {"X-Forwarded-Proto": "http"}):
            assert get(proxied, "/authenticated/", **headers).status_code == 301

    @pytest.mark.parametrize(("path", "status"), EVERY_KIND_OF_ANSWER)
    def test_every_answer_says_what_browsers_may_do_with_it(self, proxied: str, path: str, status: int) -> None:
        response = get(proxied, path, **BY_HTTPS)
        assert response.status_code == status
        expected = {
            "Strict-Transport-Security": "max-age=31536000",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        assert {name: response.headers.get(name) for name in expected} == expected
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]

    @pytest.mark.parametrize(("path", "status"), EVERY_KIND_OF_ANSWER)
    def test_no_answer_says_which_software_this_is(self, proxied: str, path: str, status: int) -> None:
        response = get(proxied, path, **BY_HTTPS)
        assert response.headers["Server"] == "granian"
        assert "X-Powered-By" not in response.headers
        if path != "/api/schema/":
            assert not re.search(r"(?i)django[ /]?\d|python[ /]?\d|granian[ /]?\d|traceback", response.text)

    @pytest.mark.parametrize("request_line", [b"GET / HTTP/9.9", b"nonsense", b"GET /\x00 HTTP/1.1"])
    def test_nor_does_one_to_what_is_no_request(self, proxied: str, request_line: bytes) -> None:
        port = urlsplit(proxied).port
        with socket.create_connection(("127.0.0.1", port), 20) as client:
            client.sendall(request_line + b"\r\nHost: x\r\n\r\n")
            client.shutdown(socket.SHUT_WR)
            answer = b""
            while part := client.recv(4096):
                answer += part
        assert answer.startswith(b"HTTP/1.1 4")
        assert not re.search(rb"(?i)(django|python|granian)[ /]?\d", answer)

    def log_in(self, address: str, origin: str | None) -> tuple[requests.Response, requests.Response]:
        """Return the login page and the answer to its form, sent by a page of an origin."""
        headers = {"Host": HOST} | BY_HTTPS
        page = requests.get(f"{address}/api-auth/login/", headers=headers, timeout=60)
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[0]
        headers |= {"Cookie": f"csrftoken={page.cookies['csrftoken']}"} | ({"Origin": origin} if origin else {})
        form = {"username": "reader", "password": PASSWORD, "csrfmiddlewaretoken": token}
        url = f"{address}/api-auth/login/"
        return page, requests.post(url, form, headers=headers, timeout=60, allow_redirects=False)

    def test_cookies_go_by_https_only_and_to_no_script_nor_other_site(self, proxied: str) -> None:
        page, response = self.log_in(proxied, ORIGIN)
        assert (response.status_code, response.headers["Location"].rstrip("/")) == (302, "/courses")
        for name, answer in (("csrftoken", page), ("sessionid", response)):
            cookie = next(each for each in answer.raw.headers.getlist("Set-Cookie") if each.startswith(f"{name}="))
            attributes = {part.strip() for part in cookie.split(";")}
            assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= attributes
            assert not any(part.startswith("Domain") for part in attributes)

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            (ORIGIN, 302),
            ("https://reports.example.com", 302),
            ("https://evil.example.com", 403),
            (f"http://{HOST}", 403),
            ("null", 403),
            # Neither an origin nor an address that the form would come from.
            (None, 403),
        ],
    )
    def test_forms_are_taken_from_pages_of_the_service(self, proxied: str, origin: str | None, status: int) -> None:
        assert self.log_in(proxied, origin)[1].status_code == status


class TestStaticFiles:
    def test_are_kept_by_browsers_and_compressed(self, proxied: str) -> None:
        page = get(proxied, "/docs/", **BY_HTTPS).text
        files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
        assert len(files) >= 6
        for path in files:
            assert re.search(r"\.[0-9a-f]{12}\.\w+$", path)
            response = get(proxied, path, **BY_HTTPS)
            assert response.status_code == 200
            assert response.headers["Cache-Control"] == "max-age=315360000, public, immutable"
            assert response.headers["Content-Encoding"] == "gzip"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert "Access-Control-Allow-Origin" not in response.headers

    def test_that_are_not_in_place_are_served_from_their_packages(self, tmp_path_factory: Any) -> None:
        copy = Copy(tmp_path_factory.mktemp("bare"))
        copy.run("migrate", settings="production", **NEEDED, SQLITE_FOR_USERS="true")
        with service(copy, SECURE_PROXY_SSL_HEADER="X-Forwarded-Proto") as address:
            page = get(address, "/docs/", **BY_HTTPS).text
            files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
            assert len(files) >= 6
            for path in files:
                response = get(address, path, **BY_HTTPS)
                assert response.status_code == 200
                assert "immutable" not in response.headers["Cache-Control"]
