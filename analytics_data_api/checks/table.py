"""A table of the contract, as the models declare it and as the database has it."""

import re
from typing import Any, Final

from django.db import DatabaseError, connections
from django.db.models import Field, Index, Model

from analytics_data_api.checks import required_indexes
from analytics_data_api.checks.databases import Column, engine

# The types of fields that are not of text, in the words of messages.
FAMILIES: Final = {
    "DateTimeField": "a date and time",
    "DateField": "a date",
    "BigAutoField": "a whole number",
    "IntegerField": "a whole number",
    "BooleanField": "a whole number",
    "FloatField": "a number",
}


class MissingTableError(Exception):
    """The table does not exist."""


class ForbiddenTableError(Exception):
    """The connected user may not read the table; the arguments are the user and the statement that grants it."""


def describe(connection: Any, table: str, kinds: dict[str, str]) -> dict[str, Column]:
    """Return the columns of a table, by name; ``kinds`` is as that of ``Table``.

    Raises:
        MissingTableError: There is no such table.
        ForbiddenTableError: The connected user may not read it, or not all of its columns.
        django.db.DatabaseError: The database does not answer, or not for this table.
    """
    with connection.cursor() as cursor:
        try:
            columns: dict[str, Column] = engine(connection).columns(connection, cursor, table)
        except DatabaseError as error:
            if denied := engine(connection).denied(connection, cursor, table, error):
                raise ForbiddenTableError(*denied) from None
            if table not in kinds:
                raise MissingTableError from None
            raise
        return columns


class Table:
    """A table that the service reads; raises what ``describe`` raises.

    Args:
        models: The models of its layouts, the newest first.
        alias: The database, by its key in the setting ``DATABASES``.
        kinds: ``t`` or ``v`` (view) for each table that the connected user sees.

    Attributes:
        columns: The columns that it has, by name.
        indexes: The columns of each index that can be searched in order, None for an expression; none for a view.
        rows: The rows, by the model that fits best.
        fields: The fields of that model, by column.
        known: The columns of every layout.
        read: The columns that the service reads.
        searches: How the service's queries find their rows.
        entity: The column of the id that tells rows apart first.
        latest_by: The field of a row's date, or end of a week; None for a table without.
    """

    def __init__(self, models: list[type[Model]], alias: str, kinds: dict[str, str]) -> None:
        self.models, self.connection, self.name = models, connections[alias], models[0]._meta.db_table
        self.engine = engine(self.connection)
        self.columns = describe(self.connection, self.name, kinds)
        self.view = kinds.get(self.name) == "v"
        with self.connection.cursor() as cursor:
            self.indexes = [] if self.view else self.engine.indexes(self.connection, cursor, self.name)
        layouts = [{str(field.column): field for field in model._meta.concrete_fields} for model in models]
        self.known = set().union(*layouts)
        self.fields: dict[str, Field] = min(layouts, key=lambda fields: len(fields.keys() - self.columns.keys()))
        rows: Any = models[layouts.index(self.fields)]._default_manager.using(alias)
        self.rows = rows
        queries = required_indexes.queries(rows)
        self.read = required_indexes.columns(queries, self.fields, self.connection)
        self.searches = list(dict.fromkeys(search for query in queries for search in required_indexes.searches(query)))
        self.entity = self.column(rows.natural_key[0])
        self.latest_by: str | None = getattr(rows, "latest_by", None)

    def column(self, field: str) -> str:
        """Return the name of a field's column."""
        return next(column for column, each in self.fields.items() if each.name == field)

    def has(self, *fields: str) -> bool:
        """Return whether the table has the columns of these fields."""
        return self.columns.keys() >= set(map(self.column, fields))

    def has_index(self, *columns: str) -> bool:
        """Return whether an index begins with these columns."""
        return any(index[: len(columns)] == columns for index in self.indexes)

    def expected_type(self, column: str) -> str | None:
        """Return which type a column should have, if its values cannot be read as that."""
        family = FAMILIES.get(self.fields[column].get_internal_type(), "text")
        return None if re.fullmatch(self.engine.TYPES[family], self.columns[column].type) else family


def index_columns(model: type[Model], index: Index) -> tuple[str, ...]:
    """Return the columns of an index that a model declares."""
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}
    return tuple(columns[name] for name in index.fields)
