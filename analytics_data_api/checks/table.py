"""A table of the contract, as the models declare it and as the database has it."""

import re
from typing import Any, Final

from django.db import DatabaseError, connections
from django.db.models import Field, Index, Model

from analytics_data_api.checks import required_indexes
from analytics_data_api.checks.databases import Column, engine
from analytics_data_api.checks.messages import message

# The types of fields that are not of text, in the words of messages.
FAMILIES: Final = {
    **dict.fromkeys(("BigAutoField", "IntegerField", "BooleanField"), "a whole number"),
    "DateTimeField": "a date and time",
    "DateField": "a date",
    "FloatField": "a number",
}


class UnreadableTableError(Exception):
    """A table does not exist, or may not be read; the argument is the finding."""


def describe(connection: Any, table: str, kinds: dict[str, str]) -> dict[str, Column]:
    """Return the columns of a table by name.

    Args:
        connection: Django's connection to the database.
        table: The table's name.
        kinds: ``t`` or ``v`` (view) for each table that the connected user sees.

    Raises:
        UnreadableTableError: There is no such table, or the connected user may not read it.
        django.db.DatabaseError: The database does not answer, or not for this table.
    """
    with connection.cursor() as cursor:
        try:
            columns: dict[str, Column] = engine(connection).columns(connection, cursor, table)
        except DatabaseError as error:
            if denied := engine(connection).denied(connection, cursor, table, error):
                user, grant = denied
                text = (
                    f"{user} may not read it, or not all of it; or it does not exist, which MySQL does not show. Grant:"
                )
                raise UnreadableTableError(message("forbidden_table", text, hint=grant)) from None
            if table in kinds:
                raise
            text = (
                "It is not there: requests that read it get 503. Have the pipeline's task for it run; in a database of "
                f"your own, `./manage.py migrate --database {connection.alias}` makes it."
            )
            raise UnreadableTableError(message("missing_table", text)) from None
        return columns


class Table:
    """A table that the service reads; raises what ``describe`` raises.

    Args:
        models: The models of its layouts, the newest first; ``rows`` and ``fields`` are of the one that fits best.
        alias: The database, by its key in the setting ``DATABASES``.
        kinds: As that of ``describe``.
    """

    def __init__(self, models: list[type[Model]], alias: str, kinds: dict[str, str]) -> None:
        self.models, self.name = models, models[0]._meta.db_table
        self.connection, self.view = connections[alias], kinds.get(self.name) == "v"
        self.engine = engine(self.connection)
        self.columns = describe(self.connection, self.name, kinds)
        with self.connection.cursor() as cursor:
            # None stands for an expression.
            self.indexes = [] if self.view else self.engine.indexes(self.connection, cursor, self.name)
        layouts = [{str(field.column): field for field in model._meta.concrete_fields} for model in models]
        self.known_columns = set().union(*layouts)
        self.fields: dict[str, Field] = max(layouts, key=lambda fields: len(fields.keys() & self.columns.keys()))
        rows: Any = models[layouts.index(self.fields)]._default_manager.using(alias)
        self.rows, queries = rows, required_indexes.queries(rows)
        self.read_columns = required_indexes.columns(queries, self.fields, self.connection)
        searches = (search for query in queries for search in required_indexes.searches(query))
        # Not those that read the whole table.
        self.searches = list(dict.fromkeys(search for search in searches if search.equal))
        # The field of the id that identifies a row first, its column, and the field of the row's date or end of a week.
        self.entity: str = rows.natural_key[0]
        self.entity_column = self.column(self.entity)
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
