"""Errors that Django raises before, or outside of, a view of the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError, connections
from django.http import Http404
from django.test import Client
from django.views.generic import RedirectView

from analytics_data_api.http.tests.shape import problem_of
from analyticsdataserver.tests.forms import FormClient


@pytest.fixture
def root_raises(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Any]:
    """Return what a view of Django's own kind answers that raises an exception."""

    def answer(error: BaseException) -> Any:
        def get(*args: Any, **kwargs: Any) -> None:
            raise error

        monkeypatch.setattr(RedirectView, "get", get)
        return Client(raise_request_exception=False).get("/")

    return answer


class TestBadRequest:
    @pytest.mark.parametrize("host", ["evil.example.com", "testserver:x", "a b", "", "testserver\0", "x" * 10_000, "é"])
    def test_a_host_that_is_not_served(self, host: str) -> None:
        detail = problem_of(Client().get("/authenticated/", headers={"host": host}), 400, "unknown_host")["detail"]
        assert f"{host[:50]!r}"[:-1] in detail
        assert "ALLOWED_HOSTS" in detail
        assert len(detail) < 250

    @pytest.mark.django_db
    def test_more_parameters_than_django_reads(self, client: Client) -> None:
        query = "&".join(f"a{number}=1" for number in range(2000))
        problem_of(client.get(f"/api/v0/courses/a/b/c/enrollment?{query}"), 400, "bad_request")

    def test_a_form_of_more_than_django_reads(self) -> None:
        sender = FormClient()
        sender.get("/api-auth/login/")
        response = sender.post("/api-auth/login/", {"username": "x" * 64 * 1024})
        body = problem_of(response, 413, "body_too_large")
        assert body["detail"] == "The body is too large; this address takes up to 64 kB."

    def test_a_form_with_files(self) -> None:
        sender = Client()
        sender.get("/api-auth/login/")
        problem_of(sender.post("/api-auth/login/", {"username": "a"}), 415, "unsupported_media_type")

    def test_a_view_that_finds_the_request_suspicious(self, root_raises: Callable[..., Any]) -> None:
        response = root_raises(SuspiciousOperation("its secret"))
        problem_of(response, 400, "bad_request")
        assert b"secret" not in response.content


class TestForbidden:
    @pytest.mark.django_db
    @pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example.com"}, {"cookie": "csrftoken=x"}])
    def test_a_form_that_was_not_sent_from_a_page_of_the_service(self, headers: dict[str, str]) -> None:
        sender = FormClient(enforce_csrf_checks=True)
        response = sender.post("/api-auth/login/", {"username": "a", "password": "b"}, headers=headers)
        problem_of(response, 403, "csrf_failed")

    @pytest.mark.django_db
    def test_a_form_that_was_is_taken(self) -> None:
        User.objects.create_user("teacher", password="chalk")
        sender = FormClient(enforce_csrf_checks=True)
        sender.get("/api-auth/login/")
        form = {"username": "teacher", "password": "chalk", "csrfmiddlewaretoken": sender.cookies["csrftoken"].value}
        assert sender.post("/api-auth/login/?next=/status/", form).status_code == 302
        assert sender.get("/authenticated/").status_code == 200

    def test_a_view_that_denies(self, root_raises: Callable[..., Any]) -> None:
        response = root_raises(PermissionDenied("its secret"))
        problem_of(response, 403, "permission_denied")
        assert b"secret" not in response.content


class TestNotFound:
    @pytest.mark.parametrize("debug", [False, True])
    @pytest.mark.parametrize(
        "path", ["/nowhere", "/nowhere/", "/apis", "/api/v2/courses/a/b/c/enrollment", "/favicon.ico"]
    )
    def test_an_address_with_nothing_at_it(self, settings: Any, debug: bool, path: str) -> None:
        settings.DEBUG = debug
        assert repr(path) in problem_of(Client().get(path), 404, "not_found")["detail"]

    def test_below_the_api_lists_the_endpoints(self) -> None:
        detail = problem_of(Client().get("/api/v0/course/a/b/c/enrollment"), 404)["detail"]
        for told in (
            "/api/v0/courses/<course_id>/",
            "/api/v0/problems/",
            "/api/v0/videos/",
            "course-v1:org+course+run",
        ):
            assert told in detail

    @pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"])
    def test_is_the_same_for_every_method(self, method: str) -> None:
        response = Client(enforce_csrf_checks=False).generic(method, "/nowhere")
        assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")

    def test_a_view_that_finds_nothing(self, root_raises: Callable[..., Any]) -> None:
        problem_of(root_raises(Http404("its secret")), 404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
@pytest.mark.parametrize("path", ["/api/v0/status/", "/api/v0/health", "/api/v0/authenticated/"])
def test_405_below_the_api_for_everything_that_does_not_only_read(path: str, method: str) -> None:
    response = Client().generic(method, path)
    problem_of(response, 405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("method", "path"), [("TRACE", "/"), ("DELETE", "/api-auth/login/"), ("DELETE", "/api-auth/logout/")]
)
def test_405_has_the_shape_on_pages_as_well(method: str, path: str) -> None:
    response = Client().generic(method, path)
    detail = problem_of(response, 405, "method_not_allowed")["detail"]
    assert method in detail
    assert response["Allow"]


def test_500_keeps_the_details_for_the_log(root_raises: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    response = root_raises(ZeroDivisionError("its secret"))
    problem_of(response, 500, "server_error")
    assert b"secret" not in response.content
    assert "its secret" in caplog.text


@pytest.mark.parametrize("error", [OperationalError(2003, "its secret"), InterfaceError("its secret")])
def test_503_where_a_database_does_not_answer(root_raises: Callable[..., Any], error: Exception) -> None:
    response = root_raises(error)
    problem_of(response, 503, "database_unavailable")
    assert int(response["Retry-After"]) > 0
    assert b"secret" not in response.content


@pytest.mark.django_db
def test_503_where_the_login_needs_it() -> None:
    def fail(*args: Any) -> None:
        raise OperationalError(2013, "Lost connection")

    with connections["default"].execute_wrapper(fail):
        sender = Client(raise_request_exception=False)
        response = sender.post("/api-auth/login/", {"username": "a", "password": "b"})
    problem_of(response, 503, "database_unavailable")


def test_post_to_an_unknown_path_is_404_before_csrf() -> None:
    response = Client(enforce_csrf_checks=True).post("/api/v0/nowhere", {"a": "b"})
    problem_of(response, 404, "not_found")
