"""How far a load is: a bar on a terminal, lines elsewhere."""

import io
import time

import pytest

from analytics_data_api.loading import progress
from analytics_data_api.loading.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.01)
    stream = io.StringIO()
    with Progress(stream) as shown:
        shown.begin("Checking a.csv")
        while "Checking" not in stream.getvalue():
            time.sleep(0.01)
        shown.begin("Loading video", 3000)
        shown.advance(1000)
        shown.advance(1000)
        while "2,000" not in stream.getvalue():
            time.sleep(0.01)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "Checking a.csv, after 0 seconds"
    assert lines[-1] == "Loading video: 2,000 of 3,000 rows, after 0 seconds"


def test_no_line_of_a_short_load() -> None:
    stream = io.StringIO()
    with Progress(stream) as shown:
        shown.begin("Loading video", 3000)
        shown.advance(3000)
    assert stream.getvalue() == ""


def test_a_bar_on_a_terminal() -> None:
    stream = Terminal()
    with Progress(stream) as shown:
        shown.begin("Loading video", 3000)
        shown.advance(3000)
        assert shown.bar.n == 3000
    assert "Loading video" in stream.getvalue()
    assert "3000" in stream.getvalue()
