"""Formats of an answer for programs: JSON and CSV."""

import csv
import io
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from itertools import chain, islice, repeat
from typing import Any

import orjson
from rest_framework import renderers

from analytics_data_api.formats.row_set import (
    BATCH_SIZE,
    ColumnPlan,
    Convert,
    JsonType,
    OutputColumn,
    RowSet,
    Write,
    value_cache,
)


class RowRenderer(renderers.BaseRenderer):
    """A format that rows are written in while they are read."""

    @abstractmethod
    def stream(self, table: RowSet) -> Iterator[bytes]:
        """Yield the bytes of a table."""


class JSONRenderer(RowRenderer):
    """A list of objects, or one object."""

    media_type = "application/json"
    format = "json"
    charset = None

    def stream(self, table: RowSet) -> Iterator[bytes]:
        if table.single:
            yield from map(orjson.dumps, table.records())
            return
        opening = b"["
        for batch in sparse_items(table) if table.layout.may_omit or table.is_short else fixed_items(table):
            yield opening
            yield batch
            opening = b","
        yield b"]" if opening == b"," else b"[]"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of anything but a table, which streams."""
        return b"" if data is None else orjson.dumps(data)


def fixed_items(table: RowSet) -> Iterator[bytes]:
    """Yield the bytes of a batch of items, without brackets; between the items' values stand always the same bytes."""
    writers, before = fixed_parts(table.layout)
    for size, columns in table.batches(writers):
        pieces = [piece for key, values in zip(before, columns, strict=True) for piece in (repeat(key, size), values)]
        yield b"".join(chain.from_iterable(zip(*pieces, repeat(b"}", size), strict=True)))[1:]


@lru_cache(64)
def fixed_parts(layout: ColumnPlan) -> tuple[list[tuple[OutputColumn, Write]], list[bytes]]:
    """Return what writes each value of an item in JSON, and what stands before it."""
    columns = layout.object_columns
    keys = [orjson.dumps(column.name) + b":" for column in columns]
    before = [b",{" + keys[0], *(b"," + key for key in keys[1:])]
    return [(column, json_writer(column.kind, column.convert)) for column in columns], before


def sparse_items(table: RowSet) -> Iterator[bytes]:
    """Yield the bytes of a batch of items, without brackets, of which some may lack fields."""
    records = table.records()
    while batch := list(islice(records, BATCH_SIZE)):
        yield orjson.dumps(batch)[1:-1]


@lru_cache(256)
def json_writer(kind: JsonType, convert: Convert | None) -> Write:
    """Return what writes a column's values as JSON.

    A call of orjson takes long in comparison with what it writes of a single value. So numbers are written all at once,
    and whatever else comes again and again, dates, names and countries, is remembered.
    """
    if kind is JsonType.NUMBERS:
        return lambda values: orjson.dumps(values)[1:-1].split(b",")

    def write(value: Any) -> bytes:
        # A copy, because orjson's own bytes hold on to the room that was made for them, of some kilobytes each.
        return bytes(memoryview(orjson.dumps(value if convert is None else convert(value))))

    return partial(map, write if kind is JsonType.LISTS else value_cache(write))


class CSVRenderer(RowRenderer):
    """A header line, then a line an item (RFC 4180)."""

    media_type = "text/csv"
    format = "csv"

    def stream(self, table: RowSet) -> Iterator[bytes]:
        header, writers, after = flat_parts(table.layout)
        yield header
        for size, columns in table.batches(writers):
            pieces = [
                piece for values, end in zip(columns, after, strict=True) for piece in (values, repeat(end, size))
            ]
            yield b"".join(chain.from_iterable(zip(*pieces, strict=True)))


@lru_cache(64)
def flat_parts(layout: ColumnPlan) -> tuple[bytes, list[tuple[OutputColumn, Write]], list[bytes]]:
    """Return the header line in CSV, what writes each column of a line, and what stands behind it."""
    columns = layout.flat_columns
    # A line of one empty column would be an empty line, which readers pass over.
    empty = b'""' if len(columns) == 1 else b""
    writers = [(column, csv_writer(column.kind, column.convert, empty)) for column in columns]
    return csv_line([column.name for column in columns]), writers, [*repeat(b",", len(columns) - 1), b"\r\n"]


@lru_cache(256)
def csv_writer(kind: JsonType, convert: Convert | None, empty: bytes) -> Write:
    """Return what writes a column's values as columns of CSV, null and what an item leaves out as an empty one.

    The reasons are those of :func:`json_writer`: Python's csv module looks at each character of each column.
    """
    if kind is JsonType.NUMBERS and convert is None:
        return partial(csv_numbers, empty=empty)

    def write(value: Any) -> bytes:
        value = value if convert is None else convert(value)
        # With a second, empty column, which keeps the first one from being quoted for being alone.
        return empty if value is None or value == "" else csv_line([value, None])[:-3]

    return partial(map, write if kind is JsonType.LISTS else value_cache(write, absent=empty))


def csv_numbers(values: Iterable[Any], empty: bytes) -> list[bytes]:
    written = orjson.dumps(values)[1:-1]
    for json, text in ((b"null", empty), (b"true", b"True"), (b"false", b"False")):
        written = written.replace(json, text)
    return written.split(b",")


def csv_line(columns: Iterable[Any]) -> bytes:
    """Return a line of CSV (RFC 4180), quoted where it has to be."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(columns)
    return text.getvalue().encode()
