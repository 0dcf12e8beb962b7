"""An event store in object storage."""

import http.server
import json
import logging
import pickle
import secrets
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import s3fs
from django.core.management import call_command
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from analytics_data_api.computing import computed, object_storage
from analytics_data_api.computing.blocks import Reading
from analytics_data_api.computing.engine import PYTHON_ERROR, DuckDBEngine
from analytics_data_api.computing.errors import ComputeError, StoreError, UnreachableError
from analytics_data_api.computing.forgetting import Removed, forget_user, prune
from analytics_data_api.computing.logs import find_logs
from analytics_data_api.computing.object_storage import ObjectLock, ObjectPlace
from analytics_data_api.computing.places import find_place
from analytics_data_api.computing.spark import session
from analytics_data_api.computing.spark.ingesting import LogTask
from analytics_data_api.computing.spark.rows import PartReader, RowWriter
from analytics_data_api.computing.store import ACTIVITY, EventStore
from analytics_data_api.computing.tables.rules import Period
from analytics_data_api.computing.tests import test_shared_log as shared_log
from analytics_data_api.computing.tests.conftest import Ingest, Rows, WriteLog
from analytics_data_api.computing.tests.events import COURSE, event
from analyticsdataserver.testing.object_storage import CREDENTIALS, NO_CREDENTIALS, make_bucket, running_storage

ONE, TWO = date(2025, 9, 1), date(2025, 9, 2)
PREFIX = "some/events"


def on(day: str, user_id: int = 7) -> dict[str, object]:
    return event(time=f"{day}T10:00:00", context={"user_id": user_id})


