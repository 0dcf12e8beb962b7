"""The database backend: Django looks for ``DatabaseWrapper`` in a module of this name."""

import select
from collections.abc import Callable
from datetime import UTC
from typing import Any, Final

from django.db.backends.mysql import base
from MySQLdb.cursors import SSCursor

from analytics_data_api.tables.changes import SETTLED_SECONDS, Mark

# What Django's cursors are told apart by.
STREAMING: Final = "streaming"

# The times of a table's last change and of its making, and which server tells them, since others note their own.
CHANGES: Final = """
    SELECT UPDATE_TIME, CREATE_TIME, AUTO_INCREMENT, @@hostname, @@port, @@server_id,
           TIMESTAMPDIFF(SECOND, UPDATE_TIME, NOW())
      FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s
"""


class StreamingCursor(SSCursor):
    """Leaves the result on the server until its rows are fetched, where the usual cursor holds all of it in memory.

    Until the last row is fetched, or this is closed, the connection can do nothing else.
    """

    exhausted = True
    # Closes the connection; set by whoever makes the cursor.
    disconnect: Callable[[], None]
    connection: Any

    def _query(self, query: Any) -> Any:
        self.exhausted = False
        return super()._query(query)

    def fetchmany(self, size: int | None = None) -> Any:
        rows = super().fetchmany(size)
        self.exhausted = self.exhausted or len(rows) < (size or self.arraysize)
        return rows

    def close(self) -> None:
        if not self.exhausted and self.connection is not None:
            # All the rows that nobody fetches any more, because a client has gone, would be sent and thrown away.
            # Without the connection they are not; Django makes a new one for the next request.
            self.disconnect()
            self.connection = self._result = None
        super().close()


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, with a cursor for ``QuerySet.iterator()`` that does not hold the result; it also tells of changes."""

    def state(self) -> None:
        """Return None: nothing tells of changes without a query."""

    def change_mark(self, table: str) -> Mark | None:
        """Return what tells a table's present data from those before and after any change; None where nothing does.

        The server remembers when it last changed a table. It forgets when it is started again, and does not tell
        changes within the same second apart, so that for two seconds after each there is no mark.

        Raises:
            django.db.Error: The database does not answer.
        """
        wrapper: Any = self
        with wrapper.cursor() as cursor:
            cursor.execute(CHANGES, [table])
            noted = cursor.fetchone()
        if noted is None or noted[0] is None or noted[-1] < SETTLED_SECONDS:
            return None
        return Mark(repr(noted[:-1]), noted[0].replace(tzinfo=UTC))

    def is_usable(self) -> bool:
        """Tell whether the server has kept the connection, without waiting for it.

        Django asks the server, which costs a round trip where it is well and, where it hangs, as long again as the
        query that follows. A server that has ended or closed a connection has said so on it.
        """
        wrapper: Any = self
        if wrapper.errors_occurred:
            # What became of it is not worth finding out.
            return False
        waiting = select.poll()
        try:
            waiting.register(wrapper.connection.fileno(), select.POLLIN)
        except (wrapper.Database.Error, ValueError, OSError):
            # It has been closed on our side.
            return False
        return not waiting.poll(0)

    def chunked_cursor(self) -> Any:
        wrapper: Any = self
        return wrapper._cursor(name=STREAMING)

    def create_cursor(self, name: str | None = None) -> Any:
        if name != STREAMING:
            return super().create_cursor(name)
        cursor = self.connection.cursor(StreamingCursor)
        cursor.disconnect = self.close
        return base.CursorWrapper(cursor)
