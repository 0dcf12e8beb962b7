"""Queries that are composed once and run often.

Django composes the SQL of a query anew each time, which takes several times as long as running a small one. A
statement is composed the first time, with parameters in place of the values, and from then on only run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from itertools import chain
from typing import Any, NamedTuple

from django.db import connections, router
from django.db.models import CharField, Expression, Field, FloatField, IntegerField, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from analytics_data_api.tables.rows import Row

# Rows fetched from the database at a time: enough to make the round trips cheap, few enough to weigh little.
FETCH_SIZE = 2000
# Rows at most of a query that has only a few.
SMALL_RESULT = 100


# Fields whose values go to every database as they are.
PLAIN = (CharField, FloatField, IntegerField)


class BindSlot(NamedTuple):
    """Where in a statement's parameters a value goes, and the field that prepares it; None where nothing has to."""

    name: str
    field: Field | None


class BindParam(Expression):
    """Stands in a query for a value that each run brings.

    Args:
        name: What the value is called.
        field: What kind of value it is: of a text or a number, exactly what the database compares with.
    """

    def __init__(self, name: str, field: Field) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        field = self.output_field
        return "%s", [BindSlot(self.name, None if isinstance(field, PLAIN) else field)]


class Statement:
    """A query over a database, ready to be run.

    Args:
        queryset: The query, of ``values_list``, with parameters in it.
    """

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        self.alias = queryset.db
        compiler = queryset.query.get_compiler(self.alias)
        self.sql, self.params = compiler.as_sql()
        self.converters = compiler.get_converters([column for column, _, _ in compiler.select])
        self.convert = partial(compiler.apply_converters, converters=self.converters)

    def rows(self, values: Mapping[str, Any]) -> Iterator[Row]:
        """Yield the rows for the values of the parameters, by name, fetched a few thousand at a time.

        Raises:
            django.db.Error: The database does not answer, or not this query.
        """
        return chain.from_iterable(self.batches(values))

    def batches(self, values: Mapping[str, Any]) -> Iterator[Iterable[Row]]:
        with self.run(values) as cursor:
            size = FETCH_SIZE
            # A block that is not full is the last one.
            while size == FETCH_SIZE:
                block = cursor.fetchmany(FETCH_SIZE)
                size = len(block)
                yield self.converted(block)

    def fetch_small(self, values: Mapping[str, Any]) -> Iterable[Row]:
        """Return the first rows for the values of the parameters, by name: all of them where there are but a few.

        Raises:
            django.db.Error: The database does not answer, or not this query.
        """
        with self.run(values) as cursor:
            return self.converted(cursor.fetchmany(SMALL_RESULT))

    def run(self, values: Mapping[str, Any]) -> Any:
        """Return a cursor that the query has been run with."""
        connection = connections[self.alias]
        params = [
            param
            if type(param) is not BindSlot
            else values[param.name]
            if param.field is None
            else param.field.get_db_prep_value(values[param.name], connection)
            for param in self.params
        ]
        cursor = connection.chunked_cursor()
        try:
            cursor.execute(self.sql, params)
        except BaseException:
            cursor.close()
            raise
        return cursor

    def converted(self, block: Iterable[Row]) -> Iterable[Row]:
        """Return rows as Django's fields have their values, where they are not what the driver gives."""
        return map(tuple, self.convert(block)) if self.converters else block


@cache
def database_of(model: type[Model]) -> str:
    """Return the database that a table is read from, by its key in the setting ``DATABASES``."""
    return router.db_for_read(model)


@cache
def statement(model: type[Model], alias: str, compose: Callable[..., QuerySet[Any, Any]], *shape: Any) -> Statement:
    """Return the statement that ``compose`` makes of a table's rows, composed once for each shape.

    Args:
        model: The table.
        alias: The database, by its key in the setting ``DATABASES``.
        compose: Called with the table's rows and the shape; returns them selected, in order, as ``values_list``.
        shape: Whatever makes one query differ from another but for the values of its parameters.
    """
    return Statement(compose(model._default_manager.using(alias), *shape))
