"""Reading tracking logs into an event store by the workers of a cluster, each log by one task.

A task writes the rows of a log as parts into the store, and returns what became of the lines. This machine alone writes
the record, by which the parts count. So what a worker leaves that was killed, and what two attempts of one task write,
is in no record, and is removed at the end.
"""

import gc
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from analytics_data_api.computing.blocks import GARBAGE_OBJECTS, BlockReaders, Reading, Tally
from analytics_data_api.computing.countries import Countries
from analytics_data_api.computing.errors import EngineError, StoreError, reason_of
from analytics_data_api.computing.ingest import Contents, Outcome, add_contents, read_contents
from analytics_data_api.computing.logs import Log, UnreadableLogError
from analytics_data_api.computing.places import Place
from analytics_data_api.computing.spark.session import on_worker, open_session
from analytics_data_api.computing.store import EventStore, FileRecord, PartWriter, all_parts_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# How many logs the cluster has at a time; those beyond its cores wait there.
LOGS_AT_A_TIME: Final = 64


@dataclass(frozen=True)
class LogTask:
    """Reads a log on a worker.

    Attributes:
        log: The log.
        place: The place of the store.
        reading: How lines are read, but for the database of countries.
        geo: The name of that in the store, if countries are kept.
    """

    log: Log
    place: Place
    reading: Reading
    geo: str | None = None

    def __call__(self) -> dict[str, Any]:
        """Return what the parts' names begin with, the number of parts of each kind and day, and the contents.

        Where the log cannot be read, or not be kept, return why, as a ``fault`` or a ``failure``.
        """
        gc.set_threshold(GARBAGE_OBJECTS)
        try:
            with self.place.work_folder() as folder:
                geo = self.place.fetch(self.geo, folder) if self.geo else None
                writer = PartWriter(EventStore(self.place, None, {}), folder / "parts")
                contents = read_contents(self.log, writer, BlockReaders(replace(self.reading, geo=geo), processes=0))
                writer.publish()
        except UnreadableLogError as error:
            return {"fault": str(error)}
        except OSError as error:
            return {"failure": f"{self.log.name} was not read: {reason_of(error)} Nothing of it was kept."}
        return {"prefix": writer.prefix, "parts": writer.written, "contents": as_json(contents)}


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
        store: The store, which the workers reach.
        logs: The files, which the workers reach.
        geo: A database of the countries of addresses; without it, no countries are kept.

    Raises:
        StoreError: The store is in use or cannot be written, or the database of countries cannot be read.
        EngineError: The cluster cannot be used.
    """
    if store.name_key is None:
        raise ValueError("The store was opened without its key.")
    with store.lock("ingest_logs"):
        with store.work_folder() as folder:
            stored = None
            if geo is not None:
                Countries(geo)
                (folder / "geo").mkdir()
                shutil.copy(geo, folder / "geo" / "countries.mmdb")
                stored = f"{folder.name}/geo/countries.mmdb"
                store.place.add(folder / "geo", f"{folder.name}/geo")
            reading = Reading(store.name_key.key, None, store.forgotten_users, store.forgotten_names)
            with open_session(address, store.place, folder.name) as spark:
                yield from Ingestion(spark, store, reading, stored).outcomes(logs)
        # Of workers that were killed.
        store.clear()


class Ingestion:
    """Logs on their way into a store.

    Args:
        spark: The session.
        store: The store, which is locked.
        reading: How lines are read, but for the database of countries.
        geo: The name of that in the store, if countries are kept.
    """

    def __init__(self, spark: "SparkSession", store: EventStore, reading: Reading, geo: str | None) -> None:
        self.spark = spark
        self.store = store
        self.reading = reading
        self.geo = geo
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
        if record is not None and (record.has_location or self.geo is None):
            return version, record, {}
        (found,) = on_worker(self.spark, LogTask(log, self.store.place, self.reading, self.geo))
        return version, None, found

    def add(self, log: Log, version: str, record: FileRecord | None, found: dict[str, Any]) -> Outcome:
        """Put what a worker has read into the store, and return what became of the log."""
        if record is not None:
            return Outcome(log, read_as=record.name)
        if "fault" in found:
            return Outcome(log, fault=found["fault"])
        if "failure" in found:
            raise EngineError(found["failure"])
        parts = {"prefix": found["prefix"], "days": found["parts"]}
        try:
            record, outcome = add_contents(
                self.store,
                log,
                from_json(found["contents"]),
                partial(self.store.commit, **parts),
                self.known,
                version=version,
                has_location=self.geo is not None,
            )
            if outcome.tally is None:
                # The contents were known, and the parts do not count.
                self.store.place.remove(all_parts_of(FileRecord("", "", **parts)))
        except OSError as error:
            raise StoreError(f"{log.name} was not read: {str(error).rstrip('.')}. Nothing of it was kept.") from error
        self.known[record.file_id] = self.by_version[version] = record
        return outcome
