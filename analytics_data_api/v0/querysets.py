"""The one place that filters, picks the latest, groups: what each endpoint asks of its table.

Each report is handed over as :class:`~analytics_data_api.rows.Rows`. Nothing here makes model instances, and
nothing holds more than one date's (one problem's, one video's) rows at a time.

Two rules hold throughout, since the pipeline's tables have no unique keys. Of the rows with the same key only the
newest counts (:func:`newest`), and keys are compared as Python compares strings, which is byte for byte, whatever the
database's collation makes of them. The rows come from the database in the order of the dates and then of their ids,
which is the order of the pipeline's own indexes, so that no database has to sort them.
"""

from collections import defaultdict, namedtuple
from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, ClassVar, Self

from django.db import DatabaseError, OperationalError
from django.db.models import DateField, FloatField, QuerySet, Value

from analytics_data_api.constants import activity_types, countries, enrollment_modes, genders
from analytics_data_api.dates import DateRange
from analytics_data_api.rows import ABSENT, Row, Rows
from analytics_data_api.v0 import layouts
from analytics_data_api.v0.fields import AsText, Bytes

# Rows fetched from the database at a time: enough to make the round trips cheap, few enough to weigh little.
FETCH_SIZE = 2000

# MySQL: "Illegal mix of collations", and "Conversion from collation … impossible for parameter".
NO_COMMON_CHARACTER_SET = {1267, 3988}


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
    """Rows of a pipeline table."""

    def read(self, *columns: Any) -> Iterator[Row]:
        """Yield tuples of the columns, fetched a few thousand at a time; every report reads its table through this.

        Dates come as ``YYYY-mm-dd`` and times as ``YYYY-mm-dd HH:MM:SS``, as text: written that way by the database,
        they cost no conversion, and most of them are only passed on.
        """
        try:
            yield from self.values_list(*map(self.readable, columns)).iterator(chunk_size=FETCH_SIZE)
        except OperationalError as error:
            # MySQL refuses to look for an id that its column's character set cannot express: there is no such row.
            if error.args[0] not in NO_COMMON_CHARACTER_SET:
                raise

    def readable(self, column: Any) -> Any:
        """Return what to select for a column: its text where it is a date or a time."""
        is_date = isinstance(column, str) and isinstance(self.model._meta.get_field(column), DateField)
        return AsText(column) if is_date else column


class SubjectQuerySet(ReportQuerySet):
    """Rows of a table that has one report about each of its subjects."""

    def report(self, subject_id: str) -> Rows:
        """Return the rows about a course, problem, subsection or video."""
        raise NotImplementedError


class CourseQuerySet(ReportQuerySet):
    """Rows of a table about courses."""

    def of_course(self, course_id: str) -> Self:
        return self.filter(course_id=course_id)

    def has_course(self, course_id: str) -> bool:
        """Tell whether a report about the course can have a row."""
        return any(self.of_course(course_id)[:1].read("id"))


