"""Lines of the log are written in the background, so that nothing waits for the process that reads them.

Otherwise a pipe that is not emptied, because a log collector hangs, would block the service.
"""

import logging
import os
import sys
import time
from contextlib import suppress
from copy import deepcopy
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from select import PIPE_BUF
from threading import Lock
from typing import Any, Final, TextIO

logger = logging.getLogger(__name__)

# Lines that wait to be written, at most: seconds of a busy service. Further ones are lost, and the log says how many.
MAX_WAITING: Final = 10_000
# Seconds for which a line waits for others that are written together with it.
INTERVAL: Final = 0.01
# Seconds for which a process that ends waits for its lines to be written.
CLOSE_TIMEOUT: Final = 2.0


class LineWriter(QueueListener):
    """Writes lines to a file descriptor, from one thread.

    Lines that arrive shortly after another are written together, so that a busy service neither wakes the thread nor
    makes a system call for each of them. A thread that is stuck in writing holds no lock of logging or of the stream,
    which the process needs to end.

    Args:
        queue: The lines, as bytes.
        descriptor: The file descriptor.
    """

    queue: SimpleQueue[bytes]

    def __init__(self, queue: SimpleQueue[bytes], descriptor: int) -> None:
        super().__init__(queue)
        self.descriptor = descriptor
        self.written = 0

    def handle(self, record: Any) -> None:
        """Write a line, and then those that wait behind it."""
        time.sleep(INTERVAL)
        lines: list[bytes] = [record]
        size = len(record)
        for _ in range(self.queue.qsize()):
            line = self.queue.get_nowait()
            size += len(line)
            if size > PIPE_BUF:
                self.write(lines)
                lines, size = [], len(line)
            lines.append(line)
        self.write(lines)

    def write(self, lines: list[bytes]) -> None:
        # The reader may be gone for good.
        with suppress(OSError):
            os.write(self.descriptor, b"".join(lines))
        self.written += len(lines)


class BackgroundHandler(QueueHandler):
    """A handler whose lines a thread of its own writes to a stream.

    The thread starts with the first line, so that each process has its own.

    Args:
        stream: Where the lines are written; the standard error if None.
    """

    queue: SimpleQueue[Any]

    def __init__(self, stream: TextIO | None = None) -> None:
        # A queue with a limit, queue.Queue, takes several times as long for each line.
        super().__init__(SimpleQueue())
        self.writer = LineWriter(self.queue, (stream or sys.stderr).fileno())
        self.start_lock = Lock()
        self.started = False
        self.queued = 0
        self.lost = 0

    def prepare(self, record: logging.LogRecord) -> bytes:
        """Return the line of a record."""
        return f"{self.format(record)}\n".encode(errors="backslashreplace")

    def enqueue(self, record: Any) -> None:
        """Have a line written; if too many wait already, only count it. The handler's lock is held."""
        if not self.started:
            self.start()
        if self.lost and self.queue.qsize() < MAX_WAITING // 2:
            lost, self.lost = self.lost, 0
            logger.warning("%d lines of the log were lost: they were not read in time.", lost)
        if self.queue.qsize() < MAX_WAITING:
            self.queued += 1
            self.queue.put(record)
        else:
            self.lost += 1

    @property
    def pending(self) -> int:
        """How many lines have not been written yet."""
        return self.queued - self.writer.written

    def start(self) -> None:
        with self.start_lock:
            if not self.started:
                self.writer.start()
                self.started = True

    def close(self) -> None:
        """Wait until all lines are written, but not for long; the writer's own ``stop()`` would wait for ever."""
        deadline = time.monotonic() + CLOSE_TIMEOUT
        while self.pending and time.monotonic() < deadline:
            time.sleep(INTERVAL)
        super().close()


def background_logging(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration of logging (Django's setting ``LOGGING``) whose lines are written in the background."""
    config = deepcopy(config)
    for handler in config["handlers"].values():
        if handler["class"] == "logging.StreamHandler":
            # Not as a class: from 3.12 on, Python would configure the queue and the listener of a QueueHandler itself.
            del handler["class"]
            handler["()"] = f"{__name__}.{BackgroundHandler.__name__}"
    # A worker configures logging before it loads the settings, which nothing can be logged without.
    config["loggers"]["environ"] = {"level": "WARNING"}
    return config
