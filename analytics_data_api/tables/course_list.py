"""The courses that the tables have, with their enrollment, and which tables have them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple

from django.apps import apps
from django.db.models import Max, Model

from analytics_data_api.tables import ANALYTICS_DATABASE, introspection, models
from analytics_data_api.tables.course_ids import is_course_id, org_of
from analytics_data_api.tables.fields import AsText, Bytes
from analytics_data_api.tables.querysets.base import DatedQuerySet, newest
from analytics_data_api.tables.querysets.courses import (
    BLOCK_SIZE,
    COURSE_ID,
    DateQuery,
    blocks,
    courses_of_each,
    dates_of,
)
from analytics_data_api.tables.querysets.many import CoursesRequest
from analytics_data_api.tables.querysets.summaries import week_before
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.statements import is_date

COLUMNS: Final = (
    "course_id",
    "org",
    "title",
    "count",
    "count_change_7_days",
    "first_date",
    "last_date",
    "created",
    "tables",
)
SORTABLE: Final = ("course_id", "count", "count_change_7_days", "last_date")

# How many courses are looked up at a time where only the first ones may be wanted.
PAGE_BLOCKS: Final = (10, 100)


class CourseListQuery(NamedTuple):
    """Which courses are listed, and how.

    Attributes:
        orgs: Only courses of these organizations; None for all.
        search: Only courses whose id or title has this text in it, in capitals or not; None for all.
        sort: The column to sort by, of SORTABLE; ties are sorted by course, and null comes last.
        descending: Whether the highest value comes first.
        after: Only what comes behind a course with this value of that column: the value and the course.
        limit: How many courses will be taken at most; None if all.
        chosen: Whether a course is on record for this purpose; None for all.
    """

    orgs: frozenset[str] | None = None
    search: str | None = None
    sort: str = COURSE_ID
    descending: bool = False
    after: tuple[Any, str] | None = None
    limit: int | None = None
    chosen: Callable[[str], bool] | None = None


def present_tables() -> list[type[Model]]:
    """Return the tables that the database has now, by name; one that others filled may lack any of them.

    Raises:
        django.db.Error: The database does not answer.
    """
    models = {model._meta.db_table: model for model in apps.get_app_config("v0").get_models() if model._meta.managed}
    return [models[name] for name in sorted(introspection.tables(ANALYTICS_DATABASE, models))]


def has_courses(model: type[Model]) -> bool:
    """Return whether a table has a column of courses."""
    return any(field.column == COURSE_ID for field in model._meta.concrete_fields)


def course_list(tables: Sequence[type[Model]], query: CourseListQuery) -> Rows:
    """Return a row for each course that is on record, with COLUMNS.

    Args:
        tables: The tables that the database has, of those with a column of courses.
        query: Which courses.
    """
    return Rows(COLUMNS, rows_of(tables, query))


def rows_of(tables: Sequence[type[Model]], query: CourseListQuery) -> Iterator[Row]:
    tables_of: dict[str, list[str]] = {}
    for model, found in courses_of_each(tables).items():
        for course in found:
            tables_of.setdefault(course, []).append(model._meta.db_table)
    courses = sorted(filter(is_course_id, tables_of))
    if query.chosen is not None:
        courses = list(filter(query.chosen, courses))
    if query.orgs is not None:
        courses = [course for course in courses if org_of(course) in query.orgs]
    if query.search is not None:
        titles, text = titles_of(tables, courses), query.search.casefold()
        courses = [
            course for course in courses if text in course.casefold() or text in (titles.get(course) or "").casefold()
        ]
    if query.sort == COURSE_ID:
        if query.descending:
            courses.reverse()
        if query.after is not None:
            last = query.after[1]
            courses = [course for course in courses if (course < last if query.descending else course > last)]
        yield from described(tables, tables_of, courses, PAGE_BLOCKS if query.limit is not None else ())
        return
    place = COLUMNS.index(query.sort)
    rows = list(described(tables, tables_of, courses, ()))
    known = [row for row in rows if row[place] is not None]
    # Sorting is stable, also in reverse.
    known.sort(key=itemgetter(place), reverse=query.descending)
    listed = chain(known, (row for row in rows if row[place] is None))
    yield from listed if query.after is None else behind(listed, place, query)


def behind(rows: Iterable[Row], place: int, query: CourseListQuery) -> Iterator[Row]:
    """Yield the rows that come behind a place in their order."""
    value, course = query.after or (None, "")
    for row in rows:
        found = row[place]
        if found is None or value is None:
            after = (found is None, row[0]) > (value is None, course) if found is value else found is None
        elif found == value:
            after = row[0] > course
        else:
            after = found < value if query.descending else found > value
        if after:
            yield row


def described(
    tables: Sequence[type[Model]], tables_of: Mapping[str, list[str]], courses: Sequence[str], sizes: Sequence[int]
) -> Iterator[Row]:
    """Yield the rows of courses, in their order.

    Args:
        tables: The tables that the database has.
        tables_of: The names of the tables that have a course.
        courses: The courses.
        sizes: How many courses are looked up at a time at first.
    """
    start = 0
    for size in chain(sizes, repeat(BLOCK_SIZE)):
        block = courses[start : start + size]
        if not block:
            return
        titles = titles_of(tables, block)
        enrollment = enrollment_of(block) if models.CourseEnrollmentDaily in tables else {}
        lacking = [course for course in block if course not in enrollment]
        loads = newest_created(tables, tables_of, lacking)
        for course in block:
            found = enrollment.get(course)
            numbers: Row = (None, None, None, None, loads.get(course)) if found is None else found
            yield (course, org_of(course), titles.get(course), *numbers, tables_of[course])
        start += size


def titles_of(tables: Sequence[type[Model]], courses: Sequence[str]) -> dict[str, str | None]:
    """Return the title of each course that the catalog has."""
    table: Any = models.CourseMetaSummaryEnrollment
    if table not in tables:
        return {}
    return {summary.course_id: summary.texts[0] for summary in table.objects.all().of_courses(courses)}


def enrollment_of(courses: Sequence[str]) -> dict[str, Row]:
    """Return of each course that has enrollment its count, the change of it, the first and last date, and ``created``.

    The count is that of the latest date; the change is that since exactly seven days before.
    """
    table: Any = models.CourseEnrollmentDaily
    firsts, lasts = dates_of(table, courses, DateQuery("date", ascending=True), DateQuery("date"))
    dates = {course: [day for day in (last, week_before(last)) if day] for course, last in lasts.items()}
    rows = {row[:2]: row for row in newest(itemgetter(0, 1), table.objects.all().on_dates(dates))}
    found: dict[str, Row] = {}
    for course, last in lasts.items():
        row = rows.get((course, last))
        if row is not None:
            before = rows.get((course, week_before(last)))
            count = row[2] or 0
            change = count - (before[2] or 0 if before else 0)
            # Of a table without an index these are two reads, and a load may come between them.
            found[course] = (count, change, firsts.get(course), last, row[3])
    return found


def newest_created(
    tables: Iterable[type[Model]], tables_of: Mapping[str, list[str]], courses: Sequence[str]
) -> dict[str, str]:
    """Return when the newest row of each course was loaded, in a table by day (week) of those of its latest date.

    Args:
        tables: The tables that the database has.
        tables_of: The names of the tables that have a course.
        courses: The courses.
    """
    found: dict[str, str] = {}
    for model in tables:
        having = sorted(course for course in courses if model._meta.db_table in tables_of[course])
        for course, created in loads_of(model, having) if having else ():
            if created is not None and is_date(created):
                found[course] = max(created, found.get(course, created))
    return found


def loads_of(model: type[Model], courses: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Yield courses, in the order of their bytes, and times at which rows of them were loaded, the newest among them.

    Rows of earlier dates are not read: they may be hundreds of thousands.
    """
    rows: Any = model._default_manager.using(ANALYTICS_DATABASE).all()
    if isinstance(rows, DatedQuerySet):
        columns, items, _ = rows.report_of_courses(CoursesRequest(courses))
        yield from map(itemgetter(columns.index(COURSE_ID), columns.index("created")), items)
        return
    for block in blocks(courses):
        of_courses = rows.filter(course_id__in=block).order_by().values_list(Bytes(COURSE_ID))
        yield from of_courses.annotate(created_last=AsText(Max("created")))
