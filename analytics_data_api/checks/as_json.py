"""A report as one JSON document, for monitoring: its keys stay as they are."""

from collections import Counter
from typing import Any, Final

import orjson

from analytics_data_api.checks.findings import Finding, Report, Severity, TableReport

# The status of a database that does not answer, in place of a severity.
UNAVAILABLE: Final = "unavailable"


def written(report: Report) -> str:
    """Return the document about a database."""
    return document(
        report.database,
        report.status,
        Counter(finding.kind.severity for _, finding in report.findings),
        quick=report.quick,
        tables=[table(each) for each in report.tables],
    )


def unavailable(database: str, reason: str, *, quick: bool) -> str:
    """Return the document about a database that does not answer."""
    return document(database, UNAVAILABLE, Counter(), quick=quick, tables=[], reason=reason)


def document(
    database: str,
    status: str,
    counts: Counter[Severity],
    *,
    quick: bool,
    tables: list[dict[str, Any]],
    reason: str | None = None,
) -> str:
    content = {
        "database": database,
        "quick": quick,
        "status": status,
        "reason": reason,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "notes": counts[Severity.NOTE],
        "tables": tables,
    }
    # A SQLite file may hold anything in any column; an example of it is shown as it is written in Python.
    return orjson.dumps(content, default=repr, option=orjson.OPT_INDENT_2).decode()


def table(report: TableReport) -> dict[str, Any]:
    return {
        "table": report.table,
        "status": report.status,
        "rows": report.rows,
        "newest_date": report.newest_date and report.newest_date[: len("YYYY-mm-dd")],
        "newest_load": zoned(report.newest_load),
        "noted_load": zoned(report.noted_load),
        "findings": [finding(each) for each in report.findings],
    }


def finding(found: Finding) -> dict[str, Any]:
    return {
        "code": found.kind.code,
        "severity": found.kind.severity.word,
        "message": found.message,
        "columns": found.columns,
        "count": found.count,
        "example": found.example,
        "statement": found.statement,
    }


def zoned(time: str | None) -> str | None:
    """Return ``YYYY-mm-dd HH:MM:SS``, which is in UTC, as ``YYYY-mm-ddTHH:MM:SSZ``."""
    return None if time is None else f"{time[:10]}T{time[11:19]}Z"
