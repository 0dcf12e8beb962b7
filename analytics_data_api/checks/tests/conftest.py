import json
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from analytics_data_api.checks import runner
from analytics_data_api.tables import introspection

Document = Callable[..., dict[str, Any]]
Found = Callable[..., dict[str, dict[str, Any]]]


def check(database: str = "analytics", *, quick: bool = False) -> dict[str, Any]:
    """Run the command, and return the document that it prints."""
    out = StringIO()
    introspection.columns.cache_clear()
    with suppress(SystemExit):
        call_command("check_tables", database=database, format="json", quick=quick, stdout=out)
    document: dict[str, Any] = json.loads(out.getvalue())
    return document


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Document:
    """Check one table of the analytics database, and return what the document says of it."""
    layouts = runner.layouts()

    def checked(table: str, *, quick: bool = False) -> dict[str, Any]:
        of_table = [models for models in layouts if models[0]._meta.db_table == table]
        with monkeypatch.context() as patch:
            patch.setattr(runner, "layouts", lambda: of_table)
            (report,) = (each for each in check(quick=quick)["tables"] if each["table"] == table)
        return dict(report)

    return checked


@pytest.fixture
def found(checked: Document) -> Found:
    """Check the analytics database, and return the findings about one table by their codes.

    That ids compare without regard to case is the rule on MySQL, and left out.
    """

    def found(table: str, *, quick: bool = False) -> dict[str, dict[str, Any]]:
        findings = checked(table, quick=quick)["findings"]
        return {finding["code"]: finding for finding in findings if finding["code"] != "case_insensitive"}

    return found


@pytest.fixture
def mysql() -> None:
    """Skip a test of what only MySQL does."""
    if connections["analytics"].vendor != "mysql":
        pytest.skip("needs a MySQL server")


@pytest.fixture
def sqlite() -> None:
    """Skip a test of what only SQLite does."""
    if connections["analytics"].vendor != "sqlite":
        pytest.skip("needs SQLite")
