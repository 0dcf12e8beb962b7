"""The commands about the event store on a cluster of Apache Spark: a real one, on this machine.

``make test-spark`` runs them; other runs leave them out. The tables that DuckDB computes are what Spark's are compared
with, and those of the contract where they are at hand.
"""

import csv
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from analytics_data_api.computing.places import find_place
from analytics_data_api.computing.tables import RULES
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.cluster import answers, free_ports
from analyticsdataserver.testing.object_storage import make_bucket, running_storage
from analyticsdataserver.testing.spark import (
    SparkCluster,
    SparkUnavailableError,
    running_cluster,
    running_connect,
    write_settings,
)

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]

# The log of the contract beside the checkout, or the smaller one of `make demo-logs`.
SHARED: Final = BASE_DIR.parent / "shared" / "data" / "tracking"
FIXTURES: Final = BASE_DIR / "fixtures" / "tracking"
LOGS: Final = SHARED if SHARED.is_dir() else FIXTURES
# Of what is added to the rows of the contract.
ODD_COURSE: Final = "course-v1:Odd+Odd+Odd"
RANGE: Final = ("--from", "2025-09-01", "--to", "2025-09-22")
SECONDS: Final = 600
UNBUFFERED: Final = {"PYTHONUNBUFFERED": "1"}


class Site:
    """A database, event stores, and the commands that use them.

    Attributes:
        folder: Where all of it lies.
        environment: The variables of the commands.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
            "DATABASE_URL": f"sqlite:///{folder / 'default.db'}",
            "ANALYTICS_DATABASE_URL": f"sqlite:///{folder / 'analytics.db'}",
            **variables,
        }
        self.lms = folder / "lms"
        # The one of the contract has no enrollments.
        shutil.copytree(FIXTURES, self.lms)
        shutil.copytree(LOGS, self.lms, dirs_exist_ok=True)
        self.add_odd_rows()
        self.manage("migrate", "-v0", "--database", "analytics")

    def add_odd_rows(self) -> None:
        """Add what is nearly a number, which one engine could take for one: it counts for none."""
        for table, column in (("auth_userprofile", "user_id"), ("courseware_studentmodule", "grade")):
            path = self.lms / f"{table}.csv"
            with path.open(newline="", encoding="utf-8") as file:
                columns, first, *_ = csv.reader(file)
            with path.open("a", newline="", encoding="utf-8") as file:
                for value in ("5\u2028", "5\x85", "\v5", "5 5", "5d", "0x5", "1e", "NaN", "Infinity"):
                    row = dict(zip(columns, first, strict=True)) | {column: value}
                    if "course_id" in row:
                        row["course_id"] = ODD_COURSE
                    csv.writer(file, lineterminator="\n").writerow(row.values())

    def start(self, *arguments: object, variables: Mapping[str, str] = MappingProxyType({})) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=BASE_DIR,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def manage(self, *arguments: object, status: int = 0, variables: Mapping[str, str] = MappingProxyType({})) -> str:
        """Run a command, and return what it prints."""
        process = self.start(*arguments, variables=variables)
        output, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == status, output
        return output

    def geo(self) -> Path:
        path = self.folder / "countries.mmdb"
        if not path.exists():
            writer = MMDBWriter()
            for country, network in (("DE", "0.0.0.0/2"), ("FR", "128.0.0.0/2"), ("ES", "192.0.0.0/4")):
                writer.insert_network(IPSet([network]), {"country": {"iso_code": country}})
            writer.to_db_file(str(path))
        return path

    def ingest(self, store: Path | str, engine: str, variables: Mapping[str, str] = MappingProxyType({})) -> str:
        logs = sorted(LOGS.glob("*.log.gz"))
        return self.manage(
            "ingest_logs", *logs, "--store", store, "--geo", self.geo(), "--engine", engine, variables=variables
        )

    def options(self, store: Path | str, engine: str) -> tuple[object, ...]:
        return ("compute_tables", *RANGE, "--lms-files", self.lms, "--store", store, "--engine", engine)

    def compute(
        self, store: Path | str, engine: str, *more: str, variables: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Counter[tuple[Any, ...]]]:
        """Compute the tables, and return the rows of each."""
        self.manage(*self.options(store, engine), *more, variables=variables)
        return self.tables()

    def tables(self) -> dict[str, Counter[tuple[Any, ...]]]:
        """Return the rows of each table, and remove them."""
        found = {}
        with closing(sqlite3.connect(self.folder / "analytics.db")) as connection:
            for table in RULES:
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                columns = sorted(column for column in columns if column not in {"id", "created"})
                found[table] = Counter(connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall())  # noqa: S608 - names of ours
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            connection.commit()
        return found


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    """The variables by which object storage is used, with a bucket named events."""
    with running_storage() as variables, pytest.MonkeyPatch.context() as patched:
        for name, value in variables.items():
            # Of this process and of what it starts: workers as well as commands.
            patched.setenv(name, value)
        make_bucket("events")
        yield variables


@pytest.fixture(scope="module")
def cluster(storage: dict[str, str]) -> Iterator[SparkCluster]:
    del storage
    try:
        with running_cluster() as cluster:
            yield cluster
    except SparkUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, cluster: SparkCluster) -> Site:
    return Site(tmp_path_factory.mktemp("site"), **cluster.environment)


@pytest.fixture(scope="module")
def of_duckdb(site: Site) -> Path:
    """The store that this machine has made of the logs, with what the command has printed in a file beside it."""
    store = site.folder / "of-duckdb"
    printed = site.ingest(store, "duckdb")
    store.with_suffix(".txt").write_text(printed)
    return store


@pytest.fixture(scope="module")
def of_spark(site: Site, cluster: SparkCluster) -> Path:
    """The store that Spark has made of the logs."""
    store = site.folder / "of-spark"
    printed = site.ingest(store, cluster.url)
    store.with_suffix(".txt").write_text(printed)
    return store


@pytest.fixture(scope="module")
def expected(site: Site, of_duckdb: Path) -> dict[str, Counter[tuple[Any, ...]]]:
    """The rows that DuckDB computes."""
    tables = site.compute(of_duckdb, "duckdb")
    assert all(tables.values())
    return tables


def part_names(store: Path) -> list[Path]:
    return [path.relative_to(store) for path in store.rglob("*.parquet")]


def test_lines_become_the_same(of_spark: Path, of_duckdb: Path) -> None:
    printed, expected = (path.with_suffix(".txt").read_text().splitlines() for path in (of_spark, of_duckdb))
    # Logs come in another order.
    assert sorted(printed) == sorted(expected)
    assert not list(of_spark.glob("new-*"))
    names, others = (sorted(path.parent for path in part_names(store)) for store in (of_spark, of_duckdb))
    assert names == others


def test_spark_computes_the_rows_of_duckdb_from_its_own_store(
    site: Site, cluster: SparkCluster, of_spark: Path, expected: Any
) -> None:
    assert site.compute(of_spark, cluster.url) == expected


def test_duckdb_reads_the_store_of_spark(site: Site, of_spark: Path, expected: Any) -> None:
    assert site.compute(of_spark, "duckdb") == expected


def test_the_rows_are_those_of_the_contract(expected: dict[str, Counter[tuple[Any, ...]]]) -> None:
    if LOGS != SHARED:
        pytest.skip("the log of the contract lies beside the checkout, in ../shared/data/tracking")
    for path in LOGS.glob("expected_*.tsv"):
        with path.open(newline="", encoding="utf-8") as file:
            lines = [
                [cell for _, cell in sorted(line.items())]
                for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            ]
        rows = expected[path.stem.removeprefix("expected_")]
        found = Counter(tuple(map(comparable, row)) for row in rows.elements() if ODD_COURSE not in row)
        assert found == Counter(tuple(map(comparable, line)) for line in lines)


def comparable(value: Any) -> str:
    """Return a number as a number's text, a day without a time, and any other value as its text."""
    text = r"\N" if value is None else str(value).removesuffix(" 00:00:00")
    try:
        return str(float(text))
    except ValueError:
        return text


