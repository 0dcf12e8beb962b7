"""Reading tracking logs into an event store."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from analytics_data_api.computing.blocks import BlockReaders, Reading, Tally
from analytics_data_api.computing.countries import Countries
from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.logs import Log, UnreadableLogError
from analytics_data_api.computing.store import ACTIVITY, KINDS, EventStore, FileRecord, PartWriter, all_parts_of

# Rows of a kind that are collected before they are written.
BYTES_AT_A_TIME: Final = 8 * 1024**2


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
    try:
        with store.writer() as writer:
            contents = read_contents(log, writer, readers)
            return add_contents(
                store,
                log,
                contents,
                writer.commit,
                known,
                version=version,
                has_location=readers.reading.geo is not None,
            )
    except BrokenExecutor as error:
        raise StoreError(
            f"{log.name} was not read: a process that read its lines was killed, perhaps for want of memory. "
            "Nothing of it was kept."
        ) from error
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{log.name} was not read: {str(error).rstrip('.')}. Nothing of it was kept.") from error


@dataclass(frozen=True)
class Contents:
    """What a log has, of which the rows are written but not yet in the store.

    Attributes:
        digest: Its digest.
        size: The number of its bytes.
        tally: What became of its lines.
    """

    digest: str
    size: int
    tally: Tally


def read_contents(log: Log, writer: PartWriter, readers: BlockReaders) -> Contents:
    """Read the lines of a log, and write their rows.

    Raises:
        UnreadableLogError: The file cannot be read.
    """
    tally = Tally()
    rows = RowSorter(writer)
    with log.open() as contents:
        for block_tally, batches in readers.read(contents.blocks()):
            tally.add(block_tally)
            rows.add(batches)
    if tally.lines != contents.lines:
        raise StoreError(
            f"{log.name} has {contents.lines} lines, and {tally.lines} were counted: a fault of this program. "
            "Nothing of it was kept."
        )
    rows.finish()
    return Contents(contents.digest, contents.size, tally)


def add_contents(
    store: EventStore,
    log: Log,
    contents: Contents,
    commit: Callable[[FileRecord], None],
    known: dict[str, FileRecord],
    *,
    version: str,
    has_location: bool,
) -> tuple[FileRecord, Outcome]:
    """Put the rows of a log into a store, unless its contents are known.

    Args:
        store: The store.
        log: The file.
        contents: What it has.
        commit: Has the rows count, by a record.
        known: The records of the store by the ids of files.
        version: The version of the file.
        has_location: Whether countries were looked up.

    Returns:
        The record of the contents, and what became of the file.
    """
    record = known.get(contents.digest)
    if record is not None and (record.has_location or not has_location):
        if version not in record.versions:
            record.versions.append(version)
            store.write_record(record)
        return record, Outcome(log, read_as=record.name)
    tally = contents.tally
    replaced = [] if record is None else all_parts_of(record)
    record = FileRecord(
        file_id=contents.digest,
        name=log.name,
        read=datetime.now(UTC).isoformat(timespec="seconds"),
        size=contents.size,
        versions=[*(record.versions if record is not None else []), version],
        lines=tally.lines,
        kept=tally.kept,
        of_no_use=dict(tally.of_no_use),
        refused=dict(tally.refused),
        has_location=has_location,
    )
    for (kind, reason), number in tally.dropped.items():
        record.dropped.setdefault(kind, {})[reason] = number
    commit(record)
    store.place.remove(replaced)
    return record, Outcome(log, tally)


class RowSorter:
    """Distributes rows among the parts of their days, in bounded memory."""

    def __init__(self, writer: PartWriter) -> None:
        self.writer = writer
        self.waiting: dict[str, list[pa.RecordBatch]] = {}
        # Of those that wait: asking each batch again takes longer than anything else here.
        self.sizes: Counter[str] = Counter()

    def add(self, batches: dict[str, pa.RecordBatch]) -> None:
        """Add the rows of a block, by the names of their kinds."""
        for name, batch in batches.items():
            self.waiting.setdefault(name, []).append(batch)
            self.sizes[name] += batch.nbytes
            if self.sizes[name] >= BYTES_AT_A_TIME:
                self._write(name)

    def finish(self) -> None:
        """Write the rows that still wait."""
        for name in list(self.waiting):
            self._write(name)

    def _write(self, name: str) -> None:
        rows = pa.Table.from_batches(self.waiting.pop(name))
        del self.sizes[name]
        if name == ACTIVITY.name:
            # As few as can be had without looking at the whole log.
            rows = rows.group_by(rows.column_names, use_threads=False).aggregate([])
        kind = KINDS[name]
        columns = rows.select(kind.columns.names)
        days = rows.column("day").combine_chunks().dictionary_encode()
        if len(days.dictionary) == 1:
            self.writer.write(kind, days.dictionary[0].as_py(), columns)
            return
        # By number, which takes a fraction of the time that text takes.
        order = pc.sort_indices(days.indices)
        columns = columns.take(order)
        start = 0
        for day, count in zip(*days.value_counts().flatten(), strict=True):
            self.writer.write(kind, day.as_py(), columns.slice(start, count.as_py()))
            start += count.as_py()
