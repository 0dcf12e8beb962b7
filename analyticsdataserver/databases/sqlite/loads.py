"""Loading a table of SQLite: its rows go into a table beside it, which then takes its place in one transaction.

Rows are committed batch by batch. In a single transaction, SQLite would lock readers out of the file as soon as its
cache is full, which is a moment after the first row, until the last index is made.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import Any, Final, Self

from django.db import Error, IntegrityError, OperationalError, transaction

from analytics_data_api.loading.batches import rows_of
from analytics_data_api.loading.columns import Column, Kind
from analytics_data_api.loading.errors import LoadError

NEW: Final = "__new_"
TOKEN_LENGTH: Final = 8

# The name in a CREATE statement, however it is quoted.
CREATED_NAME: Final = re.compile(
    r"""(CREATE\s+TABLE\s+)(?:"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|'[^']*'|\w+)""", re.IGNORECASE
)
OBJECTS: Final = "SELECT type, sql FROM sqlite_master WHERE tbl_name = %s AND type <> 'table' AND sql IS NOT NULL"
# How long a lock of readers or of another writer is waited for.
BUSY_MILLISECONDS: Final = 30_000
SORT_CACHE_KILOBYTES: Final = 16_384
# Of one INSERT, which every build of SQLite takes.
STATEMENT_VALUES: Final = 999


