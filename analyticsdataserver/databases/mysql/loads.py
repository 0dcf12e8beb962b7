"""Loading a table of MySQL or MariaDB: its rows go into a table beside it, which then takes its place.

Rows are committed batch by batch, so that no transaction is large; a cluster refuses large ones
(``wsrep_max_ws_size``). The tables change places by RENAME TABLE, in one step for all readers.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Self

from django.db import DataError, Error, IntegrityError, OperationalError, ProgrammingError

from analytics_data_api.loading.batches import lines_of, rows_of
from analytics_data_api.loading.columns import Column, Kind
from analytics_data_api.loading.errors import LoadError

# Values that a column changes are errors, but for those that LOAD DATA LOCAL turns into warnings. Not among the modes:
# NO_ZERO_DATE, with which the layout of an old table could not be copied.
SESSION: Final = "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"

# How long RENAME TABLE waits for statements that read the table, each time; new readers wait behind it for as long.
LOCK_WAIT_SECONDS: Final = 3
# How often it is tried, with pauses in which readers go on.
RENAME_ATTEMPTS: Final = 10
PAUSE_SECONDS: Final = 3
LOCK_WAIT_TIMEOUT: Final = 1205
DEADLOCK: Final = 1213
TRANSACTION_ATTEMPTS: Final = 5

# The version of a table's data is the same on each node of a cluster where its last change and the note of the load
# are close (docs/decisions/0015).
TOUCH_SECONDS: Final = 10

# Of one INSERT: many rows, and yet far below max_allowed_packet.
STATEMENT_ROWS: Final = 1000
STATEMENT_SIZE: Final = 512 * 1024
LONGEST_STATEMENT: Final = 2**30

NEW: Final = "__new_"
OLD: Final = "__old_"
LONGEST_NAME: Final = 64
TOKEN_LENGTH: Final = 8

# The errors of a user who lacks a privilege.
DENIED: Final = frozenset({1044, 1045, 1142, 1143, 1227, 1370, 1410})
# Those about a value that MySQLdb counts as the server's: of a wrong form, or missing.
REFUSED: Final = frozenset({1292, 1366, 1364, 1411})
# Those of a disk, or a table, that is full.
FULL: Final = frozenset({1021, 1114})
PRIVILEGES: Final = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP"

INDEX_LINE: Final = re.compile(r"\s+((?:UNIQUE |FULLTEXT |SPATIAL )?KEY (`(?:[^`]|``)+`) .*?),?")
AUTO_INCREMENT: Final = re.compile(r"\s+(`(?:[^`]|``)+`) .* AUTO_INCREMENT\b.*")


class TableLoad:
    """A load of a table: ``prepare``, then ``write`` for each batch, ``finish``, and ``replace`` or ``append``.

    As a context manager it removes, on the way out, what is left of it.

    Args:
        wrapper: Django's connection to the database, for this load alone.
        table: The table.
        token: Identifies the load.
    """

    def __init__(self, wrapper: Any, table: str, token: str) -> None:
        self.wrapper = wrapper
        self.table = table
        self.token = token
        self.new = beside(table, NEW, token)
        self.old = beside(table, OLD, token)
        self.indexes: list[str] = []
        self.columns: tuple[str, ...] = ()
        self.created: str | None = None
        self.by_file = False
        self.written = 0.0

    def __enter__(self) -> Self:
        self.wrapper.settings_dict["OPTIONS"]["local_infile"] = True
        return self

    def __exit__(self, *error: Any) -> None:
        for _ in range(2):
            try:
                self.execute(f"DROP TABLE IF EXISTS {quote(self.new)}")
                break
            except Error:
                # The connection may be lost. What stays is removed by the next load.
                self.wrapper.close()
        self.wrapper.close()

    def prepare(self, columns: Sequence[str], fill_created: bool, replace: bool) -> None:
        """Clear what killed loads have left, and make the table beside.

        Args:
            columns: The columns of the batches.
            fill_created: Whether ``created`` is filled in with the time of the load.
            replace: Whether the new table will take the old one's place.

        Raises:
            LoadError: The table cannot be loaded in this way, or the user may not.
        """
        with self.explained():
            self.execute(SESSION)
            (self.by_file, now) = self.fetch("SELECT @@local_infile, CAST(NOW() AS CHAR)")
            self.columns = tuple(columns)
            self.created = now if fill_created else None
            self.clear()
            if replace:
                self.refuse_dependents()
            self.execute(f"CREATE TABLE {quote(self.new)} LIKE {quote(self.table)}")
            self.indexes, dropped = self.index_definitions()
            if dropped:
                self.execute(f"ALTER TABLE {quote(self.new)} {', '.join(f'DROP INDEX {name}' for name in dropped)}")

    def write(self, batch: Any) -> int:
        """Write a batch into the table beside, and commit it; return how many rows it has.

        Raises:
            LoadError: The database would change a value.
        """
        with self.explained():
            if self.by_file:
                self.write_by_file(batch)
            else:
                self.write_by_statements(rows_of(batch))
        self.written = time.monotonic()
        return len(batch)

    def finish(self, replace: bool) -> None:
        """Make the indexes, which rows to append need not have."""
        with self.explained():
            if self.indexes and replace:
                added = ", ".join(f"ADD {definition}" for definition in self.indexes)
                self.execute(f"ALTER TABLE {quote(self.new)} {added}")

    def replace(self, note: str | None) -> None:
        """Put the new table into the old one's place, and note the load.

        Args:
            note: What the note says, beginning with the load's token; None where no notes are kept.

        Raises:
            LoadError: Readers hold the old table for too long.
        """
        with self.explained():
            self.execute(f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}")
            self.rename()
            # After the new rows: a reader who finds the note finds them, too.
            self.note(note)
            with suppress(Error):
                # What is left is removed by the next load.
                self.execute(f"DROP TABLE {quote(self.old)}")

    def append(self, note: str | None) -> None:
        """Add the rows of the table beside to the table, and note the load, in one transaction.

        Args:
            note: As for ``replace``.
        """
        names = ", ".join(map(quote, self.filled))
        insert = f"INSERT INTO {quote(self.table)} ({names}) SELECT {names} FROM {quote(self.new)} ORDER BY id"  # noqa: S608  # quoted names
        with self.explained():
            for attempt in range(TRANSACTION_ATTEMPTS):
                try:
                    with self.transaction():
                        self.execute(insert)
                        self.note(note)
                except OperationalError as error:
                    # On a cluster, another node may have changed the same rows: nothing was written.
                    if error.args[:1] != (DEADLOCK,) or attempt + 1 == TRANSACTION_ATTEMPTS:
                        raise
                else:
                    return

    @property
    def filled(self) -> tuple[str, ...]:
        """The columns that get values."""
        return (*self.columns, "created") if self.created else self.columns

    def write_by_file(self, batch: Any) -> None:
        names = ", ".join(map(quote, self.columns))
        values = [] if self.created is None else [self.created]
        with file_of(lines_of(batch)) as path:
            loaded = self.execute(
                f"LOAD DATA LOCAL INFILE %s INTO TABLE {quote(self.new)} CHARACTER SET utf8mb4 ({names})"
                + (" SET created = %s" if values else ""),
                path,
                *values,
            )
        if loaded != len(batch):
            raise LoadError(f"The database took {loaded} of {len(batch)} rows of {self.table}.")

    def write_by_statements(self, rows: Iterable[Sequence[Any]]) -> None:
        rest = () if self.created is None else (self.created,)
        with self.transaction():
            insert_rows(self.wrapper, self.new, self.filled, [(*row, *rest) for row in rows] if rest else rows)

    def rename(self) -> None:
        exchange = f"RENAME TABLE {quote(self.table)} TO {quote(self.old)}, {quote(self.new)} TO {quote(self.table)}"
        for attempt in range(1, RENAME_ATTEMPTS + 1):
            if time.monotonic() - self.written > TOUCH_SECONDS:
                self.touch()
            try:
                self.execute(exchange)
            except OperationalError as error:
                if error.args[:1] not in ((LOCK_WAIT_TIMEOUT,), (DEADLOCK,)):
                    raise
                if attempt == RENAME_ATTEMPTS:
                    raise LoadError(
                        f"A statement of another connection holds the table {self.table}, so that the new rows could "
                        f"not take the place of the old ones within {RENAME_ATTEMPTS} attempts of {LOCK_WAIT_SECONDS} "
                        "seconds. SHOW FULL PROCESSLIST shows it: wait until it has ended, or end it, and load again."
                    ) from error
                time.sleep(PAUSE_SECONDS)
            else:
                return

    def touch(self) -> None:
        """Change the newest row and change it back, which moves the time of the table's last change.

        Making an index, or waiting for readers, may take longer than that time may differ from the note's.
        """
        with suppress(Error), self.transaction():
            for sign in "-+":
                self.execute(
                    f"UPDATE {quote(self.new)} SET created = created {sign} INTERVAL 1 SECOND ORDER BY id DESC LIMIT 1"  # noqa: S608  # a quoted name
                )
        self.written = time.monotonic()

    def note(self, note: str | None) -> None:
        if note is not None:
            self.execute("INSERT INTO table_updates (update_id, target_table) VALUES (%s, %s)", note, self.table)

    def clear(self) -> None:
        """Remove what loads of this table that were killed have left; note those whose rows are in."""
        own = re.compile(rf"{re.escape(self.table)}(?:{NEW}|{OLD})[0-9a-f]{{{TOKEN_LENGTH}}}")
        with self.wrapper.cursor() as cursor:
            names = set(self.wrapper.introspection.table_names(cursor))
        for name in filter(own.fullmatch, sorted(names)):
            if OLD in name and "table_updates" in names:
                token = name[-TOKEN_LENGTH:]
                if self.fetch("SELECT COUNT(*) FROM table_updates WHERE update_id LIKE %s", f"{token}%") == (0,):
                    self.note(f"{token} of a load that was ended before its note")
            self.execute(f"DROP TABLE IF EXISTS {quote(name)}")

    def refuse_dependents(self) -> None:
        """Check that nothing hangs on the table that would not go over to the new one.

        Raises:
            LoadError: A trigger or a foreign key does.
        """
        (triggers,) = self.fetch(
            "SELECT COUNT(*) FROM information_schema.TRIGGERS "
            "WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = %s",
            self.table,
        )
        (keys,) = self.fetch(
            "SELECT COUNT(*) FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = DATABASE() "
            "AND REFERENCED_TABLE_NAME IS NOT NULL AND (TABLE_NAME = %s OR REFERENCED_TABLE_NAME = %s)",
            self.table,
            self.table,
        )
        if triggers or keys:
            what = "triggers" if triggers else "foreign keys"
            raise LoadError(f"{self.table} has {what}, which its replacement would lose: use --append, or remove them.")

    def index_definitions(self) -> tuple[list[str], list[str]]:
        """Return the definitions and the names of the indexes that can be made after the rows."""
        lines = self.fetch(f"SHOW CREATE TABLE {quote(self.new)}")[1].splitlines()
        counted = next((found[1] for found in map(AUTO_INCREMENT.fullmatch, lines) if found), "")
        # The column that is counted up needs its index from the start.
        found = [match for match in map(INDEX_LINE.fullmatch, lines) if match and not (counted and counted in match[1])]
        return [match[1] for match in found], [match[2] for match in found]

    def fetch(self, statement: str, *values: Any) -> Any:
        with self.wrapper.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchone()

    def execute(self, statement: str, *values: Any) -> int:
        """Run a statement; return how many rows it wrote.

        Raises:
            LoadError: The database has changed a value.
        """
        with self.wrapper.cursor() as cursor:
            cursor.execute(statement, values or None)
            rows = cursor.rowcount
        if not statement.startswith("DROP"):
            refuse_warnings(self.wrapper, self.table)
        return int(rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.execute("START TRANSACTION")
        try:
            yield
        except BaseException:
            with suppress(Error):
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say what the user of the connection may not do, and what is wrong with a value.

        Raises:
            LoadError: The database has refused something for such a reason.
        """
        try:
            yield
        except (DataError, IntegrityError) as error:
            raise LoadError(f"The database refused the rows of {self.table}: {error.args[-1]}.") from error
        except (OperationalError, ProgrammingError) as error:
            if error.args[0] in REFUSED:
                raise LoadError(f"The database refused the rows of {self.table}: {error.args[-1]}.") from error
            if error.args[0] in FULL:
                raise LoadError(f"The database has no room for the rows of {self.table}: {error.args[-1]}.") from error
            if error.args[0] in DENIED:
                user, name = self.wrapper.settings_dict["USER"], self.wrapper.settings_dict["NAME"]
                raise LoadError(
                    f"{error.args[-1]}. Loading tables takes {PRIVILEGES} on the database {name}, where serving them "
                    f"takes SELECT alone: grant these to {user}, or name another user in LOAD_DATABASE_URL."
                ) from error
            raise


