"""The tables that the database has: which dates they cover, and when they were loaded."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model

from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.loads import newest_loads
from analytics_data_api.tables.querysets.courses import DateQuery, courses_on_record, dates_of
from analytics_data_api.tables.rows import Row, Rows

COLUMNS: Final = ("table", "first_date", "last_date", "loaded", "endpoints")

# The columns of the first and the last date of tables by day, and by week.
DATES: Final = (("date", "date"), ("interval_start", "interval_end"))


def table_list(tables: Iterable[type[Model]], endpoints: Mapping[str, Sequence[str]]) -> Rows:
    """Return a row for each table.

    Args:
        tables: The tables that the database has.
        endpoints: What the row of a table has as its endpoints, by the name of the table.
    """
    return Rows(COLUMNS, rows_of(tables, endpoints))


def rows_of(tables: Iterable[type[Model]], endpoints: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    loads = newest_loads(ANALYTICS_DATABASE)
    for model in tables:
        name = model._meta.db_table
        loaded = loads.get(name)
        shown = None if loaded is None else loaded.strftime("%Y-%m-%d %H:%M:%S")
        yield (name, *span(model), shown, list(endpoints.get(name, ())))


def span(model: type[Model]) -> tuple[str | None, str | None]:
    """Return the first and the last date that a table has, as text; None where it has none."""
    for first, last in DATES:
        if has_field(model, first):
            courses = courses_on_record(model)
            begins = dates_of(model, courses, DateQuery(first, ascending=True)).values()
            ends = dates_of(model, courses, DateQuery(last)).values()
            return min(begins, default="")[:10] or None, max(ends, default="")[:10] or None
    return None, None


def has_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
