"""Rows in the shape that a serializer declares, ready to be written in any format."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import cache, cached_property, lru_cache
from itertools import chain, islice, repeat
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson
from rest_framework import serializers

from analytics_data_api.formats.fields import ObjectSerializer, ValueType, WrittenField, value_type
from analytics_data_api.tables.rows import ABSENT, Row, Rows

Convert = Callable[[Any], Any]
# Writes the values of a column, one for each row.
Write = Callable[[Iterable[Any]], Iterable[Any]]
# Makes a column of a written value that is the same in each of a number of rows.
Repeat = Callable[[Any, int], Iterable[Any]]

# Rows written at a time: enough to make the work per batch cheap, and no more than are fetched at a time.
BATCH_SIZE: Final = 500

# Rows up to which an answer is written row by row.
SHORT: Final = 8

# Distinct values of a column (its dates, its loads, its countries) whose written form is cached.
CACHED_VALUES: Final = 4096


class ValueCache(dict[Any, Any]):
    """What a function returns for a value: called once for each distinct value, and not for ABSENT.

    Most columns have few distinct values, and a look-up in a dict costs a fraction of a call.
    """

    def __init__(self, function: Convert, absent: Any) -> None:
        super().__init__()
        self.function = function
        self.absent = absent

    def __missing__(self, value: Any) -> Any:
        # Requests in other threads look values up meanwhile.
        if len(self) >= CACHED_VALUES:
            self.clear()
        written = self[value] = self.absent if value is ABSENT else self.function(value)
        return written


class JsonType(Enum):
    """The types of values that are written in different ways."""

    NUMBERS = auto()
    LISTS = auto()
    # Objects of which nearly every row has another one.
    OBJECTS = auto()
    OTHERS = auto()


# Fields whose values, null included, are written in JSON without a comma.
NUMBERS: Final = (serializers.IntegerField, serializers.FloatField, serializers.BooleanField)


class UnknownFieldError(ValueError):
    """A field is selected, or excluded, that the items do not have.

    Attributes:
        field: The name that was given.
        known: The names that can be given.
        excluded: Whether it was to be excluded.
    """

    def __init__(self, field: str, known: Iterable[str], *, excluded: bool = False) -> None:
        super().__init__(f"There is no field {field!r}.")
        self.field = field
        self.known = tuple(known)
        self.excluded = excluded


class NoFieldsError(ValueError):
    """All fields that are selected are excluded."""


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
        leaves: The paths of the values in it, if it is an object: the names of the members that lead to each, with dots
            between them.
        members: The paths of its members, and of theirs.
        convert: What to write for a value; None where it is written as it is.
        kind: What the values are.
        types: The type in formats that have types, by ``""``; of an object that of each value in it, by path.
    """

    def __init__(self, name: str, field: serializers.Field[Any, Any, Any, Any]) -> None:
        self.name = name
        self.optional = not field.required
        found = dict(leaves(field))
        self.leaves = tuple(found)
        self.members = tuple(dict.fromkeys(chain.from_iterable(map(prefixes, self.leaves))))
        self.types = {"": value_type(field), **{path: value_type(leaf) for path, leaf in found.items()}}
        self.convert: Convert | None = None
        if isinstance(field, serializers.ListField):
            self.kind = JsonType.LISTS
        elif isinstance(field, (serializers.DictField, ObjectSerializer)):
            self.kind = JsonType.OBJECTS
        elif isinstance(field, NUMBERS):
            self.kind = JsonType.NUMBERS
        else:
            self.kind = JsonType.OTHERS
            if self.members or isinstance(field, WrittenField):
                self.convert = value_cache(field.to_representation)

    def only(self, members: tuple[str, ...], excluded: frozenset[str]) -> Convert | None:
        """Return the conversion to an object with some of its members, with all of them where none is named.

        Args:
            members: The paths of the members.
            excluded: Names and paths of members that are left out.
        """
        convert = self.convert
        if not self.members or not (members or excluded):
            return convert

        def convert_members(value: Any) -> dict[str, Any]:
            written = value if convert is None else convert(value)
            return without(selected_of(written, members), excluded, self.name)

        return convert_members if self.kind is JsonType.OBJECTS else value_cache(convert_members)

    def selected_leaves(self, members: tuple[str, ...], excluded: frozenset[str]) -> list[str]:
        """Return the paths of the values of an object that are written, in the order of members, else of their names.

        Args:
            members: The paths of its members; all where there are none.
            excluded: Names and paths of members that are left out.
        """
        kept = [leaf for leaf in self.leaves if not excluded.intersection(names_of(self.name, leaf))]
        if not members:
            return sorted(kept)
        return [leaf for member in members for leaf in kept if is_within(leaf, member)]

    def flat(
        self, members: tuple[str, ...], excluded: frozenset[str]
    ) -> Iterator[tuple[str, Convert | None, TypedValue]]:
        """Yield the header and the conversions of each of the column's cells in a flat table: as text, and typed.

        Args:
            members: The paths of its members; all where there are none.
            excluded: Names and paths of members that are left out.
        """
        convert = self.convert
        if self.members:
            for leaf in self.selected_leaves(members, excluded):
                member = member_of(convert, tuple(leaf.split(".")))
                of_member = member if convert is None else value_cache(member, absent=None)
                yield f"{self.name}.{leaf}", of_member, TypedValue(self.types[leaf], of_member, self.optional)
            return
        typed = TypedValue(self.types[""], convert if self.types[""] is ValueType.TEXT else None, self.optional)
        if self.kind is JsonType.LISTS:
            convert = ", ".join
        elif self.kind is JsonType.OBJECTS:
            convert = json_text
            typed = typed._replace(convert=json_text)
        if self.optional:
            yield self.name, lambda value: None if value is ABSENT else convert(value) if convert else value, typed
        else:
            yield self.name, convert, typed


