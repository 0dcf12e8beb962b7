"""Blocks of lines, read into rows: in this process, or in others beside it."""

import gc
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from analytics_data_api.computing.countries import Countries
from analytics_data_api.computing.events import Rows
from analytics_data_api.computing.json_lines import TOO_LONG, RefusedLineError, read_line
from analytics_data_api.computing.logs import Block
from analytics_data_api.computing.store import ACTIVITY, ANSWERS, ENROLLMENT, KINDS, LOCATION, VIDEO, Kind
from analytics_data_api.computing.user_names import NameKey

EXAMPLE_LENGTH: Final = 100
# How many more objects than before make a process of a pool look for cycles.
GARBAGE_OBJECTS: Final = 100_000
# Rows of a block, with their day as text.
SCHEMAS: Final = {kind.name: kind.columns.append(pa.field("day", pa.string())) for kind in KINDS.values()}


@dataclass
class Tally:
    """What became of lines.

    Attributes:
        lines: How many there are.
        kept: Of how many something is kept.
        of_no_use: How many no table needs, by reason.
        refused: How many cannot be read, by reason.
        examples: For each reason, the number and the beginning of the first line.
        dropped: How many events have no row of a kind, by kind and reason.
    """

    lines: int = 0
    kept: int = 0
    of_no_use: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[int, str]] = field(default_factory=dict)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)

    def refuse(self, reason: str, line: bytes) -> None:
        """Count the next line as refused."""
        self.lines += 1
        self.refused[reason] += 1
        self.note(reason, line)

    def note(self, reason: str, line: bytes) -> None:
        """Keep the line that was counted last as an example, if it is the first."""
        if reason not in self.examples:
            text = line[:EXAMPLE_LENGTH].decode(errors="backslashreplace")
            # No line of a log sends control characters to a terminal.
            printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
            self.examples[reason] = (self.lines, printable)

    def add(self, other: "Tally") -> None:
        """Add what became of the lines behind these."""
        for reason, (number, line) in other.examples.items():
            self.examples.setdefault(reason, (self.lines + number, line))
        self.lines += other.lines
        self.kept += other.kept
        self.of_no_use += other.of_no_use
        self.refused += other.refused
        self.dropped += other.dropped


@dataclass(frozen=True)
class Reading:
    """How blocks are read; the same in every process.

    Attributes:
        name_key: The key of the hash of user names.
        geo: A database of the countries of addresses, if countries are kept.
        forgotten_users: The ids of users of whom nothing is kept.
        forgotten_names: The hashes of names of whose users nothing is kept.
    """

    name_key: bytes
    geo: Path | None = None
    forgotten_users: frozenset[int] = frozenset()
    forgotten_names: frozenset[str] = frozenset()


class BlockReader:
    """Reads blocks of lines into rows."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.hash_name = NameKey(reading.name_key).hash
        self.country_of = Countries(reading.geo).country_of if reading.geo else None

    def read(self, block: Block) -> tuple[Tally, dict[str, pa.RecordBatch]]:
        """Return what became of the lines of a block, and the rows of each kind that there are."""
        tally = Tally()
        rows = Rows(self.hash_name, self.country_of, self.reading.forgotten_users, self.reading.forgotten_names)
        lines = block.lines.split(b"\n")
        if not lines[-1]:
            del lines[-1]
        for ended in lines:
            line = ended.removesuffix(b"\r")
            try:
                reason = rows.add(read_line(line))
            except RefusedLineError as error:
                tally.refuse(str(error), line)
                continue
            tally.lines += 1
            if reason is None:
                tally.kept += 1
            else:
                tally.of_no_use[reason] += 1
                tally.note(reason, line)
        if block.too_long is not None:
            tally.refuse(TOO_LONG, block.too_long)
        tally.dropped = rows.dropped
        return tally, batches_of(rows)


def batches_of(rows: Rows) -> dict[str, pa.RecordBatch]:
    """Return rows as a batch for each kind that has any."""
    location = [(user_id, time, country, day) for (user_id, day), (time, country) in rows.location.items()]
    of_kind: tuple[tuple[Kind, Any], ...] = (
        (ACTIVITY, rows.activity),
        (ENROLLMENT, rows.enrollment),
        (VIDEO, rows.video),
        (ANSWERS, rows.answers),
        (LOCATION, location),
    )
    return {kind.name: batch_of(SCHEMAS[kind.name], tuples) for kind, tuples in of_kind if tuples}


def batch_of(schema: pa.Schema, rows: Iterable[tuple[Any, ...]]) -> pa.RecordBatch:
    """Return tuples as a batch."""
    columns = zip(*rows, strict=True)
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema
    )


# What a process of a pool reads with: one.
_readers: list[BlockReader] = []


def _start(reading: Reading) -> None:
    # Events are many small objects without cycles, which are freed with their block: looking for cycles after every 700
    # objects, or after each block, takes a third of the time.
    gc.set_threshold(GARBAGE_OBJECTS)
    # Ctrl-C is for the process that started this one, which ends the pool. If it is killed, this one ends by itself.
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _readers.append(BlockReader(reading))


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _read(block: Block) -> tuple[Tally, dict[str, pa.RecordBatch]]:
    return _readers[0].read(block)


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class BlockReaders:
    """Reads blocks with every core that this process may use.

    Other processes are started with the second block of a file, so that short files need none.
    """

    def __init__(self, reading: Reading, processes: int | None = None) -> None:
        """Start nothing yet.

        Args:
            reading: How blocks are read.
            processes: How many processes to start; none reads here. One for each core by default.
        """
        self.reading = reading
        self.processes = count_cores() if processes is None else processes
        self.here: BlockReader | None = None
        self.pool: ProcessPoolExecutor | None = None

    def read(self, blocks: Iterator[Block]) -> Iterator[tuple[Tally, dict[str, pa.RecordBatch]]]:
        """Yield what becomes of the lines of each block, and their rows, in order.

        Args:
            blocks: The blocks. At most one more than there are processes is held.
        """
        first = next(blocks, None)
        if first is None:
            return
        second = next(blocks, None) if self.processes else None
        if second is None:
            self.here = self.here or BlockReader(self.reading)
            yield self.here.read(first)
            yield from map(self.here.read, blocks)
            return
        # Not forked: this process has threads.
        self.pool = self.pool or ProcessPoolExecutor(
            self.processes, mp_context=get_context("spawn"), initializer=_start, initargs=(self.reading,)
        )
        waiting: deque[Future[tuple[Tally, dict[str, pa.RecordBatch]]]] = deque()
        for block in (first, second):
            waiting.append(self.pool.submit(_read, block))
        del first, second
        for block in blocks:
            waiting.append(self.pool.submit(_read, block))
            del block
            if len(waiting) > self.processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    @contextmanager
    def closing(self) -> Iterator["BlockReaders"]:
        """End the processes at the end."""
        try:
            yield self
        finally:
            if self.pool is not None:
                self.pool.shutdown(cancel_futures=True)
