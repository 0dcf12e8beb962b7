"""Measure a cluster of Apache Spark against DuckDB: ``python -m benchmarks.spark``, of 8 million events in eight logs.

Each reads the logs into a new store and computes the tables: DuckDB in one process, then a cluster on this machine with
one worker, then with two, each of one core and 512 MB of Java. Shown are the seconds that the clock counts of both
commands, the processor time of all processes, those of the cluster and its start included, and the most memory that
they have at a time, of which what processes share is counted once. The rows are compared.
"""

import argparse
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from analytics_data_api.computing.tables import RULES
from analyticsdataserver.testing.spark import SparkCluster, SparkUnavailableError, running_cluster
from benchmarks.data import FOLDER, ROOT
from benchmarks.tracking_logs import write

LOGS: Final = 8
DAYS: Final = 28
RANGE: Final = ("--from", "2025-09-01", "--to", "2025-09-29")
SECONDS_BETWEEN: Final = 0.5


def logs_of(number: int) -> list[Path]:
    """Return logs of so many events, which are made once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in range(1, LOGS + 1):
        path = FOLDER / f"tracking-{number}-{seed}.log.gz"
        if not path.exists():
            beside = path.with_suffix(".new")
            write(beside, number // LOGS, days=DAYS, seed=seed)
            beside.replace(path)
        paths.append(path)
    return paths


def descendants() -> list[int]:
    """Return the process ids of all that was started here."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set[int](), {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return sorted(found)


def memory_of(pid: int) -> int:
    """Return the bytes of memory of a process, with its share of what it has in common with others."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


@contextmanager
def watching() -> Iterator[list[int]]:
    """Yield a list of which the only item is the peak of the memory of all that was started here."""
    peak, end = [0], threading.Event()

    def watch() -> None:
        while not end.wait(SECONDS_BETWEEN):
            peak[0] = max(peak[0], sum(map(memory_of, descendants())))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        end.set()
        thread.join()


def rows_of(database: Path) -> dict[str, list[Any]]:
    """Return the rows of all tables, sorted."""
    found = {}
    with closing(sqlite3.connect(database)) as connection:
        for table in RULES:
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            columns = [column for column in columns if column not in {"id", "created"}]
            found[table] = sorted(connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall(), key=repr)
    return found


def measure(name: str, logs: list[Path], cluster: SparkCluster | None) -> dict[str, list[Any]]:
    """Read logs and compute tables, print what that took but for the processor time, and return the rows."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as text:
        folder = Path(text)
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
            "ANALYTICS_DATABASE_URL": f"sqlite:///{folder / 'analytics.db'}",
            "DATABASE_URL": f"sqlite:///{folder / 'default.db'}",
            **(cluster.environment if cluster else {}),
        }

        def manage(*arguments: object) -> float:
            begun = time.monotonic()
            command = [sys.executable, "manage.py", *map(str, arguments)]
            subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
            return time.monotonic() - begun

        manage("migrate", "-v0", "--database", "analytics")
        options = ("--store", folder / "events", "--engine", cluster.url if cluster else "duckdb")
        with watching() as peak:
            reading = manage("ingest_logs", *logs, *options)
            read, peak[0] = peak[0], 0
            memory = () if cluster else ("--memory", "1GB")
            computing = manage("compute_tables", *RANGE, "--lms-files", ROOT / "fixtures/tracking", *memory, *options)
        print(
            f"{name:<18} reading {reading:6.1f} s, {read / 1e6:5.0f} MB; "
            f"computing {computing:6.1f} s, {peak[0] / 1e6:5.0f} MB; ",
            end="",
            flush=True,
        )
        return rows_of(folder / "analytics.db")


def main() -> Any:
    """Measure the size of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--millions", type=float, default=8, help="how many events (default: %(default)s)")
    options = parser.parse_args()
    logs = logs_of(int(options.millions * 1e6))
    print(f"{options.millions:g} million events, {sum(path.stat().st_size for path in logs) / 1e6:.0f} MB gzipped")
    expected: dict[str, list[Any]] | None = None
    for name, workers in (("DuckDB", 0), ("Spark, 1 worker", 1), ("Spark, 2 workers", 2)):
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            with running_cluster(workers) if workers else nullcontext(None) as cluster:
                rows = measure(name, logs, cluster)
        except SparkUnavailableError as error:
            return f"{error}."
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
        print(f"{processor:.0f} s of all cores", flush=True)
        expected = expected or rows
        if rows != expected:
            return f"{name} has computed other rows."
    return 0


if __name__ == "__main__":
    sys.exit(main())
