"""Is the service up, do its databases answer, does a key fit."""

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Model
from django.test import Client

from analytics_data_api.access.models import Key
from analytics_data_api.http.tests.shape import problem_of
from analyticsdataserver.serving import probes
from conftest import KEY

When = Callable[[str, str, Callable[[], None]], None]


@pytest.fixture
def when(monkeypatch: pytest.MonkeyPatch) -> When:
    """Do something when a database is connected to, or asked, in whichever thread."""
    moments: dict[str, tuple[type, str, Callable[[Any], str]]] = {
        "connecting": (BaseDatabaseWrapper, "ensure_connection", lambda connection: connection.alias),
        "asking": (CursorWrapper, "execute", lambda cursor: cursor.db.alias),
    }

    def when(moment: str, alias: str, do: Callable[[], None]) -> None:
        owner, name, alias_of = moments[moment]
        usual = getattr(owner, name)

        def replaced(self: Any, *args: Any) -> Any:
            if alias_of(self) == alias:
                do()
            return usual(self, *args)

        monkeypatch.setattr(owner, name, replaced)

    return when


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
@pytest.mark.usefixtures("threads_close")
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
    def test_tells_which_does_not(self, when: When, down: list[str], details: dict[str, str], error: Exception) -> None:
        def fail() -> None:
            raise error

        for alias in down:
            when("connecting", alias, fail)
        response = Client().get("/health/")
        assert response.status_code == 503
        assert response.json() == {"overall_status": "UNAVAILABLE", "detailed_status": details}

    @pytest.mark.parametrize("alias", ["default", "analytics"])
    def test_asks_the_database_and_not_only_the_connection(self, when: When, alias: str) -> None:
        def fail() -> None:
            raise OperationalError(2013, "Lost connection during query")

        when("asking", alias, fail)
        response = Client().get("/health/")
        assert response.status_code == 503
        assert response.json()["detailed_status"][f"{alias}_db_status"] == "UNAVAILABLE"

    @pytest.mark.parametrize("model", [User, Key])
    def test_needs_the_tables_that_every_key_is_looked_up_in(
        self, monkeypatch: pytest.MonkeyPatch, model: type[Model]
    ) -> None:
        monkeypatch.setattr(model._meta, "db_table", "none_such")
        response = Client().get("/health/")
        assert response.status_code == 503
        assert response.json()["detailed_status"]["default_db_status"] == "UNAVAILABLE"

    @pytest.mark.parametrize("moment", ["connecting", "asking"])
    def test_does_not_wait_for_a_database_that_hangs(self, when: When, moment: str) -> None:
        back = Event()
        asked = []

        def hang() -> None:
            asked.append(moment)
            back.wait(10)

        when(moment, "analytics", hang)
        for _ in range(3):
            response = Client().get("/health/")
            assert response.status_code == 503
            assert response.json()["detailed_status"] == {
                "database_connection": "UNAVAILABLE",
                "default_db_status": "OK",
                "analytics_db_status": "UNAVAILABLE",
            }
        # Who asks in vain does not make more that wait.
        assert len(asked) == 1
        assert not back.is_set()
        back.set()
        assert probes.probe("analytics").start()[0].result(10)
        assert Client().get("/health/").status_code == 200

    @pytest.mark.parametrize("header", [{"authorization": "Token nobodys"}, {"cookie": "sessionid=abc"}])
    def test_looks_at_no_key_or_session(self, header: dict[str, str], django_assert_num_queries: Any) -> None:
        # The databases are asked in threads of their own, where this does not count.
        with django_assert_num_queries(0):
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
