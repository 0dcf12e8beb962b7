"""What the rules of all tables share: the engine that they are written for, the range, and small expressions."""

from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

import ibis
import ibis.expr.types as ir

from analytics_data_api.computing import store
from analytics_data_api.computing.lms import LmsTable

EPOCH: Final = date(1970, 1, 1)
WEEK: Final = 7
# 1 January 1970 was a Thursday.
FIRST_WEEKDAY: Final = 3
# Characters that a column of a key takes.
LONGEST_KEY: Final = 255
LARGEST_INTEGER: Final = 2**31 - 1

TYPES: Final = {store.TEXT: "string", store.INTEGER: "int64", store.NUMBER: "float64", store.FLAG: "boolean"}
# Engines differ in what white space is, and some let an end of line follow where a text ends by $.
SPACE: Final = r"[ \t\n\f\r]"
INTEGER_TEXT: Final = rf"^{SPACE}*[+-]?[0-9]{{1,18}}(\.0*)?{SPACE}*\z"
NUMBER_TEXT: Final = rf"^{SPACE}*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?{SPACE}*\z"


@dataclass(frozen=True)
class Period:
    """The range of days that events are taken of.

    Attributes:
        first: The first day.
        end: The day after the last.
        today: The day of the run, UTC.
    """

    first: date
    end: date
    today: date


class Engine(Protocol):
    """Runs expressions over the event store, each kind as a table of its name, and the LMS's tables."""

    period: Period

    def save(self, name: str, expression: ir.Table) -> ir.Table:
        """Compute an expression, once for each name, and return the table of its rows."""


@dataclass(frozen=True)
class Computed:
    """The rows of a table, and what its rule has dropped.

    Attributes:
        rows: The rows: the table's columns by name, days as numbers of days since 1970.
        dropped: What was dropped, as rows of ``reason`` and ``count``.
    """

    rows: ir.Table
    dropped: tuple[ir.Table, ...] = ()


def events(kind: store.Kind) -> ir.Table:
    """Return the events of a kind, with their ``day`` in place of the date."""
    columns = {column.name: TYPES[column.type] for column in kind.columns}
    table = ibis.table({**columns, "date": "date"}, name=kind.name)
    return table.mutate(day=table.date.epoch_days().cast("int64")).drop("date")


def lms_rows(table: LmsTable) -> ir.Table:
    """Return the rows of a table of the LMS; all columns are text."""
    return ibis.table(dict.fromkeys(table.columns, "string"), name=table.name)


def day_number(day: date) -> int:
    return (day - EPOCH).days


def monday(day: ir.IntegerValue) -> ir.IntegerValue:
    """Return the day on which the week of a day begins."""
    return day - (day + FIRST_WEEKDAY) % WEEK


def numbers(name: str, first: int, end: int) -> ir.Table:
    """Return a table of a column of whole numbers, without the end."""
    table = ibis.range(first, end).unnest().name(name).as_table()
    return table.select(table[name].cast("int64").name(name))


def as_integer(text: ir.StringValue) -> ir.IntegerValue:
    """Return the whole number of up to 18 digits that a text is, which may have been written as 1976.0; else NULL."""
    digits = ibis.ifelse(text.re_search(INTEGER_TEXT), text, ibis.null("string"))
    return digits.re_replace(r"[ \t\n\f\r+]", "").re_replace(r"\.0*\z", "").cast("int64")


def as_number(text: ir.StringValue) -> ir.FloatingValue:
    """Return the finite number that a text is; else NULL."""
    number = ibis.ifelse(text.re_search(NUMBER_TEXT), text, ibis.null("string")).cast("float64")
    return ibis.ifelse(number.isinf(), ibis.null("float64"), number)


def present(text: ir.StringValue) -> ir.StringValue:
    """Return a text; NULL where it is empty."""
    return text.nullif("")


def fits_integer(value: ir.NumericValue) -> ir.BooleanValue:
    """Return whether a number is one that an INT column holds."""
    return value.between(-LARGEST_INTEGER - 1, LARGEST_INTEGER)


def fits_key(value: ir.StringValue) -> ir.BooleanValue:
    """Return whether a text is one that a column of a key holds."""
    return value.length() <= LONGEST_KEY


def flag(condition: ir.BooleanValue) -> ir.IntegerValue:
    """Return 1 where a condition is true, else 0."""
    return ibis.ifelse(condition, 1, 0).cast("int64")


def reason(*cases: tuple[ir.BooleanValue, str]) -> ir.StringValue:
    """Return the first reason of which the condition is true; NULL where none is."""
    return ibis.cases(*cases, else_=ibis.null("string"))


def counted(rows: ir.Table) -> ir.Table:
    """Return how often each ``reason`` is in a table."""
    named = rows.filter(rows.reason.notnull())
    return named.group_by("reason").agg(count=named.count())


def kept(rows: ir.Table) -> ir.Table:
    """Return the rows without a ``reason``."""
    return rows.filter(rows.reason.isnull()).drop("reason")
