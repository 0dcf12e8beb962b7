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
    header_lines = 1

    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        header, writers, ends = flat_parts(row_set.plan)
        yield header
        for size, columns in row_set.batches(writers):
            pieces: list[Iterable[bytes]] = []
            for end, values in zip(ends, columns, strict=True):
                pieces += (values,) if end is None else (values, repeat(end, size))
            yield b"".join(chain.from_iterable(zip(*pieces, strict=True)))


@lru_cache(64)
def flat_parts(plan: ColumnPlan) -> tuple[bytes, list[tuple[OutputColumn, Write]], list[bytes | None]]:
    """Return the header line, what writes each column of a line, and the bytes behind each column.

    Each piece that is joined costs time. So what is behind a value is written with it once for each distinct value,
    where these are few, and then is None here.
    """
    columns = plan.flat_columns
    # A line of one empty column would be an empty line, which readers of CSV skip.
    empty = b'""' if len(columns) == 1 else b""
    writers: list[tuple[OutputColumn, Write]] = []
    ends: list[bytes | None] = []
    for column, end in zip(columns, [*repeat(b",", len(columns) - 1), b"\r\n"], strict=True):
        is_number = column.kind is JsonType.NUMBERS and column.convert is None
        write = partial(csv_numbers, empty=empty) if is_number else csv_writer(column.kind, column.convert, empty, end)
        writers.append((column, write))
        ends.append(end if is_number else None)
    return csv_line([column.name for column in columns]), writers, ends


@lru_cache(256)
def csv_writer(kind: JsonType, convert: Convert | None, empty: bytes, end: bytes) -> Write:
    """Return what writes a column's values as columns of CSV with ``end`` behind each, null as an empty one.

    Python's csv module looks at each character of each value, so that numbers are written by the JSON library, all at
    once, and other values once for each distinct one. What an item leaves out is an empty column, too.
    """

    def write(value: Any) -> bytes:
        value = value if convert is None or kind is JsonType.OBJECTS else convert(value)
        if isinstance(value, Decimal):
            value = number(value)
        # The second, empty column keeps csv from quoting the first one for being alone.
        return (empty if value is None or value == "" else csv_line([value, None])[:-3]) + end

    if kind is JsonType.LISTS:
        return partial(map, write)
    cell = value_cache(write, absent=empty + end)
    if kind is JsonType.OBJECTS and convert is not None:
        # What objects have in one place repeats, unlike the objects.
        return lambda objects: map(cell, map(convert, objects))
    return partial(map, cell)


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
