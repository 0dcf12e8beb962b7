"""What the querysets of all tables share."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cached_property, partial
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, ClassVar, Final

from django.db import OperationalError
from django.db.models import DateField, DateTimeField, QuerySet

from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.fields import AsText, DayAsText
from analytics_data_api.tables.querysets.courses import BLOCK_SIZE, NO_COMMON_CHARACTER_SET, blocks
from analytics_data_api.tables.querysets.many import (
    BY_COURSE,
    CourseGroups,
    CoursesRequest,
    Place,
    Values,
    padded,
)
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.selection import COURSES, DATES, Filter, Pairs, Selection
from analytics_data_api.tables.statements import is_date, statement

# Names of parameters: the ids that requests name.
COURSE_ID: Final = "course_id"
ENTITY_ID: Final = "entity_id"

# The last column of a row.
CREATED: Final = itemgetter(-1)


def newest(key: Callable[[Row], Hashable], rows: Iterable[Row]) -> list[Row]:
    """Keep of the rows with the same key the newest: the one with the highest ``created``, then the highest id.

    Args:
        key: Returns the key of a row.
        rows: Rows in the order of their ids, with ``created`` as the last column.

    Returns:
        The rows that count, in the order of their ids.
    """
    rows = list(rows)
    if len(rows) == 1 or len(set(map(key, rows))) == len(rows):
        return rows
    kept: dict[Hashable, Row] = {}
    for row in rows:
        found = key(row)
        other = kept.get(found)
        if other is None or loaded(row) >= loaded(other):
            kept.pop(found, None)
            kept[found] = row
    return list(kept.values())


def loaded(row: Row) -> str:
    """Return what to compare the ``created`` of rows by, which is their last column; none is before every other."""
    created: str | None = row[-1]
    return created if created is not None and is_date(created) else ""


def latest_created(rows: Iterable[Row]) -> str | None:
    """Return the newest ``created`` of rows that make one item; None where none has one."""
    # Most have the same one.
    return max(filter(is_date, set(map(CREATED, rows))), default=None)


def newest_of(rows: Sequence[Row]) -> Row:
    """Return the newest of rows that are in the order of their ids."""
    return max(reversed(rows), key=loaded)


def null_first(rows: list[Row], place: int) -> list[Row]:
    """Return rows sorted by a column, null before every other value."""
    known = [row for row in rows if row[place] is not None]
    known.sort(key=itemgetter(place))
    return known if len(known) == len(rows) else [row for row in rows if row[place] is None] + known


class ReportQuerySet(QuerySet[Any]):
    """Rows of a pipeline table.

    Attributes:
        natural_key: The fields that identify a row, the entity's id first. Of the rows that are equal in all of them
            only the newest counts.
        late_columns: The columns that a table of an older layout may lack.
    """

    natural_key: ClassVar[tuple[str, ...]]
    late_columns: ClassVar[tuple[str, ...]] = ()

    def row_keys(self) -> Iterator[Row]:
        """Yield the key of each row: its natural key, and anything else that is equal in duplicates."""
        return self.selecting(*self.natural_key).iterator()

    def lasting_columns(self) -> tuple[str, ...]:
        """Return the columns that the table has in every layout."""
        columns = (str(field.column) for field in self.model._meta.concrete_fields)
        return tuple(column for column in columns if column not in self.late_columns)

    def selected(self, selection: Selection, columns: tuple[Any, ...]) -> QuerySet[Any, Any]:
        """Compose the query for columns of selected rows."""
        selected: Any = selection.select(self)
        query: QuerySet[Any, Any] = selected.selecting(*columns)
        return query

    def read_selected(self, selection: Selection, columns: tuple[Any, ...], **values: Any) -> Iterator[Row]:
        """Yield columns of selected rows as tuples; ``values`` are those of the selection's parameters."""
        return self.read(type(self).selected, selection, columns, **values)

    def read(self, compose: Callable[..., QuerySet[Any, Any]], *shape: Any, **values: Any) -> Iterator[Row]:
        """Yield the rows of a query as tuples; every report reads its table through this.

        Dates come as ``YYYY-mm-dd`` and times as ``YYYY-mm-dd HH:MM:SS``, as text: written that way by the database,
        they cost no conversion, and most of them are only passed on.

        Args:
            compose: Called with the table's rows and the shape; returns the query.
            shape: What makes one query differ from another, apart from values; hashable.
            values: Those of the query's parameters.
        """
        try:
            model: Any = self.model
            yield from statement(model, self.db, compose, *shape).rows(values)
        except OperationalError as error:
            # MySQL refuses to look for an id that its column's character set cannot express: there is no such row. Of
            # several ids, there may be rows of others.
            if error.args[0] not in NO_COMMON_CHARACTER_SET or COURSES in values:
                raise

    def selecting(self, *columns: Any) -> QuerySet[Any, Any]:
        """Return tuples of the columns, with dates and times as text."""
        fields = {field.name: field for field in self.model._meta.concrete_fields}
        return self.values_list(*(as_text(column, fields.get(column)) for column in columns))


