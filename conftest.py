"""Fixtures for the tests of every package."""

from collections.abc import Iterator
from functools import cache
from threading import get_ident
from typing import Any

import pytest
import sqlparse
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate
from django.test import Client
from hypothesis import settings

from analytics_data_api.access import keys, last_use
from analytics_data_api.access.keys import EVERYTHING, Limits
from analytics_data_api.access.models import Key, Origin
from analytics_data_api.access.throttling import clients
from analytics_data_api.http import database_errors
from analytics_data_api.tables import introspection
from analyticsdataserver.databases.sqlite.base import DatabaseWrapper as SQLiteWrapper

pytest_plugins = ["analyticsdataserver.testing.pytest_plugin", "pytester"]

# How long an example takes depends on the machine more than on the code. The same code gets the same examples, so that
# the result of a run is that of the code alone; `make fuzz` draws new ones.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.register_profile("fast", deadline=None, derandomize=True, max_examples=20)
settings.register_profile("fuzz", deadline=None)
settings.load_profile("tests")

# The key of the user `reader`, and its id.
KEY_ID = "set_1a2B3c4D"
KEY = "0123456789abcdef0123456789abcdef0123cafe"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-guides",
        action="store_true",
        help="write the generated parts of the pages in docs/ instead of comparing them",
    )


@pytest.fixture(scope="session", autouse=True)
def _no_rows_for_the_admin() -> None:
    """Write no permissions and content types, which nothing reads, each time that a test has emptied the tables."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture(scope="session", autouse=True)
def _each_statement_parsed_once() -> Iterator[None]:
    """Keep what is parsed of the statement that made a table, with which Django answers what an SQLite table has."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(sqlparse, "parse", cache(sqlparse.parse))
        yield


@pytest.fixture(autouse=True)
def _fresh_column_cache() -> None:
    introspection.columns.cache_clear()
    introspection.has_index.cache_clear()


@pytest.fixture(autouse=True)
def _no_known_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget clients, and read a key for each request, so that a change of it counts at once."""
    clients.memory.clear()
    monkeypatch.setattr(clients, "KNOWN", 0.0)


@pytest.fixture(autouse=True, scope="session")
def _no_last_use() -> Iterator[None]:
    """Leave out when a key was used last, which another thread would write, even for a browser's last request."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(last_use, "note", lambda pk: None)
        yield


@pytest.fixture(autouse=True)
def _no_errors_logged_before() -> None:
    database_errors.error_log.logged.clear()


def give_key(user: User, key: str, limits: Limits = EVERYTHING, **values: Any) -> Key:
    """Give a user a key of the test's choice, as set_api_key does, or with limits."""
    return keys.store(user, key, f"set_{keys.random_text(8)}", Origin.SET, limits, **values)


@pytest.fixture
def reader(db: None) -> User:
    """A user who has KEY."""
    user = User.objects.create(username="reader")
    keys.store(user, KEY, KEY_ID, Origin.SET)
    return user


@pytest.fixture
def client(reader: User) -> Client:
    """A client that sends KEY."""
    return Client(headers={"authorization": f"Token {KEY}"})


@pytest.fixture
def browser(reader: User) -> Client:
    """A client with a session, which accepts what browsers accept."""
    browser = Client(headers={"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"})
    browser.force_login(reader)
    return browser


@pytest.fixture
def threads_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let other threads close their connections to a database in memory, as they close one to a file.

    Django leaves such a connection open, because the data go with the last one; the connection of the tests keeps them.
    """
    close_of_django, thread = SQLiteWrapper.close, get_ident()

    def close(self: Any) -> None:
        # The connection of the thread that runs the tests may be lent to others.
        (close_of_django if self._thread_ident == thread else BaseDatabaseWrapper.close)(self)

    monkeypatch.setattr(SQLiteWrapper, "close", close)
