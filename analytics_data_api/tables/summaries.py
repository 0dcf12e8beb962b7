"""Reports of the tables that a database may lack: summaries of many courses, programs, and tags of problems.

Where there are no summaries, they are derived from enrollment by mode.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db.models import Model

from analytics_data_api.tables import introspection, models
from analytics_data_api.tables.querysets.courses import courses_on_record
from analytics_data_api.tables.querysets.summaries import BLOCK_SIZES, COUNTS, Summary
from analytics_data_api.tables.querysets.tags import TagsQuerySet
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.statements import database_of

COLUMNS: Final = (
    "created",
    "course_id",
    "catalog_course_title",
    "catalog_course",
    "start_date",
    "end_date",
    "pacing_type",
    "availability",
    "count",
    "cumulative_count",
    "count_change_7_days",
    "recent_count_change",
    "passing_users",
)
TOTALS: Final = ("count", "cumulative_count", "count_change_7_days", "verified_enrollment")

# Values that are served by another name.
AVAILABILITY: Final = {"Starting Soon": "Upcoming"}
# Stands for null in filters.
UNKNOWN: Final = "unknown"


class SummaryQuery(NamedTuple):
    """Which summaries are read; None stands for all.

    Attributes:
        courses: The courses.
        availability: The values of availability.
        pacing_type: The values of pacing_type.
        program_ids: Programs, one of which the course is part of.
        text: What the id or the title contains, in capitals or not.
        recent_date: The date since which ``recent_count_change`` counts.
        with_programs: Whether the rows have the column ``programs``.
        order_by: The column to order by; None for the course.
        descending: Whether to begin with the highest value.
    """

    courses: Collection[str] | None = None
    availability: tuple[str, ...] | None = None
    pacing_type: tuple[str, ...] | None = None
    program_ids: tuple[str, ...] | None = None
    text: str | None = None
    recent_date: date | None = None
    with_programs: bool = False
    order_by: str | None = None
    descending: bool = False


class Report(NamedTuple):
    """Rows, and the tables that they are read from."""

    models: tuple[type[Model], ...]
    rows: Rows


def exists(model: type[Model]) -> bool:
    """Return whether the database has a table, which one that others filled may lack."""
    return introspection.has_table(database_of(model), model._meta.db_table)


def course_summaries(query: SummaryQuery) -> Report:
    """Return a row for each course: COLUMNS, the object of its modes, and its programs where the query has them."""
    tables, summaries = source(query.courses)
    if (query.with_programs or query.program_ids is not None) and exists(models.CourseProgramMetadata):
        tables += (models.CourseProgramMetadata,)
    if query.recent_date is not None:
        tables += (models.CourseEnrollmentDaily,)
    columns = (*COLUMNS, "enrollment_modes", *(("programs",) if query.with_programs else ()))
    return Report(tables, Rows(columns, ordered(selected(query, summaries, tables), query)))


def course_totals(courses: Collection[str] | None, least: int | None = None) -> Report:
    """Return one row, the sums of TOTALS over the summaries of courses; none where there are none.

    Args:
        courses: The courses; all where it is None.
        least: The smallest count of a part that may be known. Where a course has a smaller one, their sum is null: with
            and without the course, it would say how many that one counts.
    """
    tables, summaries = source(courses)
    return Report(tables, Rows(TOTALS, totals(summaries, least or 0)))


def programs(program_ids: tuple[str, ...] | None, chosen: Callable[[str], bool] | None = None) -> Report:
    """Return a row for each program, of some or, where it is None, of all.

    Args:
        program_ids: The programs.
        chosen: Whether a course is on record for this purpose; None for all. A program without one is left out.
    """
    columns = ("program_id", "program_type", "program_title", "course_ids", "created")
    if not exists(models.CourseProgramMetadata):
        return Report((), Rows(columns, ()))
    table: Any = models.CourseProgramMetadata
    return Report((table,), Rows(columns, table.objects.all().programs(program_ids, chosen)))


def problems_and_tags(course_id: str) -> Report:
    """Return a row for each problem of a course that has tags, in table order."""
    table: Any = models.TagsDistribution
    if not exists(table):
        return Report((), Rows(TagsQuerySet.items, ()))
    return Report((table,), table.objects.all().report(course_id))


def totals(summaries: Iterable[Summary], least: int) -> Iterator[Row]:
    sums: Row | None = None
    is_known = True
    for summary in summaries:
        count, cumulative, change, _ = summary.total
        verified = summary.modes["verified"][0]
        is_known = is_known and verified >= least
        values: Row = (count, cumulative, change, verified)
        sums = values if sums is None else tuple(map(sum, zip(sums, values, strict=True)))
    if sums is not None:
        yield sums if is_known else (*sums[:-1], None)


def courses_with_summaries() -> list[str]:
    """Return the courses that summaries are on record of."""
    table: Any = models.CourseMetaSummaryEnrollment
    is_filled = exists(table) and table.objects.is_filled()
    return courses_on_record(table if is_filled else models.CourseEnrollmentModeDaily)


def source(courses: Collection[str] | None) -> tuple[tuple[type[Model], ...], Iterator[Summary]]:
    """Return the tables that summaries are read from, and the summaries by course, of all courses or of some."""
    table: Any = models.CourseMetaSummaryEnrollment
    tables: tuple[type[Model], ...] = (table,) if exists(table) else ()
    known = None if courses is None else sorted(courses)
    if tables and table.objects.is_filled():
        return tables, of_table(known)
    derived: Any = models.CourseEnrollmentModeDaily
    return (*tables, derived), derived.objects.all().summaries(known)


def of_table(courses: Sequence[str] | None) -> Iterator[Summary]:
    table: Any = models.CourseMetaSummaryEnrollment
    yield from table.objects.all().of_courses(courses_on_record(table) if courses is None else courses)


def selected(query: SummaryQuery, summaries: Iterator[Summary], tables: Sequence[type[Model]]) -> Iterator[Row]:
    """Yield the rows of the summaries that a query selects, in their order."""
    daily: Any = models.CourseEnrollmentDaily.objects.all()
    program_rows: Any = models.CourseProgramMetadata.objects.all()
    while batch := list(islice(summaries, BLOCK_SIZES[-1])):
        kept = [summary for summary in batch if matches(summary, query)]
        courses = [summary.course_id for summary in kept]
        programs = program_rows.programs_of(courses) if models.CourseProgramMetadata in tables else {}
        if query.program_ids is not None:
            wanted = set(query.program_ids)
            kept = [summary for summary in kept if wanted.intersection(programs.get(summary.course_id, ()))]
            courses = [summary.course_id for summary in kept]
        before = None if query.recent_date is None else daily.counts_on(courses, query.recent_date)
        for summary in kept:
            count, cumulative, change, passing = summary.total
            recent = None if before is None else count - before.get(summary.course_id, 0)
            modes = {name: dict(zip(COUNTS, values, strict=True)) for name, values in summary.modes.items()}
            *texts, availability = summary.texts
            row = (
                summary.created,
                summary.course_id,
                *texts,
                served_availability(availability),
                *(count, cumulative, change, recent, passing),
                modes,
            )
            yield (*row, programs.get(summary.course_id, [])) if query.with_programs else row


def matches(summary: Summary, query: SummaryQuery) -> bool:
    """Return whether a query selects a summary, apart from its programs."""
    title, *_, pacing_type, availability = summary.texts
    if not (
        is_one_of(served_availability(availability), query.availability) and is_one_of(pacing_type, query.pacing_type)
    ):
        return False
    return query.text is None or any(
        query.text.casefold() in text.casefold() for text in (summary.course_id, title or "")
    )


def served_availability(value: Any) -> Any:
    """Return the name by which a value of availability is served."""
    return AVAILABILITY.get(value, value)


def is_one_of(value: str | None, wanted: tuple[str, ...] | None) -> bool:
    return wanted is None or (UNKNOWN if value is None else value) in wanted


def ordered(rows: Iterator[Row], query: SummaryQuery) -> Iterable[Row]:
    """Return rows in the order of a query: null last, and rows that are equal by course."""
    if query.order_by is None and not query.descending:
        return rows
    return sorted_rows(rows, COLUMNS.index(query.order_by or "course_id"), descending=query.descending)


def sorted_rows(rows: Iterator[Row], place: int, *, descending: bool) -> Iterator[Row]:
    found = list(rows)
    yield from sorted((row for row in found if row[place] is not None), key=lambda row: row[place], reverse=descending)
    yield from (row for row in found if row[place] is None)
