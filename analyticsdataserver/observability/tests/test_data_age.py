"""How old the data are is told without waiting for the database."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError

from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.observability import data_age
from analyticsdataserver.observability.data_age import NewestLoads
from analyticsdataserver.observability.metrics import DataAge
from analyticsdataserver.observability.tests.conftest import Log

LOADED = datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """A function that has the database answer what another one returns, or fail as it does."""

    def answer(function: Callable[[], Any]) -> None:
        monkeypatch.setattr(data_age, "newest_loads", lambda alias: function())

    return answer


@pytest.mark.django_db(databases=["analytics"], transaction=True)
def test_is_read_from_the_database_and_told_in_seconds() -> None:
    make.EnrollmentFactory(created=LOADED)
    before = datetime.now(UTC)
    (family,) = DataAge(NewestLoads()).collect()
    (sample,) = family.samples
    assert (sample.name, sample.labels) == ("dataapi_data_age_seconds", {"table": "course_enrollment_daily"})
    ages = [(moment - LOADED).total_seconds() for moment in (before, datetime.now(UTC))]
    assert ages[0] <= sample.value <= ages[1]


@pytest.mark.django_db(databases=["analytics"])
class TestAsking:
    def test_is_done_once_a_minute(self, answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[None] = []

        def answer() -> dict[str, datetime]:
            asked.append(None)
            return {"video": LOADED}

        answers(answer)
        loads = NewestLoads()
        assert [loads.known() for _ in range(3)] == [{"video": LOADED}] * 3
        assert len(asked) == 1
        now = time.monotonic()
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 59)
        loads.known()
        assert len(asked) == 1
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 61)
        loads.known()
        assert len(asked) == 2

    def test_that_takes_long_keeps_nobody_waiting(self, answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data_age, "WAIT", 0.05)
        answered = threading.Event()
        asked: list[None] = []

        def answer() -> dict[str, datetime]:
            asked.append(None)
            answered.wait(10)
            return {"video": LOADED}

        answers(answer)
        loads = NewestLoads()
        began = time.monotonic()
        assert [loads.known() for _ in range(3)] == [{}, {}, {}]
        assert time.monotonic() - began < 5
        assert len(asked) == 1
        thread = loads.asking
        assert thread is not None
        answered.set()
        thread.join(10)
        assert loads.known() == {"video": LOADED}

    def test_of_a_database_that_is_away_leaves_what_is_known(
        self, answers: Any, monkeypatch: pytest.MonkeyPatch, log: Log
    ) -> None:
        def fail() -> None:
            raise OperationalError(2002, "Can't connect")

        answers(lambda: {"video": LOADED})
        loads = NewestLoads()
        loads.known()
        now = time.monotonic()
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 61)
        answers(fail)
        assert loads.known() == {"video": LOADED}
        (line,) = log.lines
        assert (line["level"], line["request_id"]) == (logging.getLevelName(logging.WARNING), None)
        assert line["message"] == "The database analytics does not tell how old its data are."
        assert "Can't connect" in line["exception"]
        # It is left alone for a minute, too.
        loads.known()
        assert len(log.lines) == 1
        answers(lambda: {"video": LOADED, "video_timeline": LOADED})
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 122)
        assert loads.known() == {"video": LOADED, "video_timeline": LOADED}
