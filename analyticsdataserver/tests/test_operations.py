"""Is the service up, do its databases answer, does a key fit."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connections
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from conftest import KEY

both_forms = pytest.mark.parametrize("slash", ["", "/"])


class TestStatus:
    # Without the mark for it, any use of a database is an error.

    @both_forms
    def test_is_ok_without_a_key_or_a_database(self, slash: str) -> None:
        response = Client().get(f"/status{slash}")
        assert (response.status_code, response["Content-Type"], response.content) == (200, "application/json", b"{}")

    @pytest.mark.parametrize("header", [{"authorization": f"Token {KEY}"}, {"cookie": "sessionid=abc"}])
    def test_looks_at_no_key_or_session_either(self, header: dict[str, str]) -> None:
        assert Client().get("/status/", headers=header).status_code == 200

    def test_answers_head(self) -> None:
        response = Client().head("/status/")
        assert (response.status_code, response.content) == (200, b"")


@pytest.mark.django_db(databases=["default", "analytics"])
class TestHealth:
    @both_forms
    def test_is_ok_where_both_databases_answer(self, slash: str) -> None:
        response = Client().get(f"/health{slash}")
        assert response.status_code == 200
        assert response["Content-Type"] == "application/json"
        assert response.json() == {
            "overall_status": "OK",
            "detailed_status": {
                "database_connection": "OK",
                "default_db_status": "OK",
                "analytics_db_status": "OK",
            },
        }

    @pytest.mark.parametrize(
        ("down", "details"),
        [
            (
                ["default"],
                {"database_connection": "OK", "default_db_status": "UNAVAILABLE", "analytics_db_status": "OK"},
            ),
            (
                ["analytics"],
                {
                    "database_connection": "UNAVAILABLE",
                    "default_db_status": "OK",
                    "analytics_db_status": "UNAVAILABLE",
                },
            ),
            (
                ["default", "analytics"],
                {
                    "database_connection": "UNAVAILABLE",
                    "default_db_status": "UNAVAILABLE",
                    "analytics_db_status": "UNAVAILABLE",
                },
            ),
        ],
    )
    @pytest.mark.parametrize("error", [OperationalError(2003, "Can't connect"), InterfaceError("connection closed")])
    def test_tells_which_does_not(
        self, monkeypatch: pytest.MonkeyPatch, down: list[str], details: dict[str, str], error: Exception
    ) -> None:
        def fail() -> None:
            raise error

        for alias in down:
            monkeypatch.setattr(connections[alias], "ensure_connection", fail)
        response = Client().get("/health/")
        assert response.status_code == 503
        assert response.json() == {"overall_status": "UNAVAILABLE", "detailed_status": details}

    @pytest.mark.parametrize("alias", ["default", "analytics"])
    def test_asks_the_database_and_not_only_the_connection(self, alias: str) -> None:
        def fail(*args: Any) -> None:
            raise OperationalError(2013, "Lost connection during query")

        with connections[alias].execute_wrapper(fail):
            response = Client().get("/health/")
        assert response.status_code == 503
        assert response.json()["detailed_status"][f"{alias}_db_status"] == "UNAVAILABLE"

    @pytest.mark.parametrize("header", [{"authorization": "Token nobodys"}, {"cookie": "sessionid=abc"}])
    def test_looks_at_no_key_or_session(self, header: dict[str, str], django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            assert Client().get("/health/", headers=header).status_code == 200


@pytest.mark.django_db
class TestAuthenticated:
    @both_forms
    def test_is_ok_with_a_key(self, client: Client, slash: str) -> None:
        response = client.get(f"/authenticated{slash}")
        assert (response.status_code, response.content) == (200, b"{}")

    @both_forms
    def test_is_ok_with_a_session(self, browser: Client, slash: str) -> None:
        response = browser.get(f"/authenticated{slash}")
        assert (response.status_code, response.content) == (200, b"{}")

    @both_forms
    @pytest.mark.parametrize("headers", [{}, {"authorization": "Token nobodys"}, {"cookie": "sessionid=nobodys"}])
    def test_is_401_without(self, slash: str, headers: dict[str, str]) -> None:
        response = Client().get(f"/authenticated{slash}", headers=headers)
        problem_of(response, 401)
        assert response["WWW-Authenticate"] == "Token"


@both_forms
@pytest.mark.parametrize("name", ["status", "health", "authenticated"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_below_the_api_they_redirect_for_good(name: str, slash: str, method: str) -> None:
    response = Client().generic(method, f"/api/v0/{name}{slash}")
    assert (response.status_code, response["Location"]) == (301, f"/{name}/")


def test_the_root_redirects_to_the_documentation() -> None:
    response = Client().get("/")
    assert response.status_code in {301, 302}
    assert response["Location"] == "/docs/"


@pytest.mark.parametrize(
    "path", ["/status//", "/statuses", "/Status/", "/status/x", "/api/v0/status/x", "/api/status/"]
)
@pytest.mark.parametrize("ask", [Client.get, Client.post], ids=["GET", "POST"])
def test_nothing_else_is_there(path: str, ask: Callable[..., Any]) -> None:
    problem_of(ask(Client(), path), 404, "not_found")
