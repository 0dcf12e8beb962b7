"""The one place that filters, picks the latest, groups: what each endpoint asks of its table.

Each report is handed over as :class:`~analytics_data_api.tables.rows.Rows`. Nothing here makes model instances, and
nothing holds more than one date's (one problem's, one video's) rows at a time.

Two rules hold throughout, since the pipeline's tables have no unique keys. Of the rows with the same key only the
newest counts (:func:`newest`), and keys are compared as Python compares strings, which is byte for byte, whatever the
database's collation makes of them. The rows come from the database in the order of the dates and then of their ids,
which is the order of the pipeline's own indexes, so that no database has to sort them.
"""

from collections import defaultdict, namedtuple
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from functools import cache, cached_property
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, ClassVar, Self

from django.db import DatabaseError, OperationalError
from django.db.models import Count, DateField, FloatField, Max, Q, QuerySet, Value

from analytics_data_api.tables import introspection
from analytics_data_api.tables.constants import activity_types, countries, enrollment_modes, genders
from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.fields import AsText, Bytes, KeyField, SecondsField
from analytics_data_api.tables.rows import ABSENT, Row, Rows
from analytics_data_api.tables.statements import BindParam, database_of, statement

# MySQL: "Illegal mix of collations", and "Conversion from collation … impossible for parameter".
NO_COMMON_CHARACTER_SET = {1267, 3988}

COURSE_ID = BindParam("course_id", KeyField())
ENTITY_ID = BindParam("entity_id", KeyField())
MISSING = Value(None, FloatField())


