"""Logs in the store: each once, whole or not at all, and nothing that it need not hold."""

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from analytics_data_api.computing import store as store_module
from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.ingest import ingest
from analytics_data_api.computing.logs import find_logs
from analytics_data_api.computing.store import ACTIVITY, KINDS, VIDEO, EventStore
from analytics_data_api.computing.tests.conftest import Ingest, Rows, WriteLog, path_of
from analytics_data_api.computing.tests.events import COURSE, end_process, event

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "tracking"
ONE = date(2025, 9, 1)
TWO = date(2025, 9, 2)


def on(day: str, user_id: int = 7) -> dict[str, object]:
    """Return an event of a day and user."""
    return event(time=f"{day}T10:00:00", context={"user_id": user_id})


def test_rows_by_day(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    (outcome,) = ingest_logs(write_log("a.log", on("2025-09-02"), on("2025-09-01"), on("2025-09-02"), "", on("x")))
    assert outcome.tally is not None
    assert (outcome.tally.lines, outcome.tally.kept) == (5, 3)
    assert rows("activity") == [(COURSE, 7, "ACTIVE", ONE), (COURSE, 7, "ACTIVE", TWO)]
    assert rows("video") == rows("answers") == rows("enrollment") == rows("location") == []
    assert store.days() == [ONE, TWO]
    assert len(store.parts(ACTIVITY, ONE, TWO)) == len(store.parts(ACTIVITY, TWO)) == 1
    assert store.parts(ACTIVITY, None, ONE) == store.parts(VIDEO) == []


def test_the_record(ingest_logs: Ingest, write_log: WriteLog, store: EventStore) -> None:
    path = write_log("a.log.gz", on("2025-09-01"), "", event(source="task"), event("play_video"))
    ingest_logs(path)
    (record,) = store.records()
    assert (record.name, record.lines, record.kept) == (str(path), 4, 2)
    assert (record.of_no_use, record.refused) == ({"of source task": 1}, {"empty": 1})
    assert record.dropped == {"activity": {"of source task": 1}, "video": {"without a video id": 1}}
    assert record.days == {"activity": {"2025-09-01": 1}}
    assert record.size == len(gzip.decompress(path.read_bytes()))


def test_a_log_is_read_once(ingest_logs: Ingest, write_log: WriteLog, store: EventStore) -> None:
    path = write_log("a.log", on("2025-09-01"))
    packed = write_log("b.log.gz", on("2025-09-01"))
    assert [outcome.read_as for outcome in ingest_logs(path)] == [None]
    for _ in range(2):
        assert [outcome.read_as for outcome in ingest_logs(path, packed)] == [str(path), str(path)]
    (record,) = store.records()
    assert len(record.versions) == 2


def test_the_same_contents_twice_in_one_run(ingest_logs: Ingest, write_log: WriteLog, rows: Rows) -> None:
    path = write_log("a.log", on("2025-09-01"))
    other = write_log("b.log", on("2025-09-01"))
    assert [outcome.read_as for outcome in ingest_logs(path, other)] == [None, str(path)]
    assert len(rows("activity")) == 1


def test_a_file_without_events_is_read_once(ingest_logs: Ingest, write_log: WriteLog, store: EventStore) -> None:
    path = write_log("empty.log.gz")
    ingest_logs(path)
    assert store.days() == []
    assert ingest_logs(path)[0].read_as == str(path)


def test_a_file_that_cannot_be_read(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    cut = write_log("b.log.gz", *(on("2025-09-01", user_id) for user_id in range(1, 500)))
    cut.write_bytes(cut.read_bytes()[:-20])
    first, broken, last = ingest_logs(
        write_log("a.log", on("2025-09-01")), cut, write_log("c.log", on("2025-09-01", 8))
    )
    assert first.fault is last.fault is None
    assert broken.fault is not None
    assert broken.fault.endswith(
        "b.log.gz is cut off: the end of its compressed data is missing. Nothing of it was kept."
    )
    assert rows("activity") == [(COURSE, 7, "ACTIVE", ONE), (COURSE, 8, "ACTIVE", ONE)]
    assert list(path_of(store).glob("new-*")) == []


def test_many_days_take_few_open_files(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "MAX_OPEN", 3)
    monkeypatch.setattr("analytics_data_api.computing.ingest.BYTES_AT_A_TIME", 1)
    monkeypatch.setattr("analytics_data_api.computing.logs.BLOCK_SIZE", 500)
    ingest_logs(write_log("a.log", *(on(f"2025-09-{1 + n % 10:02}", 1 + n) for n in range(40))))
    assert rows("activity") == sorted((COURSE, 1 + n, "ACTIVE", date(2025, 9, 1 + n % 10)) for n in range(40))


@pytest.mark.process
def test_a_process_that_is_killed(store: EventStore, write_log: WriteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics_data_api.computing.logs.BLOCK_SIZE", 500)
    path = write_log("a.log", *(on("2025-09-01", 1 + n) for n in range(200)))
    monkeypatch.setattr("analytics_data_api.computing.blocks._read", end_process)
    with pytest.raises(
        StoreError, match=r"a.log was not read: a process that read its lines was killed, perhaps for want"
    ):
        list(ingest(store, find_logs([str(path)]), processes=1))
    assert store.records() == []
    assert list(path_of(store).glob("new-*")) == []


@pytest.mark.process
def test_processes_read_as_one_does(
    tmp_path: Path, write_log: WriteLog, monkeypatch: pytest.MonkeyPatch, ingest_logs: Ingest, rows: Rows
) -> None:
    lines = [on(f"2025-09-0{1 + n % 3}", 1 + n % 50) if n % 7 else "nonsense" for n in range(400)]
    path = write_log("a.log", *lines)
    monkeypatch.setattr("analytics_data_api.computing.logs.BLOCK_SIZE", 10_000)
    other = EventStore.create(tmp_path / "other")
    (several,) = ingest(other, find_logs([str(path)]), processes=2)
    (one,) = ingest_logs(path)
    assert several.tally == one.tally
    assert several.tally is not None
    assert several.tally.examples == {"not JSON": (1, "nonsense")}
    with duckdb.connect() as connection:
        other.create_view(connection, ACTIVITY)
        assert connection.sql("SELECT DISTINCT * FROM activity ORDER BY ALL").fetchall() == sorted(
            set(rows("activity"))
        )


def test_a_second_run_at_the_same_time_is_refused(ingest_logs: Ingest, write_log: WriteLog, store: EventStore) -> None:
    path = write_log("a.log", on("2025-09-01"))
    with (
        store.lock("compute_tables"),
        pytest.raises(
            StoreError, match=rf"in use by compute_tables, process {os.getpid()} on .*\. Wait until it has end"
        ),
    ):
        ingest_logs(path)
    assert ingest_logs(path)[0].tally is not None


def test_what_a_run_left_behind_is_removed(
    ingest_logs: Ingest, write_log: WriteLog, store: EventStore, rows: Rows
) -> None:
    ingest_logs(write_log("a.log", on("2025-09-01")))
    (name,) = store.parts(ACTIVITY)
    part = path_of(store) / name
    orphan = part.with_name("0123-0.parquet")
    orphan.write_bytes(part.read_bytes())
    left = path_of(store) / "new-abc"
    left.mkdir()
    (left / "activity-2025-09-01-0").write_bytes(b"half")
    assert len(rows("activity")) == 1
    ingest_logs(write_log("b.log", on("2025-09-02")))
    assert not orphan.exists()
    assert not left.exists()
    assert len(rows("activity")) == 2


def test_a_record_whose_parts_are_named_by_the_file(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore
) -> None:
    """As records did before parts had names of their own."""
    path = write_log("a.log", on("2025-09-01"))
    ingest_logs(path)
    (record,) = store.records()
    (part,) = (path_of(store) / name for name in store.parts(ACTIVITY))
    part.rename(part.with_name(f"{record.file_id}-0.parquet"))
    document = path_of(store) / "files" / f"{record.file_id}.json"
    old = json.loads(document.read_text())
    del old["prefix"]
    document.write_text(json.dumps(old))
    ingest_logs(path)
    assert len(rows("activity")) == 1


@pytest.mark.process
@pytest.mark.parametrize("delay", [0.3, 0.6, 0.9, 1.2])
def test_a_run_that_is_killed(
    tmp_path: Path, write_log: WriteLog, delay: float, ingest_logs: Ingest, rows: Rows
) -> None:
    """Whenever it is killed, its logs are in the store whole or not at all, and the next run adds the others."""
    paths = [
        write_log(f"{n}.log", *(on(f"2025-09-{day:02}", user) for day in range(1, 29) for user in range(1, 40 + n)))
        for n in range(6)
    ]
    code = (
        "import sys; from pathlib import Path\n"
        "from analytics_data_api.computing.ingest import ingest\n"
        "from analytics_data_api.computing.logs import find_logs\n"
        "from analytics_data_api.computing.store import EventStore\n"
        "store = EventStore.create(Path(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "for _ in ingest(store, find_logs(sys.argv[2:]), processes=0): pass\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "events"), *map(str, paths)], stdout=subprocess.PIPE
    )
    assert killed.stdout is not None
    killed.stdout.readline()
    time.sleep(delay)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    found = Counter(user_id for _, user_id, *_ in rows("activity"))
    # Each log that is there has all its days, so that each user has a multiple of 28 rows.
    assert all(number % 28 == 0 for number in found.values())
    ingest_logs(*paths)
    after = rows("activity")
    assert len(after) == sum(28 * (39 + n) for n in range(6))
    assert len(set(after)) == 28 * 44


def test_a_full_disk(
    ingest_logs: Ingest, write_log: WriteLog, monkeypatch: pytest.MonkeyPatch, store: EventStore
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    path = write_log("a.log", on("2025-09-01"))
    with monkeypatch.context() as patched:
        patched.setattr(EventStore, "write_record", full)
        with pytest.raises(
            StoreError, match=r"a.log was not read: .*No space left on device.*\. Nothing of it was kept\.$"
        ):
            ingest_logs(path)
    assert store.records() == []
    assert ingest_logs(path)[0].tally is not None


def test_only_the_owner_can_read_the_store(ingest_logs: Ingest, write_log: WriteLog, store: EventStore) -> None:
    ingest_logs(write_log("a.log", on("2025-09-01")))
    for path in (path_of(store), *path_of(store).rglob("*"), path_of(store).with_name("events.key")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_store_holds_neither_names_nor_addresses(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore
) -> None:
    problem = {"problem_id": "p", "answers": {"a_2_1": "x"}}
    ingest_logs(
        write_log(
            "a.log", {**event("problem_check", "server", event=problem), "username": "adalovelace"}, "adalovelace"
        )
    )
    assert len(store.parts(ACTIVITY)) == 1
    # Parquet files are compressed: what they hold, not their bytes.
    texts = [str(rows(kind)) for kind in KINDS] + [path.read_text() for path in path_of(store).rglob("*.json")]
    assert "'p'" in str(rows("answers"))
    for text in texts:
        assert "adalovelace" not in text
        assert "192.0.2" not in text


# The store itself


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        StoreError, match=r"is no event store, and holds other files\. Name an empty or a new folder\.$"
    ):
        EventStore.create(tmp_path)
    with pytest.raises(StoreError, match=r"There is no event store in .*\. `\./manage\.py ingest_logs` makes it\.$"):
        EventStore.open(tmp_path)


def test_a_path_with_wildcards_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^The path of an event store cannot contain \* \? or \["):
        EventStore.create(tmp_path / "a[b]")


def test_another_layout(store: EventStore) -> None:
    (path_of(store) / "store.json").write_text(json.dumps({"version": 99}))
    with pytest.raises(StoreError, match=r"has the layout 99, and this version reads 1\. Name a new folder"):
        EventStore.open(path_of(store))


def test_the_key_lies_beside_the_store(store: EventStore) -> None:
    key = path_of(store).with_name("events.key")
    assert len(bytes.fromhex(key.read_text())) == 32
    again = EventStore.create(path_of(store))
    assert store.name_key is not None
    assert again.name_key is not None
    assert again.name_key.hash("ada") == store.name_key.hash("ada") != store.name_key.hash("Ada")
    assert key.read_text().strip() not in (path_of(store) / "store.json").read_text()


def test_a_key_elsewhere(tmp_path: Path) -> None:
    EventStore.create(tmp_path / "events", tmp_path / "secret")
    assert not (tmp_path / "events.key").exists()
    EventStore.create(tmp_path / "events", tmp_path / "secret")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            None,
            r"is missing\. Put it back, or name its file in EVENT_STORE_KEY_FILE\. If it is lost, remove the store and",
        ),
        ("no key", r"cannot be read"),
        ("abcd", r"does not hold a key of the hash of user names: 64 hexadecimal digits\.$"),
        ("00" * 32, r"is not the one with which this store has hashed user names\.$"),
    ],
)
def test_a_wrong_key(store: EventStore, text: str | None, message: str) -> None:
    key = path_of(store).with_name("events.key")
    key.unlink()
    if text is not None:
        key.write_text(text)
    with pytest.raises(StoreError, match=message):
        EventStore.create(path_of(store))
    EventStore.open(path_of(store))


