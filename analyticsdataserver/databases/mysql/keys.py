"""The distinct keys of a column on MySQL and MariaDB, where keys that differ as bytes may be alike to the server."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

# An index skips from one key to the next (a "loose index scan"), but to the next that is not alike in the collation.
DISTINCT: Final = "SELECT {column} FROM {table} GROUP BY {column}"
# Reads the index from end to end. A checksum costs a fraction of comparing the keys as bytes.
ALIKE: Final = """
    SELECT {column} FROM {table} GROUP BY {column} HAVING BIT_OR(CRC32({column})) <> BIT_AND(CRC32({column}))
"""
SPELLINGS: Final = """
    SELECT DISTINCT CAST(CONVERT({column} USING utf8mb4) AS BINARY) FROM {table} WHERE {column} IN ({marks})
"""
NAMED: Final = "SELECT {column} FROM {table} WHERE {condition} GROUP BY {column}"
# Grouped by, a single key has all its rows in the index read.
ONE_NAMED: Final = "SELECT {column} FROM {table} WHERE {column} = %s LIMIT 1"

# Changes with every row that is added. Within two seconds of a change there is none, since times are whole seconds.
STATE: Final = """
    SELECT %s, CONCAT_WS('|', UPDATE_TIME, CREATE_TIME, AUTO_INCREMENT, (SELECT MAX(id) FROM {table}))
      FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s
           AND (UPDATE_TIME IS NULL OR UPDATE_TIME < NOW() - INTERVAL 2 SECOND)
"""

# Of a database's table its state, and the keys that others are alike.
_alike: dict[tuple[str, ...], tuple[str, list[str]]] = {}
_lock: Final = Lock()


def distinct_keys(connection: Any, tables: Sequence[str], column: str) -> dict[str, list[str]]:
    """Return the values of a column that begins an index of each table, each once.

    Which keys differ only in bytes takes reading the index from end to end, and is remembered until rows are added.

    Args:
        connection: The connection to the database.
        tables: The tables, at least one, with a column ``id``.
        column: The column.
    """
    with connection.cursor() as cursor:
        # Before the keys are read: they may be newer than the state, never older.
        sql = " UNION ALL ".join(STATE.format(table=table) for table in tables)
        cursor.execute(sql, [name for table in tables for name in (table, table)])
        states = dict(cursor.fetchall())
        return {table: keys_of(connection, cursor, table, column, states.get(table)) for table in tables}


def keys_of(connection: Any, cursor: Any, table: str, column: str, state: str | None) -> list[str]:
    """Return the values of a column of a table, each once.

    Args:
        connection: The connection to the database.
        cursor: A cursor of it.
        table: The table.
        column: The column.
        state: The table's state; None where there is none.
    """
    # Times of changes are each server's own.
    place = (*connection.place, table, column)
    cursor.execute(DISTINCT.format(table=table, column=column))
    keys = [key for (key,) in cursor.fetchall()]
    with _lock:
        known, alike = _alike.get(place, (None, []))
    if state is None or known != state:
        cursor.execute(ALIKE.format(table=table, column=column))
        alike = [key for (key,) in cursor.fetchall()]
    if state is not None:
        with _lock:
            _alike[place] = (state, alike)
    if alike:
        marks = ", ".join(["%s"] * len(alike))
        cursor.execute(SPELLINGS.format(table=table, column=column, marks=marks), alike)
        keys += [key for (key,) in cursor.fetchall()]
    return keys