class DatedQuerySet(CourseQuerySet):
    """Rows about courses that each belong to a date, or to a week."""

    # The column that tells which of the dates (weeks) is the latest.
    latest_by: ClassVar[str] = "date"

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return the rows about a course, in the order of their dates."""
        raise NotImplementedError

    def in_range(self, dates: DateRange) -> Self:
        """Select the rows of a range that is open at one end at the most."""
        raise NotImplementedError

    def during(self, dates: DateRange) -> Self:
        """Select the rows in a range of dates; of the latest date (week) on record where the range is open."""
        if dates:
            return self.in_range(dates)
        return self.filter(**{self.latest_by: self.order_by(f"-{self.latest_by}").values(self.latest_by)[:1]})

    def span(self) -> tuple[str, str] | None:
        """Return the first and last date (end of a week) on record as text, None where there is none."""
        ends = [
            value
            for order in (self.latest_by, f"-{self.latest_by}")
            for (value,) in self.order_by(order)[:1].read(self.latest_by)
        ]
        return (ends[0], ends[-1]) if ends else None


class DailyQuerySet(DatedQuerySet):
    """Rows about courses that each belong to a date (UTC)."""

    def in_range(self, dates: DateRange) -> Self:
        """Select the rows from a range; a date counts as its midnight, 00:00 UTC."""
        selected = self
        if dates.start is not None:
            selected = selected.filter(**{f"date__{'gte' if is_midnight(dates.start) else 'gt'}": dates.start.date()})
        if dates.end is not None:
            selected = selected.filter(**{f"date__{'lt' if is_midnight(dates.end) else 'lte'}": dates.end.date()})
        return selected

    def by_date(self, *columns: str) -> Iterator[tuple[str, list[Row]]]:
        """Yield each date with its newest rows: tuples of date, the columns (the first is the key) and ``created``."""
        rows = self.order_by("date", "id").read("date", *columns, "created")
        for day, group in groupby(rows, key=itemgetter(0)):
            yield day, newest(group, key=itemgetter(1))


def is_midnight(time: datetime) -> bool:
    return time.time() == datetime.min.time()


class EnrollmentQuerySet(DailyQuerySet):
    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date: ``(date, count, created)``."""
        rows = self.of_course(course_id).during(dates).order_by("date", "id").read("date", "count", "created")
        return Rows(
            ("date", "count", "created"),
            (newest(group, key=itemgetter(0))[0] for _, group in groupby(rows, key=itemgetter(0))),
            {"course_id": course_id},
        )


class EnrollmentDimensionQuerySet(DailyQuerySet):
    """Enrollment by day and one more column."""

    dimension: ClassVar[str]

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date and value of the dimension, null first: ``(date, value, count, created)``."""
        return Rows(
            ("date", self.dimension, "count", "created"),
            self.of_course(course_id).during(dates).by_dimension(),
            {"course_id": course_id},
        )

    def by_dimension(self) -> Iterator[Row]:
        for _, rows in self.by_date(self.dimension, "count"):
            rows.sort(key=lambda row: null_first(row[1]))
            yield from rows


class EnrollmentBirthYearQuerySet(EnrollmentDimensionQuerySet):
    dimension = "birth_year"


class EnrollmentEducationQuerySet(EnrollmentDimensionQuerySet):
    dimension = "education_level"


class EnrollmentModeQuerySet(DailyQuerySet):
    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date: the sums over every mode, and the count of each mode that has a column."""
        return Rows(
            ("date", "count", "cumulative_count", "created", *enrollment_modes.COLUMNS),
            self.of_course(course_id).during(dates).pivot(),
            {"course_id": course_id},
        )

    def pivot(self) -> Iterator[Row]:
        for day, rows in self.by_date("mode", "count", "cumulative_count"):
            counts = dict.fromkeys(enrollment_modes.COLUMNS, 0)
            for _, mode, count, _, _ in rows:
                column = enrollment_modes.COLUMN_OF_MODE.get(mode)
                if column is not None:
                    counts[column] += count or 0
            total, cumulative = sum(row[2] or 0 for row in rows), sum(row[3] or 0 for row in rows)
            yield (day, total, cumulative, latest_created(rows), *counts.values())


