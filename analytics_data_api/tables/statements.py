"""Queries that are composed once and run often.

Django composes the SQL of a query anew each time, which takes several times as long as running a small one. A
statement is composed the first time, with parameters in place of the values, and from then on only run.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache, partial
from itertools import chain, islice
from operator import itemgetter
from types import NoneType
from typing import Any, NamedTuple

from django.db import OperationalError, connections, router
from django.db.models import (
    BooleanField,
    CharField,
    Expression,
    Field,
    FloatField,
    IntegerField,
    Model,
    QuerySet,
    TextField,
)
from django.db.models.sql.compiler import SQLCompiler

from analytics_data_api.tables.fields import AsText, DayAsText, day_of
from analytics_data_api.tables.rows import Row

# Rows fetched from the database at a time: enough to make the calls cheap, few enough to need little memory.
FETCH_SIZE = 2000
# The same of SQLite: so few that they are still in the processor's cache when they are written. With 2000, large
# answers took up to 1.4 times as long. MySQL's connection is closed if a part of a result is not read, as for a page.
SQLITE_FETCH_SIZE = 500
# Rows at most of a query that has only a few.
SMALL_RESULT = 100

# Fields whose values every database takes as they are.
PLAIN = (CharField, FloatField, IntegerField)

# Fields of numbers, and the types of their values.
NUMBERS = (BooleanField, FloatField, IntegerField)
NUMBER_TYPES = frozenset((bool, int, float, NoneType))
# How long YYYY-mm-dd is.
DAY_LENGTHS = frozenset((10,))

# What the message of SQLite's driver contains where text is not UTF-8.
NOT_UTF8 = "decode to UTF-8"


class BindSlot(NamedTuple):
    """Where in a statement's parameters a value goes.

    Attributes:
        name: The parameter's name.
        field: The field that prepares the value; None where nothing has to.
        position: Which of the parameter's values it is, where it has several.
    """

    name: str
    field: Field | None
    position: int | None


class BindParam(Expression):
    """Stands in a query for a value that each run brings.

    Args:
        name: The parameter's name.
        field: What kind of value it is: of a text or a number, exactly what the database compares with.
    """

    def __init__(self, name: str, field: Field) -> None:
        super().__init__(output_field=field)
        self.name = name

    @property
    def prepared_by(self) -> Field | None:
        return None if isinstance(self.output_field, PLAIN) else self.output_field

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        return "%s", [BindSlot(self.name, self.prepared_by, None)]


class BindParams(BindParam):
    """Stands in a query for a list of values that each run brings; one expression, since Django composes it faster.

    Args:
        name: The parameter's name.
        field: What kind of value each is.
        size: How many there are.
    """

    def __init__(self, name: str, field: Field, size: int) -> None:
        super().__init__(name, field)
        self.size = size

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        field = self.prepared_by
        return f"({', '.join(['%s'] * self.size)})", [BindSlot(self.name, field, n) for n in range(self.size)]


class Statement:
    """A query over a database, ready to be run.

    Args:
        queryset: The query, of ``values_list``, with parameters in it.
    """

    def __init__(self, queryset: QuerySet[Any, Any]) -> None:
        self.alias = queryset.db
        compiler = queryset.query.get_compiler(self.alias)
        self.sql, self.params = compiler.as_sql()
        selected = [column for column, _, _ in compiler.select]
        # Any column of SQLite may hold anything: bytes, in which other programs have stored text, and no numbers.
        by_sqlite = connections[self.alias].vendor == "sqlite"
        self.fetch_size = SQLITE_FETCH_SIZE if by_sqlite else FETCH_SIZE
        self.days = [place for place, column in enumerate(selected) if by_sqlite and isinstance(column, DayAsText)]
        converters = compiler.get_converters(selected)
        self.converters = {place: converters[place] for place in converters if place not in self.days}
        self.convert = partial(compiler.apply_converters, converters=self.converters)
        self.texts = [place for place, column in enumerate(selected) if by_sqlite and is_text(column)]
        self.numbers = [
            place for place, column in enumerate(selected) if by_sqlite and isinstance(column.output_field, NUMBERS)
        ]

    def rows(self, values: Mapping[str, Any]) -> Iterator[Row]:
        """Yield the rows for the values of the parameters, by name, fetched a few thousand at a time.

        Bytes that are not text are replaced by U+FFFD. Drivers do so slowly, so that they are made to only when a row
        needs it: then the query is run again, and goes on behind the rows that were yielded.

        Raises:
            django.db.Error: The database does not answer, or not this query.
        """
        yielded = 0
        try:
            for batch in self.batches(values):
                yield from batch
                yielded += self.fetch_size
        except (UnicodeDecodeError, OperationalError) as error:
            connection: Any = connections[self.alias]
            if connection.lenient or (isinstance(error, OperationalError) and NOT_UTF8 not in str(error)):
                raise
            connection.decode_leniently()
            yield from islice(chain.from_iterable(self.batches(values)), yielded, None)

    def batches(self, values: Mapping[str, Any]) -> Iterator[Iterable[Row]]:
        with self.run(values) as cursor:
            size = self.fetch_size
            # A batch that is not full is the last one.
            while size == self.fetch_size:
                batch = cursor.fetchmany(self.fetch_size)
                size = len(batch)
                yield self.converted(batch)

    def fetch_small(self, values: Mapping[str, Any]) -> Iterable[Row]:
        """Return the first rows for the values of the parameters, by name: all of them where there are only a few.

        Raises:
            django.db.Error: The database does not answer, or not this query.
        """
        with self.run(values) as cursor:
            return self.converted(cursor.fetchmany(SMALL_RESULT))

    def run(self, values: Mapping[str, Any]) -> Any:
        """Return a cursor that has executed the query."""
        connection = connections[self.alias]
        params = list(map(partial(self.value, values), self.params))
        cursor = connection.chunked_cursor()
        try:
            cursor.execute(self.sql, params)
        except BaseException:
            cursor.close()
            raise
        return cursor

    def value(self, values: Mapping[str, Any], slot: Any) -> Any:
        """Return the value that goes into a slot, as the database takes it; what is no slot is a value itself."""
        if type(slot) is not BindSlot:
            return slot
        value = values[slot.name] if slot.position is None else values[slot.name][slot.position]
        return value if slot.field is None else slot.field.get_db_prep_value(value, connections[self.alias])

    def converted(self, batch: list[Row]) -> Iterable[Row]:
        """Return rows as Django's fields have their values, where the driver returns something else."""
        for place in self.texts:
            if bytes in set(map(type, map(itemgetter(place), batch))):
                batch = list(map(as_text, batch))
                break
        for place in self.numbers:
            if not NUMBER_TYPES.issuperset(map(type, map(itemgetter(place), batch))):
                batch = [number_or_null(row, place) for row in batch]
        for place in self.days:
            if not DAY_LENGTHS.issuperset(map(len, filter(None, set(map(itemgetter(place), batch))))):
                batch = [(*row[:place], day_of(row[place]), *row[place + 1 :]) for row in batch]
        return map(tuple, self.convert(batch)) if self.converters else batch


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
        shape: What makes one query differ from another, apart from the values of its parameters; hashable.
    """
    return Statement(compose(model._default_manager.using(alias), *shape))


def is_text(column: Any) -> bool:
    """Return whether a selected column is one of text, as the table has it."""
    return isinstance(column.output_field, (CharField, TextField)) and not isinstance(column, AsText)


def number_or_null(row: Row, place: int) -> Row:
    """Return a row with null in place of a value that is no number."""
    return row if type(row[place]) in NUMBER_TYPES else (*row[:place], None, *row[place + 1 :])


def as_text(row: Row) -> Row:
    """Return a row with text in place of bytes."""
    return tuple(value.decode(errors="replace") if type(value) is bytes else value for value in row)


@lru_cache(4096)
def is_date(text: str | None) -> bool:
    """Return whether a date or time, as text that begins with YYYY-mm-dd, is one that exists.

    Null is none. Neither is a zero date, which MySQL takes for any part that is not known (0000-00-00, 2014-00-10),
    nor a day that its month lacks (2015-02-30), which SQLite takes, and MySQL in the mode ALLOW_INVALID_DATES.
    """
    if text is None or text[4:8:3] != "--":
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
