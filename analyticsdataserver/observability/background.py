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
from queue import Full, Queue
from threading import Lock
from typing import Any, Final, TextIO

logger = logging.getLogger(__name__)

# Lines that wait to be written, at most: seconds of a busy service. Further ones are lost, and the log says how many.
MAX_WAITING: Final = 10_000
# How long a process that ends waits for its lines to be written, and between two looks whether they are, in seconds.
CLOSE_TIMEOUT: Final = 2.0
CLOSE_INTERVAL: Final = 0.01


class DescriptorHandler(logging.Handler):
    """Writes lines to a file descriptor, from one thread.

    A thread that is stuck in writing holds no lock of logging or of the stream, which the process needs to end.

    Args:
        descriptor: The file descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.descriptor = descriptor

    def createLock(self) -> None:  # noqa: N802 - logging's name
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        # As logging's own handler does, but without the lock.
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        # The reader may be gone for good.
        with suppress(OSError):
            os.write(self.descriptor, f"{self.format(record)}\n".encode(errors="backslashreplace"))


class BackgroundHandler(QueueHandler):
    """A handler whose lines a thread of its own writes to a stream.

    The thread starts with the first line, so that each process has its own.

    Args:
        stream: Where the lines are written; the standard error if None.
    """

    queue: Queue[Any]

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(Queue(MAX_WAITING))
        self.writer = QueueListener(self.queue, DescriptorHandler((stream or sys.stderr).fileno()))
        self.start_lock = Lock()
        self.started = False
        self.lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        if not self.started:
            self.start()
        if self.lost and self.queue.qsize() < MAX_WAITING // 2:
            lost, self.lost = self.lost, 0
            logger.warning("%d lines of the log were lost: they were not read in time.", lost)
        try:
            self.queue.put_nowait(record)
        except Full:
            self.lost += 1

    def start(self) -> None:
        with self.start_lock:
            if not self.started:
                self.writer.start()
                self.started = True

    def close(self) -> None:
        """Wait until all lines are written, but not for long; the writer's own ``stop()`` would wait for ever."""
        deadline = time.monotonic() + CLOSE_TIMEOUT
        while self.queue.unfinished_tasks and time.monotonic() < deadline:
            time.sleep(CLOSE_INTERVAL)
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
