"""Rows in the shape that a serializer declares, ready to be written in any format."""

from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from rest_framework import serializers

from analytics_data_api.http.fields import WrittenField
from analytics_data_api.http.problems import BadRequest, shown
from analytics_data_api.rows import ABSENT, Row, Rows

Convert = Callable[[Any], Any]

# Distinct values of a column (its dates, its loads, its countries) whose written form is kept.
REMEMBERED_VALUES = 4096


class Column:
    """A field of the shape: its name, what it writes for a value, and the names of its members if it is an object."""

    def __init__(self, name: str, field: serializers.Field[Any, Any, Any, Any]) -> None:
        self.name = name
        self.optional = not field.required
        self.convert: Convert | None = None
        self.members: tuple[str, ...] = ()
        self.is_list = isinstance(field, serializers.ListField)
        if isinstance(field, serializers.Serializer):
            self.members = tuple(field.fields)
        if self.members or isinstance(field, WrittenField):
            self.convert = lru_cache(REMEMBERED_VALUES)(field.to_representation)

    def cells(self, members: tuple[str, ...]) -> Iterator[tuple[str, Convert | None]]:
        """Yield the header and the conversion of each of the column's cells in a flat table."""
        if self.members:
            for member in members or sorted(self.members):
                yield f"{self.name}.{member}", self.member(member)
        elif self.is_list:
            yield self.name, ", ".join
        else:
            yield self.name, self.convert

    def member(self, name: str) -> Convert:
        convert = self.convert or (lambda value: value)
        return lambda value: convert(value)[name]

    def only(self, members: tuple[str, ...]) -> Convert | None:
        """Return the conversion to an object with some of its members, with all of them where none is named."""
        convert = self.convert
        if convert is None or not members:
            return convert

        def convert_members(value: Any) -> dict[str, Any]:
            written = convert(value)
            return {name: written[name] for name in members}

        return convert_members


@cache
def shape(serializer_class: type[serializers.Serializer[Any]]) -> dict[str, Column]:
    """Return the columns that a serializer declares, by name, in its order."""
    return {name: Column(name, field) for name, field in serializer_class().fields.items()}


class Table:
    """The items of an answer.

    Args:
        serializer_class: Declares the shape. A field that is not ``required`` may be missing from the rows' columns
            (the connected database's layout does not have it) or be ABSENT in a row.
        rows: Their values.
        fields: Names of the fields to write, ``object.member`` for a part of one; all fields where there are none.
        single: Whether the answer is one item by itself, not a list of them.

    Raises:
        BadRequest: ``fields`` names one that the shape or the rows do not have.
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
        self.rows = iter(rows.rows)
        self.constants = tuple(rows.constants.values())
        self.places = {name: place for place, name in enumerate((*rows.columns, *rows.constants))}
        declared = shape(serializer_class)
        self.columns = {name: column for name, column in declared.items() if name in self.places or not column.optional}
        self.selected = self.select(fields)
        self.fields = fields

    def select(self, fields: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Return the names of the columns to write, each with the members of it that are asked for (none for all)."""
        selected: dict[str, tuple[str, ...]] = {}
        whole = set()
        for field in fields:
            name, dot, member = field.partition(".")
            column = self.columns.get(name)
            if column is None or (dot and member not in column.members):
                names = chain.from_iterable(
                    (name, *(f"{name}.{member}" for member in column.members)) for name, column in self.columns.items()
                )
                raise BadRequest(
                    f"fields names {shown(field)}; it takes a comma-separated list of: {', '.join(names)}.",
                    "unknown_field",
                )
            if not dot:
                whole.add(name)
            selected[name] = (*selected.get(name, ()), *([member] if dot else []))
        return {name: () if name in whole else members for name, members in selected.items()} or dict.fromkeys(
            self.columns, ()
        )

    def is_empty(self) -> bool:
        """Tell whether there is no row, without losing the first one."""
        for first in self.rows:
            self.rows = chain([first], self.rows)
            return False
        return True

    def values(self, columns: list[tuple[int, Convert | None]]) -> Iterator[list[Any]]:
        """Yield each row's written values for pairs of a place in the row and a conversion."""
        converted = [(at, convert) for at, (_, convert) in enumerate(columns) if convert is not None]
        places = [place for place, _ in columns]
        pick: Callable[[Row], Any] = itemgetter(*places, places[0])
        constants = self.constants
        for row in self.rows:
            # With one place more than needed, so that it is a tuple for a single column, too.
            values = list(pick((*row, *constants)))
            values.pop()
            for at, convert in converted:
                if values[at] is not ABSENT:
                    values[at] = convert(values[at])
            yield values

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield each item as an object, its fields in the shape's order."""
        names = [name for name in self.columns if name in self.selected]
        columns = [(self.places[name], self.columns[name].only(self.selected[name])) for name in names]
        records = (dict(zip(names, values, strict=True)) for values in self.values(columns))
        if not any(self.columns[name].optional for name in names):
            return records
        return ({name: value for name, value in record.items() if value is not ABSENT} for record in records)

    def cells(self) -> Iterator[list[Any]]:
        """Yield a header and then each item as a flat row, its cells by name, or as ``fields`` orders them."""
        cells = [
            (header, self.places[name], convert)
            for name, members in self.selected.items()
            for header, convert in self.columns[name].cells(members)
        ]
        if asked := set(self.fields):
            # A cell is asked for by its own name, or as a part of its object.
            cells.sort(key=lambda cell: min(map(self.fields.index, {cell[0], cell[0].partition(".")[0]} & asked)))
        else:
            cells.sort(key=itemgetter(0))
        yield [header for header, _, _ in cells]
        for values in self.values([(place, convert) for _, place, convert in cells]):
            yield [None if value is ABSENT else value for value in values]
