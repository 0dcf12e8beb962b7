from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.authtoken.models import Token

from analytics_data_api.v0 import layouts

KEY = "0123456789abcdef0123456789abcdef01234567"

Get = Callable[..., Any]


@pytest.fixture(autouse=True)
def _layouts_looked_up_anew() -> None:
    layouts.columns.cache_clear()


@pytest.fixture
def client(db: None) -> Client:
    """A client that sends a valid key."""
    Token.objects.create(user=User.objects.create(username="reader"), key=KEY)
    return Client(headers={"authorization": f"Token {KEY}"})


@pytest.fixture
def get(client: Client) -> Get:
    """Get an address below /api/v0/ with query parameters."""

    def get(path: str, **parameters: str) -> Any:
        return client.get(f"/api/v0/{path}", query_params=parameters)

    return get
