"""The log is written in the background, and nobody waits for whoever reads it."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from select import PIPE_BUF
from typing import Any

import pytest

from analyticsdataserver.observability import background
from analyticsdataserver.observability.background import WAITING, BackgroundStream, joined


class Pipe:
    """A pipe that somebody reads, or doesn't, and a stream that writes to it in the background."""

    def __init__(self) -> None:
        self.reading, writing = os.pipe()
        self.writing = os.fdopen(writing, "w")
        self.stream = BackgroundStream(self.writing)

    def read(self, until: str) -> str:
        text = ""
        while until not in text:
            text += os.read(self.reading, 1 << 16).decode()
        return text

    def close(self) -> None:
        with suppress(OSError):
            # Then nothing holds up the thread any more.
            os.close(self.reading)
        self.stream.close()
        with suppress(OSError):
            self.writing.close()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.stream.write(f"{number}\n")
    pipe.stream.flush()
    assert pipe.read("999\n").split() == [str(number) for number in range(1000)]


def test_closing_waits_until_all_are_written(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.stream.write(f"{number}\n")
    pipe.stream.close()
    assert not pipe.stream.thread.is_alive()
    assert len(os.read(pipe.reading, 1 << 16).split()) == 1000


@pytest.mark.parametrize("size", [1, 2, 100, PIPE_BUF - 1, PIPE_BUF, PIPE_BUF + 1])
@pytest.mark.parametrize("letter", ["x", "ä", "🎓"])
def test_lines_are_joined_as_far_as_a_pipe_takes_them_whole(size: int, letter: str) -> None:
    # In bytes, with the end of the line.
    line = letter * ((size - 1) // len(letter.encode())) + "\n"
    lines = [line] * 50
    texts = list(joined(lines))
    assert "".join(texts) == "".join(lines)
    assert all(text.endswith("\n") for text in texts)
    assert all(len(text.encode()) <= PIPE_BUF for text in texts if text != line)
    assert not any(len((one + another).encode()) <= PIPE_BUF for one, another in pairwise(texts))


def test_no_lines_are_no_text() -> None:
    assert list(joined([])) == []


class TestNobodyReads:
    LINE = "x" * 999 + "\n"

    def test_then_nobody_waits(self, pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(background, "PATIENCE", 0.1)
        stream = pipe.stream
        began = time.monotonic()
        for _ in range(WAITING + 500):
            stream.write(self.LINE)
        stream.close()
        assert time.monotonic() - began < 5
        assert stream.lines.qsize() <= WAITING + 1
        assert stream.lost > 0

    def test_then_the_log_tells_how_many_are_lost(self, pipe: Pipe, monkeypatch: pytest.MonkeyPatch, log: Any) -> None:
        monkeypatch.setattr(background, "WAITING", 300)
        stream = pipe.stream
        # More than the pipe holds.
        for _ in range(1000):
            stream.write(self.LINE)
        # Nothing fits into the pipe any more, and nothing may wait any more.
        waiting = -1
        while stream.lines.qsize() != waiting:
            waiting = stream.lines.qsize()
            time.sleep(0.1)
        for _ in range(300 - waiting):
            stream.write(self.LINE)
        lost = stream.lost
        assert 0 < lost < 1000
        stream.write("lost too\n")
        read = pipe.read(self.LINE * (1300 - waiting - lost))
        deadline = time.monotonic() + 10
        while stream.lost and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "lost too" not in read
        (line,) = log.lines
        assert (line["level"], line["message"]) == (
            "WARNING",
            f"{lost + 1} lines of the log were lost, because nobody read them.",
        )
        stream.write("taken again\n")
        pipe.read("taken again\n")

    def test_any_more_that_is_no_error(self, pipe: Pipe) -> None:
        os.close(pipe.reading)
        pipe.stream.write("to nobody\n")
        pipe.stream.write("to nobody\n")
        pipe.stream.close()
        assert not pipe.stream.thread.is_alive()


def test_it_is_for_streams_and_not_for_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to_stream, to_file = logging.StreamHandler(), logging.FileHandler(tmp_path / "log")
    monkeypatch.setattr(logging.root, "handlers", [to_stream, to_file])
    streams: list[Any] = [to_stream.stream, to_file.stream]
    background.begin()
    now: list[Any] = [to_stream.stream, to_file.stream]
    assert isinstance(now[0], BackgroundStream)
    assert now[0].stream is streams[0]
    assert now[1] is streams[1]
    logging.getLogger("x").warning("a line")
    background.end()
    to_file.close()
    assert capsys.readouterr().err == (tmp_path / "log").read_text() == "a line\n"
