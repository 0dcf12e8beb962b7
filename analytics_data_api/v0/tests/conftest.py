from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

Get = Callable[..., Any]


@pytest.fixture
def get(client: Client) -> Get:
    """Get an address below /api/v0/ with query parameters."""

    def get(path: str, **parameters: str) -> Any:
        return client.get(f"/api/v0/{path}", query_params=parameters)

    return get
