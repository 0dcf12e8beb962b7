"""The table of answers to problems."""

from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import DatabaseError
from django.db.models import FloatField, QuerySet, Value

from analytics_data_api.tables import introspection
from analytics_data_api.tables.fields import Bytes
from analytics_data_api.tables.querysets.base import COURSE_ID, EntityQuerySet, latest_created, newest
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.selection import Filter, Selection

MISSING = Value(None, FloatField())
OF_COURSE_BY_MODULE = Selection((Filter("course_id", COURSE_ID),), order_by=(Bytes("module_id"), "id"))


class AnswerDistributionQuerySet(EntityQuerySet):
    """Answers to the parts of problems, in either of the table's two layouts.

    Attributes:
        described: The columns that describe an answer without identifying it.
    """

    entity = "module_id"
    natural_key = ("module_id", "course_id", "part_id", "correct", "value_id", "answer_value_text", "variant")
    described = ("answer_value_numeric", "problem_display_name", "question_text")
    late_columns = ("answer_value_numeric",)

    @property
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

    def lasting_columns(self) -> tuple[str, ...]:
        """Return the columns that the connected database's table has: each layout has others."""
        return tuple(sorted(introspection.columns(self.db, self.model._meta.db_table)))

    def columns_read(self, *described: str) -> tuple[str, ...]:
        """Return the columns that a report reads: the natural key, the counts, and some that describe an answer."""
        return (*self.natural_key, *self.counts, *described)

    def readable(self, columns: tuple[str, ...]) -> tuple[Any, ...]:
        """Return what to select for columns: null for late ones that the connected database's table lacks."""
        present = introspection.columns(self.db, self.model._meta.db_table)
        lacking = {column for column in self.late_columns if column not in present}
        return tuple(MISSING if column in lacking else column for column in columns)

    def row_keys(self) -> Iterator[Row]:
        read = self.columns_read()
        return map(self.answer_key(), map(answer_type(read)._make, self.selecting(*read).iterator()))

    def answer_key(self) -> Callable[[Any], Row]:
        """Return the function of an answer's key; rows that name no answer are one only where they count the same."""
        natural_key = attrgetter(*self.natural_key)
        identity_and_counts = attrgetter(*self.natural_key, *self.counts)

        def key(answer: Any) -> Row:
            named = answer.value_id is not None or answer.answer_value_text is not None
            known_by: Row = natural_key(answer) if named else identity_and_counts(answer)
            return known_by

        return key

    def newest_answers(self, answers: Iterable[Any]) -> list[Any]:
        """Keep the newest row of each answer."""
        return newest(self.answer_key(), answers)

    def report(self, entity_id: str) -> Rows:
        """Return a row for each answer, by part, with erroneously randomised problems consolidated."""
        columns = ("course_id", "part_id", "correct", *self.counts, "value_id", "answer_value_text", *self.described)
        columns = (*columns, "variant", "created")
        return Rows(
            # The older layout has no other count, and then names it twice.
            (*columns, "count", "answer_value", "consolidated_variant"),
            self.consolidated(entity_id, attrgetter(*columns, self.counts[-1], "answer_value_text")),
            {"module_id": entity_id},
        )

    def consolidated(self, entity_id: str, values: Callable[[Any], Row]) -> Iterator[Row]:
        """Yield the values of each answer, and whether it stands for several variants."""
        read = self.columns_read(*self.described)
        rows = self.read_selected(self.of_entity, self.readable((*read, "created")), entity_id=entity_id)
        by_part = attrgetter("part_id", "course_id")
        answers = sorted(self.newest_answers(map(answer_type((*read, "created"))._make, rows)), key=by_part)
        for _, part in groupby(answers, key=by_part):
            for answer, consolidated in consolidate(list(part), self.counts):
                yield (*values(answer), consolidated)

    def by_problem(self, course_id: str) -> Rows:
        """Return a row for each problem of a course, by module: submissions, the parts, the newest ``created``."""
        return Rows(
            ("module_id", "total_submissions", "correct_submissions", "part_ids", "created"),
            self.submissions(course_id),
        )

    def submissions(self, course_id: str) -> Iterator[Row]:
        read = self.columns_read()
        rows = self.read_selected(OF_COURSE_BY_MODULE, self.readable((*read, "created")), course_id=course_id)
        last_responses = attrgetter(self.counts[-1])
        for module_id, group in groupby(map(answer_type((*read, "created"))._make, rows), key=attrgetter("module_id")):
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
    """Sum the variants of each answer to an erroneously randomised part.

    A problem that was made to vary by mistake shows all users the same question, yet its answers were counted by
    variant. It is recognised by this: where a ``value_id`` has several rows, they agree in everything that users see.

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
