"""The distinct keys of a column on MySQL and MariaDB, where keys that differ as bytes may be alike to the server."""

from collections.abc import Callable
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

# Of a database's table the version of its data, and the keys that others are alike.
_alike: dict[tuple[str, ...], tuple[str, list[str]]] = {}
_lock: Final = Lock()


def distinct_keys(connection: Any, table: str, column: str, version: Callable[[], str | None]) -> list[str]:
    """Return the values of a column that begins an index, each once.

    Which keys differ only in bytes takes reading the index from end to end, and is remembered for as long as the data
    have the same version.

    Args:
        connection: The connection to the database.
        table: The table.
        column: The column.
        version: Returns the version of the table's data, None where it is not known.
    """
    settings = connection.settings_dict
    place = (settings["HOST"], str(settings["PORT"]), settings["NAME"], table, column)
    # Before the keys are read: they may be newer than the version, never older.
    present = version()
    with connection.cursor() as cursor:
        cursor.execute(DISTINCT.format(table=table, column=column))
        keys = [key for (key,) in cursor.fetchall()]
        with _lock:
            known, alike = _alike.get(place, (None, []))
        if present is None or known != present:
            cursor.execute(ALIKE.format(table=table, column=column))
            alike = [key for (key,) in cursor.fetchall()]
        if present is not None:
            with _lock:
                _alike[place] = (present, alike)
        if alike:
            marks = ", ".join(["%s"] * len(alike))
            cursor.execute(SPELLINGS.format(column=column, table=table, marks=marks), alike)
            keys += [key for (key,) in cursor.fetchall()]
    return keys
