"""The tables that the database has: which dates they cover, and when they were loaded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import Max, Model

from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.fields import LONGEST_LIST, AsText, Bytes
from analytics_data_api.tables.loads import noted_loads
from analytics_data_api.tables.querysets.courses import (
    COURSE_ID,
    DateQuery,
    blocks,
    courses_of_each,
    dates_of,
    decoded,
    real_date,
)
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.statements import is_date

COLUMNS: Final = ("table", "first_date", "last_date", "loaded", "endpoints")

# How many rows are looked at for the newest one, in a table without notes of its loads and without an index on them:
# loads may run twice, and out of order.
NEWEST_ROWS: Final = 5_000
# The same for some courses, of which these rows may have few.
LAST_ROWS: Final = 100_000
# A range of the key takes less time than the last rows themselves; of a table with gaps it has fewer.
NEWEST: Final = """
    SELECT '{table}', CAST(MAX(t.created) AS CHAR) FROM {table} t
    WHERE t.id > (SELECT CAST(MAX(id) AS SIGNED) FROM {table}) - {rows} {condition}
"""
NEWEST_OF_EACH: Final = """
    SELECT {key}, CAST(MAX(t.created) AS CHAR)
    FROM (SELECT course_id, created FROM {table} ORDER BY id DESC LIMIT {rows}) t WHERE {condition} GROUP BY 1
"""
# Of so many, one is likely to be of a course that is wanted where many are.
VERY_LAST_ROWS: Final = 1000
LOADED_WITH: Final = """
    SELECT DISTINCT {key} FROM (SELECT course_id, created FROM {table} ORDER BY id DESC LIMIT {rows}) t
    WHERE t.created = %s
"""

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
    models = {model._meta.db_table: model for model in tables}
    noted = noted_loads(ANALYTICS_DATABASE)
    loads = {name: f"{noted[name]:%Y-%m-%d %H:%M:%S}" for name in models if name in noted}
    loads |= newest_created([name for name in models if name not in loads])
    found = courses_of_each([model for model in models.values() if dates_in(model)])
    for name, model in models.items():
        yield (name, *span(model, found.get(model, ())), loads.get(name), list(endpoints.get(name, ())))


def newest_created(tables: Sequence[str]) -> dict[str, str]:
    """Return the newest ``created`` of each table's last rows, as text; loads append, so that it is that of the table.

    A table without one is left out.
    """
    found: dict[str, str] = {}
    for condition in ("", f"AND {real_date('created')}"):
        if tables:
            parts = [NEWEST.format(table=table, rows=NEWEST_ROWS, condition=condition) for table in tables]
            newest: dict[str, str | None] = dict(read(" UNION ALL ".join(parts)))
            found |= {table: created for table, created in newest.items() if created and is_date(created)}
            # A time that is none may be the newest, which is seldom.
            tables = [table for table, created in newest.items() if not (created is None or is_date(created))]
    return found


def rows_of_some(
    tables: Iterable[type[Model]], endpoints: Mapping[str, Sequence[str]], chosen: Callable[[str], bool]
) -> Iterator[Row]:
    # Most tables have the same courses.
    chosen = cache(chosen)
    models = {model._meta.db_table: model for model in tables}
    found = courses_of_each([model for model in models.values() if has_field(model, COURSE_ID)])
    courses = {name: list(filter(chosen, found.get(model, ()))) for name, model in models.items()}
    loads = newest_created([name for name, some in courses.items() if some])
    for name, model in models.items():
        loaded = newest_created_of(model, courses[name], loads.get(name))
        yield (name, *span(model, courses[name]), loaded, list(endpoints.get(name, ())))


def newest_created_of(model: type[Model], courses: Sequence[str], of_all: str | None) -> str | None:
    """Return the newest ``created`` of some courses among a table's last rows, as text, else of all rows of them.

    Args:
        model: The table.
        courses: The courses.
        of_all: The newest one of all courses among the table's last rows.
    """
    if not courses:
        return None
    wanted = frozenset(courses)
    parts: dict[str, Any] = {
        "key": Bytes.of(connections[ANALYTICS_DATABASE], f"t.{COURSE_ID}"),
        "table": model._meta.db_table,
    }
    if of_all is not None:
        last = read(LOADED_WITH.format(rows=VERY_LAST_ROWS, **parts), [of_all])
        if any(course in wanted for (course,) in last):
            return of_all
    # Comparing with a few courses takes less time than grouping by all.
    named = list(courses) if len(courses) <= LONGEST_LIST else []
    condition = real_date("created")
    if named:
        condition = f"t.{COURSE_ID} IN ({', '.join(['%s'] * len(named))}) AND {condition}"
    found = read(NEWEST_OF_EACH.format(rows=LAST_ROWS, condition=condition, **parts), named)
    newest = max((created for course, created in found if course in wanted and is_date(created)), default=None)
    return newest or max(newest_loads_of(model, courses), default=None)


def newest_loads_of(model: type[Model], courses: Sequence[str]) -> Iterator[str]:
    """Yield the newest ``created`` of each course, by reading all rows of the courses."""
    wanted = frozenset(courses)
    for block in blocks(courses):
        rows: Any = model._default_manager.using(ANALYTICS_DATABASE).filter(course_id__in=list(block)).order_by()
        found = rows.values_list(Bytes(COURSE_ID)).annotate(newest=AsText(Max("created")))
        # A column's collation may find courses that are only alike.
        yield from (created for course, created in found if course in wanted and is_date(created))


def read(sql: str, params: Sequence[str] = ()) -> list[Row]:
    """Return the rows of a query."""
    connection: Any = connections[ANALYTICS_DATABASE]

    def read_rows() -> list[Row]:
        with connection.cursor() as cursor:
            cursor.execute(sql, list(params))
            found: list[Row] = cursor.fetchall()
        return found

    rows: list[Row] = decoded(connection, read_rows)
    return rows


def span(model: type[Model], courses: Sequence[str]) -> tuple[str | None, str | None]:
    """Return the first and the last date that a table has of courses; None for no date."""
    for first, last in dates_in(model):
        begins, ends = dates_of(model, courses, DateQuery(first, ascending=True), DateQuery(last))
        return min(begins.values(), default="")[:10] or None, max(ends.values(), default="")[:10] or None
    return None, None


def dates_in(model: type[Model]) -> list[tuple[str, str]]:
    """Return the columns of the first and the last date that a table has; none, or one pair."""
    return [columns for columns in DATES if has_field(model, columns[0])]


def has_field(model: type[Model], name: str) -> bool:
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return False
    return True
