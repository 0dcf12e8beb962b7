"""The rows of many courses, of certain dates: by course as bytes, then by date.

Courses are read in blocks, each by one query, in which an index finds the range of each course. Which dates count is
decided by the dates that the table has of the course, before any filter.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import chain, groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db import OperationalError, connections
from django.db.models import DateTimeField

from analytics_data_api.tables.course_ids import is_course_id, org_of
from analytics_data_api.tables.dates import DateRange, Interval
from analytics_data_api.tables.fields import Bytes
from analytics_data_api.tables.querysets.courses import (
    BLOCK_SIZE,
    COURSE_ID,
    NO_COMMON_CHARACTER_SET,
    DateQuery,
    blocks,
    course_dates,
    courses_on_record,
    interval_dates,
    is_indexed,
)
from analytics_data_api.tables.rows import Row
from analytics_data_api.tables.selection import COURSES, DATES, Filter, Pairs, Selection
from analytics_data_api.tables.statements import statement

if TYPE_CHECKING:
    from analytics_data_api.tables.querysets.base import DatedQuerySet

# Lists of values in a query have one of these lengths, so that there are only a few queries to compose.
LENGTHS: Final = (1, 10, 100, BLOCK_SIZE)

# One query reads all rows from the earliest of several dates on where these are no more days for each course.
DAYS_TOO_MANY: Final = 8

# Names of parameters.
FIRST: Final = "first"
DIMENSION: Final = "dimension"

# What the filter on a dimension selects: its values, None for unknown.
Values = frozenset[Any]


class Place(NamedTuple):
    """Where in the report of many courses an item stands.

    Attributes:
        course: The course.
        values: What the items of a course are sorted by.
    """

    course: str
    values: tuple[Any, ...]

    @property
    def order(self) -> tuple[Any, ...]:
        """What to compare places by; null is before every other value."""
        return (self.course, *((value is not None, value) for value in self.values))


class CoursesRequest(NamedTuple):
    """Which rows of many courses a report has.

    Attributes:
        courses: The courses, in the order of their bytes; None for all that the table has.
        orgs: Only courses of these organizations; None for all.
        dates: Only those in this range.
        last: Only that many of the last dates (weeks) of each course.
        interval: Only the last date of each week or month. Without it, a range and ``last``, only the latest date.
        values: Only these values of the table's dimension; None for all.
        after: Only what comes behind this place.
        limit: How many items will be taken at most; None if all.
    """

    courses: Sequence[str] | None = None
    orgs: frozenset[str] | None = None
    dates: DateRange | None = None
    last: int | None = None
    interval: Interval | None = None
    values: Values | None = None
    after: Place | None = None
    limit: int | None = None


def padded(values: Sequence[Any]) -> Sequence[Any]:
    """Return values with the last one repeated up to the next of LENGTHS."""
    length = next((length for length in LENGTHS if length >= len(values)), len(values))
    return [*values, *[values[-1]] * (length - len(values))]


def moment(text: str) -> datetime:
    """Return the time, UTC, that a date or time stands for."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class CourseGroups:
    """The rows of each date (week) of each course that count, in order: pairs of the course and a list of rows.

    Args:
        rows: The rows of the table.
        request: Which of them.
    """

    def __init__(self, rows: "DatedQuerySet", request: CoursesRequest) -> None:
        self.rows = rows
        self.request = request
        self.model: Any = rows.model
        self.width = len(rows.period)
        # Where in a row the date is that says which is the latest.
        self.place = rows.period.index(rows.latest_by)
        self.indexed = is_indexed(self.model)

    def __iter__(self) -> Iterator[tuple[str, list[Row]]]:
        for block in self.blocks():
            try:
                yield from self.of_block(block)
            except OperationalError as error:
                if error.args[0] not in NO_COMMON_CHARACTER_SET:
                    raise
                # An id that the column's character set cannot express is none that the table has.
                on_record = frozenset(courses_on_record(self.model))
                yield from self.of_block([course for course in block if course in on_record])

    @cached_property
    def number(self) -> int | None:
        """How many of the last dates of a course are needed at most; None for all in the range."""
        request = self.request
        interval = None if self.is_weekly else request.interval
        if request.last is not None:
            return request.last * (interval.days if interval else 1)
        return 1 if request.dates is None and request.interval is None else None

    @property
    def is_weekly(self) -> bool:
        return isinstance(self.model._meta.get_field(self.rows.latest_by), DateTimeField)

    def blocks(self) -> Iterator[Sequence[str]]:
        """Yield the courses, as many at a time as one query reads."""
        request = self.request
        courses = request.courses
        if courses is None:
            # An id of another form is one that no other request could name.
            courses = list(filter(is_course_id, courses_on_record(self.model)))
        if request.orgs is not None:
            courses = [course for course in courses if org_of(course) in request.orgs]
        if request.after is not None:
            courses = courses[bisect_left(courses, request.after.course) :]
        if not courses:
            return
        if not self.indexed:
            # The whole table is read, whatever the courses are.
            yield courses
            return
        if request.after is not None and courses[0] == request.after.course:
            yield courses[:1]
            courses = courses[1:]
        if request.limit is None:
            yield from blocks(courses)
            return
        # The first courses may have all the items that will be taken.
        start = 0
        for length in chain(LENGTHS, iter(lambda: BLOCK_SIZE, None)):
            if start >= len(courses):
                return
            yield courses[start : start + length]
            start += length

    def of_block(self, courses: Sequence[str]) -> Iterator[tuple[str, list[Row]]]:
        if not courses:
            return
        interval = None if self.is_weekly else self.request.interval
        if interval is not None and (dates := self.interval_dates(courses, interval)) is not None:
            yield from self.on_dates(dates)
            return
        bounds: dict[str, str] = {}
        if self.number is not None:
            (bounds,) = course_dates(self.model, courses, self.nth_date(self.number))
            if self.number == 1:
                # One that has no latest date has no date at all.
                courses = [course for course in courses if course in bounds]
                if not courses:
                    return
        groups = self.read(courses, bounds)
        if interval is not None:
            groups = self.last_of_each(groups, interval)
            if self.request.last is not None:
                groups = last_of_courses(groups, self.request.last)
        yield from groups

    def interval_dates(self, courses: Sequence[str], interval: Interval) -> dict[str, list[str]] | None:
        """Return the dates of courses that stand for a week or month; None where their rows have to be read for it."""
        after = self.request.after
        # Within the first course of a page, dates depend on where the page before has ended.
        if not self.indexed or (after is not None and after.course in courses):
            return None
        return interval_dates(self.model, courses, self.nth_date(1), interval, self.request.last)

    def on_dates(self, dates: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of certain dates of courses.

        Args:
            dates: The dates of each course, the latest first; courses in their order.
        """
        rows: Any = self.rows
        for pairs in blocks([(course, day) for course, days in dates.items() for day in reversed(days)]):
            named = padded(pairs)
            filters, values = self.of_dimension()
            values |= {COURSES: [course for course, _ in named], DATES: [self.as_value(day) for _, day in named]}
            selection = Selection(
                tuple(filters), order_by=(BY_COURSE, *rows.period, "id"), pairs=Pairs(rows.latest_by, len(named))
            )
            wanted = frozenset(pairs)
            for course, counted in self.groups(selection, values):
                if (course, counted[0][self.place]) in wanted:
                    yield course, counted

    def of_dimension(self) -> tuple[list[Filter], dict[str, Any]]:
        """Return the filters on the dimension, and the values of their parameters."""
        named = self.rows.stored_values(self.request.values)
        if not named:
            return [], {}
        values = padded(named)
        dimension = self.rows.natural_key[self.width + 1]
        return [Filter(f"{dimension}__in", DIMENSION, len(values))], {DIMENSION: values}

    def nth_date(self, number: int) -> DateQuery:
        """Return what says from which date on a course is read: the one that is the nth from the end."""
        selection = self.rows.in_range(self.request.dates or DateRange(None, None))
        conditions, params = [], []
        values = {"start": None, "end": None} | dict(self.rows.bound)
        if self.request.dates is not None:
            values |= self.request.dates._asdict()
        connection = connections[self.rows.db]
        operators = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "in": "IN"}
        for lookup, param, size in selection.filters:
            if param == COURSE_ID:
                continue
            name, _, kind = lookup.partition("__")
            field = self.model._meta.get_field(name)
            marks = "%s" if size is None else f"({', '.join(['%s'] * size)})"
            conditions.append(f"t.{field.column} {operators[kind]} {marks}")
            given: Any = values[param]
            params += [field.get_db_prep_value(value, connection) for value in ([given] if size is None else given)]
        return DateQuery(self.rows.latest_by, tuple(conditions), tuple(params), number)

    def read(self, courses: Sequence[str], bounds: dict[str, str]) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of each date of courses, from the date of each on that ``bounds`` has for it."""
        place, wanted, is_dated = self.place, frozenset(courses), self.rows.is_dated
        for course, counted in self.groups(*self.selection(courses, bounds)):
            first = counted[0]
            # The collation of a column may find courses that are only alike.
            if course in wanted and (not bounds or first[place] >= bounds.get(course, "")) and is_dated(first):
                yield course, counted

    def groups(self, selection: Selection, values: dict[str, Any]) -> Iterator[tuple[str, list[Row]]]:
        """Yield the rows of each date of each course that count, of those that are selected."""
        rows: Any = self.rows
        columns = (COURSE_ID, *rows.natural_key[1:], *rows.columns, "created")
        read = statement(self.model, rows.db, type(rows).selected, selection, columns).rows(values)
        newest, key = rows.newest_of_period, itemgetter(*range(self.width + 1))
        for (course, *_), group in groupby(read, key=key):
            yield course, newest(row[1:] for row in group)

    def selection(self, courses: Sequence[str], bounds: dict[str, str]) -> tuple[Selection, dict[str, Any]]:
        """Return the query for the rows of courses, and the values of its parameters."""
        rows, request = self.rows, self.request
        start, end = request.dates or (None, None)
        values: dict[str, Any] = {"start": start, "end": end, **rows.bound}
        found = rows.in_range(request.dates or DateRange(None, None))
        filters = [condition for condition in found.filters if condition.param != COURSE_ID]
        pairs = None
        if bounds and len(bounds) == len(courses) and not few_days(bounds) and self.indexed:
            named = padded(courses)
            pairs = Pairs(rows.latest_by, len(named), onwards=True)
            values |= {COURSES: named, DATES: [self.as_value(bounds[course]) for course in named]}
        else:
            if self.indexed:
                named = padded(courses)
                filters.append(Filter("course_id__in", COURSES, len(named)))
                values[COURSES] = named
            if bounds and len(bounds) == len(courses):
                filters.append(Filter(f"{rows.latest_by}__gte", DATES))
                values[DATES] = self.as_value(min(bounds.values()))
        if request.after is not None and list(courses) == [request.after.course]:
            filters.append(Filter(f"{rows.period[0]}__gte", FIRST))
            values[FIRST] = self.as_value(request.after.values[0])
        # Which dates are the last of a week or month is decided before the filter on the dimension.
        if request.interval is None:
            of_dimension, named_values = self.of_dimension()
            filters += of_dimension
            values |= named_values
        return Selection(tuple(filters), order_by=(BY_COURSE, *rows.period, "id"), pairs=pairs), values

    def as_value(self, text: str) -> Any:
        """Return what a date, or time, as the table has it is compared as."""
        return moment(text) if self.is_weekly else date.fromisoformat(text[:10])

    def last_of_each(
        self, groups: Iterable[tuple[str, list[Row]]], interval: Interval
    ) -> Iterator[tuple[str, list[Row]]]:
        """Yield of each week or month of a course only its last date.

        Of the one that the page before ended in, it is the date whose items that page had.
        """
        after = self.request.after
        place, of = self.place, interval.of
        begun = None if after is None else (after.course, of(after.values[0]))
        last: tuple[str, list[Row]] | None = None
        key: Any = None
        for course, rows in groups:
            found = (course, of(rows[0][place]))
            if found == begun:
                if after is not None and rows[0][place] == after.values[0]:
                    yield course, rows
                continue
            if found != key and last is not None:
                yield last
            key, last = found, (course, rows)
        if last is not None:
            yield last


# The same object each time: a query is composed once for each selection.
BY_COURSE: Final = Bytes(COURSE_ID)


def few_days(bounds: dict[str, str]) -> bool:
    """Return whether reading from the earliest date on reads few days more of each course than from its own."""
    days = [date.fromisoformat(text[:10]).toordinal() for text in set(bounds.values())]
    if len(days) == 1:
        return True
    earliest = min(days)
    total = sum(date.fromisoformat(text[:10]).toordinal() - earliest for text in bounds.values())
    return total <= DAYS_TOO_MANY * len(bounds)


def last_of_courses(groups: Iterable[tuple[str, list[Row]]], number: int) -> Iterator[tuple[str, list[Row]]]:
    """Yield the last dates of each course."""
    for _, of_course in groupby(groups, key=itemgetter(0)):
        yield from deque(of_course, maxlen=number)
