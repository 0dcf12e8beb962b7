"""Runs the rules of tables on a cluster of Apache Spark.

The rows of a table are written by the workers as Parquet files into the store, and read from there by batches: no
process holds all of them.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from analytics_data_api.computing.engine import BATCH_ROWS, DuckDBEngine
from analytics_data_api.computing.errors import ComputeError, EngineError, StoreError
from analytics_data_api.computing.lms import LmsSource, LmsTable
from analytics_data_api.computing.places import LocalPlace
from analytics_data_api.computing.spark.rows import PartReader, RowWriter
from analytics_data_api.computing.spark.session import open_session, reason_of
from analytics_data_api.computing.store import FLAG, INTEGER, NUMBER, TEXT, EventStore, Kind
from analytics_data_api.computing.tables.rules import Period

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DIALECT: Final = "pyspark"
TYPES: Final = {TEXT: "STRING", INTEGER: "BIGINT", NUMBER: "DOUBLE", FLAG: "BOOLEAN"}
# What Spark reads as more than the name of a file.
WILDCARDS: Final = re.compile(r"[*?\[\]{}\\]")
# Of a file of a table of the LMS, of which workers read several at a time.
FILE_BYTES: Final = 32 * 2**20


@contextmanager
def open_spark(address: str, store: EventStore, period: Period, memory: int, folder: Path) -> Iterator["SparkEngine"]:
    """Begin a session on a cluster, and end it; the rest as in ``engines.open_engine``."""
    if WILDCARDS.search(store.place.name):
        raise EngineError(f"For Spark, the path of a store cannot contain * ? [ ] {{ }} or \\: {store.place.name}.")
    with open_session(address, store.place, folder.name) as spark, DuckDBEngine(store, period, memory, folder) as local:
        # Loads the backend, of which the compiler reads options.
        _ = ibis.pyspark
        yield SparkEngine(spark, local)


class SparkEngine:
    """A session that has the events of a range and the LMS's tables.

    Args:
        spark: The session.
        local: What reads the LMS's tables, on this machine.
    """

    def __init__(self, spark: "SparkSession", local: DuckDBEngine) -> None:
        self.spark = spark
        self.local = local
        self.store, self.period, self.folder = local.store, local.period, local.folder
        self.saved: dict[str, ir.Table] = {}
        self.frames: list[DataFrame] = []

    def add_events(self, kind: Kind, *, whole: bool) -> None:
        days = () if whole else (self.period.first, self.period.end)
        columns = {column.name: TYPES[column.type] for column in kind.columns}
        frame = self.read(self.store.parts(kind, *days), columns | {"date": "DATE"})
        frame.createOrReplaceTempView(kind.name)

    def add_lms(self, source: LmsSource, table: LmsTable) -> None:
        if table in self.local.lms:
            return
        self.local.add_lms(source, table)
        folder = self.folder / f"lms-{table.name}"
        try:
            self.local.connection.table(table.name).write_parquet(
                str(folder), compression="zstd", file_size_bytes=FILE_BYTES
            )
        except duckdb.Error as error:
            raise ComputeError(f"{table.name} of the LMS cannot be read: {self.local.failure(error)}") from error
        into = f"{self.folder.name}/{folder.name}"
        names = sorted(f"{into}/{path.name}" for path in folder.iterdir())
        self.store.place.add(folder, into)
        self.read(names, dict.fromkeys(table.columns, "STRING")).createOrReplaceTempView(table.name)

    def read(self, names: Sequence[str], columns: dict[str, str]) -> "DataFrame":
        """Return the rows of Parquet files of the store, with columns of these types."""
        schema = ", ".join(f"`{name}` {type_}" for name, type_ in columns.items())
        place = self.store.place
        if not names:
            return self.spark.createDataFrame([], schema)
        if isinstance(place, LocalPlace):
            base = place.url(names[0].partition("/")[0])
            reader = self.spark.read.schema(schema).option("basePath", url(base))
            return reader.parquet(*(url(place.url(name)) for name in names))
        stored = tuple(name for name in columns if name != "date")
        # As many tasks as there are elsewhere.
        tasks = int(self.spark.conf.get("spark.sql.shuffle.partitions", "200"))
        numbers = self.spark.range(0, len(names), 1, min(len(names), tasks))
        return numbers.mapInArrow(PartReader(place, tuple(names), stored), schema)

    def save(self, name: str, expression: ir.Table) -> ir.Table:
        if name not in self.saved:
            frame = self.run(expression).persist()
            self.frames.append(frame)
            frame.createOrReplaceTempView(f"saved_{name}")
            self.saved[name] = ibis.table(expression.schema(), name=f"saved_{name}")
        return self.saved[name]

    def forget(self) -> None:
        for frame in self.frames:
            frame.unpersist()
        for table in self.saved.values():
            self.spark.catalog.dropTempView(table.get_name())
        self.frames.clear()
        self.saved.clear()

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        place = self.store.place
        names: list[str] = []
        try:
            written = self.run(expression).mapInArrow(RowWriter(place, f"{self.folder.name}/rows"), "name string")
            names += sorted(row.name for row in written.collect())
            for name in names:
                path = place.fetch(name, self.folder)
                yield from pq.ParquetFile(path).iter_batches(BATCH_ROWS)
                path.unlink()
        except (pa.ArrowException, OSError) as error:
            raise EngineError(f"The rows that Spark has computed cannot be read: {error}") from error
        except StoreError:
            raise
        except Exception as error:
            raise EngineError(f"Spark: {reason_of(error)}") from error
        finally:
            place.remove(names)

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        try:
            return [row.asDict() for row in self.run(expression).collect()]
        except Exception as error:
            raise EngineError(f"Spark: {reason_of(error)}") from error

    def run(self, expression: ir.Table) -> "DataFrame":
        return self.spark.sql(ibis.to_sql(expression, dialect=DIALECT))


def url(path: str) -> str:
    """Return the URL of a path: without a scheme, it could be one of the cluster's own file system."""
    return f"file://{path}"
