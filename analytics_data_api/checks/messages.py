"""Findings, as messages of Django's checks framework: ``id`` is the code, ``hint`` the SQL that mends the cause."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from django.core.checks import ERROR, INFO, WARNING, CheckMessage

# What makes an answer fail, wrong, or read a whole table is an error.
LEVELS: Final = {
    "missing_table": ERROR,
    "forbidden_table": ERROR,
    "unreadable_table": ERROR,
    "missing_column": ERROR,
    "wrong_type": ERROR,
    "wrong_collation": ERROR,
    "missing_index": ERROR,
    "duplicate_rows": WARNING,
    "layout_without_column": INFO,
    "unknown_column": INFO,
    "short_index": INFO,
    "case_insensitive": INFO,
    "similar_ids": INFO,
    "not_checked": INFO,
}


def message(
    code: str,
    text: str,
    columns: Iterable[str] = (),
    *,
    count: int | None = None,
    example: Mapping[str, Any] | None = None,
    statement: str | None = None,
) -> CheckMessage:
    """Return a finding about columns; ``count`` rows or ids have it, ``example`` is one of them, by column."""
    details = {"columns": list(columns), "count": count, "example": example}
    return CheckMessage(LEVELS[code], text, hint=statement, obj=details, id=code)


class TableReport(NamedTuple):
    """The findings about a table, the worst first, and what it holds; times as text, UTC, None if not known."""

    table: str
    findings: list[CheckMessage]
    rows: int | None = None
    newest_date: str | None = None
    newest_load: str | None = None
    noted_load: str | None = None
