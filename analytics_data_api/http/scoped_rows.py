"""What a limited key gets of the rows of a report."""

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any, Final

from rest_framework import serializers

from analytics_data_api.access.scope import Access, NotForLimitedKeys
from analytics_data_api.formats.row_set import BATCH_SIZE
from analytics_data_api.tables.querysets import COURSE_ID
from analytics_data_api.tables.rows import Row, Rows

NUMBER_FIELDS: Final = (serializers.IntegerField, serializers.BaseSerializer, serializers.DictField)
COUNT_TYPES: Final = (int, float, Decimal)


def rows_in_scope(rows: Rows, access: Access, *, is_selected: bool) -> Rows:
    """Return the rows of the courses that a key may see.

    Args:
        rows: The rows of a report that is not about one course.
        access: What the key may see.
        is_selected: Whether the report was made of the courses of the scope, so that its rows need not name any.

    Raises:
        NotForLimitedKeys: The rows do not name a course.
    """
    if COURSE_ID in rows.constants:
        return rows if access.allows(rows.constants[COURSE_ID]) else rows._replace(rows=())
    if COURSE_ID not in rows.columns:
        if not is_selected:
            raise NotForLimitedKeys
        return rows
    return rows._replace(rows=allowed_rows(rows.rows, rows.columns.index(COURSE_ID), access))


def allowed_rows(rows: Iterable[Row], place: int, access: Access) -> Iterator[Row]:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH_SIZE)):
        allowed = access.allowed({row[place] for row in batch})
        yield from (row for row in batch if row[place] in allowed)


def without_small_counts(
    rows: Rows, serializer_class: type[serializers.Serializer[Any]], least: int, totals: Collection[str]
) -> Rows:
    """Return rows with null for counts that are smaller than a number.

    Every whole number of an item is a count, unless it is declared to be a total, or not to count anybody.

    Args:
        rows: The rows of a report.
        serializer_class: Declares what they are.
        least: The smallest count that is served.
        totals: The fields that stay as they are.
    """
    counts = numbers(serializer_class) - set(totals)

    def hidden(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: hidden(each) for name, each in value.items()}
        return None if isinstance(value, COUNT_TYPES) and not isinstance(value, bool) and value < least else value

    places = [place for place, name in enumerate(rows.columns) if name in counts]
    constants = {name: hidden(value) if name in counts else value for name, value in rows.constants.items()}
    return Rows(rows.columns, hidden_rows(rows.rows, frozenset(places), hidden), constants)


def without_numbers(rows: Rows, names: Collection[str]) -> Rows:
    """Return rows with null for some columns."""
    places = frozenset(place for place, name in enumerate(rows.columns) if name in names)
    return Rows(rows.columns, hidden_rows(rows.rows, places, lambda value: None), rows.constants)


@cache
def numbers(serializer_class: type[serializers.Serializer[Any]]) -> frozenset[str]:
    """Return the fields of an item that are whole numbers, or objects that may have some."""
    fields = serializer_class().fields.items()
    return frozenset(name for name, field in fields if isinstance(field, NUMBER_FIELDS))


def hidden_rows(rows: Iterable[Row], places: Collection[int], hidden: Any) -> Iterator[Row]:
    for row in rows:
        yield tuple(hidden(value) if place in places else value for place, value in enumerate(row))
