"""The database backend: Django imports ``DatabaseWrapper`` from a module of this name."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from operator import methodcaller
from pathlib import Path
from time import time
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from django.db.backends.sqlite3 import base
from django.utils.functional import cached_property

from analytics_data_api.tables.data_version import SETTLED_SECONDS, DataVersion
from analytics_data_api.tables.dates import Interval
from analyticsdataserver.databases.sqlite.loads import insert_rows, table_columns, table_load

# Of a file: inode, size, and the times of the last change of its data and of its inode. The latter cannot be set, so
# that it moves even where `cp -p` or `touch` sets the former back.
FileState = tuple[int, int, int, int]
# Of the database's file and of its write-ahead log; None for one that is missing, or empty as an unused log is.
State = tuple[FileState | None, FileState | None]

replace_undecodable: Final = methodcaller("decode", "utf-8", "replace")


# Finds each value by the one before it, in an index, where SELECT DISTINCT would read the index from end to end.
DISTINCT: Final = """
    WITH RECURSIVE found(value) AS (
        SELECT MIN({column}) FROM {table}
        UNION ALL
        SELECT (SELECT MIN({column}) FROM {table} WHERE {column} > found.value) FROM found WHERE found.value IS NOT NULL
    )
    SELECT value FROM found WHERE value IS NOT NULL
