"""The database backend: Django imports ``DatabaseWrapper`` from a module of this name."""

import re
import select
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from operator import methodcaller
from time import monotonic, perf_counter, sleep
from typing import Any, Final

from django.db.backends.mysql import base
from MySQLdb import Error
from MySQLdb.constants import FIELD_TYPE, FLAG
from MySQLdb.cursors import SSCursor

from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.tables.dates import Interval
from analytics_data_api.tables.fields import LONGEST_LIST
from analytics_data_api.tables.retry import LOST, REFUSED, number_of
from analyticsdataserver.databases.mysql.keys import NAMED, ONE_NAMED, distinct_keys
from analyticsdataserver.databases.mysql.loads import insert_rows, table_columns, table_load
from analyticsdataserver.databases.mysql.versions import (
    TableFacts,
    keep_versions,
    version_of,
    version_query,
    versions_read_since,
)

# Types of columns that hold text.
TEXT_TYPES: Final = (
    *(FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.VARCHAR),
    *(FIELD_TYPE.TINY_BLOB, FIELD_TYPE.BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB),
)

# Variables that are set where a server gets changes from others, each on its own clock: Galera, asynchronous
# replication, group replication. Those that a server does not know are left out. The last three say which server it is,
# also behind a proxy.
REPLICATION: Final = """
    SHOW VARIABLES WHERE Variable_name IN
        ('wsrep_on', 'gtid_slave_pos', 'group_replication_group_name', 'read_only', 'hostname', 'port', 'socket')
"""
# For one name, the server looks at the table itself.
LOOK: Final = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s"
NAMES_OF_SERVER: Final = ("hostname", "port", "socket")
UNSET: Final = {"", "OFF", "0"}

# Numbers of errors after which a statement of any kind has not been done: refused, rolled back, or not sent (2006).
UNDONE: Final = REFUSED | {2006}
READ: Final = re.compile(r"[\s(]*(?:SELECT|SHOW|WITH)\b", re.IGNORECASE)
# Seconds after which a statement is not repeated. Less than any DATABASE_TIMEOUT: a server that hangs is given up once.
REPEATED_WITHIN: Final = 1.9
# The number of the error where a connection was closed before the server's greeting, and seconds until the next ones,
# together more than the 0.6 s in which a proxy learns that a node is shutting down.
CLOSED: Final = 2013
PAUSES: Final = (0.05, 0.2, 0.5)

replace_undecodable: Final = methodcaller("decode", "utf-8", "replace")


def number(text: str) -> int | float:
    """Return the value of a DECIMAL, the type of sums in a view: an integer where it is a whole number."""
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


class StreamingCursor(SSCursor):
    """Leaves the result on the server until its rows are fetched, where the default cursor holds all of it in memory.

    Until the last row is fetched, or this is closed, the connection can do nothing else.
    """

    exhausted = True
    # Closes the connection; set by the code that creates the cursor.
    disconnect: Callable[[], None]
    connection: Any

    def execute(self, query: Any, args: Any = None) -> Any:
        self.exhausted = False
        return super().execute(query, args)

    def fetchmany(self, size: int | None = None) -> Any:
        rows = super().fetchmany(size)
        self.exhausted = self.exhausted or len(rows) < (size or self.arraysize)
        return rows

    def close(self) -> None:
        if not self.exhausted and self.connection is not None:
            # The server would send all remaining rows, only to be dropped here. Django opens a new connection for the
            # next request.
            self.disconnect()
            self.connection = None
        # On a lost connection, there is nothing to drop; the error that lost it is the one to raise.
        with suppress(Error):
            super().close()


