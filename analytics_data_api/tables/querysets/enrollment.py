"""The tables of enrollment by day."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, Final

from analytics_data_api.tables.constants import countries, enrollment_modes, genders
from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.querysets.base import (
    DatedQuerySet,
    latest_created,
    newest,
    null_first,
    rows_on_dates,
)
from analytics_data_api.tables.querysets.courses import courses_on_record, latest_dates
from analytics_data_api.tables.querysets.many import Values
from analytics_data_api.tables.querysets.summaries import Summary, blocks, derived, rows_of_block, week_before
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.selection import Filter

# The columns of a row of a mode.
COUNT: Final = itemgetter(2)
CUMULATIVE_COUNT: Final = itemgetter(3)


class EnrollmentQuerySet(DatedQuerySet):
    """A row for each date: ``(date, count, created)``."""

    natural_key = ("course_id", "date")
    items = ("date", "count", "created")

    def on_dates(self, dates: Mapping[str, Sequence[str]]) -> Iterator[Row]:
        """Yield ``(course_id, date, count, created)`` of courses on certain dates; see ``rows_on_dates``."""
        return rows_on_dates(self, dates)

    def counts_on(self, courses: Sequence[str], day: date) -> dict[str, int]:
        """Return the count of each course on a date, of those that have one."""
        counts: dict[str, int] = {}
        for block, _ in blocks(courses):
            rows = rows_of_block(self, block, ("course_id", "count", "created"), Filter("date", "day"), day=day)
            wanted = set(block)
            counts |= {row[0]: row[1] or 0 for row in newest(itemgetter(0), rows) if row[0] in wanted}
        return counts


class EnrollmentBirthYearQuerySet(DatedQuerySet):
    """A row for each date and year of birth, null first."""

    natural_key = ("course_id", "date", "birth_year")
    items = ("date", "birth_year", "count", "created")
    sorted_by = 2

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        return null_first(rows, 1)


class EnrollmentEducationQuerySet(DatedQuerySet):
    """A row for each date and level of education, null first."""

    natural_key = ("course_id", "date", "education_level")
    items = ("date", "education_level", "count", "created")
    sorted_by = 2

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        return null_first(rows, 1)


class EnrollmentModeQuerySet(DatedQuerySet):
    """A row for each date: the sums over every mode, and the count of each mode that has a column."""

    natural_key = ("course_id", "date", "mode")
    columns = ("count", "cumulative_count")
    sums = ("date", "count", "cumulative_count", "created")
    items = (*sums, *enrollment_modes.MERGED)

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        return (sums_and_modes(rows, enrollment_modes.MERGED, enrollment_modes.MERGED_COLUMN_OF_MODE),)

    def layout(self, values: Values | None) -> tuple[tuple[str, ...], Callable[[list[Row]], Iterable[Row]]]:
        """Return the layout with a column for each mode by itself; of ``values`` the columns and sums alone."""
        modes = tuple(mode for mode in enrollment_modes.MODES if values is None or mode in values)
        column_of_mode = enrollment_modes.COLUMN_OF_MODE

        def items_of(rows: list[Row]) -> Iterable[Row]:
            summed = rows if values is None else [row for row in rows if column_of_mode.get(row[1]) in values]
            return (sums_and_modes(rows, modes, column_of_mode, summed),)

        return (*self.sums, *modes), items_of

    def stored_values(self, values: Values | None) -> list[Any]:
        return []

    def unmerged(self, course_id: str, dates: DateRange | None) -> Rows:
        """Return the report with a column for each mode by itself."""
        modes, column_of_mode = enrollment_modes.MODES, enrollment_modes.COLUMN_OF_MODE
        items = (sums_and_modes(rows, modes, column_of_mode) for rows in self.periods(course_id, dates))
        return Rows((*self.sums, *modes), items, {"course_id": course_id})

    def on_dates(self, dates: Mapping[str, Sequence[str]]) -> Iterator[Row]:
        """Yield the modes of courses on certain dates, with both counts and ``created``; see ``rows_on_dates``."""
        return rows_on_dates(self, dates)

    def summaries(self, courses: Sequence[str] | None) -> Iterator[Summary]:
        """Yield a summary of each course that is on record: its latest date, and the change since a week before.

        Args:
            courses: The courses; all where it is None.
        """
        known = courses_on_record(self.model) if courses is None else courses
        for block, _ in blocks(known):
            if latest := latest_dates(self.model, block):
                dates = {course: [day for day in (last, week_before(last)) if day] for course, last in latest.items()}
                found = {each.course_id: each for each in derived(self.on_dates(dates), latest)}
                yield from (found[course] for course in block if course in found)


def sums_and_modes(
    rows: list[Row], columns: Iterable[str], column_of_mode: Mapping[str, str], summed: list[Row] | None = None
) -> Row:
    """Return the item of a date.

    Args:
        rows: The rows of each mode.
        columns: The columns of modes.
        column_of_mode: The column that counts a mode; a mode without one is in the sums alone.
        summed: Those of the rows that are in the sums; all where it is None.
    """
    counts = dict.fromkeys(columns, 0)
    for _, mode, count, _, _ in rows:
        column = column_of_mode.get(mode)
        if column in counts:
            counts[column] += count or 0
    summed = rows if summed is None else summed
    total, cumulative = (sum(filter(None, map(column, summed))) for column in (COUNT, CUMULATIVE_COUNT))
    return (rows[0][0], total, cumulative, latest_created(rows), *counts.values())


class EnrollmentGenderQuerySet(DatedQuerySet):
    """A row for each date: the count of each gender that has a column."""

    natural_key = ("course_id", "date", "gender")
    items = ("date", *genders.COLUMNS, "created")

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        counts = dict.fromkeys(genders.COLUMNS, 0)
        for _, gender, count, _ in rows:
            counts[genders.COLUMN_OF_CODE.get(gender, genders.UNKNOWN)] += count or 0
        return ((rows[0][0], *counts.values(), latest_created(rows)),)

    def layout(self, values: Values | None) -> tuple[tuple[str, ...], Callable[[list[Row]], Iterable[Row]]]:
        """Return the layout of all genders; columns that ``values`` lacks are left out when the items are written."""
        return self.items, self.items_of

    def stored_values(self, values: Values | None) -> list[Any]:
        return []


class EnrollmentLocationQuerySet(DatedQuerySet):
    """A row for each date and country, the unknown one first: ``(date, alpha-2 or None, count, created)``.

    The rows of codes that stand for the same country, and of those that stand for none, are added up.
    """

    natural_key = ("course_id", "date", "country_code")
    items = ("date", "country", "count", "created")
    sorted_by = 2

    def items_of(self, rows: list[Row]) -> list[Row]:
        # Nearly all codes are written as they are served, and then differ from each other.
        known = [row for row in rows if row[1] in countries.COUNTRIES]
        unknown: list[Row] = []
        if len(known) < len(rows):
            others = [row for row in rows if row[1] not in countries.COUNTRIES]
            unknown = [row for row in others if row[1] not in countries.ALPHA2]
            if len(unknown) < len(others):
                known = by_country([row for row in rows if row[1] in countries.ALPHA2])
        known.sort(key=itemgetter(1))
        return [added_up(None, unknown), *known] if unknown else known

    def stored_values(self, values: Values | None) -> list[Any]:
        codes = super().stored_values(values)
        return [spelling for spelling, alpha2 in countries.ALPHA2.items() if alpha2 in codes] if codes else []


def by_country(rows: Iterable[Row]) -> list[Row]:
    """Return a row for each country, with its alpha-2 code."""
    of_country: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_country[countries.ALPHA2[row[1]]].append(row)
    return [
        same[0] if same[0][1] == code and len(same) == 1 else added_up(code, same) for code, same in of_country.items()
    ]


def added_up(country: str | None, rows: list[Row]) -> Row:
    """Return the row of a country for those of several codes."""
    return (rows[0][0], country, sum(row[2] or 0 for row in rows), latest_created(rows))
