"""The tables that the database has: which dates they cover, and when they were loaded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Max, Model

from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.fields import AsText, Bytes
from analytics_data_api.tables.loads import moment, newest_loads
from analytics_data_api.tables.querysets.courses import COURSE_ID, DateQuery, blocks, courses_on_record, dates_of
from analytics_data_api.tables.rows import Row, Rows

COLUMNS: Final = ("table", "first_date", "last_date", "loaded", "endpoints")

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
    loads = newest_loads(ANALYTICS_DATABASE)
    for model in tables:
        name = model._meta.db_table
        yield (name, *span(model, None), shown(loads.get(name)), list(endpoints.get(name, ())))


def rows_of_some(
    tables: Iterable[type[Model]], endpoints: Mapping[str, Sequence[str]], chosen: Callable[[str], bool]
) -> Iterator[Row]:
    for model in tables:
        name = model._meta.db_table
        courses = list(filter(chosen, courses_on_record(model))) if has_field(model, COURSE_ID) else []
        yield (name, *span(model, courses), shown(loaded(model, courses)), list(endpoints.get(name, ())))


def shown(time: datetime | None) -> str | None:
    return None if time is None else time.strftime("%Y-%m-%d %H:%M:%S")


def loaded(model: type[Model], courses: Sequence[str]) -> datetime | None:
    """Return when the row of some courses was loaded that has the highest id, since loads append; None for none."""
    rows: Any = model._default_manager.using(ANALYTICS_DATABASE)
    wanted = frozenset(courses)
    last = 0
    for block in blocks(courses):
        # The index has the ids; keys that are only alike in the column's collation are other courses.
        newest = (
            rows.filter(course_id__in=list(block)).order_by().values_list(Bytes(COURSE_ID)).annotate(last=Max("pk"))
        )
        last = max([last, *(found for course, found in newest if course in wanted)])
    return moment(rows.filter(pk=last).values_list(AsText("created"), flat=True).first()) if last else None


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