def table_load(wrapper: Any, table: str, token: str) -> TableLoad:
    """Return a load of a table, as ``analytics_data_api.loading.loader`` does it, on a connection of its own.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
        token: Identifies the load.
    """
    return TableLoad(wrapper.copy(), table, token)


def insert_rows(wrapper: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows into a table, in the transaction that there is.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
        columns: The names of the columns.
        rows: The rows, of text, numbers and None.

    Raises:
        LoadError: The database has changed a value.
    """
    names = ", ".join(map(quote, columns))
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(table)} ({names}) VALUES ({marks})"  # noqa: S608  # quoted names
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors, wrapper.connection.cursor() as cursor:
        # What belongs together goes in one statement, after which its warnings are looked at.
        cursor.max_stmt_length = LONGEST_STATEMENT
        for some in statements(rows):
            cursor.executemany(statement, some)
            refuse_warnings(wrapper, table)


def refuse_warnings(wrapper: Any, table: str) -> None:
    """Raise what the database says of the last statement.

    Raises:
        LoadError: It has changed a value.
    """
    if wrapper.connection.warning_count():
        with wrapper.cursor() as cursor:
            cursor.execute("SHOW WARNINGS LIMIT 10")
            warnings = [message for _, _, message in cursor.fetchall()]
        raise LoadError(f"The database would not take the rows of {table} as they are: {'; '.join(warnings)}.")


def beside(table: str, kind: str, token: str) -> str:
    """Return the name of a table beside another one."""
    name = f"{table}{kind}{token[:TOKEN_LENGTH]}"
    if len(name) > LONGEST_NAME:
        raise LoadError(f"The name {table} is too long for a table beside it.")
    return name


def quote(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def statements(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Yield the rows of one statement after the other."""
    some: list[Sequence[Any]] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(len(value) if isinstance(value, str) else 8 for value in row)
        if len(some) == STATEMENT_ROWS or size > STATEMENT_SIZE:
            yield some
            some, size = [], 0
    if some:
        yield some


@contextmanager
def file_of(content: bytes | memoryview) -> Iterator[str]:
    """Yield the path of a file with a content, in memory where the system can."""
    if hasattr(os, "memfd_create"):
        with open(os.memfd_create("rows"), "wb") as file:  # noqa: PTH123  # a descriptor
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name


COLUMNS: Final = """
    SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE = 'YES', COLUMN_DEFAULT IS NOT NULL OR EXTRA <> '',
           CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, CHARACTER_SET_NAME
      FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION
"""
KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint"), "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    "date": "date",
    "datetime": "datetime",
    "timestamp": "datetime",
}
BITS: Final = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}


def table_columns(wrapper: Any, table: str) -> list[Column]:
    """Return the columns of a table, in its order, with what they take.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
    """
    with wrapper.cursor() as cursor:
        cursor.execute(COLUMNS, [table])
        return [column_of(*row) for row in cursor.fetchall()]


def column_of(name: str, base: str, full: str, nullable: int, has_default: int, *text: Any) -> Column:
    """Return a column from what the server says of it."""
    options: dict[str, Any] = {"nullable": bool(nullable), "has_default": bool(nullable or has_default)}
    if full.startswith("tinyint(1)"):
        return Column(name, "boolean", **options)
    kind = KINDS.get(base, "text")
    if kind == "integer":
        bits = BITS[base]
        # Not above what other numbers of this kind are: a count never is.
        low, high = (0, min(2**bits, 2**63) - 1) if "unsigned" in full else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return Column(name, kind, low=low, high=high, **options)
    if kind == "datetime":
        return Column(name, kind, is_timestamp=base == "timestamp", **options)
    if kind == "text":
        characters, size, charset = text
        return Column(name, kind, max_chars=characters, max_bytes=size, charset=charset or "binary", **options)
    return Column(name, kind, **options)
