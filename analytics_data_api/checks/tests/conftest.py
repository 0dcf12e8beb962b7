from collections.abc import Callable

import pytest
from django.db import connections

from analytics_data_api.checks.checks import check
from analytics_data_api.checks.findings import Finding, TableReport
from analytics_data_api.tables import introspection

Check = Callable[..., TableReport]
Found = Callable[..., dict[str, Finding]]


@pytest.fixture
def checked() -> Check:
    """Check the analytics database, and return what there is to say about one table."""

    def checked(table: str, *, quick: bool = False) -> TableReport:
        introspection.columns.cache_clear()
        (report,) = (each for each in check("analytics", quick=quick).tables if each.table == table)
        return report

    return checked


@pytest.fixture
def found(checked: Check) -> Found:
    """Check the analytics database, and return the findings about one table by their codes.

    That ids compare without regard to case is the rule on MySQL, and left out.
    """

    def found(table: str, *, quick: bool = False) -> dict[str, Finding]:
        findings = checked(table, quick=quick).findings
        return {finding.kind.code: finding for finding in findings if finding.kind.code != "case_insensitive"}

    return found


@pytest.fixture
def mysql() -> None:
    """Skip a test of what only MySQL does."""
    if connections["analytics"].vendor != "mysql":
        pytest.skip("asks a MySQL server, and this is none")


@pytest.fixture
def sqlite() -> None:
    """Skip a test of what only SQLite does."""
    if connections["analytics"].vendor != "sqlite":
        pytest.skip("asks SQLite, and this is none")
