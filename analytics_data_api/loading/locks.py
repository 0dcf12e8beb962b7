"""One load of a table at a time: a row of the table ``load_locks`` is held for the length of a load.

A row works from several machines and on every node of a cluster, where a lock of one server (GET_LOCK, LOCK TABLES)
does not. It names its owner, and the owner counts ``beat`` up, so that the row of a load that was killed is recognised:
on the same machine by its process, from another one by a ``beat`` that stands still.
"""

import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, NamedTuple
from uuid import uuid4

from django.db import DatabaseError, IntegrityError, OperationalError, connections, transaction

from analytics_data_api.loading.errors import LoadError, LoadRunningError

TABLE: Final = "load_locks"
BEAT_SECONDS: Final = 5.0
# How long the beat of a load on another machine stands still before the load counts as dead: some beats may come late.
SILENT_SECONDS: Final = 20.0
# What MySQL answers on a cluster where two nodes change a row at once: a deadlock.
DEADLOCK: Final = 1213
ATTEMPTS: Final = 5

CREATE: Final = f"""
    CREATE TABLE IF NOT EXISTS {TABLE} (
        target_table VARCHAR(64) NOT NULL PRIMARY KEY,
        token VARCHAR(32) NOT NULL,
        host VARCHAR(255) NOT NULL,
        process VARCHAR(64) NOT NULL,
        started VARCHAR(32) NOT NULL,
        beat BIGINT NOT NULL
    )
"""
INSERT: Final = (
    f"INSERT INTO {TABLE} (target_table, token, host, process, started, beat) VALUES (%s, %s, %s, %s, %s, 0)"  # noqa: S608  # a constant
)
SELECT: Final = f"SELECT token, host, process, started, beat FROM {TABLE} WHERE target_table = %s"  # noqa: S608  # a constant
TAKE_AWAY: Final = f"DELETE FROM {TABLE} WHERE target_table = %s AND token = %s AND beat = %s"  # noqa: S608  # a constant
RELEASE: Final = f"DELETE FROM {TABLE} WHERE target_table = %s AND token = %s"  # noqa: S608  # a constant
BEAT: Final = f"UPDATE {TABLE} SET beat = beat + 1 WHERE target_table = %s AND token = %s"  # noqa: S608  # a constant


class Owner(NamedTuple):
    """A row of the table.

    Attributes:
        token: Identifies the load.
        host: The machine, its boot and its namespace of processes.
        process: The process, with the time of its start.
        started: When the load began.
        beat: Counted up while the load lives.
    """

    token: str
    host: str
    process: str
    started: str
    beat: int

    def __str__(self) -> str:
        return f"process {self.process.partition(':')[0]} on {self.host.partition(' ')[0]}, since {self.started} UTC"


class Lock:
    """The lock of a load.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        tables: The tables that are locked.
        token: Identifies the load.
    """

    def __init__(self, alias: str, tables: tuple[str, ...], token: str) -> None:
        self.alias = alias
        self.tables = tables
        self.token = token
        self.lost = False

    def check(self) -> None:
        """Check that the lock is still held.

        Raises:
            LoadError: It is not: this process stood still for so long that another load took it for dead.
        """
        for table in self.tables:
            owner = owner_of(self.alias, table)
            self.lost = self.lost or owner is None or owner.token != self.token
        if self.lost:
            raise LoadError("This load stood still for so long that another one has begun in its place.")


@cache
def this_host() -> str:
    """Return what identifies this machine, its boot, and the namespace in which process ids count."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(parts)[:255]


def process_of(pid: int) -> str | None:
    """Return a process's id with the time of its start, as the system has it; None for a process that has ended."""
    try:
        # The name of the program, in parentheses, may hold anything.
        state, *fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        except OSError:
            pass
        return f"{pid}:"
    return None if state in "ZX" else f"{pid}:{fields[18]}"


@contextmanager
def held(alias: str, tables: Iterable[str], token: str | None = None) -> Iterator[Lock]:
    """Hold the locks of tables.

    Within a transaction of the caller nothing is locked: no other load would see the row.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        tables: The tables.
        token: Identifies the load; None for a new one.

    Yields:
        The lock.

    Raises:
        LoadRunningError: Another load of one of the tables is running.
        django.db.Error: The database does not answer, or does not let this user write.
    """
    lock = Lock(alias, tuple(sorted(set(tables))), token or uuid4().hex)
    if connections[alias].in_atomic_block:
        yield Lock(alias, (), lock.token)
        return
    make_table(alias)
    taken: list[str] = []
    ended = Event()
    thread = Thread(target=beat, args=(lock, ended), name="load-lock", daemon=True)
    try:
        for table in lock.tables:
            take(alias, table, lock.token)
            taken.append(table)
        if not getattr(connections[alias], "is_in_memory_db", bool)():
            thread.start()
        yield lock
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()
        for table in taken:
            # What is left of it is recognised as a dead load's.
            with suppress(DatabaseError):
                execute(alias, RELEASE, table, lock.token)


def make_table(alias: str) -> None:
    connection = connections[alias]
    with connection.cursor() as cursor:
        if TABLE not in connection.introspection.table_names(cursor):
            cursor.execute(CREATE)


def take(alias: str, table: str, token: str) -> None:
    """Insert the row of a table's lock, in place of that of a dead load.

    Raises:
        LoadRunningError: A load that lives has it.
    """
    row = (table, token, this_host(), process_of(os.getpid()) or "", f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
    for _ in range(ATTEMPTS):
        try:
            execute(alias, INSERT, *row)
        except IntegrityError:
            owner = owner_of(alias, table)
            if owner is None:
                continue
            if lives(alias, table, owner):
                raise LoadRunningError(
                    f"Another load of {table} is running: {owner}. Two at a time are refused; wait until it has ended."
                ) from None
            last = owner_of(alias, table)
            if last is not None and last.token == owner.token:
                execute(alias, TAKE_AWAY, table, last.token, last.beat)
        else:
            return
    raise LoadRunningError(f"Other loads of {table} begin again and again; wait until they have ended.")


def lives(alias: str, table: str, owner: Owner) -> bool:
    """Return whether the owner of a lock lives; where that is another machine, watch its beat."""
    if owner.host == this_host():
        pid = owner.process.partition(":")[0]
        return pid.isdigit() and process_of(int(pid)) == owner.process
    deadline = time.monotonic() + SILENT_SECONDS
    while time.monotonic() < deadline:
        time.sleep(min(1.0, SILENT_SECONDS / 4))
        now = owner_of(alias, table)
        if now is None or now.token != owner.token:
            return False
        if now.beat != owner.beat:
            return True
    return False


def owner_of(alias: str, table: str) -> Owner | None:
    with connections[alias].cursor() as cursor:
        cursor.execute(SELECT, [table])
        found = cursor.fetchone()
    return None if found is None else Owner(*found)


def beat(lock: Lock, ended: Event) -> None:
    """Count the beat of a lock up until the load has ended; on a connection of this thread."""
    while not ended.wait(BEAT_SECONDS):
        try:
            for table in lock.tables:
                lock.lost = lock.lost or execute(lock.alias, BEAT, table, lock.token) == 0
        except DatabaseError:
            # The next beat may come through; before the new rows are shown, the lock is checked.
            connections[lock.alias].close()
    connections[lock.alias].close()


def execute(alias: str, statement: str, *values: Any) -> int:
    """Run a statement in a transaction of its own; return how many rows it met."""
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
                cursor.execute(statement, values)
                return int(cursor.rowcount)
        except OperationalError as error:
            if error.args[:1] != (DEADLOCK,) or attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError
