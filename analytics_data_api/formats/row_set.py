"""Rows in the shape that a serializer declares, ready to be written in any format."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum, auto
from functools import cache, cached_property, lru_cache
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple

from rest_framework import serializers

from analytics_data_api.formats.fields import ValueType, WrittenField, value_type
from analytics_data_api.tables.rows import ABSENT, Row, Rows

Convert = Callable[[Any], Any]
# Writes the values of a column, one for each row.
Write = Callable[[Iterable[Any]], Iterable[Any]]
# Makes a column of a written value that is the same in each of a number of rows.
Repeat = Callable[[Any, int], Iterable[Any]]

# Rows written at a time: enough to make the work per batch cheap, few enough to take little memory.
BATCH_SIZE: Final = 1000

# Rows up to which an answer is written row by row.
SHORT: Final = 8

# Distinct values of a column (its dates, its loads, its countries) whose written form is cached.
CACHED_VALUES: Final = 4096


class ValueCache(dict[Any, Any]):
    """What a function returns for a value: called once for each distinct value, and not for ABSENT.

    Most columns have few distinct values, and a look-up in a dict costs a fraction of a call.
    """

    def __init__(self, function: Convert, absent: Any) -> None:
        super().__init__({ABSENT: absent})
        self.function = function
        self.absent = absent

    def __missing__(self, value: Any) -> Any:
        if len(self) >= CACHED_VALUES:
            self.clear()
            self[ABSENT] = self.absent
        written = self[value] = self.function(value)
        return written


class JsonType(Enum):
    """The types of values that are written in different ways."""

    NUMBERS = auto()
    LISTS = auto()
    OTHERS = auto()


# Fields whose values, null included, are written in JSON without a comma.
NUMBERS: Final = (serializers.IntegerField, serializers.FloatField, serializers.BooleanField)


class UnknownFieldError(ValueError):
    """A field is selected that the items do not have.

    Attributes:
        field: The name that was given.
        known: The names that can be selected.
    """

    def __init__(self, field: str, known: Iterable[str]) -> None:
        super().__init__(f"There is no field {field!r}.")
        self.field = field
        self.known = tuple(known)


class TypedValue(NamedTuple):
    """What formats that have types hold of a value.

    Attributes:
        type: The type of the column.
        convert: What to hold for a value; None where it is held as it is.
        optional: Whether the value may be ABSENT, which is held as null.
    """

    type: ValueType = ValueType.TEXT
    convert: Convert | None = None
    optional: bool = False


class Column:
    """A field of the shape.

    Attributes:
        name: Its name.
        optional: Whether it may be missing from the rows' columns, or ABSENT in a row.
        members: The names of its members, if it is an object.
        convert: What to write for a value; None where it is written as it is.
        kind: What the values are.
        types: The type in formats that have types; of an object that of each member, by name.
    """

    def __init__(self, name: str, field: serializers.Field[Any, Any, Any, Any]) -> None:
        self.name = name
        self.optional = not field.required
        parts = field.fields if isinstance(field, serializers.Serializer) else {}
        self.members = tuple(parts)
        self.types = {"": value_type(field), **{member: value_type(part) for member, part in parts.items()}}
        self.convert = value_cache(field.to_representation) if self.members or isinstance(field, WrittenField) else None
        if isinstance(field, serializers.ListField):
            self.kind = JsonType.LISTS
        elif isinstance(field, NUMBERS):
            self.kind = JsonType.NUMBERS
        else:
            self.kind = JsonType.OTHERS

    def only(self, members: tuple[str, ...]) -> Convert | None:
        """Return the conversion to an object with some of its members, with all of them where none is named."""
        convert = self.convert
        if convert is None or not members:
            return convert

        def convert_members(value: Any) -> dict[str, Any]:
            written = convert(value)
            return {name: written[name] for name in members}

        return value_cache(convert_members)

    def flat(self, members: tuple[str, ...]) -> Iterator[tuple[str, Convert | None, TypedValue]]:
        """Yield the header and the conversions of each of the column's cells in a flat table: as text, and typed."""
        convert = self.convert
        if convert is not None and self.members:
            for member in members or sorted(self.members):
                of_member = value_cache(member_of(convert, member), absent=None)
                yield f"{self.name}.{member}", of_member, TypedValue(self.types[member], of_member, self.optional)
            return
        typed = TypedValue(self.types[""], convert if self.types[""] is ValueType.TEXT else None, self.optional)
        if self.kind is JsonType.LISTS:
            convert = ", ".join
        if self.optional:
            yield self.name, lambda value: None if value is ABSENT else convert(value) if convert else value, typed
        else:
            yield self.name, convert, typed


def member_of(convert: Convert, member: str) -> Convert:
    """Return the conversion of a value to a member of the object that it is written as."""
    return lambda value: convert(value)[member]


def value_cache(function: Convert, absent: Any = ABSENT) -> Convert:
    """Return a function that calls another one once for each distinct value, and not for ABSENT."""
    return ValueCache(function, absent).__getitem__


@cache
def shape(serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Column]:
    """Return the columns that a serializer declares, by name, in its order."""
    return {name: Column(name, field) for name, field in serializer_class().fields.items()}


class OutputColumn(NamedTuple):
    """A value of each item.

    Attributes:
        name: What it is called.
        place: The index of its value in a row; the constants follow the row's own values.
        kind: What the values are.
        convert: What to write for a value; None where it is written as it is.
        typed: The same for formats that have types, of a cell in a flat table.
    """

    name: str
    place: int
    kind: JsonType
    convert: Convert | None
    typed: TypedValue = TypedValue()


