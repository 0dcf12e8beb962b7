"""Lines of the log are written in the background, so that nothing waits for the process that reads them.

Otherwise a pipe that is not emptied, because a log collector hangs, would block the service.
"""

import logging
import time
from contextlib import suppress
from copy import deepcopy
from queue import Empty, SimpleQueue
from select import PIPE_BUF
from threading import Lock, Thread
from typing import Any, Final, TextIO

# Lines that wait to be written, at most: seconds of a busy service. Further ones are lost, and the log says how many.
MAX_WAITING: Final = 10_000
# How long more lines are waited for, in seconds, before those that are there are written together.
INTERVAL: Final = 0.05
# How long a process that ends waits for its lines to be written, in seconds.
CLOSE_TIMEOUT: Final = 2.0


class BackgroundHandler(logging.StreamHandler[TextIO]):
    """A handler whose lines a thread of its own writes, in their order.

    The thread starts with the first line, so that each process has its own. The standard library's ``QueueHandler``
    needs one more thread switch for each line; docs/decisions/ has the figures.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self.start_lock = Lock()
        self.thread: Thread | None = None
        # None is the last one.
        self.lines: SimpleQueue[str | None] = SimpleQueue()
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record) + self.terminator
        except Exception:
            self.handleError(record)
            return
        if self.lines.qsize() >= MAX_WAITING:
            self.lost += 1
            return
        self.lines.put(line)
        if self.thread is None:
            self.start()

    def start(self) -> None:
        with self.start_lock:
            if self.thread is None:
                self.thread = Thread(target=self.run, name="log", daemon=True)
                self.thread.start()

    def run(self) -> None:
        """Write lines until the last one, together with those that come in the next moment."""
        ended = False
        while not ended:
            line = self.lines.get()
            if line is not None and self.lines.empty():
                time.sleep(INTERVAL)
            text, size = "", 0
            with suppress(Empty):
                while line is not None:
                    length = len(line.encode(errors="backslashreplace"))
                    # A pipe takes no more at once; another process's lines might come in between.
                    if text and size + length > PIPE_BUF:
                        self.write(text)
                        text, size = "", 0
                    text += line
                    size += length
                    line = self.lines.get_nowait()
                ended = True
            if text:
                self.write(text)
            if self.lost and self.lines.qsize() < MAX_WAITING // 2:
                lost, self.lost = self.lost, 0
                logging.getLogger(__name__).warning("%d lines of the log were lost: nothing read them in time.", lost)

    def write(self, text: str) -> None:
        # The reader may be gone for good.
        with suppress(OSError, ValueError):
            self.stream.write(text)
            self.stream.flush()

    def flush(self) -> None:
        """Do nothing: lines are on their way, and this must not wait for them."""

    def close(self) -> None:
        """Wait until all lines are written, but not for long."""
        thread, self.thread = self.thread, None
        if thread is not None:
            self.lines.put(None)
            thread.join(CLOSE_TIMEOUT)
        super().close()


def background_logging(config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration of logging (Django's setting ``LOGGING``) whose lines are written in the background."""
    config = deepcopy(config)
    for handler in config["handlers"].values():
        if handler["class"] == "logging.StreamHandler":
            handler["class"] = f"{__name__}.{BackgroundHandler.__name__}"
    # A worker configures logging before it loads the settings, which nothing can be logged without.
    config["loggers"]["environ"] = {"level": "WARNING"}
    return config
