"""Reading tracking logs into an event store by the workers of a cluster, each log by one task.

A task writes the rows of a log as parts into a folder of its own in the store, which workers share, and returns what
became of the lines. This machine alone puts parts into their places and writes the record. So what a worker leaves that
was killed, and what two attempts of one task write, is in no record, and is removed at the end.
"""

import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analytics_data_api.computing.blocks import GARBAGE_OBJECTS, BlockReaders, Reading, Tally
from analytics_data_api.computing.countries import Countries
from analytics_data_api.computing.errors import EngineError, StoreError
from analytics_data_api.computing.ingest import Contents, Outcome, add_contents, read_contents
from analytics_data_api.computing.logs import Log, UnreadableLogError, reason_of
from analytics_data_api.computing.spark.session import on_worker, open_session
from analytics_data_api.computing.store import NEW, EventStore, FileRecord, PartWriter

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How many logs the cluster has at a time; those beyond its cores wait there.
LOGS_AT_A_TIME: Final = 64


@dataclass(frozen=True)
class LogTask:
    """Reads a log on a worker.

    Attributes:
        log: The log.
        folder: The folder in the store in which the parts get a folder of their own.
        reading: How lines are read.
    """

    log: Log
    folder: Path
    reading: Reading

    def __call__(self) -> dict[str, Any]:
        """Return the folder of the parts, the number of parts of each kind and day, and the contents; or a fault."""
        gc.set_threshold(GARBAGE_OBJECTS)
        try:
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            writer = PartWriter(EventStore(self.folder.parent, None, {}), folder)
            contents = read_contents(self.log, writer, BlockReaders(self.reading, processes=0))
            writer.close()
            os.sync()
        except UnreadableLogError as error:
            return {"fault": str(error)}
        except OSError as error:
            return {"failure": f"{self.log.name} was not read: {reason_of(error)} Nothing of it was kept."}
        return {"folder": folder.name, "parts": writer.written, "contents": as_json(contents)}


def as_json(contents: Contents) -> dict[str, Any]:
    # JSON has no names of two parts.
    dropped = [[*names, number] for names, number in contents.tally.dropped.items()]
    return {"digest": contents.digest, "size": contents.size, "tally": vars(contents.tally) | {"dropped": dropped}}


def from_json(value: dict[str, Any]) -> Contents:
    tally = value["tally"]
    return Contents(
        value["digest"],
        value["size"],
        Tally(
            tally["lines"],
            tally["kept"],
            Counter(tally["of_no_use"]),
            Counter(tally["refused"]),
            {reason: (number, text) for reason, (number, text) in tally["examples"].items()},
            Counter({(kind, reason): number for kind, reason, number in tally["dropped"]}),
        ),
    )


def ingest(address: str, store: EventStore, logs: Iterable[Log], *, geo: Path | None = None) -> Iterator[Outcome]:
    """Do what ``computing.ingest.ingest`` does, on a cluster; outcomes come as logs are done.

    Args:
        address: The address of the cluster.
        store: The store, in a folder that the workers share.
        logs: The files, which the workers reach.
        geo: A database of the countries of addresses; without it, no countries are kept.

    Raises:
        StoreError: The store is in use or cannot be written, or the database of countries cannot be read.
        EngineError: The cluster cannot be used.
    """
    if store.name_key is None:
        raise ValueError("The store was opened without its key.")
    with store.lock("ingest_logs"):
        store.clear()
        folder = Path(tempfile.mkdtemp(prefix=NEW, dir=store.path))
        try:
            if geo is not None:
                Countries(geo)
                geo = Path(shutil.copy(geo, folder / "countries.mmdb"))
            reading = Reading(store.name_key.key, geo, store.forgotten_users, store.forgotten_names)
            with open_session(address, folder) as spark:
                yield from Ingestion(spark, store, folder, reading).outcomes(logs)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


class Ingestion:
    """Logs on their way into a store.

    Args:
        spark: The session.
        store: The store, which is locked.
        folder: A folder in it.
        reading: How lines are read.
    """

    def __init__(self, spark: "SparkSession", store: EventStore, folder: Path, reading: Reading) -> None:
        self.spark = spark
        self.store = store
        self.folder = folder
        self.reading = reading
        self.known = {record.file_id: record for record in store.records()}
        self.by_version = {version: record for record in self.known.values() for version in record.versions}

    def outcomes(self, logs: Iterable[Log]) -> Iterator[Outcome]:
        """Yield what becomes of logs, as they are done."""
        pool = ThreadPoolExecutor(LOGS_AT_A_TIME)
        waiting: dict[Future[tuple[str, FileRecord | None, dict[str, Any]]], Log] = {}
        try:
            for log in logs:
                waiting[pool.submit(self.read, log)] = log
            for future in as_completed(waiting):
                yield self.add(waiting[future], *future.result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def read(self, log: Log) -> tuple[str, FileRecord | None, dict[str, Any]]:
        """Return the version of a log and the record that it has; or else what a worker has read of it."""
        try:
            version = log.version()
        except UnreadableLogError as error:
            return "", None, {"fault": str(error)}
        record = self.by_version.get(version)
        if record is not None and (record.has_location or self.reading.geo is None):
            return version, record, {}
        (found,) = on_worker(self.spark, LogTask(log, self.folder, self.reading))
        return version, None, found

    def add(self, log: Log, version: str, record: FileRecord | None, found: dict[str, Any]) -> Outcome:
        """Put what a worker has read into the store, and return what became of the log."""
        if record is not None:
            return Outcome(log, read_as=record.name)
        if "fault" in found:
            return Outcome(log, fault=found["fault"])
        if "failure" in found:
            raise EngineError(found["failure"])
        folder = self.folder / found["folder"]
        writer = PartWriter(self.store, folder)
        writer.written = found["parts"]
        has_location = self.reading.geo is not None
        try:
            record, outcome = add_contents(
                self.store,
                log,
                from_json(found["contents"]),
                writer,
                self.known,
                version=version,
                has_location=has_location,
            )
        except OSError as error:
            raise StoreError(f"{log.name} was not read: {error}. Nothing of it was kept.") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.known[record.file_id] = self.by_version[version] = record
        return outcome
