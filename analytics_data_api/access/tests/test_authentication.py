"""Authentication by key, session, and name and password."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import CharField
from django.db.models.lookups import IExact
from django.test import Client
from django.test.utils import register_lookup

from analytics_data_api.access.models import Key
from analytics_data_api.http.tests.shape import problem_of
from analyticsdataserver.tests.forms import FormClient
from conftest import KEY

pytestmark = pytest.mark.django_db


def authenticated(authorization: str) -> Any:
    """Return the answer to a request with this header; its characters beyond ASCII are sent as Latin-1 bytes."""
    return Client().get("/authenticated/", headers={"authorization": authorization})


@pytest.mark.usefixtures("reader")
class TestKey:
    @pytest.mark.parametrize("scheme", ["Token", "token", "TOKEN", "Bearer", "bearer"])
    def test_is_accepted_with_the_scheme_in_any_case(self, scheme: str) -> None:
        assert authenticated(f"{scheme} {KEY}").status_code == 200

    @pytest.mark.parametrize(
        "authorization",
        [
            "Token",
            "Token ",
            f"Token {KEY} {KEY}",
            f"Token {KEY[:-1]}",
            f"Token {KEY}0",
            f"Token {KEY},",
            f'Token "{KEY}"',
            f"Token {KEY}\0",
            f"Token{KEY}",
            "Basic cmVhZGVyOnNlY3JldA==",
            KEY,
            # Not UTF-8.
            "Token \xff\xfe",
            f"Token {KEY}\x80",
            "\xff",
            # UTF-8: e with an accent is an e to some collations of MySQL.
            f"Token {KEY.replace('e', 'é')}".encode().decode("latin-1"),
            "Token " + "x" * 10_000,
        ],
    )
    def test_anything_else_is_401_and_never_repeated(self, authorization: str) -> None:
        response = authenticated(authorization)
        body = problem_of(response, 401)
        assert response["WWW-Authenticate"] == "Token"
        assert KEY not in str(body)
        assert len(body["detail"]) < 200

    @pytest.mark.parametrize("spell", [str.upper, str.title, str.swapcase], ids=["upper", "title", "swapped"])
    def test_case_counts_whatever_the_collation(self, spell: Callable[[str], str]) -> None:
        problem_of(authenticated(f"Token {spell(KEY)}"), 401, "authentication_failed")
        # Compares as most collations of MySQL do.
        with register_lookup(CharField, IExact, lookup_name="exact"):
            assert authenticated(f"Token {KEY}").status_code == 200
            problem_of(authenticated(f"Token {spell(KEY)}"), 401, "authentication_failed")

    def test_of_an_inactive_user_is_401(self, reader: User) -> None:
        User.objects.filter(pk=reader.pk).update(is_active=False)
        detail = problem_of(authenticated(f"Token {KEY}"), 401, "authentication_failed")["detail"]
        assert "no longer active" in detail

    def test_is_looked_up_with_its_user_at_once(self, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            authenticated(f"Token {KEY}")


class TestSession:
    def test_is_accepted(self, browser: Client) -> None:
        assert browser.get("/authenticated/", headers={"accept": "*/*"}).status_code == 200

    def test_of_an_inactive_user_is_401(self, browser: Client, reader: User) -> None:
        User.objects.filter(pk=reader.pk).update(is_active=False)
        problem_of(browser.get("/authenticated/", headers={"accept": "*/*"}), 401)

    @pytest.mark.parametrize("session", ["", "unknown", "x" * 1000, "a\x80b", "ünï"])
    def test_that_does_not_exist_is_401(self, session: str) -> None:
        response = Client(headers={"cookie": f"sessionid={session}"}).get("/authenticated/")
        problem_of(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"] == "Token"


class TestGettingAKey:
    @pytest.fixture
    def teacher(self) -> User:
        return User.objects.create_user("teacher", password="chalk")

    @pytest.fixture
    def post(self, teacher: User) -> Callable[..., Any]:
        def post(path: str = "/api-token-auth/", **kwargs: Any) -> Any:
            return FormClient(raise_request_exception=False).post(path, **kwargs)

        return post

    @pytest.mark.parametrize("path", ["/api-token-auth/", "/api-token-auth"])
    @pytest.mark.parametrize("content_type", [None, "application/json"])
    def test_name_and_password_give_one_that_is_valid(
        self, post: Callable[..., Any], path: str, content_type: str | None
    ) -> None:
        kind = {"content_type": content_type} if content_type else {}
        response = post(path, data={"username": "teacher", "password": "chalk"}, **kind)
        assert response.status_code == 200
        assert list(response.json()) == ["token"]
        assert authenticated(f"Token {response.json()['token']}").status_code == 200

    def test_is_a_new_one_each_time_and_the_newest_ten_stay(self, post: Callable[..., Any]) -> None:
        data = {"username": "teacher", "password": "chalk"}
        tokens = [post(data=data).json()["token"] for _ in range(12)]
        assert len(set(tokens)) == 12
        assert all(re.fullmatch(r"oda_[0-9A-Za-z]{40}", token) for token in tokens)
        assert [authenticated(f"Token {token}").status_code for token in tokens] == [401] * 2 + [200] * 10
        assert set(Key.objects.values_list("name", "origin", "is_limited")) == {("login", "login", False)}

    def test_leaves_the_others_that_the_user_has(self, reader: User, post: Callable[..., Any]) -> None:
        reader.set_password("ink")
        reader.save()
        response = post(data={"username": "reader", "password": "ink"})
        assert response.json()["token"] != KEY
        assert response["Cache-Control"] == "no-store"
        assert authenticated(f"Token {KEY}").status_code == 200

    def test_can_be_switched_off(self, settings: Any, post: Callable[..., Any]) -> None:
        settings.KEYS_BY_PASSWORD = False
        for password in ("chalk", "cheese"):
            response = post(data={"username": "teacher", "password": password})
            problem_of(response, 403, "keys_by_password_off")
        assert not Key.objects.exists()

    @pytest.mark.parametrize(
        "data",
        [
            {"username": "teacher", "password": "cheese-and-wine"},
            {"username": "teacher", "password": "CHALK"},
            {"username": "unknown", "password": "chalk"},
            {"username": "teacher"},
            {"password": "chalk"},
            {"username": "", "password": ""},
            {},
        ],
    )
    def test_anything_else_is_refused_and_the_password_not_repeated(
        self, post: Callable[..., Any], data: dict[str, str]
    ) -> None:
        body = problem_of(post(data=data), 400)
        assert "token" not in body
        assert not data.get("password") or data["password"] not in body["detail"]
        for missing in {"username", "password"} - {name for name, value in data.items() if value}:
            assert missing in body["detail"]

    def test_an_inactive_user_gets_none(self, teacher: User, post: Callable[..., Any]) -> None:
        User.objects.filter(pk=teacher.pk).update(is_active=False)
        problem_of(post(data={"username": "teacher", "password": "chalk"}), 400)
