"""The tables that the database has: which dates they cover, and when they were loaded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.fields import AsText, Bytes
from analytics_data_api.tables.loads import noted_loads
from analytics_data_api.tables.querysets.courses import COURSE_ID, DateQuery, blocks, courses_on_record, dates_of
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.statements import is_date

COLUMNS: Final = ("table", "first_date", "last_date", "loaded", "endpoints")

# How many rows are looked at for the newest one: loads may run twice, and out of order.
LAST_ROWS: Final = 1000

# The columns of the first and the last date of tables by day, and by week.
DATES: Final = (("date", "date"), ("interval_start", "interval_end"))


def table_list(
    tables: Iterable[type[Model]],
    endpoints: Mapping[str, Sequence[str]],
    chosen: Callable[[str], bool] | None = None,
) -> Rows:
    """Return a row for each table.

    Args:
        tables: The tables that the database has.
        endpoints: What the row of a table has as its endpoints, by the name of the table.
        chosen: Whether rows of a course are on record for this purpose; None for all. Rows without a course are not.
    """
    return Rows(COLUMNS, rows_of(tables, endpoints) if chosen is None else rows_of_some(tables, endpoints, chosen))


def rows_of(tables: Iterable[type[Model]], endpoints: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    noted = noted_loads(ANALYTICS_DATABASE)
    for model in tables:
        name = model._meta.db_table
        loaded = f"{noted[name]:%Y-%m-%d %H:%M:%S}" if name in noted else newest_created(model)
        yield (name, *span(model, None), loaded, list(endpoints.get(name, ())))


def newest_created(model: type[Model]) -> str | None:
    """Return the newest ``created`` of a table's last rows, as text; loads append, so that it is that of the table."""
    rows = model._default_manager.using(ANALYTICS_DATABASE).order_by("-pk")
    return max(filter(is_date, rows.values_list(AsText("created"), flat=True)[:LAST_ROWS]), default=None)


def rows_of_some(
    tables: Iterable[type[Model]], endpoints: Mapping[str, Sequence[str]], chosen: Callable[[str], bool]
) -> Iterator[Row]:
    for model in tables:
        name = model._meta.db_table
        courses = list(filter(chosen, courses_on_record(model))) if has_field(model, COURSE_ID) else []
        yield (name, *span(model, courses), newest_created_of(model, courses), list(endpoints.get(name, ())))


def newest_created_of(model: type[Model], courses: Sequence[str]) -> str | None:
    """Return the newest ``created`` of the last rows of some courses, as text."""
    rows: Any = model._default_manager.using(ANALYTICS_DATABASE)
    wanted = frozenset(courses)
    ids: list[int] = []
    for block in blocks(courses):
        # Columns that the index has, so that no row is read but the last ones.
        last = rows.filter(course_id__in=list(block)).order_by("-pk").values_list(Bytes(COURSE_ID), "pk")[:LAST_ROWS]
        # A column's collation may find courses that are only alike.
        ids = sorted([*ids, *(pk for course, pk in last if course in wanted)])[-LAST_ROWS:]
    found = rows.filter(pk__in=ids).values_list(AsText("created"), flat=True) if ids else ()
    return max(filter(is_date, found), default=None)


def span(model: type[Model], courses: Sequence[str] | None) -> tuple[str | None, str | None]:
    """Return the first and the last date that a table has of courses, of all where it is None; None for no date."""
    for first, last in DATES:
        if has_field(model, first):
            named = courses_on_record(model) if courses is None else courses
            begins = dates_of(model, named, DateQuery(first, ascending=True)).values()
            ends = dates_of(model, named, DateQuery(last)).values()
            return min(begins, default="")[:10] or None, max(ends, default="")[:10] or None
    return None, None


def has_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
