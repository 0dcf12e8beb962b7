"""A table of the contract, as the models declare it and as it is."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connections
from django.db.models import Field, Index, Model

from analytics_data_api.checks import required_indexes
from analytics_data_api.checks.databases import database
from analytics_data_api.checks.databases.base import Database, Family, Structure
from analytics_data_api.checks.required_indexes import Search
from analytics_data_api.tables.models import ProblemFirstLastResponseAnswerDistribution, answer_distribution
from analytics_data_api.tables.querysets import DatedQuerySet, ReportQuerySet


class DeclaredIndex(NamedTuple):
    """An index that the models declare.

    Attributes:
        columns: What it is over.
        statement: The SQL that makes it, quoted for the database in question.
    """

    columns: tuple[str, ...]
    statement: str


class Table:
    """A table that the service reads.

    Args:
        model: One of its models, which says what the table is called.
        alias: The database, by its key in the setting ``DATABASES``.

    Raises:
        MissingTableError: It is not there.
        ForbiddenTableError: The connected user may not read it.
        django.db.DatabaseError: The database does not answer, or not for this table.
    """

    def __init__(self, model: type[Model], alias: str) -> None:
        self.alias = alias
        self.connection: Any = connections[alias]
        self.database: Database = database(self.connection)
        self.name = model._meta.db_table
        self.structure: Structure = self.database.structure(self.name)
        self.rows: ReportQuerySet = (
            answer_distribution(alias)
            if model is ProblemFirstLastResponseAnswerDistribution
            else model._default_manager.using(alias)  # type: ignore[assignment]  # the manager's own
        )

    @cached_property
    def fields(self) -> dict[str, Field]:
        """The fields of the table's layout, by the names of their columns."""
        return {str(field.column): field for field in self.rows.model._meta.concrete_fields}

    @cached_property
    def known_columns(self) -> frozenset[str]:
        """The columns of every layout of the table."""
        return frozenset(str(field.column) for model in self._models() for field in model._meta.concrete_fields)

    @cached_property
    def read_columns(self) -> frozenset[str]:
        """The columns that answers are made of."""
        return frozenset().union(*(required_indexes.columns(query, self.alias) for query in self._queries))

    @cached_property
    def searches(self) -> tuple[Search, ...]:
        """How the service's queries find their rows, each way once."""
        return tuple(dict.fromkeys(search for query in self._queries for search in required_indexes.searches(query)))

    @cached_property
    def declared_indexes(self) -> tuple[DeclaredIndex, ...]:
        # Not entered, because that would begin a transaction.
        editor = self.connection.schema_editor(collect_sql=True)
        return tuple(
            DeclaredIndex(index_columns(model, index), f"{index.create_sql(model, editor)};")
            for model in self._models()
            for index in model._meta.indexes
        )

    @property
    def latest_by(self) -> str | None:
        """The field of the date (the end of the week) of a row; None for a table without."""
        return self.rows.latest_by if isinstance(self.rows, DatedQuerySet) else None

    @property
    def entity(self) -> str:
        """The field of the id that its rows are told apart by first."""
        return self.rows.natural_key[0]

    def column(self, field: str) -> str:
        """Return the name of a field's column."""
        return str(self.rows.model._meta.get_field(field).column)

    def has(self, *fields: str) -> bool:
        """Tell whether the table has the columns of these fields."""
        return all(self.column(field) in self.structure.columns for field in fields)

    def suits(self, *fields: str) -> bool:
        """Tell whether the table has the columns of these fields, in types that can be read."""
        return self.has(*fields) and not any(map(self.wrong_family, map(self.column, fields)))

    def wrong_family(self, column: str) -> Family | None:
        """Return what a column should be, where it is of a type that cannot be read as that."""
        family = Family.of(self.fields[column])
        return None if self.database.suits(family, self.structure.columns[column]) else family

    @cached_property
    def _queries(self) -> list[Any]:
        return required_indexes.queries(self.rows)

    def _models(self) -> Iterator[type[Model]]:
        return (model for model in apps.get_app_config("v0").get_models() if model._meta.db_table == self.name)


def models() -> list[type[Model]]:
    """Return the model of each table of the contract, that of its newest layout."""
    return [
        model
        for model in apps.get_app_config("v0").get_models()
        if model._meta.managed and isinstance(model._default_manager.all(), ReportQuerySet)
    ]


def index_columns(model: type[Model], index: Index) -> tuple[str, ...]:
    columns = {field.name: str(field.column) for field in model._meta.concrete_fields}
    return tuple(columns[name] for name in index.fields)
