"""Which courses a table has, and the dates that it has of each.

Where an index begins with ``course_id``, both are read by jumping from one course to the next, so that their cost grows
with the number of courses and not with that of rows. How a database is made to do so differs: its backend does it, in
``distinct_keys()`` and ``key_relation()`` of the connection. A table without such an index, or in a database whose
backend has no such methods, is read once from beginning to end.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeVar

from django.apps import apps
from django.db import OperationalError, connections
from django.db.models import DateTimeField, Model

from analytics_data_api.tables import introspection
from analytics_data_api.tables.dates import Interval
from analytics_data_api.tables.fields import Bytes, same_key
from analytics_data_api.tables.statements import FETCH_SIZE, NOT_UTF8, database_of, is_date

T = TypeVar("T")

COURSE_ID: Final = "course_id"

# How many courses one query names at most.
BLOCK_SIZE: Final = 1000

# MySQL: "Illegal mix of collations" of two values, of three, and of more; "Conversion from collation … impossible for
# parameter".
NO_COMMON_CHARACTER_SET: Final = {1267, 1270, 1271, 3988}

# The length of YYYY-mm-dd.
DAY_LENGTH: Final = 10

# Stands in a text for bytes that are not UTF-8; no query finds the rows of such an id.
UNDECODABLE: Final = "\ufffd"

DATES_OF_EACH: Final = "SELECT c.course_id, {dates} FROM ({relation}) c"
# GROUP BY, since MariaDB skips too much where a subquery with DISTINCT and OFFSET runs again.
DATE_OF_EACH: Final = """(
    SELECT CAST(t.{column} AS CHAR) FROM {table} t WHERE {conditions}
    GROUP BY t.{column} ORDER BY t.{column} {direction} LIMIT 1 OFFSET {skipped}
)"""
ALL_DATES: Final = """
    SELECT DISTINCT {key}, CAST(t.{column} AS CHAR) FROM {table} t WHERE {conditions} ORDER BY 1, 2 {direction}
"""

# Jumps from the latest date of each course to the latest one before its week or month, and so on.
LAST_OF_EACH: Final = """
    WITH RECURSIVE lasts (course_id, day, number) AS (
        SELECT c.course_id, (
            SELECT t.{column} FROM {table} t WHERE {of_course} AND {conditions} ORDER BY t.{column} DESC LIMIT 1
        ), 1 FROM ({relation}) c
        UNION ALL
        SELECT lasts.course_id, (
            SELECT t.{column} FROM {table} t
            WHERE {of_last} AND t.{column} < {start} AND {conditions} ORDER BY t.{column} DESC LIMIT 1
        ), lasts.number + 1 FROM lasts WHERE lasts.day IS NOT NULL AND lasts.number < %s
    )
    SELECT course_id, CAST(day AS CHAR), number FROM lasts
"""
# Servers end a recursion after 1000 steps by default, and some of them without an error.
MOST_JUMPS: Final = 900

# The month is one, and has the day: February has 29 in a leap year alone.
REAL_DATE: Final = """
    {text} LIKE '____-__-__%%' AND {text} NOT LIKE '0000%%'
    AND {day} BETWEEN '01-01' AND '12-31' AND SUBSTR({text}, 9, 2) BETWEEN '01' AND '31'
    AND {day} NOT IN ('02-30', '02-31', '04-31', '06-31', '09-31', '11-31')
    AND ({day} <> '02-29' OR ({year} %% 4 = 0 AND ({year} %% 100 <> 0 OR {year} %% 400 = 0)))
"""


class DateQuery(NamedTuple):
    """Which date of a course is meant.

    Attributes:
        column: The column of the date, or of the end of a week.
        conditions: What the rows have to meet, as SQL, each with the table as ``t`` and its parameters as ``%s``.
        params: The values of those parameters, as the database takes them.
        number: Which of the dates, the latest one being 1; each date counts once, whatever its number of rows.
        ascending: Whether the first date is 1 instead.
    """

    column: str
    conditions: tuple[str, ...] = ()
    params: tuple[Any, ...] = ()
    number: int = 1
    ascending: bool = False


def blocks(values: Sequence[T], size: int = BLOCK_SIZE) -> Iterator[Sequence[T]]:
    """Yield values in pieces that one query can name."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def is_indexed(model: type[Model]) -> bool:
    """Return whether the rows of a course can be found without reading the others."""
    return introspection.has_index(database_of(model), model._meta.db_table, COURSE_ID)


