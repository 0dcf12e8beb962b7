"""The limit on wrong names and passwords."""

from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.db import OperationalError, connections
from django.test import Client

from analytics_data_api.access.throttling import counters
from analytics_data_api.access.throttling.rates import Rate
from analytics_data_api.formats.tests.page import Page
from analytics_data_api.http.tests.shape import problem_of
from analyticsdataserver.tests.forms import FormClient

pytestmark = pytest.mark.django_db

TOKEN, LOGIN = "/api-token-auth/", "/api-auth/login/"
RIGHT = {"username": "teacher", "password": "chalk"}
WRONG = {"username": "teacher", "password": "cheese"}
HERE, THERE = "192.0.2.7", "198.51.100.1"

both_forms = pytest.mark.parametrize("path", [TOKEN, LOGIN])


@pytest.fixture(autouse=True)
def _three_tries_and_the_time_stands_still(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.THROTTLE_PASSWORDS = Rate(3, 60)
    monkeypatch.setattr(counters, "now", lambda: 1_700_000_000.0)


@pytest.fixture(autouse=True)
def teacher() -> User:
    return User.objects.create_user(**RIGHT)


def send(path: str, form: dict[str, str], address: str = HERE) -> Any:
    return FormClient(raise_request_exception=False).post(path, form, REMOTE_ADDR=address)


# What a wrong password and a right one are answered with.
REFUSED, TAKEN = {TOKEN: 400, LOGIN: 200}, {TOKEN: 200, LOGIN: 302}


@both_forms
class TestLimit:
    def test_refuses_any_password_once_too_many_were_wrong(self, path: str) -> None:
        answers = [send(path, form) for form in (WRONG, WRONG, WRONG, WRONG, RIGHT)]
        assert [answer.status_code for answer in answers] == [REFUSED[path]] * 3 + [429, 429]
        body = problem_of(answers[-1], 429, "throttled")
        assert body["detail"] == (
            "Your address has sent too many names and passwords that were wrong. Try again in 60 seconds."
        )
        assert answers[-1]["Retry-After"] == "60"
        # A right password and a wrong one cannot be told apart.
        assert answers[-1].content == answers[-2].content

    def test_is_in_the_headers(self, path: str) -> None:
        answers = [send(path, form) for form in (WRONG, RIGHT, WRONG, WRONG, WRONG)]
        assert [answer["RateLimit"] for answer in answers] == [
            '"passwords";r=2;t=60',
            '"passwords";r=2;t=60',
            '"passwords";r=1;t=60',
            '"passwords";r=0;t=60',
            '"passwords";r=0;t=60',
        ]
        assert {answer["RateLimit-Policy"] for answer in answers} == {'"passwords";q=3;w=60'}

    def test_does_not_count_right_ones(self, path: str) -> None:
        assert [send(path, RIGHT).status_code for _ in range(5)] == [TAKEN[path]] * 5

    def test_counts_unknown_names(self, path: str) -> None:
        answers = [send(path, {"username": f"user{number}", "password": "x"}) for number in range(4)]
        assert [answer.status_code for answer in answers] == [REFUSED[path]] * 3 + [429]

    def test_does_not_count_forms_without_a_name_or_a_password(self, path: str) -> None:
        for form in ({}, {"username": "teacher"}, {"password": "chalk"}) * 2:
            answer = send(path, form)
            assert answer.status_code == REFUSED[path]
            assert "RateLimit" not in answer
        assert send(path, RIGHT).status_code == TAKEN[path]

    def test_counts_by_address(self, path: str) -> None:
        for _ in range(4):
            send(path, WRONG)
        assert send(path, RIGHT, THERE).status_code == TAKEN[path]

    def test_is_one_for_both_forms(self, path: str) -> None:
        for _ in range(3):
            send(path, WRONG)
        assert [send(each, RIGHT).status_code for each in (TOKEN, LOGIN)] == [429, 429]

    def test_can_be_off(self, path: str, settings: Any) -> None:
        settings.THROTTLE_PASSWORDS = None
        answers = [send(path, WRONG) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [REFUSED[path]] * 5
        assert "RateLimit" not in answers[0]
        assert send(path, RIGHT).status_code == TAKEN[path]

    def test_is_503_where_it_cannot_be_kept(self, path: str) -> None:
        def fail(execute: Any, sql: str, *args: Any) -> Any:
            if "throttle_counter" in sql:
                raise OperationalError(1205, "Lock wait timeout")
            return execute(sql, *args)

        with connections["default"].execute_wrapper(fail):
            body = problem_of(send(path, RIGHT), 503, "table_locked")
        assert body["detail"] == ("A database has a table that is locked by another client. Try again a little later.")

    def test_leaves_no_password_where_it_is_counted(self, path: str, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(4):
            send(path, WRONG)
        assert "cheese" not in caplog.text


@both_forms
def test_a_refused_password_logs_no_traceback(path: str, caplog: pytest.LogCaptureFixture) -> None:
    # A client that raises what no view has dealt with.
    answers = [FormClient().post(path, WRONG) for _ in range(4)]
    assert answers[-1].status_code == 429
    assert not [record for record in caplog.records if record.exc_info]


def test_the_login_page_itself_is_shown_beyond_the_limit() -> None:
    for _ in range(4):
        send(LOGIN, WRONG)
    assert Page(Client().get(LOGIN, REMOTE_ADDR=HERE)).field("password")


@both_forms
@pytest.mark.parametrize("username", ["teacher", "nobody", "keyholder", "left"])
def test_a_wrong_name_takes_as_much_work_as_a_wrong_password(
    monkeypatch: pytest.MonkeyPatch, path: str, username: str
) -> None:
    User.objects.create_user("keyholder")
    User.objects.create_user("left", password="chalk", is_active=False)
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> Any:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    assert send(path, {"username": username, "password": "cheese"}).status_code == REFUSED[path]
    assert len(hashed) == 1
