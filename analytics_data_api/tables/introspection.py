"""Which columns a table of the connected database has: sites that began long ago keep tables of an older layout."""

from functools import cache

from django.db import connections


@cache
def columns(alias: str, table: str) -> frozenset[str]:
    """Return the names of a table's (or view's) columns, none where there is no such table.

    The database is asked once and remembered; ``columns.cache_clear()`` has it asked again.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        table: The table's name.
    """
    connection = connections[alias]
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor, include_views=True):
            return frozenset()
        return frozenset(column.name for column in connection.introspection.get_table_description(cursor, table))