"""
# The text that every date of a week (from Monday on) or month is not before; the date itself where it is none.
INTERVAL_STARTS: Final = {
    Interval.WEEK: "COALESCE(DATE({date}, '-6 days', 'weekday 1'), {date})",
    Interval.MONTH: "SUBSTR({date}, 1, 8)",
}
VALUES: Final = "SELECT column1 AS {column} FROM (VALUES {marks})"


# The same statements run again and again; those with very many placeholders differ, and would take memory.
LONGEST: Final = 10_000
as_sqlite: Final = lru_cache(500)(partial(base.SQLiteCursorWrapper.convert_query, cast("Any", None)))


class Cursor(base.SQLiteCursorWrapper):
    """Django's, which rewrites a statement for SQLite once, not each time that it runs."""

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        if param_names is None and len(query) <= LONGEST:
            return as_sqlite(query)
        converted: str = super().convert_query(query, param_names=param_names)
        return converted


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, which opens a file anew after a change, never creates one, and returns the version of the data.

    SQLite's page cache is only checked against a counter in the file's header. Another file that is copied over the
    served one may have the same counter, so that a connection has to be closed whenever the file has changed.
    """

    # Whether keys that are equal have the same bytes.
    compares_bytes: Final = True

    # For analytics_data_api.loading, as methods.
    table_columns = table_columns
    table_load = table_load
    insert_rows = insert_rows

    opened: State | str | None = None
    lenient = False

    def get_connection_params(self) -> dict[str, Any]:
        """Return Django's parameters, with a URI that opens the file only where there is one."""
        params: dict[str, Any] = super().get_connection_params()
        if not self.is_in_memory_db() and not str(params["database"]).startswith("file:"):
            params["database"] = f"{Path(params['database']).absolute().as_uri()}?mode=rw"
        return params

    def prepare_database(self) -> None:
        """Create the file; ``migrate`` calls this, and nothing that serves requests does.

        Raises:
            OSError: It cannot be created.
        """
        super().prepare_database()
        if not self.is_in_memory_db():
            Path(self.path).touch()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        # Read before the file is opened: a change in between makes the connection look older than it is, and closes it.
        self.opened = str(uuid4()) if self.is_in_memory_db() else self.state()
        connection = super().get_new_connection(conn_params)
        if self.lenient:
            connection.text_factory = replace_undecodable
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=Cursor)

    def decode_leniently(self) -> None:
        """Replace bytes that are not UTF-8 by U+FFFD from now on, where the driver raises an error at first.

        Calling a Python function for each text makes the longest answers a fifth slower, which only databases that
        hold such bytes have to bear.
        """
        self.lenient = True
        if self.connection is not None:
            self.connection.text_factory = replace_undecodable

    def is_usable(self) -> bool:
        """Return whether the file is the one that was opened, and has not been changed since."""
        return self.is_in_memory_db() or self.in_atomic_block or self.opened == self.state()

    @cached_property
    def path(self) -> str:
        """The path of the database's file."""
        name = str(self.settings_dict["NAME"])
        return unquote(urlsplit(name).path) if name.startswith("file:") else name

    def state(self) -> State:
        """Return how the files look now."""
        states: list[FileState | None] = []
        for path in (self.path, f"{self.path}-wal"):
            try:
                found = os.stat(path)  # noqa: PTH116  # a Path would have to be made for each request
            except OSError:
                states.append(None)
            else:
                times = (found.st_mtime_ns, found.st_ctime_ns)
                states.append((found.st_ino, found.st_size, *times) if found.st_size else None)
        return states[0], states[1]

    def table_versions(
        self, tables: Mapping[str, Callable[[], Collection[str]]], notes: bool, since: float | None = None
    ) -> dict[str, DataVersion | None]:
        """Return the version of the data of each table, which is that of the whole file.

        Args:
            tables: The tables, with functions that return their columns; not called.
            notes: Whether the pipeline notes its loads; not used.
            since: When the request arrived; not used, as looking at the files takes next to no time.

        Raises:
            django.db.Error: The database does not answer.
        """
        version = self.version_in_memory() if self.is_in_memory_db() else self.version_of_files()
        return dict.fromkeys(tables, version)

    def version_of_files(self) -> DataVersion | None:
        """Return the version of the database's files; None where it cannot be known.

        The times of files do not separate two changes within some milliseconds, so that there is no version until the
        last change is SETTLED_SECONDS old. There is none within a transaction either, whose changes may be in memory.
        """
        if self.in_atomic_block:
            return None
        state = self.state()
        if self.connection is not None and self.opened != state:
            self.close()
        # Django need not look at the files once more before the next query of this request.
        self.health_check_done = True
        if state[0] is None:
            return None
        changed = max(nanoseconds for file in state if file is not None for nanoseconds in file[2:]) / 1e9
        if time() - changed < SETTLED_SECONDS:
            return None
        return DataVersion(repr(state), datetime.fromtimestamp(changed, UTC))

    def unlisted_tables(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of some tables that there are, though the list of all tables lacks them: none on SQLite."""
        return frozenset()

    def distinct_keys(self, tables: Sequence[str], column: str) -> dict[str, list[Any]]:
        """Return the values of a column of each table, each once, by jumping from one to the next in an index.

        Args:
            tables: The tables, at least one, each with an index that begins with the column.
            column: The column.

        Raises:
            django.db.Error: The database does not answer, or lacks a table.
        """
        found: dict[str, list[Any]] = {}
        with self.cursor() as cursor:
            for table in tables:
                cursor.execute(DISTINCT.format(table=table, column=column))
                found[table] = [value for (value,) in cursor.fetchall()]
        return found

    def key_relation(self, table: str, column: str, keys: Sequence[str]) -> tuple[str, list[str]]:
        """Return a query whose rows are keys that a table may have, in a column of the same name, and its parameters.

        Args:
            table: The table; not used.
            column: The column of the keys.
            keys: The keys, at least one.
        """
        return VALUES.format(column=column, marks=", ".join(["(%s)"] * len(keys))), list(keys)

    def interval_start(self, date: str, interval: Interval) -> str:
        """Return the SQL of the start of the week or month of a date.

        Args:
            date: The SQL of the date.
            interval: Week or month.
        """
        return INTERVAL_STARTS[interval].format(date=date)

    def version_in_memory(self) -> DataVersion:
        with self.cursor() as cursor:
            # data_version counts the changes by other connections, total_changes those by this one.
            cursor.execute("SELECT data_version, schema_version FROM pragma_data_version, pragma_schema_version")
            changes = (self.opened, self.connection.total_changes, *cursor.fetchone())
        return DataVersion(repr(changes), None)