# Countries


@pytest.fixture
def countries(tmp_path: Path) -> Path:
    """A database of the countries of some addresses."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True)
    writer.insert_network(
        IPSet(["192.0.2.0/25"]), {"country": {"iso_code": "DE"}, "registered_country": {"iso_code": "FR"}}
    )
    writer.insert_network(IPSet(["192.0.2.128/25"]), {"registered_country": {"iso_code": "FR"}})
    writer.insert_network(IPSet(["198.51.100.0/24"]), {"country": {"iso_code": "Europe"}})
    writer.insert_network(IPSet(["2001:db8::/32"]), {"country": {"iso_code": "JP"}})
    path = tmp_path / "countries.mmdb"
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def locations(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, countries: Path) -> Callable[..., list[Any]]:
    """Read lines with the database of countries, and return the rows of locations."""

    def locations(*lines: dict[str, Any]) -> list[Any]:
        ingest_logs(write_log("a.log", *lines), geo=countries)
        return rows("location")

    return locations


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("192.0.2.7", "DE"),
        ("2001:db8::1", "JP"),
        ("192.0.2.200", "UNKNOWN"),
        ("198.51.100.1", "UNKNOWN"),
        ("203.0.113.1", "UNKNOWN"),
        ("10.0.0.1", "UNKNOWN"),
        ("192.0.2.7, 10.0.0.1", "UNKNOWN"),
        ("192.0.2", "UNKNOWN"),
        ("192.0.2.7\x00", "UNKNOWN"),
        ("", "UNKNOWN"),
        (None, "UNKNOWN"),
        (3221225991, "UNKNOWN"),
        (["192.0.2.7"], "UNKNOWN"),
        (..., "UNKNOWN"),
    ],
)
def test_countries(locations: Callable[..., list[Any]], address: object, country: str) -> None:
    made = event(ip=address, time="2025-09-01T10:00:00Z")
    assert locations(made) == [(7, "2025-09-01T10:00:00", country, ONE)]


@pytest.mark.parametrize(
    "made",
    [
        event(source="task"),
        event(context={"course_id": "nonsense"}),
        event(context={"course_id": None}),
        event("edx.course.enrollment.activated", event={}),
        event(event=None),
    ],
)
def test_countries_of_events_of_whatever_kind(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, countries: Path, made: dict[str, object]
) -> None:
    (outcome,) = ingest_logs(write_log("a.log", made), geo=countries)
    assert outcome.tally is not None
    assert outcome.tally.kept == 1
    assert [country for _, _, country, _ in rows("location")] == ["DE"]


def test_the_country_of_the_newest_event_of_a_day(locations: Callable[..., list[Any]]) -> None:
    assert locations(
        event(ip="192.0.2.7", time="2025-09-01T10:00:00"),
        event(ip="2001:db8::1", time="2025-09-01T11:00:00"),
        event(ip="203.0.113.1", time="2025-09-01T09:00:00"),
        event(ip="192.0.2.7", time="2025-09-01T11:00:00"),
        event(ip="192.0.2.7", time="2025-09-02T00:00:00"),
    ) == [(7, "2025-09-01T11:00:00", "JP", ONE), (7, "2025-09-02T00:00:00", "DE", TWO)]


def test_a_log_is_read_again_for_countries(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, countries: Path, store: EventStore
) -> None:
    path = write_log("a.log", on("2025-09-01"))
    ingest_logs(path)
    assert not store.has_location()
    assert ingest_logs(path, geo=countries)[0].tally is not None
    assert store.has_location()
    assert len(rows("activity")) == len(rows("location")) == 1
    assert ingest_logs(path, geo=countries)[0].read_as == str(path)
    assert ingest_logs(path)[0].read_as == str(path)
    assert len(rows("location")) == 1


def test_a_database_of_countries_that_is_none(ingest_logs: Ingest, write_log: WriteLog, tmp_path: Path) -> None:
    path = write_log("a.log", on("2025-09-01"))
    for geo in (path, tmp_path / "missing.mmdb"):
        with pytest.raises(StoreError, match=r"^The database of countries .* cannot be read: "):
            ingest_logs(path, geo=geo)


# The log that is shared by the tests of the project


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared log is not beside the project")
def test_the_shared_log(ingest_logs: Ingest, rows: Rows) -> None:
    outcomes = ingest_logs(SHARED / "*.log.gz")
    tallies = [outcome.tally for outcome in outcomes if outcome.tally]
    contents = [gzip.decompress(path.read_bytes()) for path in SHARED.glob("*.log.gz")]
    assert sum(tally.lines for tally in tallies) == sum(map(len, map(bytes.splitlines, contents)))
    for tally in tallies:
        assert tally.kept + tally.of_no_use.total() + tally.refused.total() == tally.lines
    assert all(rows(kind) for kind in ("activity", "enrollment", "video", "answers"))
    assert {outcome.read_as is None for outcome in ingest_logs(SHARED / "*.log.gz")} == {False}
