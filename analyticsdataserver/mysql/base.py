"""The database backend: Django looks for ``DatabaseWrapper`` in a module of this name."""

from collections.abc import Callable
from typing import Any, Final

from django.db.backends.mysql import base
from MySQLdb.cursors import SSCursor

# What Django's cursors are told apart by.
STREAMING: Final = "streaming"


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
    """Django's, with a cursor for ``QuerySet.iterator()`` that does not hold the result."""

    def chunked_cursor(self) -> Any:
        wrapper: Any = self
        return wrapper._cursor(name=STREAMING)

    def create_cursor(self, name: str | None = None) -> Any:
        if name != STREAMING:
            return super().create_cursor(name)
        cursor = self.connection.cursor(StreamingCursor)
        cursor.disconnect = self.close
        return base.CursorWrapper(cursor)