def test_a_log_that_was_read_is_skipped(site: Site, cluster: SparkCluster, of_duckdb: Path) -> None:
    assert site.ingest(of_duckdb, cluster.url).splitlines()[-1].startswith("Files: 0 read, ")


def test_spark_reads_the_store_of_duckdb_while_a_worker_is_killed(
    site: Site, cluster: SparkCluster, of_duckdb: Path, expected: Any, record_property: Any
) -> None:
    started = time.monotonic()
    process = site.start(*site.options(of_duckdb, cluster.url), variables=UNBUFFERED)
    assert process.stdout is not None
    # The first table is there: both executors have parts of what is computed.
    assert "course_activity" in process.stdout.readline()
    assert cluster.executors(2)
    cluster.kill_worker(2)
    killed = time.monotonic()
    output, _ = process.communicate(timeout=SECONDS)
    ended = time.monotonic()
    record_property("seconds", f"killed after {killed - started:.1f} s, done {ended - killed:.1f} s later")
    cluster.start_worker(2)
    assert process.returncode == 0, output
    assert site.tables() == expected


def test_a_worker_is_killed_while_logs_are_read(site: Site, cluster: SparkCluster, expected: Any) -> None:
    store = site.folder / "killed"
    logs = sorted(LOGS.glob("*.log.gz"))
    process = site.start("ingest_logs", *logs, "--store", store, "--geo", site.geo(), "--engine", cluster.url)
    deadline = time.monotonic() + SECONDS
    # A task has begun to write.
    while not list(store.glob("new-*/parts")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    cluster.kill_worker(1)
    output, _ = process.communicate(timeout=SECONDS)
    cluster.start_worker(1)
    assert process.returncode == 0, output
    assert not list(store.glob("new-*"))
    assert site.compute(store, "duckdb") == expected


def test_a_store_in_object_storage(site: Site, cluster: SparkCluster, of_duckdb: Path, expected: Any) -> None:
    key = {"EVENT_STORE_KEY_FILE": str(site.folder / "object.key")}
    store = "s3://events/a/store"
    printed = site.ingest(store, cluster.url, key)
    assert sorted(printed.splitlines()) == sorted(of_duckdb.with_suffix(".txt").read_text().splitlines())
    assert site.compute(store, cluster.url) == expected
    assert site.compute(store, "duckdb") == expected
    names = find_place(store).names()
    assert not [name for name in names if name.startswith("new-")]
    # Each log by one task: as many parts as this machine makes.
    parts = sorted(Path(name).parent for name in names if name.endswith(".parquet"))
    assert parts == sorted(path.parent for path in part_names(of_duckdb))


def test_object_storage_that_workers_do_not_reach(site: Site, cluster: SparkCluster) -> None:
    (port,) = free_ports(1)
    # In a process of its own: servers of moto in one process have the same buckets.
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        while not answers(port):
            time.sleep(0.1)
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "EVENT_STORE_KEY_FILE": str(site.folder / "other.key"),
        }
        with pytest.MonkeyPatch.context() as patched:
            patched.setenv("AWS_ENDPOINT_URL", variables["AWS_ENDPOINT_URL"])
            make_bucket("of-this-machine")
        log, store = min(LOGS.glob("*.log.gz")), "s3://of-this-machine/x"
        output = site.manage(
            "ingest_logs", log, "--store", store, "--engine", cluster.url, status=1, variables=variables
        )
    finally:
        server.terminate()
        server.wait()
    last = output.splitlines()[-1]
    assert f"does not reach the event store {store}: " in last
    assert "The specified bucket does not exist. Each machine of the cluster needs" in last


