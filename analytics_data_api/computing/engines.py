"""What computes tables: DuckDB in this process, or a cluster of Apache Spark."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from analytics_data_api.computing.lms import LmsSource, LmsTable
    from analytics_data_api.computing.store import EventStore, Kind
    from analytics_data_api.computing.tables.rules import Period

# The name of the engine that needs no address.
DUCKDB: Final = "duckdb"


class TableEngine(Protocol):
    """Runs the rules of tables; what a rule sees of it is ``rules.Engine``."""

    store: "EventStore"
    period: "Period"

    def add_events(self, kind: "Kind", *, whole: bool) -> None:
        """Make a table of the events of a kind: those of the range, or the whole store."""

    def add_lms(self, source: "LmsSource", table: "LmsTable") -> None:
        """Make a table of the rows of a table of the LMS, once; raises a ComputeError if it cannot be read."""

    def save(self, name: str, expression: "ir.Table") -> "ir.Table":
        """Compute an expression, once for each name, and return the table of its rows."""

    def forget(self) -> None:
        """Drop what was saved."""

    def batches(self, expression: "ir.Table") -> "Iterator[pa.RecordBatch]":
        """Yield the rows of an expression."""

    def rows(self, expression: "ir.Table") -> list[dict[str, Any]]:
        """Return the rows of an expression, which are few."""


def open_engine(
    name: str, store: "EventStore", period: "Period", memory: int, folder: Path
) -> AbstractContextManager[TableEngine]:
    """Return an engine, which begins and ends as a context.

    Args:
        name: ``duckdb``, or the address of a cluster.
        store: The event store.
        period: The range of days.
        memory: The bytes of memory that this process may take.
        folder: A folder in the store's, for temporary files.

    Raises:
        EngineError: The cluster cannot be used; also where the context begins.
    """
    if name == DUCKDB:
        from analytics_data_api.computing.engine import DuckDBEngine

        return DuckDBEngine(store, period, memory, folder)
    from analytics_data_api.computing.spark.engine import open_spark

    return open_spark(name, store, period, memory, folder)