class EnrollmentGenderQuerySet(DailyQuerySet):
    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date with the count of each gender that has a column."""
        return Rows(
            ("date", *genders.COLUMNS, "created"),
            self.of_course(course_id).during(dates).pivot(),
            {"course_id": course_id},
        )

    def pivot(self) -> Iterator[Row]:
        for day, rows in self.by_date("gender", "count"):
            counts = dict.fromkeys(genders.COLUMNS, 0)
            for _, gender, count, _ in rows:
                counts[genders.COLUMN_OF_CODE.get(gender, genders.UNKNOWN)] += count or 0
            yield (day, *counts.values(), latest_created(rows))


class EnrollmentLocationQuerySet(DailyQuerySet):
    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a date and country, the unknown one first: ``(date, alpha-2 or None, count, created)``."""
        return Rows(
            ("date", "country", "count", "created"),
            self.of_course(course_id).during(dates).by_country(),
            {"course_id": course_id},
        )

    def by_country(self) -> Iterator[Row]:
        for day, rows in self.by_date("country_code", "count"):
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

    latest_by = "interval_end"

    def of_course(self, course_id: str) -> Self:
        return self.filter(course_id=course_id, activity_type__in=activity_types.BY_LABEL)

    def in_range(self, dates: DateRange) -> Self:
        """Select the weeks that start in a range and end before its end."""
        selected = self
        if dates.start is not None:
            selected = selected.filter(interval_start__gte=dates.start)
        if dates.end is not None:
            selected = selected.filter(interval_end__lt=dates.end)
        return selected

    def report(self, course_id: str, dates: DateRange) -> Rows:
        """Return a row a week: its bounds, the count of each kind of activity (ABSENT without a row), ``created``."""
        return Rows(
            ("interval_start", "interval_end", *activity_types.NAMES, "created"),
            self.of_course(course_id).during(dates).pivot(),
            {"course_id": course_id},
        )

    def pivot(self) -> Iterator[Row]:
        rows = self.order_by("interval_start", "interval_end", "id").read(
            "interval_start", "interval_end", "activity_type", "count", "created"
        )
        for week, group in groupby(rows, key=itemgetter(0, 1)):
            counted = [row for row in newest(group, key=itemgetter(2)) if row[2] in activity_types.BY_LABEL]
            counts = dict.fromkeys(activity_types.BY_LABEL, ABSENT) | {row[2]: row[3] for row in counted}
            if counted:
                yield (*week, *counts.values(), latest_created(counted))

    def recent(self, course_id: str, activity_type: str) -> Rows:
        """Return the count of one kind of activity in the latest week that has one: one row or none.

        Args:
            course_id: The course.
            activity_type: One of ``activity_types.NAMES``.
        """
        rows = (
            self.filter(course_id=course_id, activity_type=activity_types.LABELS[activity_type])
            .order_by("-interval_end", "-created", "-id")[:1]
            .read("interval_start", "interval_end", "count")
        )
        return Rows(
            ("interval_start", "interval_end", "count"),
            rows,
            {"activity_type": activity_type, "course_id": course_id},
        )


class VideoQuerySet(SubjectQuerySet):
    columns = ("pipeline_video_id", "encoded_module_id", "duration", "segment_length", "users_at_start", "users_at_end")

    def report(self, subject_id: str) -> Rows:
        """Return a row a video of a course, in table order."""
        rows = self.filter(course_id=subject_id).order_by("id").read(*self.columns, "created")
        return Rows((*self.columns, "created"), newest(rows, key=itemgetter(0, 1)))


class VideoTimelineQuerySet(SubjectQuerySet):
    def report(self, subject_id: str) -> Rows:
        """Return a row a segment, by segment: ``(segment, num_users, num_views, created)``."""
        columns = ("segment", "num_users", "num_views", "created")
        rows = newest(self.filter(pipeline_video_id=subject_id).order_by("id").read(*columns), key=itemgetter(0))
        rows.sort(key=lambda row: null_first(row[0]))
        return Rows(columns, rows)


class GradeDistributionQuerySet(SubjectQuerySet):
    def report(self, subject_id: str) -> Rows:
        """Return a row a grade, by grade: ``(course_id, grade, max_grade, count, created)``."""
        columns = ("course_id", "grade", "max_grade", "count", "created")
        rows = newest(self.filter(module_id=subject_id).order_by("id").read(*columns), key=itemgetter(0, 1, 2))
        rows.sort(key=lambda row: null_first(row[1]))
        return Rows(columns, rows, {"module_id": subject_id})


