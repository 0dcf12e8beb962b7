"""Logging in and out."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from analytics_data_api.formats.tests.page import Page
from analytics_data_api.http.tests.shape import error_page_of
from analyticsdataserver.tests.forms import FormClient

pytestmark = pytest.mark.django_db

LOGIN, LOGOUT = "/api-auth/login/", "/api-auth/logout/"
CHALK = {"username": "teacher", "password": "chalk"}


@pytest.fixture
def teacher() -> User:
    return User.objects.create_user(**CHALK)


@pytest.fixture
def visitor(teacher: User) -> Client:
    return FormClient(headers={"accept": "text/html"})


def log_in(visitor: Client, path: str = LOGIN, **other: str) -> Any:
    return visitor.post(path, CHALK | other)


def has_session(visitor: Client) -> bool:
    return visitor.get("/authenticated/", headers={"accept": "*/*"}).status_code == 200


class TestLogin:
    @pytest.mark.parametrize("path", [LOGIN, LOGIN.rstrip("/")])
    def test_page_asks_for_name_and_password(self, visitor: Client, path: str) -> None:
        page = Page(visitor.get(path))
        assert page.field("username")["autocomplete"] == "username"
        assert page.field("password")["type"] == "password"
        names = (*CHALK, "key")
        assert {label["for"] for label in page.all("label")} == {page.field(name)["id"] for name in names}
        assert page.field("key")["type"] == "password"
        page.require_own_files_only()

    def test_page_is_not_kept_nor_framed(self, visitor: Client) -> None:
        response = visitor.get(LOGIN)
        assert "no-store" in response["Cache-Control"]
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]

    def test_gives_a_session_and_leads_to_the_courses(self, visitor: Client) -> None:
        response = log_in(visitor)
        assert response.status_code == 302
        assert response["Location"].rstrip("/") == "/courses"
        assert has_session(visitor)

    @pytest.mark.parametrize("place", ["query", "form"])
    def test_leads_back_to_the_page_before(self, visitor: Client, place: str) -> None:
        path = "/api/v0/courses/a/b/c/enrollment/?start_date=2014-12-01"
        page = Page(visitor.get(LOGIN, query_params={"next": path}))
        assert page.field("next")["value"] == path
        response = log_in(visitor, next=path) if place == "form" else visitor.post(LOGIN, CHALK | {"next": path})
        assert response["Location"] == path

    @pytest.mark.parametrize(
        "elsewhere",
        [
            *(
                "https://evil.example.com/",
                "//evil.example.com",
                "javascript:alert(1)",
                "/\\evil.example.com",
                "http:///x",
            ),
            *(
                "///evil.example.com",
                "https:evil.example.com",
                "/\t/evil.example.com",
                "\\\\evil.example.com",
                " //evil",
            ),
            *("https://testserver.evil.example.com/", "https://testserver@evil.example.com/", "data:text/html,x"),
        ],
    )
    def test_leads_nowhere_else(self, visitor: Client, elsewhere: str) -> None:
        page = Page(visitor.get(LOGIN, query_params={"next": elsewhere}))
        page.require_own_files_only()
        assert log_in(visitor, next=elsewhere)["Location"].rstrip("/") == "/courses"

    @pytest.mark.parametrize("wrong", [{"password": "cheese"}, {"username": "nobody"}, {"password": "Chalk"}])
    def test_shows_that_a_name_or_password_is_wrong_but_not_which(self, visitor: Client, wrong: dict[str, str]) -> None:
        page = Page(log_in(visitor, next="/status/", **wrong))
        assert "Please enter a correct username and password" in page.text
        assert [element for element in page.all("div") if element.get("role") == "alert"]
        assert page.field("next")["value"] == "/status/"
        assert "cheese" not in page.source
        assert not has_session(visitor)

    @pytest.mark.parametrize("missing", ["username", "password"])
    def test_shows_that_a_field_is_missing(self, visitor: Client, missing: str) -> None:
        page = Page(log_in(visitor, **{missing: ""}))
        assert "This field is required" in page.text
        assert page.field(missing)["aria-invalid"] == "true"

    def test_repeats_a_name_as_text(self, visitor: Client) -> None:
        page = Page(log_in(visitor, username='"><script>alert(1)</script>', password="x"))
        page.require_own_files_only()

    def test_of_a_user_who_may_not_is_refused(self, visitor: Client, teacher: User) -> None:
        teacher.is_active = False
        teacher.save()
        assert "Please enter a correct username and password" in Page(log_in(visitor)).text

    def test_of_a_user_without_a_password_is_refused(self, visitor: Client) -> None:
        User.objects.create_user("keyholder")
        page = Page(log_in(visitor, username="keyholder", password=""))
        assert not has_session(visitor)
        assert "This field is required" in page.text

    def test_changes_the_sessions_name(self, visitor: Client) -> None:
        log_in(visitor)
        before = visitor.cookies["sessionid"].value
        visitor.post(LOGOUT)
        log_in(visitor)
        assert visitor.cookies["sessionid"].value != before
        assert visitor.cookies["sessionid"]["httponly"]


class TestLogout:
    @pytest.mark.parametrize("path", [LOGOUT, LOGOUT.rstrip("/")])
    def test_ends_the_session(self, visitor: Client, path: str) -> None:
        log_in(visitor)
        response = visitor.post(path)
        assert response["Location"].rstrip("/") == LOGIN.rstrip("/")
        assert not has_session(visitor)

    def test_leads_nowhere_else(self, visitor: Client) -> None:
        log_in(visitor)
        response = visitor.post(LOGOUT, {"next": "https://evil.example.com/"})
        assert response["Location"].startswith("/api-auth/")

    def test_takes_more_than_following_a_link(self, visitor: Client) -> None:
        log_in(visitor)
        error_page_of(visitor.get(LOGOUT), 405, "method_not_allowed")
        assert has_session(visitor)