def test_a_wrong_secret(site: Site, cluster: SparkCluster, of_duckdb: Path, tmp_path: Path) -> None:
    settings = dict(line.split(" ", 1) for line in (cluster.conf / "spark-defaults.conf").read_text().splitlines())
    write_settings(tmp_path, settings | {"spark.authenticate.secret": "another one"})
    output = site.manage(*site.options(of_duckdb, cluster.url), status=1, variables={"SPARK_CONF_DIR": str(tmp_path)})
    (line,) = output.splitlines()
    assert "answers, but does not take this command: spark.authenticate and spark.authenticate.secret in" in line
    assert not any(site.tables().values())


def test_a_master_that_is_not_there(site: Site, of_duckdb: Path) -> None:
    url = f"spark://127.0.0.1:{free_ports(1)[0]}"
    (line,) = site.manage(*site.options(of_duckdb, url), status=1).splitlines()
    assert line.startswith(f"CommandError: Nothing answers at {url}: ")
    assert not any(site.tables().values())


def test_a_store_that_workers_do_not_reach(site: Site, cluster: SparkCluster, of_duckdb: Path) -> None:
    # Of each process another folder: here the one in which the store is, of a worker its own.
    path = Path("/proc/self/cwd/of-duckdb")
    for command in (
        ("compute_tables", *RANGE),
        ("ingest_logs", min(LOGS.glob("*.log.gz"))),
    ):
        process = subprocess.run(
            [sys.executable, BASE_DIR / "manage.py", *command, "--store", path, "--engine", cluster.url],
            cwd=site.folder,
            env=site.environment | {"EVENT_STORE_KEY_FILE": str(site.folder / "of-duckdb.key")},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert process.returncode == 1
        assert f"does not reach the event store {path}: No such file or directory" in process.stderr.splitlines()[-1]
    assert not any(site.tables().values())


def test_ctrl_c(site: Site, cluster: SparkCluster, of_duckdb: Path) -> None:
    process = site.start(*site.options(of_duckdb, cluster.url), variables=UNBUFFERED)
    assert process.stdout is not None
    assert "course_activity" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 130, output
    assert output.splitlines()[-1] == "CommandError: Interrupted. What was finished before is kept."
    site.tables()


def test_spark_connect(site: Site, of_duckdb: Path, expected: Any) -> None:
    with running_connect() as connect:
        store = site.folder / "of-connect"
        site.ingest(store, connect.url, connect.environment)
        tables = site.compute(store, connect.url, "--tables", "course_activity", "video", variables=connect.environment)
    for table in ("course_activity", "video"):
        assert tables[table] == expected[table]