def leaves(field: serializers.Field[Any, Any, Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the paths of the values in an object, each with its field; none for a field that is no object."""
    if isinstance(field, serializers.Serializer):
        for name, member in field.fields.items():
            inner = [(f"{name}.{path}", leaf) for path, leaf in leaves(member)]
            yield from inner or [(name, member)]


def prefixes(path: str) -> Iterator[str]:
    """Yield the paths that lead to a path, the path itself last."""
    names = path.split(".")
    yield from (".".join(names[:length]) for length in range(1, len(names) + 1))


def is_within(path: str, member: str) -> bool:
    """Return whether a path is that of a member, or of a part of it."""
    return f"{path}.".startswith(f"{member}.")


def names_of(column: str, path: str) -> set[str]:
    """Return by what a value in an object can be excluded: its own name, and the whole path of each part around it."""
    return {path.rpartition(".")[2], *(f"{column}.{each}" for each in prefixes(path))}


def selected_of(written: dict[str, Any], members: tuple[str, ...]) -> dict[str, Any]:
    """Return an object with some of its members, by their paths; the object itself where there are none."""
    if not members:
        return written
    found: dict[str, Any] = {}
    for path in members:
        *above, name = path.split(".")
        source, target = written, found
        for each in above:
            source, target = source[each], target.setdefault(each, {})
        target[name] = source[name]
    return found


def without(written: dict[str, Any], excluded: frozenset[str], path: str) -> dict[str, Any]:
    """Return an object without the members, and the members of its members, that are excluded by name or by path.

    An object of which all members are excluded is left out, too.
    """
    if not excluded:
        return written
    kept = {}
    for name, value in written.items():
        if f"{path}.{name}" in excluded:
            continue
        if isinstance(value, dict) and value:
            if members := without(value, excluded, f"{path}.{name}"):
                kept[name] = members
        elif name not in excluded:
            kept[name] = value
    return kept


def member_of(convert: Convert | None, path: tuple[str, ...]) -> Convert:
    """Return the conversion of a value to a member of the object that it is written as, None where it has none."""

    def member(value: Any) -> Any:
        written = value if convert is None else convert(value)
        for name in path:
            written = written.get(name)
            if written is None:
                break
        return written

    return member


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


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
        exclude: Names of the fields not to write, also where ``fields`` names them. They are left out of objects, too.

    Attributes:
        width: How many values each row holds.

    Raises:
        UnknownFieldError: ``fields`` names one that the shape or the rows do not have, or ``exclude`` one that the
            shape does not have.
        NoFieldsError: All fields are excluded.
    """

    def __init__(
        self,
        serializer_class: type[serializers.Serializer[Any]],
        columns: tuple[str, ...],
        constants: tuple[str, ...],
        fields: tuple[str, ...],
        exclude: tuple[str, ...] = (),
    ) -> None:
        self.width = len(columns)
        self.places = {name: place for place, name in enumerate((*columns, *constants))}
        declared = shape(serializer_class)
        self.columns = {name: column for name, column in declared.items() if name in self.places or not column.optional}
        self.fields = fields
        self.exclude = frozenset(exclude)
        known = list(names(declared))
        if unknown := [name for name in exclude if name not in known]:
            raise UnknownFieldError(unknown[0], known, excluded=True)
        self.selected = self.select()
        if exclude:
            self.selected = {
                name: members for name, members in self.selected.items() if self.is_written(self.columns[name], members)
            }
            if not self.selected:
                raise NoFieldsError

    def is_written(self, column: Column, members: tuple[str, ...]) -> bool:
        """Return whether something of a selected column is not excluded."""
        if column.name in self.exclude:
            return False
        return not column.members or bool(column.selected_leaves(members, self.exclude))

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
                raise UnknownFieldError(field, names(self.columns))
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
            OutputColumn(name, self.places[name], column.kind, column.only(self.selected[name], self.exclude))
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
            for header, convert, typed in self.columns[name].flat(members, self.exclude)
        ]
        if selected := set(self.fields):
            # A cell is selected by its own name, or as a part of its object.
            cells.sort(key=lambda cell: min(map(self.fields.index, selected.intersection(prefixes(cell.name)))))
        else:
            cells.sort(key=itemgetter(0))
        return cells


def names(columns: Mapping[str, Column]) -> Iterator[str]:
    """Yield the names by which columns, and the members of objects, can be selected."""
    for name, column in columns.items():
        yield name
        yield from (f"{name}.{member}" for member in column.members)


# As many as there are endpoints, and some for values of `fields`.
column_plan = lru_cache(64)(ColumnPlan)


class RowSet:
    """The items of an answer.

    Args:
        serializer_class: Declares the shape.
        rows: Their values.
        fields: Names of the fields to write; all fields where there are none.
        exclude: Names of the fields not to write.
        single: Whether the answer is one item by itself, not a list of them.

    Attributes:
        plan: What is written of the rows.
        written: How many rows have been written so far.

    Raises:
        UnknownFieldError: ``fields`` names one that the shape or the rows do not have, or ``exclude`` one that the
            shape does not have.
        NoFieldsError: All fields are excluded.
    """

    def __init__(
        self,
        serializer_class: type[serializers.Serializer[Any]],
        rows: Rows,
        fields: tuple[str, ...] = (),
        exclude: tuple[str, ...] = (),
        *,
        single: bool = False,
    ) -> None:
        self.single = single
        self.written = 0
        self.rows = iter(rows.rows)
        self.first_rows: list[Row] = []
        self.constants = tuple(rows.constants.values())
        self.plan = column_plan(serializer_class, rows.columns, tuple(rows.constants), fields, exclude)

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
