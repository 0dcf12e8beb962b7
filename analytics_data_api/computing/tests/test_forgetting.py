"""Events that are removed: old ones, and those of a user."""

from datetime import date

import pytest

from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.forgetting import Removed, forget_user, prune
from analytics_data_api.computing.store import KINDS, EventStore
from analytics_data_api.computing.tests.conftest import Ingest, Rows, WriteLog, path_of
from analytics_data_api.computing.tests.events import COURSE, event

ONE = date(2025, 9, 1)
TWO = date(2025, 9, 2)


def events(day: str, user_id: object = 7, username: str = "ada") -> list[dict[str, object]]:
    """Return an event of each kind, of a day and a user."""
    time = f"{day}T10:00:00"
    data = {"course_id": COURSE, "user_id": user_id, "mode": "audit"}
    context = {"user_id": user_id}
    return [
        event("edx.course.enrollment.activated", time=time, event=data, context={"user_id": None}),
        event("play_video", time=time, event={"id": "v", "currentTime": 0}, context=context),
        event(
            "problem_check",
            "server",
            time=time,
            event={"problem_id": "p", "answers": {"a": "x"}},
            context=context,
            username=username,
        ),
    ]


def test_old_events(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    path = write_log("a.log", *events("2025-09-01"), *events("2025-09-02"))
    ingest_logs(path)
    assert prune(store, ONE) == [Removed(name, 0) for name in ("activity", "video", "answers", "location")]
    assert prune(store, TWO) == [
        Removed("activity", 3),
        Removed("video", 1),
        Removed("answers", 1),
        Removed("location", 0),
    ]
    for kind, days in {"activity": [TWO] * 3, "video": [TWO], "answers": [TWO], "enrollment": [ONE, TWO]}.items():
        assert sorted(row[-1] for row in rows(kind)) == days
    assert [path.parent.name for path in path_of(store).glob("video/*/*")] == ["date=2025-09-02"]
    assert ingest_logs(path)[0].read_as == str(path)
    assert all(removed.rows == 0 for removed in prune(store, TWO))


def test_a_user(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    ingest_logs(write_log("a.log", *events("2025-09-01"), *events("2025-09-01", 8, "bob"), *events("2025-09-02")))
    assert forget_user(store, 7) == [
        Removed("activity", 6),
        Removed("enrollment", 2),
        Removed("video", 2),
        Removed("answers", 2),
        Removed("location", 0),
    ]
    for kind in ("activity", "enrollment", "video", "answers"):
        assert {row[1 if kind != "answers" else 3] for row in rows(kind)} == {8}
    assert all(removed.rows == 0 for removed in forget_user(store, 7))


def test_a_user_stays_forgotten(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    ingest_logs(write_log("a.log", *events("2025-09-01")))
    forget_user(store, 7)
    (outcome,) = ingest_logs(write_log("b.log", *events("2025-09-02"), *events("2025-09-02", "7")))
    assert outcome.tally is not None
    assert outcome.tally.of_no_use == {"of a forgotten user": 6}
    assert outcome.tally.kept == 0
    assert all(rows(kind) == [] for kind in KINDS)


def test_answers_without_an_id(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    ingest_logs(
        write_log("a.log", *events("2025-09-01", None), *events("2025-09-01"), *events("2025-09-01", None, "bob"))
    )
    assert len(rows("answers")) == 3
    assert Removed("answers", 2) in forget_user(store, 7)
    assert Removed("answers", 1) in forget_user(store, 8, "bob")
    ingest_logs(write_log("b.log", *events("2025-09-02", None, "bob")))
    assert rows("answers") == []


def test_a_name_takes_the_key(store: EventStore) -> None:
    with pytest.raises(StoreError, match="takes the key"):
        forget_user(EventStore.open(path_of(store)), 7, "ada")


def test_another_command_has_the_store(store: EventStore) -> None:
    with store.lock("ingest_logs"):
        for command in (lambda: prune(store, ONE), lambda: forget_user(store, 7)):
            with pytest.raises(StoreError, match="in use by ingest_logs, process"):
                command()
