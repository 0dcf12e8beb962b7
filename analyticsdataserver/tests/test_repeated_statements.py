"""Statements that a MySQL server has not done are executed once more, on a new connection."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction

pytestmark = [pytest.mark.mysql_only, pytest.mark.django_db(transaction=True, databases=["default", "analytics"])]


@pytest.fixture
def repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have statements repeated, as the server does."""
    monkeypatch.setitem(connection.settings_dict, "REPEAT", True)


@pytest.fixture
def broken(repeats: None) -> Iterator[int]:
    """A connection that the server has closed; yields its number."""
    connection.ensure_connection()
    first: int = connection.connection.thread_id()
    end_connection()
    yield first
    connection.close()


def end_connection() -> None:
    from MySQLdb import Error

    with suppress(Error):
        connection.connection.query("KILL CONNECTION_ID()")


def test_a_read(broken: int) -> None:
    assert list(User.objects.values_list("pk")) == []
    assert connection.connection.thread_id() != broken


def test_a_streamed_read(broken: int) -> None:
    assert list(User.objects.values_list("pk").iterator()) == []
    assert connection.connection.thread_id() != broken


def test_not_in_a_transaction(repeats: None) -> None:
    def read() -> None:
        with transaction.atomic():
            end_connection()
            list(User.objects.values_list("pk"))

    connection.ensure_connection()
    with pytest.raises(OperationalError):
        read()


def test_not_in_a_command(broken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(connection.settings_dict, "REPEAT")
    with pytest.raises(OperationalError):
        list(User.objects.values_list("pk"))


@pytest.mark.parametrize(
    ("number", "statement", "is_repeated"),
    [
        (1213, "UPDATE auth_user SET is_staff = 0", True),
        (1047, "UPDATE auth_user SET is_staff = 0", True),
        (2006, "UPDATE auth_user SET is_staff = 0", True),
        (2013, "UPDATE auth_user SET is_staff = 0", False),
        (2013, "SELECT 1", True),
        (2013, " (SELECT 1) UNION (SELECT 2)", True),
        (1927, "SELECT 1", True),
        (1205, "SELECT 1", False),
        (1146, "SELECT 1", False),
    ],
)
def test_by_error(repeats: None, number: int, statement: str, is_repeated: bool) -> None:
    from MySQLdb import OperationalError as DriverError

    class Failing:
        """The driver's cursor, which fails."""

        executed = 0

        def execute(self, query: str, args: Any) -> None:
            self.executed += 1
            raise DriverError(number, "some text")

        def close(self) -> None:
            pass

    connection.ensure_connection()
    first = connection.connection
    failing = Failing()
    cursor = connection.cursor()
    cursor.cursor.cursor = failing
    if is_repeated:
        cursor.execute(statement)
    else:
        with pytest.raises(OperationalError):
            cursor.execute(statement)
    assert failing.executed == 1
    assert (connection.connection is not first) is is_repeated