class ColumnPlan:
    """What is written of rows with certain columns.

    Args:
        serializer_class: Declares the shape. A field that is not ``required`` may be missing from the rows' columns
            (the connected database's layout does not have it) or be ABSENT in a row.
        columns: The names of what each row holds, in its order.
        constants: The names of the columns that have the same value in every row.
        fields: Names of the fields to write, ``object.member`` for a part of one; all fields where there are none.

    Attributes:
        width: How many values each row holds.

    Raises:
        UnknownFieldError: ``fields`` names one that the shape or the rows do not have.
    """

    def __init__(
        self,
        serializer_class: type[serializers.Serializer[Any]],
        columns: tuple[str, ...],
        constants: tuple[str, ...],
        fields: tuple[str, ...],
    ) -> None:
        self.width = len(columns)
        self.places = {name: place for place, name in enumerate((*columns, *constants))}
        declared = shape(serializer_class)
        self.columns = {name: column for name, column in declared.items() if name in self.places or not column.optional}
        self.fields = fields
        self.selected = self.select()

    def select(self) -> dict[str, tuple[str, ...]]:
        """Return the names of the columns to write, each with its selected members (none for all)."""
        if not self.fields:
            return dict.fromkeys(self.columns, ())
        selected: dict[str, tuple[str, ...]] = {}
        whole = set()
        for field in self.fields:
            name, dot, member = field.partition(".")
            column = self.columns.get(name)
            if column is None or (dot and member not in column.members):
                names = chain.from_iterable(
                    (name, *(f"{name}.{member}" for member in column.members)) for name, column in self.columns.items()
                )
                raise UnknownFieldError(field, names)
            if not dot:
                whole.add(name)
            selected[name] = (*selected.get(name, ()), *([member] if dot else []))
        return {name: () if name in whole else members for name, members in selected.items()}

    @cached_property
    def may_omit(self) -> bool:
        """Whether items may lack one of the selected fields."""
        return any(self.columns[name].optional for name in self.selected)

    @cached_property
    def object_columns(self) -> list[OutputColumn]:
        """The fields of an item as an object, in the shape's order."""
        return [
            OutputColumn(name, self.places[name], column.kind, column.only(self.selected[name]))
            for name, column in self.columns.items()
            if name in self.selected
        ]

    @cached_property
    def members(self) -> list[tuple[str, int, Convert | None]]:
        """Of the fields of an item as an object the name, the place and the conversion."""
        return [(cell.name, cell.place, cell.convert) for cell in self.object_columns]

    @cached_property
    def flat_columns(self) -> list[OutputColumn]:
        """The cells of an item as a flat row: by name, or as ``fields`` orders them."""
        cells = [
            OutputColumn(header, self.places[name], self.columns[name].kind, convert, typed)
            for name, members in self.selected.items()
            for header, convert, typed in self.columns[name].flat(members)
        ]
        if selected := set(self.fields):
            # A cell is selected by its own name, or as a part of its object.
            cells.sort(
                key=lambda cell: min(map(self.fields.index, {cell.name, cell.name.partition(".")[0]} & selected))
            )
        else:
            cells.sort(key=itemgetter(0))
        return cells


# As many as there are endpoints, and some for values of `fields`.
column_plan = lru_cache(64)(ColumnPlan)


class RowSet:
    """The items of an answer.

    Args:
        serializer_class: Declares the shape.
        rows: Their values.
        fields: Names of the fields to write; all fields where there are none.
        single: Whether the answer is one item by itself, not a list of them.

    Attributes:
        plan: What is written of the rows.
        written: How many rows have been written so far.

    Raises:
        UnknownFieldError: ``fields`` names one that the shape or the rows do not have.
    """

    def __init__(
        self,
        serializer_class: type[serializers.Serializer[Any]],
        rows: Rows,
        fields: tuple[str, ...] = (),
        *,
        single: bool = False,
    ) -> None:
        self.single = single
        self.written = 0
        self.rows = iter(rows.rows)
        self.first_rows: list[Row] = []
        self.constants = tuple(rows.constants.values())
        self.plan = column_plan(serializer_class, rows.columns, tuple(rows.constants), fields)

    @property
    def is_empty(self) -> bool:
        """Whether there is no row; reads the first rows."""
        return not (self.first_rows or self.read_first_rows())

    def read_first_rows(self) -> list[Row]:
        """Read the rows that decide how the answer is written; they are written with the others."""
        self.first_rows = list(islice(self.rows, SHORT + 1))
        self.rows = chain(self.first_rows, self.rows)
        return self.first_rows

    def batches(
        self, writers: Sequence[tuple[OutputColumn, Write]], repeated: Repeat = repeat
    ) -> Iterator[tuple[int, list[Iterable[Any]]]]:
        """Yield the rows a batch at a time, by column, so that a batch costs a call for each column, not each value.

        Args:
            writers: The columns to yield, each with the function that writes its values.
            repeated: Makes a column of one written value and the number of rows.

        Yields:
            The number of rows, and for each column the written values of all of them.
        """
        while rows := list(islice(self.rows, BATCH_SIZE)):
            columns = list(zip(*rows, strict=True))
            self.written += len(rows)
            yield len(rows), [self.column(cell, write, columns, len(rows), repeated) for cell, write in writers]

    def column(
        self, cell: OutputColumn, write: Write, columns: list[tuple[Any, ...]], size: int, repeated: Repeat
    ) -> Iterable[Any]:
        """Return the written values of a column; a constant is repeated for each row."""
        width = self.plan.width
        if cell.place < width:
            return write(columns[cell.place])
        (constant,) = write((self.constants[cell.place - width],))
        return repeated(constant, size)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield each item as an object."""
        members = self.plan.members
        for row in self.rows:
            self.written += 1
            values = (*row, *self.constants)
            item = {}
            for name, place, convert in members:
                value = values[place]
                if value is not ABSENT:
                    item[name] = value if convert is None else convert(value)
            yield item
