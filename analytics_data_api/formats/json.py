"""JSON."""

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial
from itertools import chain, islice, repeat
from typing import Any

import orjson

from analytics_data_api.formats.base import RowRenderer, number
from analytics_data_api.formats.row_set import (
    BATCH_SIZE,
    SHORT,
    ColumnPlan,
    Convert,
    JsonType,
    OutputColumn,
    RowSet,
    Write,
    value_cache,
)


class JSONRenderer(RowRenderer):
    """A list of objects, or one object."""

    media_type = "application/json"
    format = "json"
    charset = None
    describes = True

    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        if row_set.single:
            for item in row_set.records():
                yield orjson.dumps(item, number)
            return
        by_row = row_set.plan.may_omit or len(row_set.first_rows or row_set.read_first_rows()) <= SHORT
        opening = b"["
        for batch in sparse_items(row_set) if by_row else fixed_items(row_set):
            yield opening
            yield batch
            opening = b","
        yield b"]" if opening == b"," else b"[]"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of a value that is not a row set."""
        return b"" if data is None else orjson.dumps(data, number)


def fixed_items(row_set: RowSet) -> Iterator[bytes]:
    """Yield a batch of items at a time, without brackets; the bytes between the values are the same in every item."""
    writers, before = fixed_parts(row_set.plan)
    for size, columns in row_set.batches(writers):
        pieces = [piece for key, values in zip(before, columns, strict=True) for piece in (repeat(key, size), values)]
        yield b"".join(chain.from_iterable(zip(*pieces, repeat(b"}", size), strict=True)))[1:]


@lru_cache(64)
def fixed_parts(plan: ColumnPlan) -> tuple[list[tuple[OutputColumn, Write]], list[bytes]]:
    """Return what writes each value of an item, and the bytes before each value."""
    columns = plan.object_columns
    keys = [orjson.dumps(column.name, number) + b":" for column in columns]
    before = [b",{" + keys[0], *(b"," + key for key in keys[1:])]
    return [(column, json_writer(column.kind, column.convert)) for column in columns], before


def sparse_items(row_set: RowSet) -> Iterator[bytes]:
    """Yield a batch of items at a time, without brackets; an item may lack fields."""
    records = row_set.records()
    while batch := list(islice(records, BATCH_SIZE)):
        yield orjson.dumps(batch, number)[1:-1]


@lru_cache(256)
def json_writer(kind: JsonType, convert: Convert | None) -> Write:
    """Return what writes a column's values as JSON.

    A call of orjson costs more than writing a single value. So all numbers of a batch are written in one call, and what
    is written of other values (dates, names, countries) is cached by value.
    """
    if kind is JsonType.NUMBERS:
        return lambda values: orjson.dumps(values, number)[1:-1].split(b",")

    def write(value: Any) -> bytes:
        # A copy: the bytes that orjson returns keep the buffer of some kilobytes that they were written in.
        return bytes(memoryview(orjson.dumps(value if convert is None else convert(value), number)))

    return partial(map, write if kind in (JsonType.LISTS, JsonType.OBJECTS) else value_cache(write))
