"""Reading tracking logs into an event store."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics_data_api.computing.blocks import SCHEMAS, BlockReaders, Reading, Tally
from analytics_data_api.computing.countries import Countries
from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.logs import Log, UnreadableLogError
from analytics_data_api.computing.store import ACTIVITY, KINDS, LOCATION, EventStore, FileRecord, Kind

# What DuckDB may use of memory to sort the rows of a log.
SORT_MEMORY: Final = "128MB"
# Rows of a kind that are collected before they are written.
ROWS_AT_A_TIME: Final = 50_000


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes:
        log: The file.
        tally: What became of its lines; None if it was not read.
        read_as: The name under which the same contents were read before; None if they were not.
        fault: Why it cannot be read; None if it can.
    """

    log: Log
    tally: Tally | None = None
    read_as: str | None = None
    fault: str | None = None


def ingest(
    store: EventStore, logs: Iterable[Log], *, geo: Path | None = None, processes: int | None = None
) -> Iterator[Outcome]:
    """Add logs to a store, each unless it was read before, and yield what became of them.

    A log that was read without countries is read again if these are wanted now.

    Args:
        store: The store.
        logs: The files.
        geo: A database of the countries of addresses; without it, no countries are kept.
        processes: How many processes read lines; by default one for each core.

    Raises:
        StoreError: The store is in use or cannot be written, or the database of countries cannot be read.
    """
    if store.name_key is None:
        raise ValueError("The store was opened without its key.")
    if geo is not None:
        Countries(geo)
    with store.lock("ingest_logs"):
        store.clear()
        reading = Reading(store.name_key.key, geo, store.forgotten_users, store.forgotten_names)
        known = {record.file_id: record for record in store.records()}
        by_version = {version: record for record in known.values() for version in record.versions}
        with BlockReaders(reading, processes).closing() as readers:
            for log in logs:
                try:
                    version = log.version()
                    record = by_version.get(version)
                    if record is not None and (record.has_location or geo is None):
                        yield Outcome(log, read_as=record.name)
                        continue
                    record, outcome = read_log(store, log, version, readers, known)
                except UnreadableLogError as error:
                    yield Outcome(log, fault=str(error))
                    continue
                known[record.file_id] = by_version[version] = record
                yield outcome


def read_log(
    store: EventStore, log: Log, version: str, readers: BlockReaders, known: dict[str, FileRecord]
) -> tuple[FileRecord, Outcome]:
    """Add a log to a store, unless its contents are known.

    Args:
        store: The store.
        log: The file.
        version: Its version.
        readers: What reads its lines.
        known: The records of the store by the ids of files.

    Returns:
        The record of the contents, and what became of the file.

    Raises:
        UnreadableLogError: The file cannot be read.
        StoreError: The store cannot be written.
    """
    tally = Tally()
    try:
        with store.writer() as writer:
            with RowFiles(writer.folder) as rows, log.open() as contents:
                for block_tally, batches in readers.read(contents.blocks()):
                    tally.add(block_tally)
                    rows.add(batches)
            if tally.lines != contents.lines:
                raise StoreError(
                    f"{log.name} has {contents.lines} lines, and {tally.lines} were counted: a fault of this program. "
                    "Nothing of it was kept."
                )
            has_location = readers.reading.geo is not None
            record = known.get(contents.digest)
            if record is not None and (record.has_location or not has_location):
                record.versions.append(version)
                store.write_record(record)
                return record, Outcome(log, read_as=record.name)
            record = FileRecord(
                file_id=contents.digest,
                name=log.name,
                read=datetime.now(UTC).isoformat(timespec="seconds"),
                size=contents.size,
                versions=[version],
                lines=tally.lines,
                kept=tally.kept,
                of_no_use=dict(tally.of_no_use),
                refused=dict(tally.refused),
                has_location=has_location,
            )
            for (kind, reason), number in tally.dropped.items():
                record.dropped.setdefault(kind, {})[reason] = number
            for row_kind, path in rows.paths():
                for day, sorted_rows in groupby(sort_rows(row_kind, path, writer.folder), itemgetter(0)):
                    writer.write(row_kind, day, (batch for _, batch in sorted_rows))
            writer.commit(record)
    except (OSError, pa.ArrowException, duckdb.Error) as error:
        raise StoreError(f"{log.name} was not read: {error}. Nothing of it was kept.") from error
    return record, Outcome(log, tally)


class RowFiles:
    """The rows of a log, as they are read, in a file for each kind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.waiting: dict[str, list[pa.RecordBatch]] = {}
        self.writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> "RowFiles":
        return self

    def __exit__(self, *exception: object) -> None:
        for name in list(self.waiting):
            self._write(name)
        for writer in self.writers.values():
            writer.close()

    def add(self, batches: dict[str, pa.RecordBatch]) -> None:
        """Add the rows of a block."""
        for name, batch in batches.items():
            waiting = self.waiting.setdefault(name, [])
            waiting.append(batch)
            if sum(map(len, waiting)) >= ROWS_AT_A_TIME:
                self._write(name)

    def _write(self, name: str) -> None:
        if name not in self.writers:
            self.writers[name] = pq.ParquetWriter(self.folder / f"rows-{name}", SCHEMAS[name], compression="lz4")
        self.writers[name].write_table(pa.Table.from_batches(self.waiting.pop(name)))

    def paths(self) -> Iterator[tuple[Kind, Path]]:
        """Yield the kinds of which there are rows, and their files."""
        for name in sorted(self.writers):
            yield KINDS[name], self.folder / f"rows-{name}"


def sort_rows(kind: Kind, path: Path, folder: Path) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield rows by day, sorted, as days and batches of the columns of the kind.

    Activity is distinct, and of locations there is only the newest of a user and day.

    Args:
        kind: The kind of the rows.
        path: The file that has them.
        folder: Where what memory does not hold is put.
    """
    rows = {
        ACTIVITY.name: "SELECT DISTINCT * FROM read_parquet(?)",
        LOCATION.name: """
            SELECT user_id, max(time) AS time, arg_max(country, {'time': time, 'country': country}) AS country, day
            FROM read_parquet(?) GROUP BY user_id, day
        """,
    }.get(kind.name, "SELECT * FROM read_parquet(?)")
    settings: dict[str, Any] = {"memory_limit": SORT_MEMORY, "temp_directory": str(folder)}
    with duckdb.connect(config=settings) as connection:
        order = ", ".join(("day", *kind.order))
        found = connection.sql(f"{rows} ORDER BY {order}", params=[str(path)])
        for batch in found.to_arrow_reader(ROWS_AT_A_TIME):
            runs: Any = pc.run_end_encode(batch.column("day"))
            start = 0
            for end, day in zip(runs.run_ends.to_pylist(), runs.values.to_pylist(), strict=True):
                yield day, batch.slice(start, end - start).select(kind.columns.names).cast(kind.columns)
                start = end
