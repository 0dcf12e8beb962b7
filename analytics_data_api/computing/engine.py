"""Runs the rules of tables by DuckDB, in this process, within a limit of memory, spilling to disk."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa

from analytics_data_api.computing.errors import ComputeError
from analytics_data_api.computing.lms import LmsSource, LmsTable, first_line
from analytics_data_api.computing.store import EventStore, Kind
from analytics_data_api.computing.tables.rules import Period

DIALECT: Final = "duckdb"
# Of which a batch is made for the loader.
BATCH_ROWS: Final = 50_000
# What Python, Django, Arrow and DuckDB take beside what DuckDB counts.
BASE_BYTES: Final = 350 * 2**20
LEAST_BYTES: Final = 128 * 2**20
# What DuckDB says of an error of the file system by which it reads object storage: a traceback, and the error.
# Since Python 3.13, there is an empty line behind each part.
PYTHON_ERROR: Final = re.compile(r"Traceback \(most recent call last\):\n(?:(?: .*)?\n)+(?P<text>\S.*)")


class DuckDBEngine:
    """A connection to DuckDB that has the events of a range and the LMS's tables.

    Args:
        store: The event store.
        period: The range of days.
        memory: The bytes of memory that the process may take.
        folder: Where what does not fit into memory is written.
    """

    def __init__(self, store: EventStore, period: Period, memory: int, folder: Path) -> None:
        self.store = store
        self.period = period
        self.folder = folder
        self.saved: dict[str, ir.Table] = {}
        self.lms: set[LmsTable] = set()
        self.connection = duckdb.connect(
            config={
                "memory_limit": f"{max(memory - BASE_BYTES, LEAST_BYTES)}B",
                "temp_directory": str(folder),
                "preserve_insertion_order": False,
                # Nothing is downloaded.
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.connection.close()

    def add_events(self, kind: Kind, *, whole: bool) -> None:
        """Make a table of the events of a kind: those of the range, or the whole store."""
        days = () if whole else (self.period.first, self.period.end)
        try:
            self.store.create_view(self.connection, kind, *days)
        except duckdb.Error as error:
            raise self.failure(error) from error

    def add_lms(self, source: LmsSource, table: LmsTable) -> None:
        """Make a table of the rows of a table of the LMS, once; raises a ComputeError if it cannot be read."""
        if table not in self.lms:
            source.create_view(self.connection, table, self.folder)
            self.lms.add(table)

    def save(self, name: str, expression: ir.Table) -> ir.Table:
        if name not in self.saved:
            schema = expression.schema()
            self.execute(f"CREATE TABLE saved_{name} AS {self.compile(expression)}")
            self.saved[name] = ibis.table(schema, name=f"saved_{name}")
        return self.saved[name]

    def forget(self) -> None:
        """Drop what was saved."""
        for table in self.saved.values():
            self.execute(f"DROP TABLE {table.get_name()}")
        self.saved.clear()

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        """Yield the rows of an expression."""
        # A cursor of its own, so that other statements can run meanwhile.
        with self.connection.cursor() as cursor:
            try:
                yield from cursor.sql(self.compile(expression)).to_arrow_reader(BATCH_ROWS)
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise self.failure(error) from error

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        return [row for batch in self.batches(expression) for row in batch.to_pylist()]

    def compile(self, expression: ir.Table) -> str:
        return str(ibis.to_sql(expression, dialect=DIALECT))

    def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        try:
            return self.connection.execute(sql)
        except duckdb.Error as error:
            raise self.failure(error) from error

    def failure(self, error: Exception) -> ComputeError:
        if isinstance(error, duckdb.OutOfMemoryException):
            return ComputeError(
                f"Memory is short: {first_line(error)} Allow more by --memory; {self.folder.parent} takes the rest."
            )
        if named := PYTHON_ERROR.search(str(error)):
            return ComputeError(f"The event store {self.store.place.name} cannot be read: {named['text']}")
        return ComputeError(f"DuckDB: {first_line(error)}")
