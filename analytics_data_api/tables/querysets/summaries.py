"""The tables of course summaries and programs, and summaries that are derived where there is no table of them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import groupby
from operator import add, itemgetter
from typing import Any, Final, NamedTuple

from analytics_data_api.tables.constants.enrollment_modes import COLUMN_OF_MODE, MODES
from analytics_data_api.tables.fields import Bytes
from analytics_data_api.tables.querysets.base import ReportQuerySet, latest_created, newest, newest_of
from analytics_data_api.tables.querysets.courses import read_of_courses
from analytics_data_api.tables.rows import Row
from analytics_data_api.tables.selection import Filter, Selection

# How many courses one query names. A smaller block is filled up to the next of these sizes, so that few queries differ.
BLOCK_SIZES: Final = (1, 10, 100, 1000)

COUNTS: Final = ("count", "cumulative_count", "count_change_7_days", "passing_users")
TEXTS: Final = ("catalog_course_title", "catalog_course", "start_time", "end_time", "pacing_type", "availability")
NO_COUNTS: Final = (0, 0, 0, 0)
UNKNOWN_PASSING: Final = (0, 0, 0, None)


class Summary(NamedTuple):
    """What is known of a course.

    Attributes:
        course_id: The course.
        texts: What the catalog says of it: a value for each of TEXTS.
        modes: A value for each of COUNTS, by enrollment mode; None for what is not known of any mode.
        created: When the newest of its rows was loaded.
    """

    course_id: str
    texts: Row
    modes: Mapping[str, Row]
    created: str | None

    @property
    def total(self) -> Row:
        """The sums over all modes."""
        *counts, passing = zip(*self.modes.values(), strict=True)
        return (*map(sum, counts), None if None in passing else sum(passing))


def blocks(courses: Sequence[str]) -> Iterator[tuple[Sequence[str], tuple[str, ...]]]:
    """Yield the courses in blocks that one query names, each with the values of the query's parameters."""
    for start in range(0, len(courses), BLOCK_SIZES[-1]):
        block = courses[start : start + BLOCK_SIZES[-1]]
        size = next(size for size in BLOCK_SIZES if size >= len(block))
        yield block, (*block, *[block[-1]] * (size - len(block)))


def of_courses(size: int, *others: Filter) -> Selection:
    """Return the selection of the rows of some courses, by course."""
    return Selection((Filter("course_id__in", "courses", size), *others), order_by=(Bytes("course_id"), "id"))


def rows_of_block(
    rows: ReportQuerySet, block: Sequence[str], columns: tuple[str, ...], *others: Filter, **values: Any
) -> list[Row]:
    """Return columns of the rows of a block of courses, by course.

    Args:
        rows: The rows of the table.
        block: The courses.
        columns: The columns.
        others: What else the rows meet.
        values: The values of the parameters of these.
    """

    def read(courses: Sequence[str]) -> list[Row]:
        found: list[Row] = []
        for _, named in blocks(courses):
            found += rows.read_selected(of_courses(len(named), *others), columns, courses=named, **values)
        return found

    return read_of_courses(rows.model, block, read)


def merged(rows: Iterable[tuple[str, Row]]) -> dict[str, Row]:
    """Return the counts by the mode that counts them: the listed modes first, 0 without a row, then any other."""
    sums: dict[str, Row] = dict.fromkeys(MODES, NO_COUNTS)
    for mode, counts in sorted(rows):
        name = COLUMN_OF_MODE.get(mode, mode)
        before = sums.get(name, NO_COUNTS)
        sums[name] = counts if before is NO_COUNTS else tuple(map(add, before, counts))
    return sums


