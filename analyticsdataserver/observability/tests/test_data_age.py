"""The age of the data is known without waiting for the database."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from analytics_data_api.tables.loads import newest_loads
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.observability import data_age
from analyticsdataserver.observability.data_age import NewestLoads
from analyticsdataserver.observability.metrics import DataAge
from analyticsdataserver.observability.tests.conftest import Log

LOADED = datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """A function that replaces the query by another function."""

    def answer(function: Callable[[], Any]) -> None:
        monkeypatch.setattr(data_age, "newest_loads", lambda alias: function())

    return answer


@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
def test_is_read_from_the_database_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    def newest_loads_of_this_thread(alias: str) -> Mapping[str, datetime]:
        loads = newest_loads(alias)
        # Django's close() leaves a database in memory open.
        BaseDatabaseWrapper.close(connections[alias])
        return loads

    monkeypatch.setattr(data_age, "newest_loads", newest_loads_of_this_thread)
    monkeypatch.setattr(data_age, "TIMEOUT", 60)
    make.EnrollmentFactory(created=LOADED)
    before = datetime.now(UTC)
    (family,) = DataAge(NewestLoads()).collect()
    (sample,) = family.samples
    assert (sample.name, sample.labels) == ("dataapi_data_age_seconds", {"table": "course_enrollment_daily"})
    ages = [(moment - LOADED).total_seconds() for moment in (before, datetime.now(UTC))]
    assert ages[0] <= sample.value <= ages[1]


@pytest.mark.django_db(databases=["default", "analytics"])
class TestQuery:
    def test_runs_once_a_minute(self, answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        queries: list[None] = []

        def answer() -> dict[str, datetime]:
            queries.append(None)
            return {"video": LOADED}

        answers(answer)
        loads = NewestLoads()
        assert [loads.latest() for _ in range(3)] == [{"video": LOADED}] * 3
        assert len(queries) == 1
        now = time.monotonic()
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 59)
        loads.latest()
        assert len(queries) == 1
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 61)
        loads.latest()
        assert len(queries) == 2

    def test_that_takes_long_does_not_block(self, answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data_age, "TIMEOUT", 0.05)
        answered = threading.Event()
        queries: list[None] = []

        def answer() -> dict[str, datetime]:
            queries.append(None)
            answered.wait(10)
            return {"video": LOADED}

        answers(answer)
        loads = NewestLoads()
        began = time.monotonic()
        assert [loads.latest() for _ in range(3)] == [{}, {}, {}]
        assert time.monotonic() - began < 5
        assert len(queries) == 1
        thread = loads.thread
        assert thread is not None
        answered.set()
        thread.join(10)
        assert loads.latest() == {"video": LOADED}

    def test_that_fails_leaves_the_last_result(self, answers: Any, monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
        def fail() -> None:
            raise OperationalError(2002, "Can't connect")

        answers(lambda: {"video": LOADED})
        loads = NewestLoads()
        loads.latest()
        now = time.monotonic()
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 61)
        answers(fail)
        assert loads.latest() == {"video": LOADED}
        (line,) = log.lines
        assert (line["level"], line["request_id"]) == (logging.getLevelName(logging.WARNING), None)
        assert line["message"] == "The times of the newest loads cannot be read from the database analytics."
        assert "Can't connect" in line["exception"]
        # It is not repeated for a minute, either.
        loads.latest()
        assert len(log.lines) == 1
        answers(lambda: {"video": LOADED, "video_timeline": LOADED})
        monkeypatch.setattr(data_age, "monotonic", lambda: now + 122)
        assert loads.latest() == {"video": LOADED, "video_timeline": LOADED}
