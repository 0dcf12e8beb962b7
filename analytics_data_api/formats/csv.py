"""CSV (RFC 4180)."""

import csv
import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache, partial
from itertools import chain, repeat
from typing import Any

import orjson

from analytics_data_api.formats.base import RowRenderer, number
from analytics_data_api.formats.row_set import ColumnPlan, Convert, JsonType, OutputColumn, RowSet, Write, value_cache


class CSVRenderer(RowRenderer):
    """A header line, then one line for each item."""

    media_type = "text/csv"
    format = "csv"
    extension = "csv"

    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        header, writers, after = flat_parts(row_set.plan)
        yield header
        for size, columns in row_set.batches(writers):
            pieces = [
                piece for values, end in zip(columns, after, strict=True) for piece in (values, repeat(end, size))
            ]
            yield b"".join(chain.from_iterable(zip(*pieces, strict=True)))


@lru_cache(64)
def flat_parts(plan: ColumnPlan) -> tuple[bytes, list[tuple[OutputColumn, Write]], list[bytes]]:
    """Return the header line, what writes each column of a line, and the bytes behind each column."""
    columns = plan.flat_columns
    # A line of one empty column would be an empty line, which readers of CSV skip.
    empty = b'""' if len(columns) == 1 else b""
    writers = [(column, csv_writer(column.kind, column.convert, empty)) for column in columns]
    return csv_line([column.name for column in columns]), writers, [*repeat(b",", len(columns) - 1), b"\r\n"]


@lru_cache(256)
def csv_writer(kind: JsonType, convert: Convert | None, empty: bytes) -> Write:
    """Return what writes a column's values as columns of CSV, null and what an item leaves out as an empty one.

    Python's csv module looks at each character of each value, so that numbers are written by the JSON library, all at
    once, and other values once for each distinct one.
    """
    if kind is JsonType.NUMBERS and convert is None:
        return partial(csv_numbers, empty=empty)

    def write(value: Any) -> bytes:
        value = value if convert is None or kind is JsonType.OBJECTS else convert(value)
        if isinstance(value, Decimal):
            value = number(value)
        # The second, empty column keeps csv from quoting the first one for being alone.
        return empty if value is None or value == "" else csv_line([value, None])[:-3]

    if kind is JsonType.OBJECTS and convert is not None:
        # What objects have in one place repeats, unlike the objects.
        cell = value_cache(write, absent=empty)
        return lambda objects: map(cell, map(convert, objects))
    return partial(map, write if kind is JsonType.LISTS else value_cache(write, absent=empty))


def csv_numbers(values: Iterable[Any], empty: bytes) -> list[bytes]:
    """Return numbers, booleans and nulls as columns of CSV."""
    written = orjson.dumps(values, number)[1:-1]
    for json, text in ((b"null", empty), (b"true", b"True"), (b"false", b"False")):
        written = written.replace(json, text)
    return written.split(b",")


def csv_line(columns: Iterable[Any]) -> bytes:
    """Return a line of CSV (RFC 4180), quoted where it has to be."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(columns)
    return text.getvalue().encode()
