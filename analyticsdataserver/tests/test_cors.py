"""Which pages of other sites may call the API: none, unless a setting names them."""

import subprocess
import sys
from typing import Any

import pytest
from corsheaders.middleware import CorsMiddleware
from django.conf import settings as django_settings
from django.test import Client

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.served import NEEDED, environment

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

ORIGIN = "https://dashboard.example.com"
ENROLLMENT = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
ALLOWED = "Access-Control-Allow-Origin"
PREFLIGHT = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}


@pytest.fixture
def on(settings: Any) -> None:
    """Settings as they are with ORIGIN in CORS_ALLOWED_ORIGINS."""
    settings.CORS_ALLOWED_ORIGINS = [ORIGIN]
    outermost, *others = settings.MIDDLEWARE
    settings.MIDDLEWARE = [outermost, "corsheaders.middleware.CorsMiddleware", *others]


def listed(header: str) -> set[str]:
    return {name.strip().lower() for name in header.split(",")}


def vary(response: Any) -> set[str]:
    return listed(response.get("Vary", ""))


class TestOff:
    def test_nobody_else_may(self) -> None:
        answers = [
            Client().get(ENROLLMENT, headers={"origin": ORIGIN}),
            Client().options(ENROLLMENT, headers={"origin": ORIGIN, **PREFLIGHT}),
        ]
        for answer in answers:
            assert answer.status_code == 401
            assert "origin" not in vary(answer)
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]

    def test_costs_nothing(self) -> None:
        assert not any("cors" in each for each in (*django_settings.MIDDLEWARE, *django_settings.INSTALLED_APPS))


@pytest.mark.usefixtures("on")
class TestOn:
    @pytest.mark.parametrize(
        "path",
        [
            *(ENROLLMENT, ENROLLMENT.rstrip("/"), "/api/v0/problems/i4x%3A%2F%2Fa/grade_distribution", "/api/schema/"),
            *("/api-token-auth/", "/api-token-auth", "/authenticated/", "/status", "/health/"),
        ],
    )
    def test_a_browser_asks_first_and_needs_no_key_for_it(self, path: str, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(0):
            response = Client().options(path, headers={"origin": ORIGIN, **PREFLIGHT})
        assert (response.status_code, response.content) == (200, b"")
        assert response[ALLOWED] == ORIGIN
        assert "origin" in vary(response)
        assert {"authorization", "accept", "if-none-match", "if-modified-since", "content-type"} <= listed(
            response["Access-Control-Allow-Headers"]
        )
        assert listed(response["Access-Control-Allow-Methods"]) == {"get", "head", "options", "post"}
        assert int(response["Access-Control-Max-Age"]) > 0
        assert "Access-Control-Allow-Credentials" not in response

    @pytest.mark.parametrize(
        ("path", "status"), [("/authenticated/", 200), (ENROLLMENT, 404), (f"{ENROLLMENT}?start_date=x", 400)]
    )
    def test_a_page_reads_what_is_answered(self, client: Client, path: str, status: int) -> None:
        response = client.get(path, headers={"origin": ORIGIN})
        assert response.status_code == status
        assert response[ALLOWED] == ORIGIN
        assert "origin" in vary(response)
        assert listed(response["Access-Control-Expose-Headers"]) == {
            *("content-disposition", "deprecation", "etag", "last-modified", "link", "ratelimit", "ratelimit-policy"),
            *("retry-after", "sunset", "x-request-id"),
        }
        assert "Access-Control-Allow-Credentials" not in response

    @pytest.mark.parametrize("key", [None, "nobodys"])
    def test_a_page_reads_why_it_is_refused(self, key: str | None) -> None:
        headers = {"origin": ORIGIN} | ({"authorization": f"Token {key}"} if key else {})
        response = Client().get(ENROLLMENT, headers=headers)
        assert (response.status_code, response[ALLOWED]) == (401, ORIGIN)

    @pytest.mark.parametrize("headers", [{"host": "evil.example.com"}, {"accept": "image/png"}])
    def test_also_where_the_request_does_not_get_far(self, client: Client, headers: dict[str, str]) -> None:
        assert client.get("/authenticated/", headers={"origin": ORIGIN, **headers})[ALLOWED] == ORIGIN

    @pytest.mark.parametrize(
        "origin",
        [
            *(
                "https://evil.example.com",
                "http://dashboard.example.com",
                f"{ORIGIN}:8443",
                f"{ORIGIN}.evil.example.com",
            ),
            *("https://DASHBOARD.example.com", "null", "", "https://[", f"{ORIGIN}, https://evil.example.com", "\xff"),
        ],
    )
    def test_no_other_page_may(self, client: Client, origin: str) -> None:
        for answer in (
            client.get("/authenticated/", headers={"origin": origin}),
            client.options("/authenticated/", headers={"origin": origin, **PREFLIGHT}),
        ):
            assert answer.status_code == 200
            assert ALLOWED not in answer
            # A cache that keeps this answer keeps it for this origin.
            assert "origin" in vary(answer)

    def test_an_answer_to_a_program_varies_too(self, client: Client) -> None:
        response = client.get("/authenticated/")
        assert "origin" in vary(response)
        assert ALLOWED not in response

    @pytest.mark.parametrize(
        "path", ["/docs/", "/api-auth/login/", "/", "/static/docs_page/page.js", "/api/v0x/", "/statuses"]
    )
    def test_pages_of_the_service_are_not_for_others(self, path: str) -> None:
        response = Client().get(path, headers={"origin": ORIGIN})
        assert ALLOWED not in response
        response.close()

    def test_a_session_lets_no_page_in_as_browsers_send_no_cookie_without_leave(self, browser: Client) -> None:
        response = browser.get("/authenticated/", headers={"origin": ORIGIN, "accept": "*/*"})
        assert "Access-Control-Allow-Credentials" not in response


PROGRAM = """
import django
from django.conf import settings
django.setup()
print(settings.MIDDLEWARE[1], "corsheaders" in settings.INSTALLED_APPS, settings.CORS_ALLOWED_ORIGINS)
"""


@pytest.mark.parametrize("settings_module", ["local", "production"])
def test_the_variable_turns_it_on(settings_module: str) -> None:
    variables = {**NEEDED, "SQLITE_FOR_USERS": "true", "CORS_ALLOWED_ORIGINS": f"{ORIGIN}, http://localhost:3000"}
    command = [sys.executable, "-c", PROGRAM]
    ran = subprocess.run(
        command, cwd=BASE_DIR, env=environment(settings_module, **variables), capture_output=True, text=True, check=True
    )
    name = f"{CorsMiddleware.__module__}.{CorsMiddleware.__name__}"
    assert ran.stdout.strip() == f"{name} True ['{ORIGIN}', 'http://localhost:3000']"
