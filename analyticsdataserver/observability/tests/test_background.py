"""The log is written in the background, and nothing waits for the process that reads it."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from analyticsdataserver.observability import background
from analyticsdataserver.observability.background import BackgroundHandler, background_logging

LINE = "x" * 999


class Pipe:
    """A pipe that is read, or isn't, and a handler that writes to it in the background."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        self.writing = os.fdopen(writing, "w")
        self.handler = BackgroundHandler(self.writing)

    def log(self, message: str) -> None:
        self.handler.handle(logging.makeLogRecord({"msg": message}))

    def read(self, until: str) -> str:
        text = ""
        while until not in text:
            text += os.read(self.reading, 1 << 16).decode()
        return text

    def close(self) -> None:
        with suppress(OSError):
            # Then nothing holds up the thread any more.
            os.close(self.reading)
        self.handler.close()
        # The thread writes to a number, which another file would get.
        while self.handler.pending:
            time.sleep(0.01)
        with suppress(OSError):
            self.writing.close()


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.log(str(number))
    assert pipe.read("999\n").split() == [str(number) for number in range(1000)]


def test_closing_waits_until_all_are_written(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.log(str(number))
    pipe.handler.close()
    assert len(os.read(pipe.reading, 1 << 16).split()) == 1000


class TestPipeThatIsNotRead:
    def test_nothing_waits(self, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(background, "CLOSE_TIMEOUT", 0.1)
        began = time.monotonic()
        for _ in range(background.MAX_WAITING + 500):
            pipe.log(LINE)
        pipe.handler.close()
        assert time.monotonic() - began < 10

    def test_the_log_says_how_many_lines_are_lost(self, pipe: Pipe, log: Any) -> None:
        number = background.MAX_WAITING + 1000
        for _ in range(number):
            pipe.log(LINE)
        assert pipe.handler.lost > 0
        # The queue is empty enough by then that the next line comes through.
        written = pipe.read(f"{LINE}\n" * 8000)
        lost = pipe.handler.lost
        pipe.log("taken again")
        written += pipe.read("taken again\n")
        assert written.count(LINE) == number - lost
        (line,) = log.lines
        assert (line["level"], line["message"]) == (
            "WARNING",
            f"{lost} lines of the log were lost: they were not read in time.",
        )

    def test_a_reader_that_is_gone_is_no_error(self, pipe: Pipe) -> None:
        os.close(pipe.reading)
        pipe.log("lost")
        pipe.log("lost")
        pipe.handler.close()


def test_only_streams_are_written_in_the_background() -> None:
    handlers = {"stream": {"class": "logging.StreamHandler"}, "file": {"class": "logging.FileHandler"}}
    config = background_logging({"handlers": handlers, "loggers": {}})
    assert config["handlers"] == {
        "stream": {"()": "analyticsdataserver.observability.background.BackgroundHandler"},
        "file": {"class": "logging.FileHandler"},
    }
    assert handlers["stream"] == {"class": "logging.StreamHandler"}
