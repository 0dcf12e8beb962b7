"""How far a load is: a bar on a terminal, a line a minute elsewhere."""

import time
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from tqdm import tqdm

LINE_SECONDS: Final = 60.0


class Progress:
    """Shows how far a load is, within a ``with`` statement.

    Args:
        stream: Where to; a bar where it is a terminal.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.is_terminal = bool(stream.isatty())
        self.bar: Any = None
        self.phase = ""
        self.rows = 0
        self.total: int | None = None
        self.start = time.monotonic()
        self.ended = Event()
        self.thread = Thread(target=self.write_lines, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if not self.is_terminal:
            self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended.set()
        if self.thread.ident is not None:
            self.thread.join()
        self.close_bar()

    def begin(self, phase: str, total: int | None = None) -> None:
        """Begin a part of the load.

        Args:
            phase: What is done.
            total: How many rows it is about; None where that is not known.
        """
        self.close_bar()
        self.phase, self.rows, self.total = phase, 0, total
        if self.is_terminal:
            self.bar = tqdm(desc=phase, total=total, unit=" rows", leave=False, file=self.stream)

    def advance(self, rows: int) -> None:
        """Add rows that are done."""
        self.rows += rows
        if self.bar is not None:
            self.bar.update(rows)

    def close_bar(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def write_lines(self) -> None:
        while not self.ended.wait(LINE_SECONDS):
            of = "" if self.total is None else f" of {self.total:,}"
            rows = f": {self.rows:,}{of} rows" if self.rows or self.total else ""
            self.stream.write(f"{self.phase}{rows}, after {time.monotonic() - self.start:.0f} seconds\n")
