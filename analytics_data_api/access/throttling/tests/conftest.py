"""Fixtures of the tests of limits."""

import pytest

from analytics_data_api.access.throttling import counters


class Clock:
    """The time of the counters, which goes on only by :meth:`advance`."""

    def __init__(self) -> None:
        self.time = 1_700_000_000.25

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(counters, "now", clock)
    return clock
