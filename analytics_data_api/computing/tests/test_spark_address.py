"""Addresses of clusters of Spark, and what is refused before any is reached; a cluster is in ``make test-spark``."""

import os
import pickle
import shutil
import socket
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics_data_api.computing.blocks import Reading, Tally
from analytics_data_api.computing.errors import EngineError, StoreError
from analytics_data_api.computing.ingest import Contents
from analytics_data_api.computing.logs import find_logs
from analytics_data_api.computing.places import NEW, LocalPlace
from analytics_data_api.computing.spark import address as addresses
from analytics_data_api.computing.spark import session
from analytics_data_api.computing.spark.address import Address
from analytics_data_api.computing.spark.ingesting import LogTask, from_json
from analytics_data_api.computing.store import ACTIVITY, EventStore
from analytics_data_api.computing.tests.conftest import WriteLog, path_of
from analytics_data_api.computing.tests.events import event

PROTECTED = {
    "spark.authenticate": "true",
    "spark.authenticate.secret": "s",
    "spark.network.crypto.enabled": "true",
}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPARK_CONF_DIR", "SPARK_HOME", "JAVA_HOME", addresses.TOKEN_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "places", "shown"),
    [
        ("spark://host:7077", (("host", 7077),), "spark://host:7077"),
        ("spark://a:7077,b:7078", (("a", 7077), ("b", 7078)), "spark://a:7077,b:7078"),
        ("spark://[::1]:7077", (("::1", 7077),), "spark://::1:7077"),
        ("sc://host", (("host", 15002),), "sc://host:15002"),
        ("sc://host:443/;use_ssl=true;token=secret", (("host", 443),), "sc://host:443"),
    ],
)
def test_an_address(text: str, places: Any, shown: str) -> None:
    address = Address.parse(text)
    assert address.places == places
    assert str(address) == shown


@pytest.mark.parametrize(
    "text",
    [
        "duckdb2",
        "",
        "spark://",
        "spark://host",
        "spark://host:0",
        "spark://host:65536",
        "spark://a:1,b",
        "sc://a:1,b:2",
        "http://host:7077",
        "local[2]",
        "sc://host/;token",
        "spark://user@host:7077",
    ],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(EngineError, match="An engine is duckdb, spark://host:port of a master, or sc://host:port"):
        Address.parse(text)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_this_machine_needs_no_protection(scheme: str, host: str) -> None:
    Address.parse(f"{scheme}://{host}:7077").require_protection({})


@pytest.mark.parametrize("name", PROTECTED)
@pytest.mark.parametrize(
    "host", ["192.0.2.7", "spark.example.com", "127.0.0.1:7077,192.0.2.7", "localhost.example.com"]
)
def test_another_machine_without_a_setting(name: str, host: str) -> None:
    address = Address.parse(f"spark://{host}:7077")
    address.require_protection(PROTECTED)
    settings = {key: value for key, value in PROTECTED.items() if key != name}
    with pytest.raises(EngineError, match=f"is another machine, and would get user ids.*cluster: {name}"):
        address.require_protection(settings)
    with pytest.raises(EngineError, match=name):
        address.require_protection(settings | {name: "false" if name != "spark.authenticate.secret" else ""})


def test_tls_in_place_of_encryption() -> None:
    settings = PROTECTED | {"spark.network.crypto.enabled": "false", "spark.ssl.rpc.enabled": "true"}
    Address.parse("spark://host:7077").require_protection(settings)


def test_spark_connect_on_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    Address.parse("sc://host/;use_ssl=true;token=t").require_protection({})
    for text in ("sc://host", "sc://host/;token=t", "sc://host/;use_ssl=true"):
        with pytest.raises(EngineError, match="Spark Connect takes use_ssl=true") as raised:
            Address.parse(text).require_protection(PROTECTED)
        assert "token=t" not in str(raised.value)
    monkeypatch.setenv(addresses.TOKEN_VARIABLE, "t")
    Address.parse("sc://host/;use_ssl=true").require_protection({})


def test_settings_are_read_where_spark_reads_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses.read_settings() == {}
    assert addresses.where_to_set() == "spark-defaults.conf in the folder that SPARK_CONF_DIR names"
    (tmp_path / "conf").mkdir()
    path = tmp_path / "conf" / "spark-defaults.conf"
    monkeypatch.setenv("SPARK_HOME", str(tmp_path))
    assert addresses.read_settings() == {}
    path.write_text("# spark.no true\n\nspark.a  true \nspark.b=x=y\n  spark.c : z\nspark.d\n!spark.e f\n")
    assert addresses.read_settings() == {"spark.a": "true", "spark.b": "x=y", "spark.c": "z"}
    monkeypatch.setenv("SPARK_CONF_DIR", str(path.parent))
    assert addresses.where_to_set() == str(path)
    path.write_bytes(b"\xff")
    with pytest.raises(EngineError, match=r"spark-defaults\.conf cannot be read"):
        addresses.read_settings()


def test_a_master_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        Address.parse(f"spark://127.0.0.1:{port}").require_answer()
    with pytest.raises(EngineError, match=rf"^Nothing answers at spark://127.0.0.1:{port}: .*refused"):
        Address.parse(f"spark://127.0.0.1:{port}").require_answer()


def test_java_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=r"Spark takes Java 17 or newer, which is not here .*openjdk-17-jre-headless"):
        session.require_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").touch(0o755)
    session.require_java()


