"""Rows into a table of the analytics database: all new rows at once, in place of the old ones or after them.

This is the core of everything that fills tables. It needs no optional package; what is different from database to
database is in the backends (``analyticsdataserver.databases``), as ``table_load()`` of a connection.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple
from uuid import uuid4

from django.db import connections

from analytics_data_api.loading import locks
from analytics_data_api.loading.errors import LoadError, LoadRunningError
from analytics_data_api.tables import ANALYTICS_DATABASE, introspection
from analytics_data_api.tables.models import TableUpdate

__all__ = ["LoadError", "LoadRunningError", "Loaded", "columns_of", "load_rows", "loading_database"]

# The database by whose user tables are loaded, where a variable names another one than the service's.
LOADING_DATABASE: Final = "loading"
GENERATED: Final = "id"
CREATED: Final = "created"
MAX_NOTE_LENGTH: Final = 128
NO_ROWS: Final = "There are no rows for {}; nothing was changed. --allow-empty takes none for what is meant."

# Rows: a list of tuples, Lines, or a pyarrow.RecordBatch, which is not imported here.
Batch = Any


class Loaded(NamedTuple):
    """A load that is done.

    Attributes:
        table: The table.
        rows: How many rows were written.
        seconds: How long it took.
    """

    table: str
    rows: int
    seconds: float


class InterruptedAfterLoadError(KeyboardInterrupt):
    """Ctrl-C was pressed when a load could not be undone any more: the table has its new rows."""


def loading_database() -> str:
    """Return the database that tables are loaded into, by its key in the setting ``DATABASES``."""
    return LOADING_DATABASE if LOADING_DATABASE in connections else ANALYTICS_DATABASE


def columns_of(table: str, database: str | None = None) -> tuple[str, ...]:
    """Return the names of the columns that a table has now, in its order, without ``id``.

    Args:
        table: The table.
        database: The database, by its key in the setting ``DATABASES``; None for the one that is loaded.

    Raises:
        LoadError: There is no such table, or it is a view.
    """
    connection = connections[database or loading_database()]
    with connection.cursor() as cursor:
        found = {info.name: info for info in connection.introspection.get_table_list(cursor)}
        if table not in found:
            raise LoadError(f"The database has no table {table}; ./manage.py migrate --database analytics makes it.")
        if found[table].type == "v":
            raise LoadError(f"{table} is a view: load the tables that it reads.")
        described = introspection.leniently(
            connection.alias, lambda: connection.introspection.get_table_description(cursor, table)
        )
    return tuple(column.name for column in described if column.name != GENERATED)


def load_rows(
    table: str,
    columns: Sequence[str],
    batches: Iterable[Batch],
    *,
    append: bool = False,
    allow_empty: bool = False,
    database: str | None = None,
    progress: Callable[[int], object] | None = None,
    description: str = "",
) -> Loaded:
    """Replace all rows of a table, or add to them; readers see the old ones alone until all new ones are in.

    Where the database has the table ``table_updates``, the load is noted there, never before its rows are seen. Call it
    outside of transactions: MySQL commits them where a table is made.

    Args:
        table: The table.
        columns: The columns that the batches hold, by their names in the database. ``created`` is the time of the load
            unless it is one of them; other columns get their default.
        batches: Lists of rows, each a tuple in the order of the columns, ``Lines``, or ``pyarrow.RecordBatch``. Values
            are None, str, int, float, bool, Decimal, date and datetime (UTC where it is naive); 20,000 to 100,000 rows
            in a batch are best.
        append: Whether the rows are added.
        allow_empty: Whether there may be no rows at all.
        database: The database, by its key in the setting ``DATABASES``; None for ``loading_database()``.
        progress: Called with the number of rows that were written since the last call.
        description: What the note of the load says.

    Raises:
        LoadError: The load cannot be done, or failed; the table has its old rows.
        LoadRunningError: Another load of the table is running.
        django.db.Error: The database failed; the table has its old rows.
        InterruptedAfterLoadError: Ctrl-C was pressed; the table has its new rows. After a KeyboardInterrupt of another
            kind, it has its old rows.
    """
    alias = database or loading_database()
    start = time.monotonic()
    present = columns_of(table, alias)
    if unknown := [name for name in columns if name not in present]:
        raise LoadError(f"{table} has no column {', '.join(unknown)}; it has {', '.join(present)}.")
    connection: Any = connections[alias]
    token = uuid4().hex
    load = connection.table_load(table, token)
    with uninterrupted() as put_off, ExitStack() as stack:
        with load.explained():
            lock = stack.enter_context(locks.held(alias, [table], token))
        stack.enter_context(load)
        load.prepare(columns, CREATED in present and CREATED not in columns, not append)
        rows = 0
        for batch in batches:
            if len(batch):
                written = load.write(batch)
                rows += written
                if progress is not None:
                    progress(written)
        if not rows and not allow_empty:
            raise LoadError(NO_ROWS.format(table))
        note = f"{token} {description}".strip()[:MAX_NOTE_LENGTH] if has_notes(alias) else None
        load.finish(not append)
        lock.check()
        publish = load.append if append else load.replace
        # Until the load is cleared up: from here on, it would be wrong to say that the old rows are there.
        put_off()
        publish(note)
    return Loaded(table, rows, time.monotonic() - start)


def has_notes(alias: str) -> bool:
    """Return whether a database has a table in which loads are noted."""
    return introspection.has_table(alias, introspection.NOTES_TABLE)


def note(alias: str, table: str, text: str) -> None:
    """Note a load where loads are noted: data versions depend on it.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        table: The table that was loaded.
        text: What identifies the load.
    """
    if has_notes(alias):
        TableUpdate._default_manager.using(alias).create(update_id=text[:MAX_NOTE_LENGTH], target_table=table)


@contextmanager
def uninterrupted() -> Iterator[Callable[[], None]]:
    """Yield what puts Ctrl-C off until the end: what comes then takes a moment, and cannot be undone in the middle.

    Raises:
        InterruptedAfterLoadError: Ctrl-C was put off, and what was done has succeeded.
        KeyboardInterrupt: Ctrl-C was put off, and what was done has failed.
    """
    pressed: list[int] = []
    with ExitStack() as stack:

        def put_off() -> None:
            if threading.current_thread() is threading.main_thread():
                former = signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
                stack.callback(signal.signal, signal.SIGINT, former)

        try:
            yield put_off
        except BaseException as error:
            if pressed:
                raise KeyboardInterrupt from error
            raise
    if pressed:
        raise InterruptedAfterLoadError
