"""The database backend: Django looks for ``DatabaseWrapper`` in a module of this name."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, Final, Self
from uuid import uuid4

from django.db.backends.sqlite3 import base

from analytics_data_api.tables.changes import Mark

# The file format, https://www.sqlite.org/fileformat.html#the_database_header: where the header ends, how the file is
# written (2 for a write-ahead log), and the counter of changes.
HEADER_SIZE: Final = 100
WRITE_VERSION: Final = 18
WRITE_AHEAD_LOG: Final = 2
CHANGE_COUNTER: Final = slice(24, 28)
# https://www.sqlite.org/walformat.html#the_wal_index_file_format: the header, which is there twice.
LOG_HEADER_SIZE: Final = 48


# What a file looked like: its number, size and time, the counter of changes, and the header of the log's index.
State = tuple[int, int, int, bytes, bytes]


class Beginnings:
    """The first bytes of files that are read again and again, each through a descriptor that is kept.

    Closing one would take the locks on the file from every connection of this process (POSIX; see "How To Corrupt An
    SQLite Database File"). So it is closed only when another file has taken the place of the one it belongs to.
    """

    def __init__(self) -> None:
        self.kept: dict[Path, tuple[int, int]] = {}
        self.lock = Lock()

    def read(self, path: Path, size: int) -> tuple[os.stat_result, bytes]:
        """Return what the system tells of the file that is at a path now, and its first bytes.

        Raises:
            OSError: There is none that can be read.
        """
        with self.lock:
            found = path.stat()
            descriptor, inode = self.kept.get(path, (-1, -1))
            if found.st_ino != inode:
                opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                if descriptor >= 0:
                    os.close(descriptor)
                descriptor = opened
                self.kept[path] = (descriptor, os.fstat(descriptor).st_ino)
            return found, os.pread(descriptor, size, 0)


beginnings = Beginnings()

# The last state of each file, by its path, that was seen while no transaction was half-way into it.
confirmed: dict[Path, State] = {}


class CursorWrapper(base.SQLiteCursorWrapper):
    """Django's, which rewrites the placeholders of a statement once, not each time that it is run."""

    def convert_query(self, query: str, *, param_names: list[str] | None = None) -> str:
        return (
            with_question_marks(query) if param_names is None else super().convert_query(query, param_names=param_names)
        )


class ReadingCursor(CursorWrapper):
    """A cursor by itself, without the layers that Django puts around each for those who watch statements.

    Attributes:
        as_django: Has errors raised as Django's own.
    """

    as_django: Any

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def execute(self, query: str, params: Any = None) -> Self:
        with self.as_django:
            super().execute(query, params)
        return self

    def fetchmany(self, size: int | None = None) -> list[Any]:
        with self.as_django:
            return super().fetchmany(self.arraysize if size is None else size)


@lru_cache(512)
def with_question_marks(query: str) -> str:
    """Return a statement with SQLite's own placeholders in place of ``%s``."""
    return base.FORMAT_QMARK_REGEX.sub("?", query).replace("%%", "%")


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's, which opens a file anew that another one has taken the place of, and can tell of changes."""

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=CursorWrapper)

    def chunked_cursor(self) -> Any:
        """Return a cursor that rows are fetched from a few at a time."""
        if self.queries_logged or self.execute_wrappers or self.needs_rollback:
            return super().chunked_cursor()
        self.close_if_health_check_failed()
        self.ensure_connection()
        cursor = self.connection.cursor(factory=ReadingCursor)
        cursor.as_django = self.wrap_database_errors
        return cursor

    def close_if_unusable_or_obsolete(self) -> None:
        """Close a connection that has failed, or has grown old; one to a file does not break off by itself."""
        if self.errors_occurred or (self.close_at is not None and monotonic() >= self.close_at):
            super().close_if_unusable_or_obsolete()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        self.opened = str(uuid4()) if self.is_in_memory_db() else inode(path_of(self.settings_dict["NAME"]))
        return connection

    def state(self) -> State | None:
        """Return what tells the present data from those before and after any change, mostly without a query.

        None where it takes one each time: in memory, and for whoever has begun a transaction, whose data are his own.

        Raises:
            django.db.Error: The database does not answer.
        """
        return None if self.is_in_memory_db() or self.in_atomic_block else self.file_state()

    def file_state(self) -> State | None:
        """Return the state of the file, None where it cannot be told.

        As the file looks before anybody waits for a lock, so may it look in the midst of a transaction: with a counter
        that is not taken back yet, if the transaction is. What looks as it did while nothing was half-way into it,
        however, holds the same data, since a transaction counts before it counts as done.
        """
        path = path_of(self.settings_dict["NAME"])
        seen = glance(path)
        if seen is not None and seen == confirmed.get(path) and (self.connection is None or self.opened == seen[0]):
            return seen
        if self.connection is not None and self.opened != inode(path) and not self.in_atomic_block:
            self.close()
        with self.cursor() as cursor:
            # While this statement is open, no transaction is half-way into the file.
            cursor.execute("SELECT name FROM sqlite_master")
            seen = glance(path)
        if seen is not None:
            confirmed[path] = seen
        return seen

    def change_mark(self, table: str) -> Mark | None:
        """Return what tells the present data from those before and after any change; None where nothing does.

        Args:
            table: The table that is asked about. The mark is that of the whole file.

        Raises:
            django.db.Error: The database does not answer.
        """
        if self.is_in_memory_db():
            return self.memory_mark()
        state = self.file_state()
        return None if state is None else Mark(repr(state), self.modified(state))

    def modified(self, state: State) -> datetime:
        """Return when a state came about, as far as the times of files tell."""
        _, _, nanoseconds, _, log = state
        seconds = nanoseconds / 1e9
        if log:
            with suppress(OSError):
                seconds = max(seconds, path_of(self.settings_dict["NAME"], "-wal").stat().st_mtime)
        return datetime.fromtimestamp(seconds, UTC)

    def memory_mark(self) -> Mark:
        with self.cursor() as cursor:
            cursor.execute("SELECT data_version, schema_version FROM pragma_data_version, pragma_schema_version")
            # The former counts what other connections have changed.
            changes = (self.opened, self.connection.total_changes, *cursor.fetchone())
        return Mark(repr(changes), None)


@lru_cache(64)
def path_of(name: Path | str, suffix: str = "") -> Path:
    """Return the path of a database's file, or of one that SQLite keeps beside it."""
    return Path(f"{name}{suffix}")


def inode(path: Path) -> int:
    """Return what tells the file at a path from another one that takes its place, -1 where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def glance(path: Path) -> State | None:
    """Return what a database file looks like now, None where that cannot be told.

    SQLite counts the transactions that change a file, in its header; with a write-ahead log it counts them in the log's
    index instead, beside the file, until they are moved into it. The file's own times would not do by themselves: they
    tell nothing of two changes within the same few milliseconds.
    """
    log = b""
    try:
        file, header = beginnings.read(path, HEADER_SIZE)
        if len(header) < HEADER_SIZE:
            return None
        if header[WRITE_VERSION] == WRITE_AHEAD_LOG:
            _, log = beginnings.read(path_of(path, "-shm"), 2 * LOG_HEADER_SIZE)
    except OSError:
        return None
    if log[:LOG_HEADER_SIZE] != log[LOG_HEADER_SIZE:]:
        # A transaction is just being noted there.
        return None
    return file.st_ino, file.st_size, file.st_mtime_ns, header[CHANGE_COUNTER], log