def courses_on_record(model: type[Model]) -> list[str]:
    """Return the ids of the courses that a table has rows of; see :func:`courses_of_each`."""
    (courses,) = courses_of_each([model]).values()
    return courses


def courses_of_each(models: Sequence[type[Model]]) -> dict[type[Model], list[str]]:
    """Return the ids of the courses that each table has rows of, each once, in the order of their bytes.

    Whether an id has the form of one is not looked at. Ids that are no text are left out: no request can name them.

    Args:
        models: The tables, with a column ``course_id``, all of one database.

    Raises:
        django.db.Error: The database does not answer, or lacks a table.
    """
    if not models:
        return {}
    alias = database_of(models[0])
    connection: Any = connections[alias]
    ids: dict[str, list[Any]] = {}
    indexed = [model._meta.db_table for model in models if hasattr(connection, "distinct_keys") and is_indexed(model)]
    if indexed:
        ids = decoded(connection, lambda: connection.distinct_keys(indexed, COURSE_ID))
    for model in models:
        if model._meta.db_table not in ids:
            rows: Any = model._default_manager.using(alias)
            distinct = rows.order_by().values_list(Bytes(COURSE_ID), flat=True).distinct()
            ids[model._meta.db_table] = decoded(connection, partial(list, distinct))
    return {model: sorted(filter(is_text, set(ids[model._meta.db_table]))) for model in models}


def is_text(course: Any) -> bool:
    return isinstance(course, str) and UNDECODABLE not in course


def read_of_courses(model: type[Model], courses: Sequence[str], read: Callable[[Sequence[str]], T]) -> T:
    """Return what a function reads of some courses.

    MySQL refuses to look for several ids where the column's character set cannot express one of them, as utf8mb3 cannot
    an emoji. The table has no row of that one: the function is called once more, for those of the courses that it has.

    Args:
        model: The table.
        courses: The courses.
        read: Returns what it reads of the courses that it is called with.
    """
    try:
        return read(courses)
    except OperationalError as error:
        if error.args[0] not in NO_COMMON_CHARACTER_SET:
            raise
    on_record = frozenset(courses_on_record(model))
    return read([course for course in courses if course in on_record])


def decoded(connection: Any, read: Any) -> Any:
    """Return what a function reads; where that holds bytes that are not UTF-8, with U+FFFD in their place."""
    try:
        return read()
    except (UnicodeDecodeError, OperationalError) as error:
        if connection.lenient or (isinstance(error, OperationalError) and NOT_UTF8 not in str(error)):
            raise
        connection.decode_leniently()
        return read()


def course_dates(model: type[Model], courses: Sequence[str], *queries: DateQuery) -> list[dict[str, str]]:
    """Return one or several dates that a table has of each course, as text.

    Zero dates are none.

    Args:
        model: The table.
        courses: The courses, at most :data:`BLOCK_SIZE` where the table has an index on the course.
        queries: Which dates.

    Returns:
        The dates of each query by course; a course that has fewer is left out.

    Raises:
        django.db.Error: The database does not answer, or lacks the table.
    """
    connection: Any = connections[database_of(model)]
    if not courses:
        return [{} for _ in queries]
    if not hasattr(connection, "key_relation") or not is_indexed(model):
        return [dict(dates_by_reading(model, courses, query, within=False)) for query in queries]
    rows = decoded(connection, lambda: dates_by_index(connection, model._meta.db_table, courses, queries))
    # Where keys compare by a collation, the relation has one of several that are alike, maybe none that is wanted.
    wanted = frozenset(courses)
    rows = [row for row in rows if row[0] in wanted]
    found: list[dict[str, str | None]] = [{row[0]: row[place] for row in rows} for place in range(1, len(queries) + 1)]
    rest = [] if getattr(connection, "compares_bytes", False) else [each for each in courses if each not in found[0]]
    if rest:
        for dates, query in zip(found, queries, strict=True):
            dates.update(dates_by_reading(model, rest, query, within=True))
    return [real_dates(model, dates, query) for dates, query in zip(found, queries, strict=True)]


