"""How many rows a table has, and how new they are: read in short statements, one after the other, that lock nothing."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.db.models import Count, Max

from analytics_data_api.checks.findings import Finding, Kind
from analytics_data_api.checks.table import Table
from analytics_data_api.tables.fields import AsText

# Rows that a statement reads: about a twentieth of a second's work.
SLICE_SIZE: Final = 100_000

DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?")


class Contents(NamedTuple):
    """What a table holds; times as text, UTC, None where they are not known.

    Attributes:
        rows: How many there are.
        newest_date: The latest date, or end of a week.
        newest_load: The latest ``created``.
    """

    rows: int | None = None
    newest_date: str | None = None
    newest_load: str | None = None


def counted(table: Table) -> Contents:
    """Read all of a table."""
    aggregates: dict[str, Any] = {"rows": Count("*")}
    aggregates |= {name: AsText(Max(field)) for name, field in newest_fields(table).items()}
    if not table.has("id") or not table.structure.leads("id"):
        # A view: a part of it might take as long as all of it.
        return Contents(**table.rows.aggregate(**aggregates))
    total, rest = Contents(rows=0), table.rows
    while True:
        part = rest.order_by("id")[:SLICE_SIZE].aggregate(last=Max("id"), **aggregates)
        last = part.pop("last")
        if last is None:
            return total
        total = together(total, Contents(**part))
        rest = table.rows.filter(id__gt=last)


def together(first: Contents, second: Contents) -> Contents:
    return Contents(
        (first.rows or 0) + (second.rows or 0),
        *(max(filter(None, pair), default=None) for pair in zip(first[1:], second[1:], strict=True)),
    )


def glanced(table: Table) -> Contents:
    """Read what indexes lead to at once: the rows are not counted, and the newest load is that of the last row."""
    latest_by, entity = table.latest_by, table.entity
    newest_date = newest_load = None
    if latest_by is not None and table.has(latest_by):
        newest = AsText(Max(latest_by))
        if table.structure.leads(table.column(latest_by)):
            newest_date = table.rows.aggregate(newest=newest)["newest"]
        elif table.structure.leads(table.column(entity), table.column(latest_by)):
            # MySQL jumps from one course to the next.
            by_course = table.rows.values_list(entity).annotate(newest=newest).values_list("newest", flat=True)
            newest_date = max(filter(None, by_course.iterator()), default=None)
    if table.has("id", "created") and table.structure.leads("id"):
        newest_load = table.rows.order_by("-id").values_list(AsText("created"), flat=True).first()
    return Contents(None, newest_date, newest_load)


def newest_fields(table: Table) -> dict[str, str]:
    """Return which field tells what is newest."""
    fields = {"newest_load": "created"} | ({"newest_date": table.latest_by} if table.latest_by else {})
    return {name: field for name, field in fields.items() if table.has(field)}


def findings(table: Table, contents: Contents) -> Iterator[Finding]:
    """Yield what is to be said about dates and times that are none, which a column of text may hold."""
    forms = {"newest_date": DATE if table.latest_by == "date" else TIME, "newest_load": TIME}
    for name, field in newest_fields(table).items():
        value = getattr(contents, name)
        if value is not None and not forms[name].fullmatch(value):
            expected = "YYYY-mm-dd" if forms[name] is DATE else "YYYY-mm-dd HH:MM:SS"
            message = f"The column {table.column(field)} holds {value[:40]!r}, where answers take {expected}."
            yield Finding(Kind.WRONG_TYPE, message, columns=(table.column(field),), example={field: value})
