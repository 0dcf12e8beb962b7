from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from analytics_data_api.tables.models import TableUpdate

Get = Callable[..., Any]


@pytest.fixture
def get(client: Client) -> Get:
    """Get an address below /api/ with query parameters."""

    def get(path: str, **parameters: str) -> Any:
        return client.get(f"/api/{path}", query_params=parameters)

    return get


@pytest.fixture
def table_updates() -> Iterator[None]:
    """The table of the pipeline's notes, empty; for tests that are not in a transaction."""
    with connections["analytics"].schema_editor() as editor:
        editor.create_model(TableUpdate)
    yield
    with connections["analytics"].schema_editor() as editor:
        editor.delete_model(TableUpdate)