@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
def test_pyspark_is_missing(monkeypatch: pytest.MonkeyPatch, store: EventStore) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)
    for command in ("compute_tables", "ingest_logs"):
        logs = [__file__] if command == "ingest_logs" else []
        with pytest.raises(CommandError, match=r"Spark takes the packages of requirements/spark\.txt"):
            call_command(command, *logs, "--store", str(path_of(store)), "--engine", "spark://localhost:7077")
    assert not list(path_of(store).glob(f"{NEW}*"))


@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
@pytest.mark.parametrize("command", ["compute_tables", "ingest_logs"])
def test_an_engine_that_is_not_known(command: str, store: EventStore) -> None:
    logs = [__file__] if command == "ingest_logs" else []
    with pytest.raises(CommandError, match="An engine is duckdb, spark://"):
        call_command(command, *logs, "--store", str(path_of(store)), "--engine", "trino")


def test_workers_need_neither_django_nor_the_checkout(tmp_path: Path) -> None:
    archive = session.pack_code(tmp_path)
    names = zipfile.ZipFile(archive).namelist()
    assert "analytics_data_api/computing/events.py" in names
    assert not any("/tests/" in name for name in names)
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r}); import analytics_data_api.computing.spark.ingesting as it;"
        "assert '.zip' in it.__file__; assert not {'django', 'pyspark', 'duckdb', 'ibis'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PATH": os.environ["PATH"]}, check=True)


def test_a_log_is_read_as_on_a_worker(store: EventStore, write_log: WriteLog) -> None:
    """What a worker gets is pickled, and what it returns is JSON; see also ``make test-spark``."""
    (log,) = find_logs([str(write_log("a.log.gz", event(), b"no JSON", event(context={"user_id": None})))])
    found = pickle.loads(pickle.dumps(LogTask(log, store.place, Reading(b"k" * 32))))()  # noqa: S301 - ours
    assert found["parts"] == {"activity": {"2025-09-01": 1}}
    assert (path_of(store) / "activity" / "date=2025-09-01" / f"{found['prefix']}-0.parquet").exists()
    # No record lists it.
    assert store.parts(ACTIVITY) == []
    contents = from_json(found["contents"])
    assert contents == Contents(contents.digest, contents.size, contents.tally)
    assert contents.tally.lines == 3
    assert contents.tally.kept == 1
    assert contents.tally.dropped == {("activity", "without a valid user id"): 1}
    assert from_json({"digest": "", "size": 0, "tally": vars(Tally()) | {"dropped": []}}).tally == Tally()


def test_a_worker_that_cannot_read_a_log_or_write(store: EventStore, write_log: WriteLog) -> None:
    (log,) = find_logs([str(write_log("a.log", event()))])
    gone = LogTask(log, LocalPlace(path_of(store) / "gone"), Reading(b"k" * 32))()
    assert gone["failure"].startswith(f"{log.name} was not read: No such file or directory.")
    Path(log.path).unlink()
    assert LogTask(log, store.place, Reading(b"k" * 32))()["fault"].startswith(f"{log.name} cannot be read: ")


def test_what_a_worker_finds_of_the_store(tmp_path: Path) -> None:
    place = LocalPlace(tmp_path / "events")
    place.write("new-run/probe/token", b"t")
    host, fault, token, name = session.Look(place, "new-run/probe")()
    assert (host, fault, token) == (socket.gethostname(), "", "t")
    assert session.is_there(place, f"new-run/probe/{name}")
    assert not session.is_there(place, "new-run/probe/another")
    shutil.rmtree(place.path)
    assert session.Look(place, "new-run/probe")()[1:3] == ("No such file or directory", "")


def test_an_error_of_python_on_a_worker_is_one_line() -> None:
    text = (
        "[X] Job aborted due to stage failure: Task 0 failed\nTraceback (most recent call last):\n"
        "  File \"worker.py\", line 1, in main\n    process()\nModuleNotFoundError: No module named 'orjson'\n"
        "\n\tat org.apache.spark.api.python.BasePythonRunner(PythonRunner.scala:1)\n\nDriver stacktrace:"
    )
    assert session.reason_of(StoreError(text)).startswith(
        "ModuleNotFoundError: No module named 'orjson' (workers need the packages of requirements/spark.txt"
    )
    assert session.reason_of(StoreError("\n One.\nTwo")) == "One."
    assert session.reason_of(StoreError()) == "StoreError"


def test_work_that_is_given_up() -> None:
    import threading

    release = threading.Event()
    with pytest.raises(TimeoutError):
        session.Attempt(release.wait).wait(0.1)
    release.set()
    assert session.Attempt(lambda: 7).wait(10) == 7
    with pytest.raises(ZeroDivisionError):
        session.Attempt(lambda: 1 // 0).wait(10)