class CourseSummaryQuerySet(ReportQuerySet):
    """Rows of a course and an enrollment mode."""

    natural_key = ("course_id", "enrollment_mode")

    def is_filled(self) -> bool:
        """Return whether the table has rows at all."""
        return any(True for _ in self.read_selected(Selection((), order_by=(), limit=1), ("id",)))

    def of_courses(self, courses: Sequence[str]) -> Iterator[Summary]:
        """Yield the summaries of those of the courses that are on record, in their order."""
        columns = ("course_id", "enrollment_mode", *COUNTS, *TEXTS, "created")
        texts = slice(2 + len(COUNTS), -1)
        for block, _ in blocks(courses):
            rows = rows_of_block(self, block, columns)
            of_course = {course_id: list(group) for course_id, group in groupby(rows, key=itemgetter(0))}
            for course_id in block:
                if counted := newest(itemgetter(1), of_course.get(course_id, ())):
                    described = newest_of(counted)
                    modes = merged((row[1], tuple(count or 0 for count in row[2 : texts.start])) for row in counted)
                    yield Summary(course_id, described[texts], modes, latest_created(counted))


class ProgramQuerySet(ReportQuerySet):
    """Rows of a course and a program that it is part of."""

    natural_key = ("course_id", "program_id")

    def programs_of(self, courses: Sequence[str]) -> dict[str, list[str]]:
        """Return the programs of each course that is part of one, in table order."""
        programs: dict[str, list[str]] = {}
        for block, _ in blocks(courses):
            rows = rows_of_block(self, block, ("course_id", "program_id", "created"))
            wanted = set(block)
            for course_id, group in groupby(rows, key=itemgetter(0)):
                if course_id in wanted:
                    programs[course_id] = [row[1] for row in newest(itemgetter(1), group)]
        return programs

    def programs(self, program_ids: Sequence[str] | None, chosen: Callable[[str], bool] | None = None) -> Iterator[Row]:
        """Yield ``(program_id, program_type, program_title, course_ids, created)``, by program.

        Args:
            program_ids: The programs; all where it is None.
            chosen: Whether rows of a course count; all do where it is None.
        """
        columns = ("program_id", "course_id", "program_type", "program_title", "created")
        rows = self.read_selected(Selection((), order_by=(Bytes("program_id"), "id")), columns)
        wanted = None if program_ids is None else set(program_ids)
        for program_id, group in groupby(rows, key=itemgetter(0)):
            if wanted is None or program_id in wanted:
                counted = newest(itemgetter(1), (row for row in group if chosen is None or chosen(row[1])))
                if not counted:
                    continue
                _, _, program_type, title, _ = newest_of(counted)
                yield program_id, program_type, title, [row[1] for row in counted], latest_created(counted)


def derived(rows: Iterable[Row], latest: Mapping[str, str]) -> Iterator[Summary]:
    """Yield the summary of each course of rows of enrollment by mode: the latest date and that of a week before.

    Args:
        rows: ``(course_id, date, mode, count, cumulative_count, created)``, by course.
        latest: The latest date of each course.
    """
    for course_id, group in groupby(rows, key=itemgetter(0)):
        if course_id not in latest:
            continue
        of_date: dict[str, list[Row]] = defaultdict(list)
        for row in newest(itemgetter(1, 2), group):
            of_date[row[1]].append(row)
        present = of_date[latest[course_id]]
        before = {row[2]: row[3] or 0 for row in of_date[week_before(latest[course_id])]}
        counts = {row[2]: (row[3] or 0, row[4] or 0) for row in present}
        modes = merged(
            (mode, (*counts.get(mode, (0, 0)), counts.get(mode, (0, 0))[0] - before.get(mode, 0), 0))
            for mode in {**counts, **before}
        )
        unknown_passing = {
            mode: UNKNOWN_PASSING if values is NO_COUNTS else (*values[:-1], None) for mode, values in modes.items()
        }
        yield Summary(course_id, (None,) * len(TEXTS), unknown_passing, latest_created(present))


@lru_cache(1024)
def week_before(day: str) -> str:
    """Return the date seven days before one, both as text; one that is not on record where there is none."""
    try:
        return str(date.fromisoformat(day) - timedelta(days=7))
    except OverflowError:
        return str(date.max)