def newest(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[Row]:
    """Keep of the rows with the same key the newest: the one with the highest ``created``, then the highest id.

    Args:
        rows: Rows in the order of their ids, with ``created`` as the last column.
        key: What a row is about.

    Returns:
        The rows that count, in the order of their ids.
    """
    rows = list(rows)
    kept = dict(zip(map(key, rows), rows, strict=True))
    if len(kept) == len(rows):
        return rows
    kept.clear()
    for row in rows:
        about = key(row)
        other = kept.get(about)
        if other is None or null_first(row[-1]) >= null_first(other[-1]):
            kept.pop(about, None)
            kept[about] = row
    return list(kept.values())


def null_first(value: Any) -> tuple[bool, Any]:
    """Return what to sort a value by, so that null comes before every other."""
    return (value is not None, value)


class ReportQuerySet(QuerySet[Any]):
    """Rows of a pipeline table.

    The methods that end in ``_query`` compose queries: from all the table's rows, with :class:`BindParam` for values.

    Attributes:
        natural_key: The fields that identify a row, the entity's id first. Of the rows that are equal in all of them
            only the newest counts.
    """

    natural_key: ClassVar[tuple[str, ...]]

    def row_keys(self) -> Iterator[Row]:
        """Yield the key of each row: its natural key, and whatever else is equal in duplicates."""
        return self.selecting(*self.natural_key).iterator()

    def read(self, compose: Callable[..., QuerySet[Any, Any]], *shape: Any, **values: Any) -> Iterator[Row]:
        """Yield the rows of a query as tuples; every report reads its table through this.

        Dates come as ``YYYY-mm-dd`` and times as ``YYYY-mm-dd HH:MM:SS``, as text: written that way by the database,
        they cost no conversion, and most of them are only passed on.

        Args:
            compose: One of the methods that compose queries.
            shape: What it takes.
            values: Those of its parameters.
        """
        model: Any = self.model
        try:
            yield from statement(model, vars(self)["_db"] or database_of(model), compose, *shape).rows(values)
        except OperationalError as error:
            # MySQL refuses to look for an id that its column's character set cannot express: there is no such row.
            if error.args[0] not in NO_COMMON_CHARACTER_SET:
                raise

    def selecting(self, *columns: Any) -> QuerySet[Any, Any]:
        """Return tuples of the columns, with dates and times as text."""
        fields = {field.name: field for field in self.model._meta.concrete_fields}
        return self.values_list(
            *(AsText(column) if isinstance(fields.get(column), DateField) else column for column in columns)
        )


class EntityQuerySet(ReportQuerySet):
    """Rows of a table that has one report about each of its entities.

    Attributes:
        entity: The column of the entity's id.
        columns: The columns of the report, before ``created``.
    """

    entity: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    def entity_query(self, columns: tuple[Any, ...]) -> QuerySet[Any, Any]:
        return self.filter(**{self.entity: ENTITY_ID}).order_by("id").selecting(*columns, "created")

    def read_entity(self, entity_id: str) -> Iterator[Row]:
        """Yield the rows about a entity in table order: tuples of the columns and ``created``."""
        return self.read(type(self).entity_query, self.columns, entity_id=entity_id)

    def newest_of_entity(self, entity_id: str) -> list[Row]:
        """Return, of the rows about a entity, those that count."""
        known_by = [self.columns.index(name) for name in self.natural_key if name != self.entity]
        return newest(self.read_entity(entity_id), key=itemgetter(*known_by))

    def report(self, entity_id: str) -> Rows:
        """Return the rows about a course, problem, subsection or video."""
        return Rows((*self.columns, "created"), self.deduplicated(entity_id), {self.entity: entity_id})

    def deduplicated(self, entity_id: str) -> Iterator[Row]:
        """Yield the rows that count, in the order of the report."""
        raise NotImplementedError


class DatedQuerySet(ReportQuerySet):
    """Rows about courses that each belong to a date, or to a week.

    Attributes:
        latest_by: The column that tells which of the dates (weeks) is the latest.
    """

    latest_by: ClassVar[str] = "date"

    def of_course(self) -> Self:
        return self.filter(course_id=COURSE_ID)

    def of_latest(self) -> Self:
        """Select, of the rows of a course, those of the latest date (week) on record."""
        return self.filter(**{self.latest_by: self.order_by(f"-{self.latest_by}").values(self.latest_by)[:1]})

    def end_query(self, order: str) -> QuerySet[Any, Any]:
        return self.of_course().order_by(order)[:1].selecting(self.latest_by)

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return the rows about a course in a range of dates, of the latest date (week) where the range is open."""
        raise NotImplementedError

    def span(self, course_id: str) -> tuple[str, str] | None:
        """Return the first and last date (end of a week) on record as text, None where there is none."""
        orders = (self.latest_by, f"-{self.latest_by}")
        ends = [end for order in orders for (end,) in self.read(type(self).end_query, order, course_id=course_id)]
        return (ends[0], ends[-1]) if ends else None


class DailyQuerySet(DatedQuerySet):
    """Rows about courses that each belong to a date (UTC)."""

    def days_query(self, since: str | None, until: str | None, columns: tuple[str, ...]) -> QuerySet[Any, Any]:
        """Compose the query for a range of days.

        Args:
            since: The lookup that compares a date with the parameter ``start``; None where that end is open.
            until: The lookup that compares a date with the parameter ``end``; None where that end is open.
            columns: What to select between date and ``created``.
        """
        rows = self.of_course()
        if since is None and until is None:
            rows = rows.of_latest()
        if since is not None:
            rows = rows.filter(**{f"date__{since}": BindParam("start", DateField())})
        if until is not None:
            rows = rows.filter(**{f"date__{until}": BindParam("end", DateField())})
        return rows.order_by("date", "id").selecting("date", *columns, "created")

    def days(self, course_id: str, dates: DateRange, *columns: str) -> Iterator[Row]:
        """Yield the rows of a range, or of the latest day: tuples of date, the columns and ``created``.

        A date counts as its midnight, 00:00 UTC.
        """
        start, end = dates.start, dates.end
        since = None if start is None else "gte" if is_midnight(start) else "gt"
        until = None if end is None else "lt" if is_midnight(end) else "lte"
        return self.read(
            type(self).days_query,
            since,
            until,
            columns,
            course_id=course_id,
            start=start and start.date(),
            end=end and end.date(),
        )

    @property
    def dimension(self) -> str:
        """What tells the rows of a course and date apart: the last field of their natural_key."""
        return self.natural_key[-1]

    def by_date(self, course_id: str, dates: DateRange, *columns: str) -> Iterator[tuple[str, list[Row]]]:
        """Yield each date with its newest rows: tuples of date, the dimension, the columns and ``created``."""
        for day, group in groupby(self.days(course_id, dates, self.dimension, *columns), key=itemgetter(0)):
            yield day, newest(group, key=itemgetter(1))


def is_midnight(time: datetime) -> bool:
    return time.time() == datetime.min.time()


class EnrollmentQuerySet(DailyQuerySet):
    natural_key = ("course_id", "date")

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date: ``(date, count, created)``."""
        by_date = groupby(self.days(course_id, dates, "count"), key=itemgetter(0))
        return Rows(
            ("date", "count", "created"),
            (row for _, group in by_date for row in newest(group, key=itemgetter(0))),
            {"course_id": course_id},
        )


class EnrollmentDimensionQuerySet(DailyQuerySet):
    """Enrollment by day and one more column."""

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date and value of the dimension, null first: ``(date, value, count, created)``."""
        return Rows(
            ("date", self.dimension, "count", "created"),
            self.by_dimension(course_id, dates),
            {"course_id": course_id},
        )

    def by_dimension(self, course_id: str, dates: DateRange) -> Iterator[Row]:
        for _, rows in self.by_date(course_id, dates, "count"):
            rows.sort(key=lambda row: null_first(row[1]))
            yield from rows


class EnrollmentBirthYearQuerySet(EnrollmentDimensionQuerySet):
    natural_key = ("course_id", "date", "birth_year")


class EnrollmentEducationQuerySet(EnrollmentDimensionQuerySet):
    natural_key = ("course_id", "date", "education_level")


class EnrollmentModeQuerySet(DailyQuerySet):
    natural_key = ("course_id", "date", "mode")

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date: the sums over every mode, and the count of each mode that has a column."""
        return Rows(
            ("date", "count", "cumulative_count", "created", *enrollment_modes.COLUMNS),
            self.pivot(course_id, dates),
            {"course_id": course_id},
        )

    def pivot(self, course_id: str, dates: DateRange) -> Iterator[Row]:
        for day, rows in self.by_date(course_id, dates, "count", "cumulative_count"):
            counts = dict.fromkeys(enrollment_modes.COLUMNS, 0)
            for _, mode, count, _, _ in rows:
                column = enrollment_modes.COLUMN_OF_MODE.get(mode)
                if column is not None:
                    counts[column] += count or 0
            total, cumulative = sum(row[2] or 0 for row in rows), sum(row[3] or 0 for row in rows)
            yield (day, total, cumulative, latest_created(rows), *counts.values())


class EnrollmentGenderQuerySet(DailyQuerySet):
    natural_key = ("course_id", "date", "gender")

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date with the count of each gender that has a column."""
        return Rows(
            ("date", *genders.COLUMNS, "created"),
            self.pivot(course_id, dates),
            {"course_id": course_id},
        )

    def pivot(self, course_id: str, dates: DateRange) -> Iterator[Row]:
        for day, rows in self.by_date(course_id, dates, "count"):
            counts = dict.fromkeys(genders.COLUMNS, 0)
            for _, gender, count, _ in rows:
                counts[genders.COLUMN_OF_CODE.get(gender, genders.UNKNOWN)] += count or 0
            yield (day, *counts.values(), latest_created(rows))


class EnrollmentLocationQuerySet(DailyQuerySet):
    natural_key = ("course_id", "date", "country_code")

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date and country, the unknown one first: ``(date, alpha-2 or None, count, created)``."""
        return Rows(
            ("date", "country", "count", "created"),
            self.by_country(course_id, dates),
            {"course_id": course_id},
        )

    def by_country(self, course_id: str, dates: DateRange) -> Iterator[Row]:
        for day, rows in self.by_date(course_id, dates, "count"):
            known = [row for row in rows if row[1] in countries.COUNTRIES]
            known.sort(key=itemgetter(1))
            if len(known) < len(rows):
                unknown = [row for row in rows if row[1] not in countries.COUNTRIES]
                yield (day, None, sum(row[2] or 0 for row in unknown), latest_created(unknown))
            yield from known


def latest_created(rows: Iterable[Row]) -> Any:
    """Return the newest ``created``, the last column, of rows that make one item."""
    return max((row[-1] for row in rows), key=null_first)


class ActivityQuerySet(DatedQuerySet):
    """Weekly activity; the columns ``interval_start`` and ``interval_end`` bound a row's week, in UTC."""

    natural_key = ("course_id", "interval_start", "interval_end", "activity_type")
    latest_by = "interval_end"

    def of_course(self) -> Self:
        return self.filter(course_id=COURSE_ID, activity_type__in=activity_types.BY_LABEL)

    def weeks_query(self, since: bool, until: bool) -> QuerySet[Any, Any]:
        """Compose the query for the weeks that start in a range and end before its end.

        Args:
            since: Whether the range starts with the parameter ``start``.
            until: Whether the range ends with the parameter ``end``.
        """
        rows = self.of_course()
        if not since and not until:
            rows = rows.of_latest()
        if since:
            rows = rows.filter(interval_start__gte=BindParam("start", SecondsField()))
        if until:
            rows = rows.filter(interval_end__lt=BindParam("end", SecondsField()))
        return rows.order_by("interval_start", "interval_end", "id").selecting(
            "interval_start", "interval_end", "activity_type", "count", "created"
        )

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a week: its bounds, the count of each kind of activity (ABSENT without a row), ``created``."""
        return Rows(
            ("interval_start", "interval_end", *activity_types.NAMES, "created"),
            self.pivot(course_id, dates),
            {"course_id": course_id},
        )

    def pivot(self, course_id: str, dates: DateRange) -> Iterator[Row]:
        rows = self.read(
            type(self).weeks_query,
            dates.start is not None,
            dates.end is not None,
            course_id=course_id,
            start=dates.start,
            end=dates.end,
        )
        for week, group in groupby(rows, key=itemgetter(0, 1)):
            counted = [row for row in newest(group, key=itemgetter(2)) if row[2] in activity_types.BY_LABEL]
            counts = dict.fromkeys(activity_types.BY_LABEL, ABSENT) | {row[2]: row[3] for row in counted}
            if counted:
                yield (*week, *counts.values(), latest_created(counted))

    def recent_query(self) -> QuerySet[Any, Any]:
        rows = self.filter(course_id=COURSE_ID, activity_type=BindParam("label", KeyField()))
        newest_first = rows.order_by("-interval_end", "-created", "-id")
        return newest_first[:1].selecting("interval_start", "interval_end", "count")

    def recent(self, course_id: str, activity_type: str) -> Rows:
        """Return the count of one kind of activity in the latest week that has one: one row or none.

        Args:
            course_id: The course.
            activity_type: One of ``activity_types.NAMES``.
        """
        return Rows(
            ("interval_start", "interval_end", "count"),
            self.read(type(self).recent_query, course_id=course_id, label=activity_types.LABELS[activity_type]),
            {"activity_type": activity_type, "course_id": course_id},
        )


class VideoQuerySet(EntityQuerySet):
    """A row a video of a course, in table order."""

    entity = "course_id"
    natural_key = ("course_id", "pipeline_video_id", "encoded_module_id")
    columns = ("pipeline_video_id", "encoded_module_id", "duration", "segment_length", "users_at_start", "users_at_end")

    def deduplicated(self, entity_id: str) -> Iterator[Row]:
        yield from self.newest_of_entity(entity_id)


class VideoTimelineQuerySet(EntityQuerySet):
    """A row a segment of a video, by segment."""

    entity = "pipeline_video_id"
    natural_key = ("pipeline_video_id", "segment")
    columns = ("segment", "num_users", "num_views")

    def deduplicated(self, entity_id: str) -> Iterator[Row]:
        yield from sorted(self.newest_of_entity(entity_id), key=lambda row: null_first(row[0]))


class GradeDistributionQuerySet(EntityQuerySet):
    """A row a grade that was given for a problem, by grade."""

    entity = "module_id"
    natural_key = ("module_id", "course_id", "grade", "max_grade")
    columns = ("course_id", "grade", "max_grade", "count")

    def deduplicated(self, entity_id: str) -> Iterator[Row]:
        yield from sorted(self.newest_of_entity(entity_id), key=lambda row: null_first(row[1]))


class SequentialOpenDistributionQuerySet(EntityQuerySet):
    """A row a course that has the subsection."""

    entity = "module_id"
    natural_key = ("module_id", "course_id")
    columns = ("course_id", "count")

    def deduplicated(self, entity_id: str) -> Iterator[Row]:
        yield from self.newest_of_entity(entity_id)


class AnswerDistributionQuerySet(EntityQuerySet):
    """Answers to the parts of problems, in whichever of its two layouts the table is.

    Attributes:
        described: The columns that tell more of an answer.
        late_columns: The columns that a table may lack, because they came late; null stands for what they would hold.
    """

    entity = "module_id"
    natural_key = ("module_id", "course_id", "part_id", "correct", "value_id", "answer_value_text", "variant")
    described = ("answer_value_numeric", "problem_display_name", "question_text")
    late_columns = ("answer_value_numeric",)

    @cached_property
    def counts(self) -> tuple[str, ...]:
        """The columns that count responses, the one of last responses at the end."""
        named = {field.name for field in self.model._meta.get_fields()}
        return ("first_response_count", "last_response_count") if "last_response_count" in named else ("count",)

    def read(self, compose: Callable[..., QuerySet[Any, Any]], *shape: Any, **values: Any) -> Iterator[Row]:
        try:
            yield from super().read(compose, *shape, **values)
        except DatabaseError:
            # The table may have been replaced by one of the other layout since its columns were looked up.
            introspection.columns.cache_clear()
            raise

    def columns_read(self, *described: str) -> tuple[str, ...]:
        """Return the columns that a report takes: what answers are known by, their counts, and some that describe."""
        return (*self.natural_key, *self.counts, *described)

    def readable(self, columns: tuple[str, ...]) -> tuple[Any, ...]:
        """Return what to select for columns: null for late ones that the connected database's table lacks."""
        present = introspection.columns(self.db, self.model._meta.db_table)
        lacking = {column for column in self.late_columns if column not in present}
        return tuple(MISSING if column in lacking else column for column in columns)

    def problems_query(self, columns: tuple[Any, ...]) -> QuerySet[Any, Any]:
        return self.filter(course_id=COURSE_ID).order_by(Bytes("module_id"), "id").selecting(*columns, "created")

    def row_keys(self) -> Iterator[Row]:
        read = self.columns_read()
        return map(self.answer_key(), map(answer_type(read)._make, self.selecting(*read).iterator()))

    def answer_key(self) -> Callable[[Any], Row]:
        """Return what tells the key of an answer; rows that name no answer are one only where they count the same."""
        natural_key = attrgetter(*self.natural_key)
        identity_and_counts = attrgetter(*self.natural_key, *self.counts)

        def key(answer: Any) -> Row:
            named = answer.value_id is not None or answer.answer_value_text is not None
            known_by: Row = natural_key(answer) if named else identity_and_counts(answer)
            return known_by

        return key

    def newest_answers(self, answers: Iterable[Any]) -> list[Any]:
        """Keep the newest row of each answer."""
        return newest(answers, self.answer_key())

    def report(self, entity_id: str) -> Rows:
        """Return a row an answer, by part, with erroneously randomised problems consolidated."""
        columns = ("course_id", "part_id", "correct", *self.counts, "value_id", "answer_value_text", *self.described)
        columns = (*columns, "variant", "created")
        return Rows(
            # The older layout has no other count, and then names it twice.
            (*columns, "count", "answer_value", "consolidated_variant"),
            self.consolidated(entity_id, attrgetter(*columns, self.counts[-1], "answer_value_text")),
            {"module_id": entity_id},
        )

    def consolidated(self, entity_id: str, values: Callable[[Any], Row]) -> Iterator[Row]:
        """Yield of each answer the values, and whether it stands for several variants."""
        read = self.columns_read(*self.described)
        rows = self.read(type(self).entity_query, self.readable(read), entity_id=entity_id)
        by_part = attrgetter("part_id", "course_id")
        answers = sorted(self.newest_answers(map(answer_type((*read, "created"))._make, rows)), key=by_part)
        for _, part in groupby(answers, key=by_part):
            for answer, consolidated in consolidate(list(part), self.counts):
                yield (*values(answer), consolidated)

    def by_problem(self, course_id: str) -> Rows:
        """Return a row a problem of a course, by module: submissions a part, the parts, the newest ``created``."""
        return Rows(
            ("module_id", "total_submissions", "correct_submissions", "part_ids", "created"),
            self.submissions(course_id),
        )

    def submissions(self, course_id: str) -> Iterator[Row]:
        read = self.columns_read()
        rows = self.read(type(self).problems_query, self.readable(read), course_id=course_id)
        last_responses = attrgetter(self.counts[-1])
        for module_id, group in groupby(map(answer_type((*read, "created"))._make, rows), key=attrgetter("module_id")):
            answers = self.newest_answers(group)
            parts = sorted({answer.part_id for answer in answers})
            total = sum(last_responses(answer) or 0 for answer in answers)
            correct = sum(last_responses(answer) or 0 for answer in answers if answer.correct)
            yield (module_id, total // len(parts), correct // len(parts), parts, latest_created(answers))


class TableUpdateQuerySet(QuerySet[Any]):
    """Notes of loads."""

    def loads_query(self) -> QuerySet[Any, Any]:
        """Compose the query for how many loads of a table are noted, and for the last one's id and time, as text.

        The pipeline calls a table ``table``, its name alone, or ``qualified``, behind the name of its database. Either
        has a row where it has a note.
        """
        names = Q(target_table=BindParam("table", KeyField())) | Q(target_table=BindParam("qualified", KeyField()))
        of_table = self.filter(names).values("target_table")
        noted: QuerySet[Any, Any] = of_table.annotate(loads=Count("*"), last=Max("id"), newest=AsText(Max("inserted")))
        return noted.order_by("target_table").values_list("loads", "last", "newest")


@cache
def answer_type(columns: tuple[str, ...]) -> Any:
    """Return a class of named tuples with these columns."""
    return namedtuple("Answer", columns)


def consolidate(answers: list[Any], counts: tuple[str, ...]) -> Iterator[tuple[Any, bool]]:
    """Make the variants of an erroneously randomised part one: of rows that are the same answer, only the sum is told.

    A problem that was made to vary by mistake shows everybody the same question, yet its answers were counted by
    variant. It is known by this: wherever a ``value_id`` has several rows, they agree in everything that users see.

    Args:
        answers: The rows of one part, in the order of their ids.
        counts: The columns to add up.

    Yields:
        Each answer, and whether it stands for several variants.
    """
    seen = attrgetter("question_text", "answer_value_text", "problem_display_name", "correct")
    by_value: dict[str | None, list[Any]] = defaultdict(list)
    for answer in answers:
        by_value[answer.value_id].append(answer)
    if any(len(set(map(seen, same))) > 1 for same in by_value.values()):
        yield from ((answer, False) for answer in answers)
        return
    for same in by_value.values():
        if len(same) == 1:
            yield same[0], False
        else:
            sums = {count: sum(getattr(answer, count) or 0 for answer in same) for count in counts}
            yield same[0]._replace(**sums, variant=None, created=latest_created(same)), True
