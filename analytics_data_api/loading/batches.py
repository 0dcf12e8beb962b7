"""Rows to write, as the databases' drivers take them: lists of tuples, record batches of pyarrow, or lines of text."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from analytics_data_api.loading.errors import LoadError

# What every driver takes as it is.
PLAIN: Final = frozenset({str, int, type(None)})
NULL: Final = r"\N"
# What separates values in a line, and how it is written within one; the first of them before the others.
ESCAPES: Final = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0"))
TRANSLATION: Final = str.maketrans(dict(ESCAPES))


@dataclass(frozen=True)
class Lines:
    """Rows whose values are stored as they stand in lines of text, in the form of ``lines_of``.

    Attributes:
        content: The lines, in which no value holds a tab, a line end or a backslash.
        rows: How many there are.
    """

    content: bytes
    rows: int

    def __len__(self) -> int:
        return self.rows


def plain(value: Any) -> Any:
    """Return a value as text, a number or None; dates and times as text, in UTC.

    Raises:
        LoadError: It is a number that no column holds, or of another type.
    """
    match value:
        case None | str():
            return value
        case int():
            # A bool is one, too.
            return int(value)
        case float() if isfinite(value):
            return value
        case Decimal() if value.is_finite():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC)
            return f"{moment:%Y-%m-%d %H:%M:%S}" if moment.year >= 1000 else moment.isoformat(" ")[:19]  # noqa: PLR2004 - four digits
        case date():
            return value.isoformat()
    raise LoadError(f"No column holds the value {value!r:.100}.")


def rows_of(batch: Any) -> Iterable[Sequence[Any]]:
    """Return the rows of a batch, of plain values.

    Raises:
        LoadError: A value fits no column.
    """
    if isinstance(batch, Lines):
        values: list[Any] = batch.content.decode().removesuffix("\n").replace("\n", "\t").split("\t")
        place = -1
        with suppress(ValueError):
            while True:
                place = values.index(NULL, place + 1)
                values[place] = None
        return zip(*[iter(values)] * (len(values) // len(batch)), strict=True)
    if not isinstance(batch, list):
        # The driver takes one row after the other: a list of all is not needed.
        return zip(*[text_or_number(column).to_pylist() for column in batch.columns], strict=True)
    if {type(value) for row in batch for value in row} <= PLAIN:
        return batch
    # Dates and times, which are slow to convert, repeat from row to row.
    moments: dict[Any, Any] = {}

    def convert(value: Any) -> Any:
        if type(value) in PLAIN:
            return value
        if not isinstance(value, date):
            return plain(value)
        if value not in moments:
            moments[value] = plain(value)
        return moments[value]

    return [tuple(map(convert, row)) for row in batch]


def text_or_number(array: Any) -> Any:
    """Return a column of pyarrow as text or numbers: dates and times as text, in UTC.

    Raises:
        LoadError: It has a number that no column holds, or is of another type.
    """
    import pyarrow
    from pyarrow import compute

    types = pyarrow.types
    if types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    kind = array.type
    if types.is_timestamp(kind):
        # Whole seconds; a cast that would lose something fails.
        seconds = array.cast(pyarrow.timestamp("s", tz=kind.tz)).cast(pyarrow.int64())
        return seconds.cast(pyarrow.timestamp("s")).cast(pyarrow.string())
    if types.is_date(kind):
        return array.cast(pyarrow.date32()).cast(pyarrow.string())
    if types.is_boolean(kind):
        return array.cast(pyarrow.int8())
    if types.is_decimal(kind):
        array = array.cast(pyarrow.float64())
    if types.is_floating(array.type) and compute.all(compute.is_finite(array)).as_py() is False:
        raise LoadError("A column holds a number that is not finite.")
    if not (is_number(array) or types.is_string(kind) or types.is_large_string(kind) or types.is_null(kind)):
        raise LoadError(f"No column holds values of the type {kind}.")
    return array


def is_number(array: Any) -> bool:
    from pyarrow import types

    return bool(types.is_integer(array.type) or types.is_floating(array.type))


def lines_of(batch: Any) -> bytes | memoryview:
    r"""Return a batch as lines of text in UTF-8, as LOAD DATA reads them.

    Values are separated by tabs; NULL is ``\N``; tabs, line ends, backslashes and NUL are escaped by a backslash.

    Raises:
        LoadError: A value fits no column.
    """
    if isinstance(batch, Lines):
        return batch.content
    if isinstance(batch, list):
        return "".join([line(row) for row in rows_of(batch)]).encode()
    import pyarrow
    from pyarrow import compute

    columns = map(text_or_number, batch.columns)
    texts = [column.cast(pyarrow.string()) if is_number(column) else escaped(column) for column in columns]
    texts[-1] = compute.binary_join_element_wise(texts[-1], "\n", "", null_handling="replace", null_replacement="\\N")
    return bytes_of(compute.binary_join_element_wise(*texts, "\t", null_handling="replace", null_replacement="\\N"))


def line(row: Sequence[Any]) -> str:
    return "\t".join(["\\N" if value is None else text_of(value) for value in row]) + "\n"


def text_of(value: Any) -> str:
    return value.translate(TRANSLATION) if isinstance(value, str) else repr(value)


def escaped(array: Any) -> Any:
    """Return a column of text with what separates values escaped; as it is where nothing has to be."""
    import pyarrow
    from pyarrow import compute

    array = array.cast(pyarrow.string())
    content = bytes(bytes_of(array))
    for special, escape in ESCAPES:
        if special.encode() in content:
            array = compute.replace_substring(array, pattern=special, replacement=escape)
    return array


def bytes_of(array: Any) -> memoryview:
    """Return the bytes of a column of text, one value right behind the other."""
    import pyarrow

    array = array.cast(pyarrow.large_string())
    offsets = memoryview(array.buffers()[1]).cast("q") if len(array) else None
    if offsets is None or array.buffers()[2] is None:
        return memoryview(b"")
    return memoryview(array.buffers()[2])[offsets[array.offset] : offsets[array.offset + len(array)]]