class SequentialOpenDistributionQuerySet(SubjectQuerySet):
    def report(self, subject_id: str) -> Rows:
        """Return a row a course that has the subsection: ``(course_id, count, created)``."""
        columns = ("course_id", "count", "created")
        rows = newest(self.filter(module_id=subject_id).order_by("id").read(*columns), key=itemgetter(0))
        return Rows(columns, rows, {"module_id": subject_id})


class AnswerDistributionQuerySet(SubjectQuerySet):
    """Answers to the parts of problems, in whichever of its two layouts the table is.

    Attributes:
        identity: The columns that an answer is known by.
    """

    identity = ("module_id", "course_id", "part_id", "correct", "value_id", "answer_value_text", "variant")

    @property
    def counts(self) -> tuple[str, ...]:
        """The columns that count responses, the one of last responses at the end."""
        named = {field.name for field in self.model._meta.get_fields()}
        return ("first_response_count", "last_response_count") if "last_response_count" in named else ("count",)

    def read(self, *columns: Any) -> Iterator[Row]:
        try:
            yield from super().read(*columns)
        except DatabaseError:
            # The table may have been replaced by one of the other layout since its columns were looked up.
            layouts.columns.cache_clear()
            raise

    def answers(self, *columns: str) -> Iterator[Any]:
        """Yield what tells the rows' answers apart, their counts and ``created``, as named tuples."""
        named = (*self.identity, *self.counts, *columns)
        present = layouts.columns(self.db, self.model._meta.db_table)
        read = [column if column in present else Value(None, FloatField()) for column in named]
        return map(answer_type((*named, "created"))._make, self.read(*read, "created"))

    def newest_answers(self, answers: Iterable[Any]) -> list[Any]:
        """Keep the newest row of each answer; rows that name no answer are one only where they count the same."""
        identity = attrgetter(*self.identity)
        counted = attrgetter(*self.counts)

        def key(answer: Any) -> Hashable:
            named = answer.value_id is not None or answer.answer_value_text is not None
            return identity(answer) if named else (identity(answer), counted(answer))

        return newest(answers, key)

    def report(self, subject_id: str) -> Rows:
        """Return a row an answer, by part, with erroneously randomised problems consolidated."""
        described = ("answer_value_numeric", "problem_display_name", "question_text")
        answers = self.newest_answers(self.filter(module_id=subject_id).order_by("id").answers(*described))
        answers.sort(key=attrgetter("part_id", "course_id"))
        columns = ("course_id", "part_id", "correct", *self.counts, "value_id", "answer_value_text", *described)
        columns = (*columns, "variant", "created")
        values = attrgetter(*columns, self.counts[-1], "answer_value_text")
        return Rows(
            # The older layout has no other count, and then names it twice.
            (*columns, "count", "answer_value", "consolidated_variant"),
            [
                (*values(answer), consolidated)
                for _, part in groupby(answers, key=attrgetter("part_id", "course_id"))
                for answer, consolidated in consolidate(list(part), self.counts)
            ],
            {"module_id": subject_id},
        )

    def by_problem(self, course_id: str) -> Rows:
        """Return a row a problem of a course, by module: submissions a part, the parts, the newest ``created``."""
        return Rows(
            ("module_id", "total_submissions", "correct_submissions", "part_ids", "created"),
            self.filter(course_id=course_id).order_by(Bytes("module_id"), "id").submissions(),
        )

    def submissions(self) -> Iterator[Row]:
        last_responses = attrgetter(self.counts[-1])
        for module_id, group in groupby(self.answers(), key=attrgetter("module_id")):
            answers = self.newest_answers(group)
            parts = sorted({answer.part_id for answer in answers})
            total = sum(last_responses(answer) or 0 for answer in answers)
            correct = sum(last_responses(answer) or 0 for answer in answers if answer.correct)
            yield (module_id, total // len(parts), correct // len(parts), parts, latest_created(answers))


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
