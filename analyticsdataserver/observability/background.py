"""Lines of the log are written in the background, so that no request waits for whoever reads them.

A pipe that nobody empties, because a collector of logs hangs, would bring the service to a stop otherwise.
"""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from select import PIPE_BUF
from threading import Thread
from typing import Any, Final, TextIO

logger = logging.getLogger(__name__)

# Lines that wait to be written: seconds of a busy service. Further ones are lost, and the log tells how many.
WAITING: Final = 10_000
# For how long further ones are waited for, in seconds, and how many are taken at once.
MOMENT: Final = 0.05
TAKEN_AT_ONCE: Final = 20
# How long a process that ends waits for them, in seconds.
PATIENCE: Final = 2.0


class BackgroundStream:
    """Takes lines at once, and has a thread write them, in their order.

    The standard library's ``QueueHandler`` does more, and takes several times as long.

    Args:
        stream: Where to.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.lost = 0
        # None is the last one.
        self.lines: SimpleQueue[str | None] = SimpleQueue()
        self.thread = Thread(target=self.run, name="log", daemon=True)
        self.thread.start()

    def write(self, line: str) -> None:
        if self.lines.qsize() < WAITING:
            self.lines.put(line)
        else:
            self.lost += 1

    def flush(self) -> None:
        """Do nothing: lines are on their way."""

    def run(self) -> None:
        """Write lines until the last one, together with those that come in the next moment.

        Each time this thread wakes up, those that answer requests have to let it run.
        """
        ended = False
        while not ended:
            lines = [self.lines.get()]
            if self.lines.empty():
                time.sleep(MOMENT)
            with suppress(Empty):
                while lines[-1] is not None and len(lines) < TAKEN_AT_ONCE:
                    lines.append(self.lines.get_nowait())
            ended = lines[-1] is None
            for text in joined(line for line in lines if line is not None):
                # Whoever read them may be gone for good.
                with suppress(OSError, ValueError):
                    self.stream.write(text)
                    self.stream.flush()
            if self.lost and self.lines.qsize() < WAITING // 2:
                lost, self.lost = self.lost, 0
                logger.warning("%d lines of the log were lost, because nobody read them.", lost)

    def close(self) -> None:
        """Wait until all lines are written, but not for long."""
        self.lines.put(None)
        self.thread.join(PATIENCE)


def joined(lines: Iterable[str]) -> Iterator[str]:
    """Yield lines together, as many as a pipe takes whole: of more, another process's lines might come in between."""
    text, size = "", 0
    for line in lines:
        length = len(line) if line.isascii() else len(line.encode(errors="backslashreplace"))
        if text and size + length > PIPE_BUF:
            yield text
            text, size = "", 0
        text += line
        size += length
    if text:
        yield text


def stream_handlers() -> Iterator[logging.StreamHandler[Any]]:
    """Yield the handlers of the log that write to a stream."""
    for handler in logging.root.handlers:
        # Others are built on this class, and write to files.
        if type(handler) is logging.StreamHandler:
            yield handler


def begin() -> None:
    """From now on, write in the background what this process logs; not before it has forked for the last time."""
    for handler in stream_handlers():
        handler.setStream(BackgroundStream(handler.stream))


def end() -> None:
    """Write what waits to be written, as far as somebody reads it: this process ends."""
    for handler in stream_handlers():
        if isinstance(handler.stream, BackgroundStream):
            handler.stream.close()
