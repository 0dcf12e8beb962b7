"""Runs the rules of tables on a cluster of Apache Spark.

The rows of a table are written as Parquet files into the store, which this machine shares with the workers, and read
from there by batches: no process holds all of them.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq

from analytics_data_api.computing.engine import BATCH_ROWS, DuckDBEngine
from analytics_data_api.computing.errors import ComputeError, EngineError
from analytics_data_api.computing.lms import LmsSource, LmsTable
from analytics_data_api.computing.spark.session import open_session, reason_of
from analytics_data_api.computing.store import FLAG, INTEGER, NUMBER, TEXT, EventStore, Kind
from analytics_data_api.computing.tables.rules import Period

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

DIALECT: Final = "pyspark"
TYPES: Final = {TEXT: "STRING", INTEGER: "BIGINT", NUMBER: "DOUBLE", FLAG: "BOOLEAN"}
# What Spark reads as more than the name of a file.
WILDCARDS: Final = re.compile(r"[*?\[\]{}\\]")


@contextmanager
def open_spark(address: str, store: EventStore, period: Period, memory: int, folder: Path) -> Iterator["SparkEngine"]:
    """Begin a session on a cluster, and end it; the rest as in ``engines.open_engine``."""
    if WILDCARDS.search(str(store.path)):
        raise EngineError(f"For Spark, the path of a store cannot contain * ? [ ] {{ }} or \\: {store.path}.")
    with open_session(address, folder.absolute()) as spark, DuckDBEngine(store, period, memory, folder) as local:
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
        self.store, self.period, self.folder = local.store, local.period, local.folder.absolute()
        self.saved: dict[str, ir.Table] = {}
        self.frames: list[DataFrame] = []

    def add_events(self, kind: Kind, *, whole: bool) -> None:
        days = () if whole else (self.period.first, self.period.end)
        columns = ", ".join(f"`{column.name}` {TYPES[column.type]}" for column in kind.columns)
        schema = f"{columns}, `date` DATE"
        paths = [url(path) for path in self.store.parts(kind, *days)]
        if paths:
            reader = self.spark.read.schema(schema).option("basePath", url(self.store.path / kind.name))
            frame = reader.parquet(*paths)
        else:
            frame = self.spark.createDataFrame([], schema)
        frame.createOrReplaceTempView(kind.name)

    def add_lms(self, source: LmsSource, table: LmsTable) -> None:
        if table in self.local.lms:
            return
        self.local.add_lms(source, table)
        path = self.folder / f"lms-{table.name}.parquet"
        try:
            self.local.connection.table(table.name).write_parquet(str(path), compression="zstd")
        except duckdb.Error as error:
            raise ComputeError(f"{table.name} of the LMS cannot be read: {self.local.failure(error)}") from error
        self.spark.read.parquet(url(path)).createOrReplaceTempView(table.name)

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
        folder = self.folder / "rows"
        try:
            self.run(expression).write.mode("overwrite").parquet(url(folder))
            for path in sorted(folder.glob("*.parquet")):
                yield from pq.ParquetFile(path).iter_batches(BATCH_ROWS)
        except (pa.ArrowException, OSError) as error:
            raise EngineError(f"The rows that Spark has computed cannot be read: {error}") from error
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"Spark: {reason_of(error)}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def rows(self, expression: ir.Table) -> list[dict[str, Any]]:
        try:
            return [row.asDict() for row in self.run(expression).collect()]
        except Exception as error:
            raise EngineError(f"Spark: {reason_of(error)}") from error

    def run(self, expression: ir.Table) -> "DataFrame":
        return self.spark.sql(ibis.to_sql(expression, dialect=DIALECT))


def url(path: Path) -> str:
    """Return the URL of a path: without a scheme, it could be one of the cluster's own file system."""
    return f"file://{path}"
