"""The columns that a table of the connected database has: old sites keep tables of an older layout."""

from collections.abc import Callable, Collection
from functools import cache, partial
from typing import Any, Final, TypeVar

from django.db import connections

# Where the pipeline notes its loads; not every site has it.
NOTES_TABLE: Final = "table_updates"

T = TypeVar("T")


@cache
def columns(alias: str, table: str) -> frozenset[str]:
    """Return the names of a table's (or view's) columns, none where there is no such table.

    They are looked up once for each process; ``columns.cache_clear()`` makes the next call look them up again.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        table: The table's name.
    """
    return leniently(alias, partial(looked_up, alias, table))


def leniently(alias: str, look_up: Callable[[], T]) -> T:
    """Return what is looked up of a table; Django's MySQL backend reads a row of it, whose text may be none."""
    try:
        return look_up()
    except UnicodeDecodeError:
        connection: Any = connections[alias]
        connection.decode_leniently()
        return look_up()


def has_table(alias: str, table: str) -> bool:
    """Return whether there is a table (or view), also where it was not when its columns were looked up.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        table: The table's name.
    """
    if columns(alias, table):
        return True
    with connections[alias].cursor() as cursor:
        found = table in connections[alias].introspection.table_names(cursor, include_views=True)
    if found:
        columns.cache_clear()
    return found


def looked_up(alias: str, table: str) -> frozenset[str]:
    connection = connections[alias]
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor, include_views=True):
            return frozenset()
        return frozenset(column.name for column in connection.introspection.get_table_description(cursor, table))


def tables(alias: str, names: Collection[str]) -> frozenset[str]:
    """Return those of some tables and views that a database has now.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        names: The names of the tables.
    """
    connection: Any = connections[alias]
    with connection.cursor() as cursor:
        found = frozenset(connection.introspection.table_names(cursor, include_views=True))
    unlisted: frozenset[str] = connection.unlisted_tables([name for name in names if name not in found])
    return found.intersection(names) | unlisted


@cache
def has_index(alias: str, table: str, column: str) -> bool:
    """Return whether a table has an index that begins with a column; a view has none.

    It is looked up once for each process.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        table: The table's name.
        column: The column's name.
    """
    constraints = leniently(alias, partial(constraints_of, alias, table))
    return any(found["index"] and found["columns"][:1] == [column] for found in constraints.values())


def constraints_of(alias: str, table: str) -> dict[str, Any]:
    connection: Any = connections[alias]
    with connection.cursor() as cursor:
        constraints: dict[str, Any] = connection.introspection.get_constraints(cursor, table)
    return constraints