@pytest.fixture(scope="module")
def variables() -> Iterator[dict[str, str]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with running_storage() as variables:
        yield variables


@pytest.fixture(autouse=True)
def _new_clients() -> None:
    """Let clients of other variables not be used again."""
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of an empty bucket."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{secrets.token_hex(8)}"
    make_bucket(name)
    return name


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "events.key"


@pytest.fixture
def store(bucket: str, key: Path) -> EventStore:
    """A store without events, in place of the one in a folder."""
    return EventStore.create(f"s3://{bucket}/{PREFIX}", key)


@pytest.fixture
def place(store: EventStore) -> ObjectPlace:
    assert isinstance(store.place, ObjectPlace)
    return store.place


def other(place: ObjectPlace) -> ObjectPlace:
    """Return the place as another process has it."""
    copied: ObjectPlace = pickle.loads(pickle.dumps(place))  # noqa: S301 - ours
    return copied


def test_rows_by_day(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    path = write_log("a.log", on("2025-09-02"), on("2025-09-01"), on("2025-09-02"), "")
    (outcome,) = ingest_logs(path)
    assert outcome.tally is not None
    assert rows("activity") == [(COURSE, 7, "ACTIVE", ONE), (COURSE, 7, "ACTIVE", TWO)]
    assert rows("video") == []
    (record,) = store.records()
    assert sorted(store.place.names()) == [
        f"activity/date=2025-09-01/{record.prefix}-0.parquet",
        f"activity/date=2025-09-02/{record.prefix}-0.parquet",
        f"files/{record.file_id}.json",
        "lock",
        "store.json",
    ]
    assert ingest_logs(path)[0].read_as == str(path)


def test_s3a_is_s3(store: EventStore, bucket: str) -> None:
    assert EventStore.open(f"s3a://{bucket}/{PREFIX}/").place.name == store.place.name == f"s3://{bucket}/{PREFIX}"


def test_a_whole_bucket(bucket: str, key: Path) -> None:
    store = EventStore.create(f"s3://{bucket}", key)
    with store.lock("a command"), store.work_folder():
        assert sorted(store.place.names()) == ["lock", "store.json"]


def test_many_days_take_few_open_files(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analytics_data_api.computing.store.MAX_OPEN", 3)
    monkeypatch.setattr("analytics_data_api.computing.ingest.BYTES_AT_A_TIME", 1)
    monkeypatch.setattr("analytics_data_api.computing.logs.BLOCK_SIZE", 500)
    ingest_logs(write_log("a.log", *(on(f"2025-09-{1 + n % 10:02}", 1 + n) for n in range(40))))
    assert rows("activity") == sorted((COURSE, 1 + n, "ACTIVE", date(2025, 9, 1 + n % 10)) for n in range(40))


def test_a_log_that_is_read_again_has_its_rows_once(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore, tmp_path: Path
) -> None:
    writer = MMDBWriter()
    writer.insert_network(IPSet(["192.0.2.0/24"]), {"country": {"iso_code": "DE"}})
    writer.to_db_file(str(tmp_path / "countries.mmdb"))
    path = write_log("a.log", on("2025-09-01"))
    ingest_logs(path)
    (old,) = store.parts(ACTIVITY)
    ingest_logs(path, geo=tmp_path / "countries.mmdb")
    (new,) = store.parts(ACTIVITY)
    assert old != new
    assert old not in store.place.names()
    assert len(rows("activity")) == len(rows("location")) == 1


def test_what_a_run_left_behind_is_removed(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, place: ObjectPlace, store: EventStore
) -> None:
    ingest_logs(write_log("a.log", on("2025-09-01")))
    (part,) = store.parts(ACTIVITY)
    orphan = f"{part.rpartition('/')[0]}/0123-0.parquet"
    other(place).write(orphan, place.read(part))
    other(place).write("new-abc/rows/x.parquet", b"half")
    assert len(rows("activity")) == 1
    ingest_logs(write_log("b.log", on("2025-09-02")))
    assert len(rows("activity")) == 2
    assert not {orphan, "new-abc/rows/x.parquet"} & set(place.names())


def test_what_cannot_be_written_does_not_count(
    ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_log("a.log", on("2025-09-01"))
    with monkeypatch.context() as patched:
        patched.setattr(EventStore, "write_record", lambda *arguments: (_ for _ in ()).throw(OSError(28, "Full")))
        with pytest.raises(StoreError, match=r"a.log was not read: .*Full\. Nothing of it was kept\.$"):
            ingest_logs(path)
    assert store.records() == rows("activity") == []
    assert ingest_logs(path)[0].tally is not None


# Removing


def test_old_events(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore) -> None:
    ingest_logs(write_log("a.log", on("2025-09-01"), on("2025-09-02")))
    assert prune(store, TWO)[0] == Removed("activity", 1)
    assert rows("activity") == [(COURSE, 7, "ACTIVE", TWO)]
    assert not [name for name in store.place.names() if "2025-09-01" in name]


def test_a_user(ingest_logs: Ingest, write_log: WriteLog, rows: Rows, store: EventStore, key: Path) -> None:
    ingest_logs(write_log("a.log", on("2025-09-01", 7), on("2025-09-01", 8)))
    opened = EventStore.open(store.place.name, key, needs_key=True)
    assert forget_user(opened, 7, "ada")[0] == Removed("activity", 1)
    ingest_logs(write_log("b.log", on("2025-09-02", 7), on("2025-09-02", 8)))
    assert rows("activity") == [(COURSE, 8, "ACTIVE", ONE), (COURSE, 8, "ACTIVE", TWO)]


# The lock


def test_a_second_command_is_refused(place: ObjectPlace) -> None:
    with (
        place.lock("compute_tables"),
        pytest.raises(StoreError, match=r"is in use by compute_tables, process \d+ on .*, which was there \d+ s ago\."),
        other(place).lock("ingest_logs"),
    ):
        pass
    with other(place).lock("ingest_logs"):
        pass


def test_two_at_once(place: ObjectPlace) -> None:
    for _ in range(2):
        locks = [ObjectLock(other(place), f"command {number}") for number in range(3)]
        barrier = threading.Barrier(len(locks))

        def acquire(lock: ObjectLock, barrier: threading.Barrier = barrier) -> str:
            barrier.wait()
            try:
                lock.acquire()
            except StoreError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(len(locks)) as pool:
            messages = list(pool.map(acquire, locks))
        assert sorted("is in use" in message for message in messages) == [False, True, True]
        winner = locks[messages.index("")]
        winner.release()


def dead_owner(place: ObjectPlace) -> ObjectLock:
    """Take the lock as a process does that is killed."""
    lock = ObjectLock(other(place), "ingest_logs, process 1 on elsewhere")
    assert lock.put(lock.owner, IfNoneMatch="*") or lock.put(lock.owner, IfMatch=(lock.look() or ({}, "", 0))[1])
    return lock


def test_a_dead_owner(place: ObjectPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_owner(place)
    with pytest.raises(StoreError, match=r"in use by ingest_logs, process 1 on elsewhere, .* free 300 s after it was"):
        place.lock("compute_tables").__enter__()
    monkeypatch.setattr(object_storage, "SECONDS_TO_EXPIRE", -1)
    dead = (ObjectLock(other(place), "").look() or ({}, "", 0))[0]
    assert dead["owner"] == "ingest_logs, process 1 on elsewhere"
    lock = ObjectLock(place, "compute_tables")
    lock.acquire()
    assert (lock.look() or ({}, "", 0))[0]["owner"] == "compute_tables"
    lock.release()


def test_an_owner_that_is_there_renews_its_lock(place: ObjectPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_storage, "SECONDS_TO_RENEW", 0.01)
    with place.lock("compute_tables"):
        assert place.held is not None
        versions = set[str]()
        while len(versions) < 3:
            versions.add(place.held.version)
        place.write("x", b"")
    with other(place).lock("ingest_logs"):
        pass


def test_an_owner_that_has_lost_its_lock_writes_nothing_more(
    ingest_logs: Ingest,
    write_log: WriteLog,
    store: EventStore,
    place: ObjectPlace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(object_storage, "SECONDS_TO_RENEW", 0.01)
    write_record = EventStore.write_record

    def take_over(store: EventStore, record: Any) -> None:
        taker = ObjectLock(other(place), "another command")
        while not taker.put(taker.owner, IfMatch=(taker.look() or ({}, "", 0))[1]):
            pass
        assert place.held is not None
        place.held.thread.join()
        write_record(store, record)

    with monkeypatch.context() as patched:
        patched.setattr(EventStore, "write_record", take_over)
        with pytest.raises(StoreError, match=r"a\.log was not read: The lock of the event store .* was lost: .*"):
            ingest_logs(write_log("a.log", on("2025-09-01")))
    assert store.records() == []
    found = ObjectLock(other(place), "").look()
    assert found is not None
    # It is still the other one's.
    assert found[0]["owner"] == "another command"


def test_an_owner_that_cannot_renew_its_lock_stops_in_time(place: ObjectPlace) -> None:
    with place.lock("compute_tables"):
        assert place.held is not None
        place.held.renewed -= 239
        place.write("x", b"")
        place.held.renewed -= 2
        for write in (
            lambda: place.write("x", b""),
            lambda: place.remove(["x"]),
            lambda: place.add(Path("/nonexistent")),
        ):
            with pytest.raises(StoreError, match=r"could not be renewed for 241 s, and another command may have taken"):
                write()


def test_a_request_that_was_repeated(place: ObjectPlace) -> None:
    """The lock was written, but the answer was lost: the second attempt finds the condition not met."""
    lock = dead_owner(place)
    lock.version = '"0"'
    assert lock.renew()
    again = ObjectLock(other(place), lock.owner)
    again.token = lock.token
    again.acquire()
    again.release()


def test_storage_that_ignores_conditions(place: ObjectPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    call = ObjectLock.call

    def ignore(lock: ObjectLock, method: str, IfMatch: str = "", IfNoneMatch: str = "", **arguments: Any) -> Any:  # noqa: N803 - the SDK's names
        return call(lock, method, **arguments)

    monkeypatch.setattr(ObjectLock, "call", ignore)
    with pytest.raises(StoreError, match=r"ignores the conditions If-None-Match and If-Match of PUT\. Without them"):
        place.lock("compute_tables").__enter__()


# What is wrong


@pytest.mark.parametrize("end", ["\n", "\n\n"], ids=["Python 3.12", "Python 3.13"])
def test_an_error_of_python_is_found_in_that_of_duckdb(end: str) -> None:
    lines = (
        "Traceback (most recent call last):",
        '  File "core.py", line 1, in _info',
        "PermissionError: Access Denied\n",
    )
    found = PYTHON_ERROR.search(f"IO Error: {end.join(lines)}")
    assert found is not None
    assert found["text"] == "PermissionError: Access Denied"


def test_parts_that_cannot_be_read(
    ingest_logs: Ingest,
    write_log: WriteLog,
    place: ObjectPlace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*arguments: object, **keywords: object) -> None:
        raise PermissionError("Access Denied")

    ingest_logs(write_log("a.log", on("2025-09-01")))
    store = EventStore(place, None, {})
    activity = ibis.table({"course_id": "string"}, name="activity")
    with DuckDBEngine(store, Period(ONE, TWO, TWO), 10**9, tmp_path) as engine:
        engine.add_events(ACTIVITY, whole=True)
        with monkeypatch.context() as patched:
            patched.setattr(place.files, "_call_s3", refuse)
            with pytest.raises(ComputeError, match=r"^The event store s3://.* cannot be read: .*Access Denied$"):
                engine.rows(activity)
        other(place).remove(store.parts(ACTIVITY))
        for use in (lambda: engine.rows(activity), lambda: engine.add_events(ACTIVITY, whole=True)):
            with pytest.raises(ComputeError, match=r'^DuckDB: .*"s3://.*/activity/date=2025-09-01/.*-0\.parquet"$'):
                use()


def test_there_is_no_store(bucket: str) -> None:
    with pytest.raises(StoreError, match=rf"^There is no event store in s3://{bucket}/x\. `\./manage\.py ingest_logs`"):
        EventStore.open(f"s3://{bucket}/x")


def test_there_is_no_bucket(bucket: str, key: Path) -> None:
    message = r"^The event store s3://no-bucket/x cannot be reached: The specified bucket does not exist\.$"
    with pytest.raises(StoreError, match=message):
        EventStore.open("s3://no-bucket/x")
    with pytest.raises(StoreError, match=message):
        EventStore.create("s3://no-bucket/x", key)
    assert not key.exists()


def test_other_files(place: ObjectPlace, bucket: str, key: Path) -> None:
    with pytest.raises(StoreError, match=r"^s3://.*/some is no event store, and holds other files\."):
        EventStore.create(f"s3://{bucket}/some", key)


def test_the_key_has_to_be_named(bucket: str) -> None:
    message = r"does not lie in the event store .*: name a file on this machine in EVENT_STORE_KEY_FILE\.$"
    with pytest.raises(StoreError, match=message):
        EventStore.create(f"s3://{bucket}/x")
    assert find_place(f"s3://{bucket}/x").names() == []


class Refusing(http.server.BaseHTTPRequestHandler):
    """Refuses all requests, as Amazon does without rights."""

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_without_rights(monkeypatch: pytest.MonkeyPatch, key: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name, value in (CREDENTIALS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}"}).items():
            monkeypatch.setenv(name, value)
        message = r"^The event store s3://bucket/x cannot be reached: (Access Denied|Forbidden)\.$"
        with pytest.raises(StoreError, match=message):
            EventStore.open("s3://bucket/x")
        with pytest.raises(StoreError, match=message):
            EventStore.create("s3://bucket/x", key)
        server.shutdown()
    assert not key.exists()


def test_without_credentials(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables:
        monkeypatch.delenv(name, raising=False)
    for name, value in NO_CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", variables["AWS_ENDPOINT_URL"])
    with pytest.raises(StoreError, match=r"^The event store s3://bucket/x cannot be reached: Unable to locate credent"):
        EventStore.open("s3://bucket/x")


def test_an_endpoint_that_is_none(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    with pytest.raises(StoreError, match=r"^The event store s3://.* cannot be reached: Invalid endpoint: nonsense\.$"):
        EventStore.open(f"s3://{bucket}/x")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(StoreError, match=r"^A store in s3:// takes the package s3fs: "):
        EventStore.open("s3://bucket/x")
    # What only looks at the store does without.
    assert computed.freshness(find_place("s3://bucket/x"), "analytics") == {}


@pytest.mark.parametrize(
    "url", ["gs://bucket/x", "s3://", "s3:///x", "s3://a bucket/x", "s3://bucket!", "http://bucket/x"]
)
def test_other_urls(url: str) -> None:
    with pytest.raises(StoreError, match=rf"^An event store is a folder, or s3://bucket/prefix: {url} is neither\.$"):
        EventStore.open(url)


# What workers of a cluster do; see also ``make test-spark``


def test_a_log_is_read_as_on_a_worker(place: ObjectPlace, store: EventStore, write_log: WriteLog) -> None:
    (log,) = find_logs([str(write_log("a.log.gz", event(), b"no JSON"))])
    found = pickle.loads(pickle.dumps(LogTask(log, place, Reading(b"k" * 32))))()  # noqa: S301 - ours
    assert f"activity/date=2025-09-01/{found['prefix']}-0.parquet" in place.names()
    assert store.records() == []


def test_what_a_worker_finds_of_the_store(place: ObjectPlace) -> None:
    place.write("new-run/probe/token", b"t")
    _, fault, token, name = session.Look(other(place), "new-run/probe")()
    assert (fault, token) == ("", "t")
    assert session.is_there(place, f"new-run/probe/{name}")
    assert session.Look(ObjectPlace("no-bucket", "x"), "new-run/probe")()[1] == (
        "The event store s3://no-bucket/x cannot be reached: The specified bucket does not exist."
    )


def test_rows_that_workers_read_and_write(
    place: ObjectPlace, store: EventStore, ingest_logs: Ingest, write_log: WriteLog, tmp_path: Path
) -> None:
    ingest_logs(write_log("a.log", on("2025-09-01"), on("2025-09-02")))
    names = tuple(store.parts(ACTIVITY))
    reader = PartReader(other(place), names, ("course_id", "user_id", "label"))
    rows = list(reader([pa.RecordBatch.from_pydict({"id": [0, 1]})]))
    assert [row for batch in rows for row in batch.to_pylist()] == [
        {"course_id": COURSE, "user_id": 7, "label": "ACTIVE", "date": day} for day in (ONE, TWO)
    ]
    (written,) = RowWriter(other(place), "new-run/rows")(rows)
    (name,) = written.column("name").to_pylist()
    assert pq.read_table(place.fetch(name, tmp_path)).to_pylist() == [
        row for batch in rows for row in batch.to_pylist()
    ]
    assert list(RowWriter(other(place), "new-run/rows")([])) == []


# The log of the contract


@pytest.mark.slow
@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
@pytest.mark.skipif(
    not shared_log.FOLDER.is_dir(), reason="the log lies beside the checkout, in ../shared/data/tracking"
)
def test_the_tables_of_the_log(bucket: str, key: Path, settings: Any) -> None:
    settings.EVENT_STORE = url = f"s3://{bucket}/{PREFIX}"
    settings.EVENT_STORE_KEY_FILE = key
    shared_log.ingest(url, *sorted(shared_log.FOLDER.glob("*.log.gz")))
    shared_log.compute(url)
    for table in shared_log.TABLES:
        shared_log.compare(table)
    names = find_place(url).names()
    assert not [name for name in names if name.startswith("new-")]
    assert "computed.json" in names
    output = StringIO()
    call_command("check_tables", "--quick", "--format", "json", stdout=output)
    found = {
        table["table"]: [each["code"] for each in table["findings"]]
        for table in json.loads(output.getvalue())["tables"]
    }
    assert "computed" in found["course_activity"]


def test_an_unreachable_store_is_both_kinds_of_errors() -> None:
    error = UnreachableError("text")
    assert (str(error), error.strerror) == ("text", None)
    assert isinstance(error, OSError)
