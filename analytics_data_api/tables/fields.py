"""Column types of the pipeline's tables that Django has no field for."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression, Func
from django.db.models.lookups import Exact, In
from django.db.models.sql.compiler import SQLCompiler

# MySQL: a string's bytes, in the same encoding whatever the column's.
BYTES_OF = "CAST(CONVERT({} USING utf8mb4) AS BINARY)"


# The longest list of values that MariaDB takes for ranges of an index.
LONGEST_LIST = 500


def same_key(connection: BaseDatabaseWrapper, left: str, right: str) -> str:
    """Return the SQL condition that two keys, in columns of the same collation, are equal; see ``KeyExact``."""
    by_collation = f"{left} = {right}"
    if connection.vendor != "mysql":
        return by_collation
    return f"{by_collation} AND {BYTES_OF.format(left)} = {BYTES_OF.format(right)}"


class CurrentTimestamp(Func):
    """The time of the insertion in whole seconds, UTC, on every database."""

    template = "CURRENT_TIMESTAMP"
    arity = 0


class KeyField(models.CharField):
    """A VARCHAR(255) that identifies something: a course, a module, an activity.

    Two keys are equal where their bytes are, whatever collation the column was made with.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 255)
        super().__init__(*args, **kwargs)


@KeyField.register_lookup
class KeyExact(Exact):
    """``=`` that compares bytes.

    MySQL compares by the column's collation, where ``edx/demox/run`` may equal ``edX/DemoX/Run`` and trailing spaces
    may not count. That comparison stays, because it is the one that an index answers; a second one, on bytes, then
    drops what is only alike.
    """

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        by_collation, params = self.as_sql(compiler, connection)
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        by_bytes = f"{BYTES_OF.format(left)} = {BYTES_OF.format(right)}"
        return f"({by_collation} AND {by_bytes})", [*params, *left_params, *right_params]


@KeyField.register_lookup
class KeyIn(In):
    """``IN`` that an index answers, however long the list is.

    MySQL compares by the column's collation, so that rows may come whose key is only alike.
    """

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        # MariaDB turns a list of 1000 values (in_predicate_conversion_threshold) into a join, and then sorts or reads
        # all rows of each key. Two shorter lists are one range to it.
        values = list(self.rhs) if self.rhs_is_direct_value() else []
        if len(values) <= LONGEST_LIST:
            return self.as_sql(compiler, connection)
        parts = [values[start : start + LONGEST_LIST] for start in range(0, len(values), LONGEST_LIST)]
        compiled = [In(self.lhs, part).as_sql(compiler, connection) for part in parts]
        return f"({' OR '.join(sql for sql, _ in compiled)})", [param for _, params in compiled for param in params]


class Bytes(Func):
    """A key to order by as bytes; SQLite compares strings that way already, and can then use an index."""

    template = "%(expressions)s"
    arity = 1

    @staticmethod
    def of(connection: BaseDatabaseWrapper, sql: str) -> str:
        """Return the same of a column in SQL."""
        return BYTES_OF.format(sql) if connection.vendor == "mysql" else sql

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template=BYTES_OF.format("%(expressions)s"), **context)


class OnDates(Expression):
    """The condition that a row is of one of several pairs of a course and a date.

    Args:
        model: The table; its columns are ``course_id`` and ``date``.
        courses: The courses.
        dates: The date that goes with each.
    """

    conditional = True
    columns = ("course_id", "date")

    def __init__(self, model: type[models.Model], courses: list[Any], dates: list[Any]) -> None:
        super().__init__(output_field=models.BooleanField())
        self.model = model
        self.pairs = list(zip(courses, dates, strict=True))

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        pair = " AND ".join(f"{column} = %s" for column in self.quoted(connection))
        return f"({' OR '.join([f'({pair})'] * len(self.pairs))})", self.params(compiler)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        # A chain of a thousand conditions is too deep for it.
        columns = ", ".join(self.quoted(connection))
        return f"(({columns}) IN (VALUES {', '.join(['(%s, %s)'] * len(self.pairs))}))", self.params(compiler)

    def quoted(self, connection: BaseDatabaseWrapper) -> list[str]:
        quote = connection.ops.quote_name
        return [f"{quote(self.model._meta.db_table)}.{quote(column)}" for column in self.columns]

    def params(self, compiler: SQLCompiler) -> list[Any]:
        return [param for pair in self.pairs for value in pair for param in compiler.compile(value)[1]]


class AsText(Func):
    """A date or time as ``YYYY-mm-dd`` or ``YYYY-mm-dd HH:MM:SS``, which the database writes faster than Python."""

    template = "CAST(%(expressions)s AS TEXT)"
    arity = 1
    output_field = models.CharField()

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS CHAR)", **context)


class SecondsField(models.DateTimeField):
    """A DATETIME of whole seconds, UTC."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "datetime"


class CreatedField(models.DateTimeField):
    """The TIMESTAMP of a row's load, UTC, whole seconds; the database fills it in where the load does not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("db_default", CurrentTimestamp())
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "timestamp" if connection.vendor == "mysql" else "datetime"