def real_dates(model: type[Model], found: Mapping[str, str | None], query: DateQuery) -> dict[str, str]:
    """Return the dates of courses that are dates, as a report has them."""
    # A program or a view may have left a time behind a date.
    length = DAY_LENGTH if is_day(model, query.column) else None
    texts = {course: text[:length] for course, text in found.items() if text is not None}
    return {course: text for course, text in texts.items() if is_date(text)}


def is_day(model: type[Model], column: str) -> bool:
    """Return whether a column is a date without a time."""
    fields = {field.column: field for field in model._meta.concrete_fields}
    return not isinstance(fields[column], DateTimeField)


def dates_by_index(
    connection: Any, table: str, courses: Sequence[str], queries: Sequence[DateQuery]
) -> Sequence[tuple[Any, ...]]:
    """Return rows of a course and its dates."""
    relation, keys = connection.key_relation(table, COURSE_ID, courses)
    of_course = same_key(connection, f"t.{COURSE_ID}", "c.course_id")
    dates = [
        DATE_OF_EACH.format(
            column=query.column,
            table=table,
            conditions=" AND ".join((of_course, *query.conditions, real_date(query.column))),
            direction="ASC" if query.ascending else "DESC",
            skipped=query.number - 1,
        )
        for query in queries
    ]
    params = [param for query in queries for param in query.params]
    with connection.cursor() as cursor:
        cursor.execute(DATES_OF_EACH.format(dates=", ".join(dates), relation=relation), [*params, *keys])
        found: Sequence[tuple[Any, ...]] = cursor.fetchall()
    return found


def real_date(column: str) -> str:
    """Return the SQL of what :func:`~analytics_data_api.tables.statements.is_date` checks."""
    text = f"CAST(t.{column} AS CHAR)"
    return REAL_DATE.format(text=text, year=f"SUBSTR({text}, 1, 4)", day=f"SUBSTR({text}, 6, 5)")


def dates_by_reading(
    model: type[Model], courses: Sequence[str], query: DateQuery, *, within: bool
) -> Iterator[tuple[str, str]]:
    """Yield the courses and the date by reading all their dates; see :func:`all_dates`."""
    for course, dates in all_dates(model, courses, query, within=within):
        date = next(islice(dates, query.number - 1, None), None)
        if date is not None:
            yield course, date


