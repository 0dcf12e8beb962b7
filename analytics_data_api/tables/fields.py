"""Column types of the pipeline's tables that Django has no field for."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Func
from django.db.models.lookups import Exact, In, Lookup
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
        size = getattr(self.rhs, "size", 0)
        if size <= LONGEST_LIST:
            return self.as_sql(compiler, connection)
        left, left_params = self.process_lhs(compiler, connection)
        _, right_params = self.process_rhs(compiler, connection)
        sizes = [min(LONGEST_LIST, size - start) for start in range(0, size, LONGEST_LIST)]
        lists = [f"{left} IN ({', '.join(['%s'] * size)})" for size in sizes]
        return f"({' OR '.join(lists)})", [*[*left_params] * len(lists), *right_params]


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


IDS_OF_PAIRS = """{table}.id IN (
    SELECT t.id FROM (VALUES {{}}) c CROSS JOIN {table} t
    WHERE t.course_id = c.column1 AND {condition}
)"""


class OfPairs(Lookup):
    """The condition that a row is of one of several courses, and has a certain date, which goes with the course.

    A lookup, since Django has MySQL compare any other condition with 1, for which no index is used.

    Args:
        model: The table.
        field: The column of the date (time).
        courses: The list of the courses; one may be there several times.
        dates: The list of the date of each.
        onwards: Whether a row may also have a later date.
    """

    lookup_name = "of_pairs"

    def __init__(
        self, model: type[models.Model], field: models.Field, courses: Any, dates: Any, *, onwards: bool
    ) -> None:
        super().__init__(models.F("course_id"), courses)
        self.table = model._meta.db_table
        self.date = str(field.column)
        self.dates = dates
        self.onwards = onwards

    @property
    def columns(self) -> tuple[str, str]:
        """The columns that are compared."""
        return "course_id", self.date

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        quote = connection.ops.quote_name
        course, date = (f"{quote(self.table)}.{quote(name)}" for name in ("course_id", self.date))
        if self.onwards:
            return self.joined(compiler, f"({course} = %s AND {date} >= %s)", " OR ", "({})")
        return self.joined(compiler, "(%s, %s)", ", ", f"(({course}, {date}) IN ({{}}))")

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        # A chain of a thousand conditions is too deep for it, and for a list of pairs it reads the whole table.
        # "U" is behind the "T" of a time that a program has left behind the date.
        condition = ">= c.column2" if self.onwards else "BETWEEN c.column2 AND c.column2 || 'U'"
        sql = IDS_OF_PAIRS.format(table=self.table, condition=f"t.{self.date} {condition}")
        return self.joined(compiler, "(%s, %s)", ", ", sql)

    def joined(self, compiler: SQLCompiler, pair: str, separator: str, sql: str) -> tuple[str, Any]:
        pairs = zip(compiler.compile(self.rhs)[1], compiler.compile(self.dates)[1], strict=True)
        params = [param for values in pairs for param in values]
        return sql.format(separator.join([pair] * (len(params) // 2))), params


class AsText(Func):
    """A date or time as ``YYYY-mm-dd`` or ``YYYY-mm-dd HH:MM:SS``, which the database writes faster than Python."""

    template = "CAST(%(expressions)s AS TEXT)"
    arity = 1
    output_field = models.CharField()

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS CHAR)", **context)


class DayAsText(AsText):
    """A date as ``YYYY-mm-dd``, also where a program or a view has left a time behind it.

    SQLite returns the time, too: to cut each value takes it longer than Python takes to look for one that is longer.
    """

    def as_mysql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        return self.as_sql(compiler, connection, template="SUBSTR(CAST(%(expressions)s AS CHAR), 1, 10)", **context)

    def get_db_converters(self, connection: BaseDatabaseWrapper) -> list[Any]:
        converters = super().get_db_converters(connection)
        return [*converters, day_of] if connection.vendor == "sqlite" else converters


def day_of(text: str | None, *_: Any) -> str | None:
    """Return the first part, ``YYYY-mm-dd``, of a date or time as text."""
    return text if text is None else text[:10]


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
