"""Fixtures for the tests of every package."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import settings
from rest_framework.authtoken.models import Token

from analytics_data_api.access.throttling import trusted_clients
from analytics_data_api.http import database_errors
from analytics_data_api.tables import introspection

# How long an example takes says more of the machine than of the code.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

# What the readers of these tests send.
KEY = "0123456789abcdef0123456789abcdef0123cafe"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-guides", action="store_true", help="write what the pages in docs/ show anew, instead of comparing it"
    )


@pytest.fixture(autouse=True)
def _layouts_looked_up_anew() -> None:
    introspection.columns.cache_clear()


@pytest.fixture(autouse=True)
def _database_errors_logged_anew() -> None:
    database_errors.error_log.logged.clear()


@pytest.fixture(autouse=True)
def _senders_forgotten() -> None:
    trusted_clients.memory.looked.clear()


@pytest.fixture
def reader(db: None) -> User:
    """A user who has KEY."""
    user = User.objects.create(username="reader")
    Token.objects.create(user=user, key=KEY)
    return user


@pytest.fixture
def client(reader: User) -> Client:
    """A client that sends KEY."""
    return Client(headers={"authorization": f"Token {KEY}"})


@pytest.fixture
def browser(reader: User) -> Client:
    """A client that sends a session's cookie, and what browsers accept."""
    browser = Client(headers={"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"})
    browser.force_login(reader)
    return browser