class TableLoad:
    """A load of a table: ``prepare``, then ``write`` for each batch, ``finish``, and ``replace`` or ``append``.

    As a context manager it removes, on the way out, what is left of it.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
        token: Identifies the load.
    """

    def __init__(self, wrapper: Any, table: str, token: str) -> None:
        self.wrapper = wrapper
        self.table = table
        self.new = f"{table}{NEW}{token[:TOKEN_LENGTH]}"
        self.columns: tuple[str, ...] = ()
        self.created: str | None = None
        self.pragmas: dict[str, Any] = {}

    def __enter__(self) -> Self:
        # Larger than the default, so that the pages that the last transaction changes stay in memory until its end.
        for name, value in (("busy_timeout", BUSY_MILLISECONDS), ("cache_size", -SORT_CACHE_KILOBYTES)):
            (self.pragmas[name],) = self.fetch(f"PRAGMA {name}")
            self.fetch(f"PRAGMA {name} = {value}")
        return self

    def __exit__(self, *error: Any) -> None:
        with suppress(Error), self.transaction():
            self.execute(f"DROP TABLE IF EXISTS {quote(self.new)}")
        with suppress(Error):
            for name, value in self.pragmas.items():
                self.fetch(f"PRAGMA {name} = {value}")

    def prepare(self, columns: Sequence[str], fill_created: bool, replace: bool) -> None:
        """Clear what killed loads have left, and make the table beside.

        Args:
            columns: The columns of the batches.
            fill_created: Whether ``created`` is filled in with the time of the load.
            replace: Whether the new table will take the old one's place.
        """
        self.columns = tuple(columns)
        own = re.compile(rf"{re.escape(self.table)}{NEW}[0-9a-f]{{{TOKEN_LENGTH}}}")
        with self.explained(), self.transaction():
            with self.wrapper.cursor() as cursor:
                left = filter(own.fullmatch, self.wrapper.introspection.table_names(cursor))
            for name in left:
                self.execute(f"DROP TABLE {quote(name)}")
            now, sql = self.fetch(
                "SELECT CURRENT_TIMESTAMP, sql FROM sqlite_master WHERE type = 'table' AND name = %s", self.table
            )
            self.created = now if fill_created else None
            self.execute(CREATED_NAME.sub(lambda found: found[1] + quote(self.new), sql, count=1))

    def write(self, batch: Any) -> int:
        """Write a batch into the table beside, and commit it; return how many rows it has.

        Raises:
            LoadError: The table does not take a value.
        """
        rows = rows_of(batch)
        with self.explained(), self.transaction():
            written = insert_rows(self.wrapper, self.new, self.columns, rows, self.created)
            if written != len(batch):
                raise LoadError(f"The database took {written} of {len(batch)} rows of {self.table}.")
        return written

    def finish(self, replace: bool) -> None:
        """Do nothing: the names of indexes belong to the old table until the last transaction."""

    def replace(self, note: str | None) -> None:
        """Put the new table into the old one's place, and note the load, in one transaction.

        Args:
            note: What the note says; None where no notes are kept.

        Raises:
            LoadError: Another process holds the file for too long.
        """
        with self.explained():
            # Without it, a view or a trigger that names the old table would forbid the new one to take its name.
            (legacy,) = self.fetch("PRAGMA legacy_alter_table")
            self.fetch("PRAGMA legacy_alter_table = ON")
            try:
                with self.transaction():
                    with self.wrapper.cursor() as cursor:
                        cursor.execute(OBJECTS, [self.table])
                        objects = sorted(cursor.fetchall())
                    self.execute(f"DROP TABLE {quote(self.table)}")
                    self.execute(f"ALTER TABLE {quote(self.new)} RENAME TO {quote(self.table)}")
                    # Indexes come before triggers.
                    for _, sql in objects:
                        self.execute(sql)
                    self.note(note)
            finally:
                self.fetch(f"PRAGMA legacy_alter_table = {legacy}")

    def append(self, note: str | None) -> None:
        """Add the rows of the table beside to the table, and note the load, in one transaction.

        Args:
            note: As for ``replace``.
        """
        names = ", ".join(map(quote, self.filled))
        with self.explained(), self.transaction():
            self.execute(
                f"INSERT INTO {quote(self.table)} ({names}) SELECT {names} FROM {quote(self.new)} ORDER BY rowid"  # noqa: S608  # quoted names
            )
            self.execute(f"DROP TABLE {quote(self.new)}")
            self.note(note)

    @property
    def filled(self) -> tuple[str, ...]:
        """The columns that get values."""
        return (*self.columns, "created") if self.created else self.columns

    def note(self, note: str | None) -> None:
        if note is not None:
            self.execute("INSERT INTO table_updates (update_id, target_table) VALUES (%s, %s)", note, self.table)

    def fetch(self, statement: str, *values: Any) -> Any:
        with self.wrapper.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchone()

    def execute(self, statement: str, *values: Any) -> None:
        with self.wrapper.cursor() as cursor:
            cursor.execute(statement, values or None)

    def transaction(self) -> Any:
        return transaction.atomic(using=self.wrapper.alias)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Say what is wrong with a value, or that another process holds the file.

        Raises:
            LoadError: The database has refused something for such a reason.
        """
        try:
            yield
        except IntegrityError as error:
            raise LoadError(f"The database refused the rows of {self.table}: {error}.") from error
        except OperationalError as error:
            reason = str(error)
            if "locked" in reason:
                raise LoadError(
                    f"Another process has held the database's file for {BUSY_MILLISECONDS // 1000} seconds: a reader "
                    "in a long query, or another load. Load again when it has ended."
                ) from error
            if "full" in reason:
                raise LoadError(f"The database has no room for the rows of {self.table}: {reason}.") from error
            if "readonly" in reason:
                raise LoadError(f"This user may not write to the database's file or its folder: {reason}.") from error
            raise


def table_load(wrapper: Any, table: str, token: str) -> TableLoad:
    """Return a load of a table, as ``analytics_data_api.loading.loader`` does it.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
        token: Identifies the load.
    """
    return TableLoad(wrapper, table, token)


def insert_rows(
    wrapper: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], created: str | None = None
) -> int:
    """Write rows into a table, in the transaction that there is; return how many there are.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
        columns: The names of the columns.
        rows: The rows, of text, numbers and None, each with a value for each column.
        created: What the column ``created`` has in each row; None where it is not filled in.
    """
    names, marks = [*map(quote, columns)], ["?"] * len(columns)
    if created:
        names, marks = [*names, "created"], [*marks, f"'{created}'"]
    insert = f"INSERT INTO {quote(table)} ({', '.join(names)}) VALUES "  # noqa: S608  # quoted names
    row = f"({', '.join(marks)})"
    values = chain.from_iterable(rows)
    written = 0
    wrapper.ensure_connection()
    with wrapper.wrap_database_errors:
        # Many rows in a statement: running one takes longer than a row. Django's cursor would look at each value.
        while some := list(islice(values, STATEMENT_VALUES // len(columns) * len(columns))):
            number = len(some) // len(columns)
            wrapper.connection.execute(insert + ", ".join([row] * number), some)
            written += number
    return written


def quote(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


COLUMNS: Final = 'SELECT name, upper(type), "notnull", dflt_value IS NOT NULL OR pk > 0 FROM pragma_table_info(%s)'
# By what the declared type contains, as SQLite itself decides; the first that fits.
KINDS: Final[tuple[tuple[str, Kind], ...]] = (
    *(("BOOL", "boolean"), ("INT", "integer"), ("CHAR", "text"), ("TEXT", "text"), ("REAL", "number")),
    *(("DOUB", "number"), ("FLOA", "number"), ("DECIMAL", "number"), ("TIME", "datetime"), ("DATE", "date")),
)


def table_columns(wrapper: Any, table: str) -> list[Column]:
    """Return the columns of a table, in its order, with what they take; integers take what they take on MySQL.

    Args:
        wrapper: Django's connection to the database.
        table: The table.
    """
    with wrapper.cursor() as cursor:
        cursor.execute(COLUMNS, [table])
        return [column_of(*row) for row in cursor.fetchall()]


def column_of(name: str, declared: str, notnull: int, has_default: int) -> Column:
    """Return a column from what its declaration says."""
    options: dict[str, Any] = {"nullable": not notnull, "has_default": bool(not notnull or has_default)}
    kind: Kind = next((kind for part, kind in KINDS if part in declared), "text")
    bits = 64 if "BIG" in declared else 16 if "SMALL" in declared else 32
    if kind == "integer":
        return Column(name, kind, low=-(2 ** (bits - 1)), high=2 ** (bits - 1) - 1, **options)
    length = re.search(r"\((\d+)\)", declared)
    return Column(name, kind, max_chars=int(length[1]) if length and kind == "text" else None, **options)
