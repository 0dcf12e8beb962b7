"""Findings, as messages of Django's checks framework: ``id`` is the code, ``hint`` the SQL that mends the cause."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from django.core.checks import ERROR, INFO, WARNING, CheckMessage

# What makes an answer fail, wrong, or read a whole table is an error.
LEVELS: Final = {
    **dict.fromkeys(("missing_table", "forbidden_table", "unreadable_table", "missing_column"), ERROR),
    **dict.fromkeys(("wrong_type", "wrong_collation", "missing_index"), ERROR),
    **dict.fromkeys(("duplicate_rows", "unlisted_courses"), WARNING),
    **dict.fromkeys(("layout_without_column", "unknown_column", "short_index"), INFO),
    **dict.fromkeys(
        ("case_insensitive", "similar_ids", "not_checked", "absent_table", "computed", "behind_store"), INFO
    ),
}


def message(code: str, text: str, columns: Iterable[str] = (), hint: str | None = None, **details: Any) -> CheckMessage:
    """Return a finding about columns; details are a ``count`` of rows or ids, and an ``example``, by column."""
    about = {"columns": list(columns), "count": None, "example": None} | details
    return CheckMessage(LEVELS[code], text, hint, about, code)


class TableReport(NamedTuple):
    """The findings about a table, the worst first, and what it holds; times as text, UTC, None if not known."""

    table: str
    findings: list[CheckMessage]
    rows: int | None = None
    newest_date: str | None = None
    newest_load: str | None = None
    noted_load: str | None = None
