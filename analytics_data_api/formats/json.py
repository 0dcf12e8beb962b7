"""JSON."""

from collections.abc import Iterable, Iterator, Mapping
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
        opening = b"["
        for batch in sparse_items(row_set) if is_written_by_row(row_set) else fixed_items(row_set):
            yield opening
            yield batch
            opening = b","
        yield b"]" if opening == b"," else b"[]"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of a value that is not a row set."""
        return b"" if data is None else orjson.dumps(data, number)


def is_written_by_row(row_set: RowSet) -> bool:
    """Return whether an answer is written row by row: where items may lack fields, or are so few that it is faster."""
    return row_set.plan.may_omit or len(row_set.first_rows or row_set.read_first_rows()) <= SHORT


def fixed_items(row_set: RowSet, separator: bytes = b",") -> Iterator[bytes]:
    """Yield a batch of items at a time, without brackets; the bytes between the values are the same in every item."""
    writers, keys = fixed_parts(row_set.plan, separator)
    for size, columns in row_set.batches(writers):
        pieces: list[Iterable[bytes]] = []
        for key, values in zip(keys, columns, strict=True):
            pieces += (values,) if key is None else (repeat(key, size), values)
        items = b"".join(chain.from_iterable(zip(*pieces, strict=True)))
        # Behind the last item rather than before the first.
        yield items[len(separator) + 1 :] + b"}"


@lru_cache(64)
def fixed_parts(plan: ColumnPlan, separator: bytes) -> tuple[list[tuple[OutputColumn, Write]], list[bytes | None]]:
    """Return the writers of an item's columns, and the bytes before each value.

    Each piece that is joined costs time. So what is before a value is written with it once for each distinct value,
    where these are few, and then is None here.
    """
    writers: list[tuple[OutputColumn, Write]] = []
    keys: list[bytes | None] = []
    for column in plan.object_columns:
        key = (b"," if keys else b"}" + separator + b"{") + orjson.dumps(column.name, number) + b":"
        is_merged = column.kind is JsonType.OTHERS
        write = keyed_writer(key, column.convert) if is_merged else json_writer(column.kind, column.convert)
        writers.append((column, write))
        keys.append(None if is_merged else key)
    return writers, keys


def sparse_items(row_set: RowSet) -> Iterator[bytes]:
    """Yield a batch of items at a time, without brackets; an item may lack fields."""
    records = row_set.records()
    while batch := list(islice(records, BATCH_SIZE)):
        yield orjson.dumps(batch, number)[1:-1]


@lru_cache(256)
def json_writer(kind: JsonType, convert: Convert | None) -> Write:
    """Return what writes a column's values as JSON.

    A call of orjson costs more than writing a single value. So all numbers of a batch are written in one call.
    """
    if kind is JsonType.NUMBERS:
        return lambda values: orjson.dumps(values, number)[1:-1].split(b",")
    return partial(map, partial(json_bytes, convert=convert))


@lru_cache(256)
def keyed_writer(key: bytes, convert: Convert | None) -> Write:
    """Return what writes a column's values as JSON behind their key, once for each distinct one: dates, countries.

    All answers share it, since they have many values in common.
    """
    return partial(map, value_cache(lambda value: key + json_bytes(value, convert)))


def json_bytes(value: Any, convert: Convert | None) -> bytes:
    # A copy: the bytes that orjson returns keep the buffer of some kilobytes that they were written in.
    return bytes(memoryview(orjson.dumps(value if convert is None else convert(value), number)))