def all_dates(
    model: type[Model], courses: Sequence[str], query: DateQuery, *, within: bool
) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield the courses that a table has, and all dates of each, in the order of the query.

    Args:
        model: The table.
        courses: The courses.
        query: Which dates, apart from their number.
        within: Whether to read the rows of these courses only.
    """
    connection: Any = connections[database_of(model)]
    conditions = [*query.conditions, real_date(query.column)]
    params = list(query.params)
    if within:
        conditions.append(f"t.{COURSE_ID} IN ({', '.join(['%s'] * len(courses))})")
        params += courses
    sql = ALL_DATES.format(
        key=Bytes.of(connection, f"t.{COURSE_ID}"),
        column=query.column,
        table=model._meta.db_table,
        conditions=" AND ".join(conditions),
        direction="ASC" if query.ascending else "DESC",
    )
    wanted = frozenset(courses)
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, params)
        for course, dates in groupby(fetched(cursor), key=itemgetter(0)):
            if course in wanted:
                yield course, map(itemgetter(1), dates)


def fetched(cursor: Any) -> Iterator[tuple[str, str]]:
    while rows := cursor.fetchmany(FETCH_SIZE):
        yield from rows


def interval_dates(
    model: type[Model], courses: Sequence[str], query: DateQuery, interval: Interval, last: int | None
) -> dict[str, list[str]] | None:
    """Return the last date of each week or month of each course, as text, the latest first.

    The cost grows with the number of these dates, not with that of all dates.

    Args:
        model: One of the tables of enrollment by day, with an index on the course.
        courses: The courses, at most :data:`BLOCK_SIZE`.
        query: Which dates count, apart from their number.
        interval: Week or month.
        last: How many of the dates of a course are wanted; None for all.

    Returns:
        The dates of those courses that have one; None where they cannot be found in this way.

    Raises:
        django.db.Error: The database does not answer, or lacks the table.
    """
    connection: Any = connections[database_of(model)]
    if not hasattr(connection, "interval_start"):
        return None
    if (last or MOST_JUMPS) > getattr(connection, "cheap_jumps", MOST_JUMPS):
        return None
    wanted = min(last or MOST_JUMPS, MOST_JUMPS)
    found: dict[str, list[str]] = {course: [] for course in courses}
    on_record = set()
    for course, text, number in decoded(
        connection, lambda: lasts_by_index(model, courses, query, interval, wanted + 1)
    ):
        on_record.add(course)
        if text is None:
            continue
        if not is_date(text) or (number > wanted and wanted != last):
            return None
        if number <= wanted:
            found[course].append(text[:DAY_LENGTH])
    # Where keys compare by a collation, the relation has only one of several that are alike.
    rest = [course for course in courses if course not in on_record]
    if rest and not getattr(connection, "compares_bytes", False):
        for course, dates in all_dates(model, rest, query, within=True):
            lasts = (next(group) for _, group in groupby(filter(is_date, dates), key=interval.of))
            found[course] = [text[:DAY_LENGTH] for text in islice(lasts, last)]
    return {course: dates for course, dates in found.items() if dates}


def lasts_by_index(
    model: type[Model], courses: Sequence[str], query: DateQuery, interval: Interval, number: int
) -> list[tuple[str, str | None, int]]:
    connection: Any = connections[database_of(model)]
    table = model._meta.db_table
    relation, keys = connection.key_relation(table, COURSE_ID, courses)
    sql = LAST_OF_EACH.format(
        column=query.column,
        table=table,
        of_course=same_key(connection, f"t.{COURSE_ID}", "c.course_id"),
        of_last=same_key(connection, f"t.{COURSE_ID}", "lasts.course_id"),
        conditions=" AND ".join((*query.conditions, real_date(query.column))),
        start=connection.interval_start("lasts.day", interval),
        relation=relation,
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*query.params, *keys, *query.params, number])
        # A column's collation may find courses that are only alike.
        wanted = frozenset(courses)
        return [row for row in cursor.fetchall() if row[0] in wanted]


def latest_dates(model: type[Model], courses: Sequence[str] | None = None) -> dict[str, str]:
    """Return the latest date that a table has of each course, as ``YYYY-mm-dd``.

    Args:
        model: One of the tables of enrollment by day.
        courses: The courses; all that the table has where it is None.

    Raises:
        django.db.Error: The database does not answer, or lacks the table.
    """
    (found,) = dates_of(model, courses_on_record(model) if courses is None else courses, DateQuery("date"))
    return found


def dates_of(model: type[Model], courses: Sequence[str], *queries: DateQuery) -> list[dict[str, str]]:
    """Return some dates of each of any number of courses; see :func:`course_dates`."""
    size = BLOCK_SIZE if is_indexed(model) else max(1, len(courses))
    found: list[dict[str, str]] = [{} for _ in queries]
    for block in blocks(courses, size):
        read = read_of_courses(model, block, lambda named: course_dates(model, named, *queries))
        for dates, more in zip(found, read, strict=True):
            dates.update(more)
    return found


def courses_of_all_tables() -> set[str]:
    """Return the ids of the courses that any table of the pipeline has rows of; a table that is missing has none.

    Raises:
        django.db.Error: The database does not answer.
    """
    courses: set[str] = set()
    for model in apps.get_app_config("v0").get_models():
        table = model._meta.db_table
        if model._meta.managed and COURSE_ID in introspection.columns(database_of(model), table):
            courses.update(courses_on_record(model))
    return courses
