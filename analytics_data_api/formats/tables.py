"""Rows as Arrow tables with typed columns, which Parquet and Arrow streams are written from.

This module imports pyarrow, which takes a quarter of a second and 50 MB: it is imported when it is first needed.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow.ipc import new_stream
from pyarrow.parquet import ParquetWriter

from analytics_data_api.formats.base import number
from analytics_data_api.formats.fields import ValueType
from analytics_data_api.formats.row_set import ColumnPlan, OutputColumn, RowSet, TypedValue, Write
from analytics_data_api.tables.rows import ABSENT

__all__ = ["ParquetWriter", "new_stream", "stream"]

# A row group (of Parquet) or record batch (of a stream) has so many rows, or fewer where they take more bytes.
ROWS: Final = 16_000
BYTES: Final = 4 * 1024 * 1024

SECONDS: Final = pa.timestamp("us", tz="UTC")
TEXTS: Final = pa.list_(pa.string())

# The lengths of YYYY-mm-dd and YYYY-mm-dd HH:MM:SS; fractions of seconds are not served in any format.
DATE_LENGTH: Final = 10
TIME_LENGTH: Final = 19

LEAST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**63 - 1

# What conversions of a whole column raise for a value that its type does not hold.
UNFIT: Final = (pa.ArrowException, ArithmeticError, TypeError, ValueError)


class Sink(io.RawIOBase):
    """A file in memory that is emptied while it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.chunks: list[bytes] = []
        self.position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self.chunks.append(chunk)
        self.position += len(chunk)
        return len(chunk)

    def take(self) -> bytes:
        """Return what has been written since the last call."""
        taken = b"".join(self.chunks)
        self.chunks.clear()
        return taken


def stream(row_set: RowSet, open_writer: Callable[[Sink, Any], Any]) -> Iterator[bytes]:
    """Yield the bytes of a file, a row group at a time.

    Args:
        row_set: The rows.
        open_writer: Called with a file to write to and the schema; returns one of pyarrow's writers of tables.
    """
    try:
        yield from written(row_set, open_writer)
    finally:
        # Each thread's allocator would keep what it has used. By now, nothing above refers to a table.
        pa.default_memory_pool().release_unused()


def written(row_set: RowSet, open_writer: Callable[[Sink, Any], Any]) -> Iterator[bytes]:
    schema, _ = typed_parts(row_set.plan)
    sink = Sink()
    with open_writer(sink, schema) as writer:
        for table in tables(row_set):
            writer.write_table(table)
            yield sink.take()
    yield sink.take()


def tables(row_set: RowSet) -> Iterator[Any]:
    """Yield the rows as tables, each of a row group's size and in one piece."""
    schema, writers = typed_parts(row_set.plan)
    batches: list[Any] = []
    rows = size = 0
    for count, columns in row_set.batches(writers, pa.repeat):
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        batches.append(batch)
        rows += count
        size += batch.nbytes
        if rows >= ROWS or size >= BYTES:
            yield combined(batches)
            rows = size = 0
    if batches:
        yield combined(batches)


def combined(batches: list[Any]) -> Any:
    """Return record batches as a table in one piece, and empty the list."""
    table = pa.Table.from_batches(batches).combine_chunks()
    batches.clear()
    return table


@lru_cache(64)
def typed_parts(plan: ColumnPlan) -> tuple[Any, list[tuple[OutputColumn, Write]]]:
    """Return the schema of tables, and what makes the array of each column."""
    columns = plan.flat_columns
    schema = pa.schema([(column.name, KINDS[column.typed.type].type) for column in columns])
    return schema, [(column, partial(typed_array, column.typed)) for column in columns]


def typed_array(typed: TypedValue, values: Iterable[Any]) -> Any:
    """Return a column's values as an array of its type; null for one that the type does not hold.

    A column is converted as a whole, and value by value only where one of its values does not fit.
    """
    if typed.convert is not None:
        values = list(map(typed.convert, values))
    if typed.optional:
        values = [None if value is ABSENT else value for value in values]
    kind = KINDS[typed.type]
    try:
        return kind.column(values)
    except UNFIT:
        return pa.array(map(kind.value, values), kind.type)


def integers(values: Iterable[Any]) -> Any:
    # With a type, pyarrow would cut the fraction off.
    array = pa.array(values)
    if array.type == pa.int64():
        return array
    if array.null_count < len(array):
        raise TypeError(f"{array.type} is no type of integers.")
    return array.cast(pa.int64())


def integer(value: Any) -> int | None:
    if isinstance(value, (int, float, Decimal)) and LEAST_INTEGER <= value <= LARGEST_INTEGER and value == int(value):
        return int(value)
    return None


def numbers(values: Iterable[Any]) -> Any:
    array = pa.array(values, pa.float64())
    # As in JSON, infinity and "not a number" are null.
    return pc.if_else(pc.is_finite(array), array, pa.scalar(None, pa.float64()))


def number_or_null(value: Any) -> float | None:
    try:
        found = float(value) if isinstance(value, (int, float, Decimal)) else None
    except OverflowError:
        return None
    return found if found is not None and found - found == 0 else None


def flag(value: Any) -> bool | None:
    return bool(value) if value in (0, 1) else None


def cut(values: Iterable[Any], length: int) -> Any:
    """Return the beginnings of texts.

    Raises:
        ValueError: One of them is of the year 0, which dates in Python and in JSON do not have.
    """
    texts = pc.utf8_slice_codeunits(pa.array(values, pa.string()), 0, length)
    if pc.any(pc.starts_with(texts, "0000")).as_py():
        raise ValueError("There is no year 0.")
    return texts


def dates(values: Iterable[Any]) -> Any:
    return cut(values, DATE_LENGTH).cast(pa.date32())


def date_or_null(value: Any) -> date | None:
    try:
        return date.fromisoformat(value[:DATE_LENGTH])
    except (TypeError, ValueError):
        return None


def times(values: Iterable[Any]) -> Any:
    return cut(values, TIME_LENGTH).cast(pa.timestamp("us")).view(SECONDS)


def time_or_null(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value[:TIME_LENGTH]).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        return None


def text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value, number).decode()


def texts(value: Any) -> list[str | None] | None:
    return list(map(text, value)) if isinstance(value, (list, tuple)) else None


class Kind(NamedTuple):
    """How columns of a type are made.

    Attributes:
        type: The Arrow type.
        column: Returns the array of values; raises one of UNFIT where the type does not hold one of them.
        value: Returns what the array holds of one value: null where the type does not hold it.
    """

    type: Any
    column: Callable[[Iterable[Any]], Any]
    value: Callable[[Any], Any]


KINDS: Final = {
    ValueType.TEXT: Kind(pa.string(), partial(pa.array, type=pa.string()), text),
    ValueType.INTEGER: Kind(pa.int64(), integers, integer),
    ValueType.NUMBER: Kind(pa.float64(), numbers, number_or_null),
    ValueType.FLAG: Kind(pa.bool_(), partial(pa.array, type=pa.bool_()), flag),
    ValueType.DATE: Kind(pa.date32(), dates, date_or_null),
    ValueType.TIME: Kind(SECONDS, times, time_or_null),
    ValueType.LIST: Kind(TEXTS, partial(pa.array, type=TEXTS), texts),
}