class RepeatingCursor(base.CursorWrapper):
    """Django's, which executes a statement once more where the server has not done it.

    Args:
        cursor: The driver's.
        wrapper: The connection.
    """

    def __init__(self, cursor: Any, wrapper: "DatabaseWrapper") -> None:
        super().__init__(cursor)
        self.wrapper = wrapper

    def execute(self, query: Any, args: Any = None) -> Any:
        began = monotonic()
        try:
            return super().execute(query, args)
        except Error as error:
            again = self.wrapper.new_cursor_after(error, began, query, self.cursor)
            if again is None:
                raise
            self.cursor = again
        return super().execute(query, args)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with a streaming cursor for ``QuerySet.iterator()``, and a version of each table's data.

    With ``REPEAT`` in the settings of the database, a statement outside a transaction is executed once more, on a new
    connection, where the server has not done it.
    """

    # For analytics_data_api.loading, as methods.
    table_columns = table_columns
    table_load = table_load
    insert_rows = insert_rows

    lenient = False
    replicated = False
    # What the settings and the server say of where this is connected to: the same on all connections to one database of
    # one server, also behind a proxy that leads to several.
    place: tuple[str, ...] = ()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = self.connected(conn_params)
        text = replace_undecodable if self.lenient else str
        for kind in TEXT_TYPES:
            # A column whose character set is "binary" holds text here as well.
            connection.converter[kind] = [(FLAG.BINARY, replace_undecodable), (None, text)]
        connection.converter[FIELD_TYPE.NEWDECIMAL] = number
        with connection.cursor() as cursor:
            cursor.execute(REPLICATION)
            variables = dict(cursor.fetchall())
        settings, names = self.settings_dict, (variables.pop(name, "") for name in NAMES_OF_SERVER)
        self.place = (settings["HOST"], str(settings["PORT"]), settings["NAME"], *names)
        self.replicated = any(value not in UNSET for value in variables.values())
        return connection

    def connected(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection of the driver.

        A node that is shutting down takes connections, and closes them. A proxy learns so a moment later.
        """
        wrapper: Any = self
        began = monotonic()
        for pause in PAUSES if wrapper.settings_dict.get("REPEAT") else ():
            try:
                return super().get_new_connection(conn_params)
            except Error as error:
                if number_of(error) != CLOSED or monotonic() - began > REPEATED_WITHIN:
                    raise
            sleep(pause)
        return super().get_new_connection(conn_params)

    def decode_leniently(self) -> None:
        """Replace bytes that are not UTF-8 by U+FFFD from now on, where the driver raises an error at first.

        Calling a Python function for each text makes the longest answers slower, which only databases that hold such
        bytes have to bear. The connection is closed, and opened anew by the next query.
        """
        self.lenient = True
        self.close()

    def table_versions(
        self, tables: Mapping[str, Callable[[], Collection[str]]], notes: bool, since: float | None = None
    ) -> dict[str, DataVersion | None]:
        """Return the version of the data of each table; None where the server does not know it for certain.

        A version that was read since a request has arrived, on any connection to the same server, is no older than the
        request, and is not read again for it. Another node of a cluster may have newer rows than this one.

        Args:
            tables: The tables, at least one; with each a function that returns the columns that the table has for
                certain, with ``id`` and ``created``.
            notes: Whether there is a table ``table_updates``, in which the pipeline notes its loads.
            since: When the request arrived, by ``perf_counter()``; None for a version that is read now.

        Raises:
            django.db.Error: The database does not answer, or a table lacks one of the columns.
        """
        wrapper: Any = self
        # A connection that the server has ended may be followed by one to another node, whose version is to be read.
        wrapper.close_if_health_check_failed()
        wrapper.ensure_connection()
        known = None if since is None else versions_read_since(since, self.place, tables)
        if known is not None:
            return known
        named = tuple((table, tuple(columns())) for table, columns in tables.items())
        with wrapper.cursor() as cursor:
            began = perf_counter()
            cursor.execute(*version_query(named, str(self.settings_dict["NAME"]), notes))
            found = {table: version_of(TableFacts(*facts), self.replicated) for table, *facts in cursor.fetchall()}
        versions = {table: found.get(table) for table in tables}
        keep_versions(began, self.place, versions)
        return versions

    def unlisted_tables(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of some tables that there are, though the list of all tables lacks them.

        It may lack a table that is being replaced by ``RENAME TABLE``. A look at one table waits until that is done.

        Args:
            names: The names of the tables.
        """
        if not names:
            return frozenset()
        wrapper: Any = self
        with wrapper.cursor() as cursor:
            cursor.execute(" UNION ALL ".join([LOOK] * len(names)), list(names))
            return frozenset(name for (name,) in cursor.fetchall())

    def distinct_keys(self, tables: Sequence[str], column: str) -> dict[str, list[str]]:
        """Return the values of a column of each table, each once, by jumping from one to the next in an index.

        Args:
            tables: The tables, at least one, each with an index that begins with the column.
            column: The column.

        Raises:
            django.db.Error: The database does not answer, or lacks a table.
        """
        return distinct_keys(self, tables, column)

    def key_relation(self, table: str, column: str, keys: Sequence[str]) -> tuple[str, list[str]]:
        """Return a query whose rows are those of the keys that a table has, and its parameters.

        Of several keys that are alike in the column's collation, only one is among its rows.

        Args:
            table: The table.
            column: The column of the keys, with an index that begins with it.
            keys: The keys, at least one.
        """
        if len(keys) == 1:
            return ONE_NAMED.format(column=column, table=table), list(keys)
        parts = [keys[start : start + LONGEST_LIST] for start in range(0, len(keys), LONGEST_LIST)]
        condition = " OR ".join(f"{column} IN ({', '.join(['%s'] * len(part))})" for part in parts)
        return NAMED.format(column=column, table=table, condition=condition), list(keys)

    # How often to jump from a date of a course to one before: each jump goes over all dates behind, so that many take
    # longer than reading every row.
    cheap_jumps = 12

    def interval_start(self, date: str, interval: Interval) -> str:
        """Return the SQL of the start of the week (from Monday on) or month of a date.

        Args:
            date: The SQL of the date.
            interval: Week or month.
        """
        days = f"WEEKDAY({date})" if interval is Interval.WEEK else f"DAYOFMONTH({date}) - 1"
        return f"DATE_SUB({date}, INTERVAL {days} DAY)"

    def is_usable(self) -> bool:
        """Return whether the server has kept the connection open, without waiting for it.

        Django sends a ping, which costs a round trip and, where the server hangs, as long again as the query that
        follows. A server that has ended or closed a connection has sent something on it.
        """
        wrapper: Any = self
        if wrapper.errors_occurred:
            return False
        waiting = select.poll()
        try:
            waiting.register(wrapper.connection.fileno(), select.POLLIN)
        except (wrapper.Database.Error, ValueError, OSError):
            # It has been closed on our side.
            return False
        return not waiting.poll(0)

    def create_cursor(self, name: Any = None) -> Any:
        """Return a cursor that holds the result of a query."""
        wrapper: Any = self
        return RepeatingCursor(wrapper.connection.cursor(), self)

    def streaming_cursor(self) -> StreamingCursor:
        wrapper: Any = self
        cursor: StreamingCursor = wrapper.connection.cursor(StreamingCursor)
        cursor.disconnect = wrapper.close
        return cursor

    def new_cursor_after(self, error: Error, began: float, query: Any, cursor: Any) -> Any:
        """Return a cursor on a new connection, on which a statement is to be executed again; None where it is not.

        Args:
            error: What executing it raised.
            began: When that began, by the monotonic clock.
            query: The statement.
            cursor: The driver's cursor.
        """
        wrapper: Any = self
        number = number_of(error)
        undone = number in UNDONE or (number in LOST and READ.match(str(query)))
        is_repeated = undone and wrapper.settings_dict.get("REPEAT") and not wrapper.in_atomic_block
        if not is_repeated or monotonic() - began > REPEATED_WITHIN:
            return None
        wrapper.close()
        wrapper.ensure_connection()
        return self.streaming_cursor() if isinstance(cursor, StreamingCursor) else wrapper.connection.cursor()

    def chunked_cursor(self) -> Any:
        """Return a cursor that streams its rows."""
        wrapper: Any = self
        wrapper.close_if_health_check_failed()
        wrapper.ensure_connection()
        with wrapper.wrap_database_errors:
            cursor = self.streaming_cursor()
        wrapped = RepeatingCursor(cursor, self)
        return wrapper.make_debug_cursor(wrapped) if wrapper.queries_logged else wrapper.make_cursor(wrapped)