def as_text(column: Any, field: Any) -> Any:
    """Return what to select for a column: a date or time as text, any other as it is."""
    if isinstance(field, DateTimeField):
        return AsText(column)
    return DayAsText(column) if isinstance(field, DateField) else column


class EntityQuerySet(ReportQuerySet):
    """Rows of a table that has one report for each of its entities.

    Attributes:
        entity: The column of the entity's id.
        columns: The columns of the report, before ``created``.
        sorted_by: The column that the report is sorted by, null first; None for table order.
    """

    entity: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]
    sorted_by: ClassVar[str | None] = None

    @property
    def of_entity(self) -> Selection:
        """The rows of an entity in table order."""
        return Selection((Filter(self.entity, ENTITY_ID),))

    def report(self, entity_id: str) -> Rows:
        """Return the rows of a course, problem, subsection or video."""
        return Rows((*self.columns, "created"), self.deduplicated(entity_id), {self.entity: entity_id})

    def deduplicated(self, entity_id: str) -> Iterator[Row]:
        rows = self.read_selected(self.of_entity, (*self.columns, "created"), entity_id=entity_id)
        identifying = [self.columns.index(name) for name in self.natural_key if name != self.entity]
        counted = newest(itemgetter(*identifying), rows)
        if self.sorted_by is not None:
            place = self.columns.index(self.sorted_by)
            counted = null_first(counted, place)
        yield from counted


class DatedQuerySet(ReportQuerySet):
    """Rows of courses that each belong to a date, or to a week (UTC).

    The natural key is the course, the period, and for most tables one more column.

    Attributes:
        conditions: What every row that is read meets.
        bound: The values of their parameters, except the course.
        period: The columns of the date (week).
        latest_by: The one of them that says which is the latest, and that the end of a range is compared with.
        columns: The columns that are read between the natural key and ``created``.
        items: The columns of the report.
        sorted_by: How many of these a course's rows of the report are sorted by: the period, and the dimension if each
            of its values has a row.
    """

    conditions: ClassVar[tuple[Filter, ...]] = (Filter("course_id", COURSE_ID),)
    bound: ClassVar[Mapping[str, Any]] = {}
    period: ClassVar[tuple[str, ...]] = ("date",)
    latest_by: ClassVar[str] = "date"
    columns: ClassVar[tuple[str, ...]] = ("count",)
    items: ClassVar[tuple[str, ...]]
    sorted_by: ClassVar[int] = 1
    late_columns = ("cumulative_count",)

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        """Return the rows of the report for the rows of one period: these rows, or what a subclass makes of them.

        Args:
            rows: Those that count, at least one: tuples of the period, the dimension, ``columns`` and ``created``.
        """
        return rows

    def report(self, course_id: str, dates: DateRange | None) -> Rows:
        """Return the rows of a course in a range of dates, of the latest date (week) where there is none."""
        items = chain.from_iterable(map(self.items_of, self.periods(course_id, dates)))
        return Rows(self.items, items, {"course_id": course_id})

    def periods(self, course_id: str, dates: DateRange | None) -> Iterator[list[Row]]:
        """Yield the rows of each date (week) that count; rows whose own date is none are left out."""
        selection = self.in_range(dates)
        start, end = dates or (None, None)
        found = dated = False
        for rows in self.grouped(selection, course_id=course_id, start=start, end=end, **self.bound):
            found = True
            if rows:
                dated = True
                yield rows
        if found and not dated and dates is None and (span := self.span(course_id)):
            # The latest date (start or end of the latest week) is a zero date, which is seldom.
            latest = datetime.fromisoformat(span[1]).replace(tzinfo=UTC)
            selection = Selection((*self.conditions, Filter(self.latest_by, "latest")), order_by=(*self.period, "id"))
            yield from filter(None, self.grouped(selection, course_id=course_id, latest=latest, **self.bound))

    def is_dated(self, row: Row) -> bool:
        """Return whether the period of a row, its first columns, is one: no part of it is null or a zero date."""
        return are_dates(row[: len(self.period)])

    def grouped(self, selection: Selection, **values: Any) -> Iterator[list[Row]]:
        """Yield the rows of each period that count; none of a period that is not dated."""
        width = len(self.period)
        read = (*self.natural_key[1:], *self.columns, "created")
        rows = self.read(type(self).selected, selection, read, **values)
        newest_of_period, is_dated = self.newest_of_period, is_date if width == 1 else are_dates
        for period, group in groupby(rows, key=itemgetter(*range(width))):
            yield newest_of_period(group) if is_dated(period) else []

    @cached_property
    def newest_of_period(self) -> Callable[[Iterable[Row]], list[Row]]:
        """The function that returns those of the rows of one period that count."""
        return partial(newest, itemgetter(min(len(self.period), len(self.natural_key) - 2)))

    def in_range(self, dates: DateRange | None) -> Selection:
        """Return the selection of a range of dates. A date counts as its midnight, 00:00 UTC."""
        if dates is None:
            return Selection(self.conditions, self.latest_by, (*self.period, "id"))
        filters = list(self.conditions)
        whole = not isinstance(self.model._meta.get_field(self.latest_by), DateTimeField)
        if dates.start is not None:
            within = whole and not is_midnight(dates.start)
            filters.append(Filter(f"{self.period[0]}__{'gt' if within else 'gte'}", "start"))
        if dates.end is not None:
            within = whole and not is_midnight(dates.end)
            filters.append(Filter(f"{self.latest_by}__{'lte' if within else 'lt'}", "end"))
        return Selection(tuple(filters), order_by=(*self.period, "id"))

    def report_of_courses(self, request: CoursesRequest) -> Rows:
        """Return the rows of the report for many courses: by course, then as for one; the course is the last column."""
        columns, items_of = self.layout(request.values)
        return Rows((*columns, "course_id"), self.course_items(request, items_of))

    def course_items(self, request: CoursesRequest, items_of: Callable[[list[Row]], Iterable[Row]]) -> Iterator[Row]:
        after = request.after and request.after.order
        for course, rows in CourseGroups(self, request):
            for item in items_of(rows):
                if after is None or Place(course, item[: self.sorted_by]).order > after:
                    yield (*item, course)

    def layout(self, values: Values | None) -> tuple[tuple[str, ...], Callable[[list[Row]], Iterable[Row]]]:
        """Return the columns of the report of many courses, and what makes its rows of the rows of a period.

        Args:
            values: Those of the dimension that count; None for all.
        """
        if values is None:
            return self.items, self.items_of
        place = len(self.period)
        return self.items, lambda rows: (item for item in self.items_of(rows) if item[place] in values)

    def stored_values(self, values: Values | None) -> list[Any]:
        """Return what the table has for values of the dimension, to read no other rows; none where all are read."""
        return [] if values is None or None in values else list(values)

    def span(self, course_id: str) -> tuple[str, str] | None:
        """Return the first and last date (end of a week) on record as text, None where there is none."""
        ends = [self.end(order, course_id) for order in (self.latest_by, f"-{self.latest_by}")]
        return (ends[0], ends[1]) if ends[0] is not None and ends[1] is not None else None

    def end(self, order: str, course_id: str) -> str | None:
        """Return the first date (end of a week) of a course in an order, None where there is none.

        All dates are read only where the first one is none, which is seldom.
        """
        for limit in (1, None):
            selection = Selection(self.conditions, order_by=(order,), limit=limit)
            rows = self.read_selected(selection, self.period, course_id=course_id, **self.bound)
            row = next((row for row in rows if limit or self.is_dated(row)), None)
            if row is None or self.is_dated(row):
                break
        return None if row is None else str(row[self.period.index(self.latest_by)])


def are_dates(period: Iterable[str | None]) -> bool:
    """Return whether the parts of a period, such as the start and end of a week, are dates that exist."""
    return all(map(is_date, period))


def is_midnight(time: datetime) -> bool:
    return time.time() == datetime.min.time()


def rows_on_dates(rows: DatedQuerySet, dates: Mapping[str, Sequence[str]]) -> Iterator[Row]:
    """Yield the rows of courses on certain dates, by course, also those that do not count.

    Args:
        rows: The rows of a table by day.
        dates: The dates of each course, as text: one or two.

    Yields:
        Tuples of the natural key, ``columns`` and ``created``.
    """
    columns = (*rows.natural_key, *rows.columns, "created")
    for block in blocks(list(dates.items()), BLOCK_SIZE // 2):
        pairs = [(course, day) for course, days in block for day in days]
        named = padded(pairs)
        selection = Selection((), order_by=(BY_COURSE, "id"), pairs=Pairs("date", len(named)))
        values = {COURSES: [course for course, _ in named], DATES: [date.fromisoformat(day) for _, day in named]}
        wanted = frozenset(pairs)
        found = rows.read_selected(selection, columns, **values)
        yield from (row for row in found if row[:2] in wanted)
