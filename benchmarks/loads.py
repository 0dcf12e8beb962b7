"""How long load_table takes for three million rows of birth years, and how long the same takes by hand.

``python -m benchmarks.loads --database both`` starts a MariaDB server of its own and makes an SQLite file. By hand
means: LOAD DATA LOCAL of a file that is right into a table without indexes, the index, and RENAME TABLE; on SQLite,
executemany of rows in memory, and the index. Both run by turns, and replace as many rows as they write. The least time
of each counts, since other programs of the machine only make them longer. CPU time, that of the database's server
included, says more on a busy machine. The targets: 1.3 times on MariaDB, 1.5 times on SQLite, 300 MB of memory.
"""

import argparse
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.mariadb import MariaDB
from benchmarks.processes import run

TABLE: Final = "course_enrollment_birth_year_daily"
COLUMNS: Final = "date, course_id, birth_year, count, cumulative_count"
INDEX: Final = "birth_year_course_date"
ROWS: Final = 3_000_000
COURSES: Final = 200
YEARS: Final = 70
FIRST: Final = date(2015, 1, 1)
MEGABYTES: Final = 300

Row = tuple[str, str, int | None, int, int]


def rows(count: int) -> Iterator[Row]:
    """Yield rows: the years of birth of each course, day after day."""
    for number in range(count):
        day, rest = divmod(number, COURSES * YEARS)
        course, year = divmod(rest, YEARS)
        learners = number * 7919 % 4093
        birth_year = 1939 + year if year else None
        yield (
            f"{FIRST + timedelta(days=day)}",
            f"course-v1:edX+Bench{course:03}+2019",
            birth_year,
            learners,
            learners + day,
        )


def write(path: Path, count: int) -> None:
    """Write rows as TSV."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines("\t".join("\\N" if v is None else str(v) for v in row) + "\n" for row in rows(count))


def environment(url: str, folder: Path) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
        "DATABASE_URL": f"sqlite:///{folder}/default.db",
        "ANALYTICS_DATABASE_URL": url,
        "LOAD_DATABASE_URL": "",
    }


def manage(url: str, folder: Path, *arguments: str) -> float:
    """Run a command; return the most memory that it took, in MB."""
    command = [sys.executable, "manage.py", *arguments]
    return run(command, cwd=BASE_DIR, env=environment(url, folder)).megabytes


def cpu_seconds(server: int | None) -> float:
    """Return the CPU time of this process, of those that it has waited for, and of a server."""
    used = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    if server is not None:
        fields = Path(f"/proc/{server}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def by_hand_on_mysql(socket: Path, file: Path) -> None:
    import MySQLdb

    with closing(MySQLdb.connect(unix_socket=str(socket), user="root", db="loads", local_infile=True)) as connection:
        for statement in (
            f"CREATE TABLE by_hand LIKE {TABLE}",
            f"ALTER TABLE by_hand DROP INDEX {INDEX}",
            f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE by_hand CHARACTER SET utf8mb4 ({COLUMNS})",
            f"ALTER TABLE by_hand ADD INDEX {INDEX} (course_id, date)",
            f"RENAME TABLE {TABLE} TO old, by_hand TO {TABLE}",
            "DROP TABLE old",
        ):
            connection.query(statement)
            connection.commit()


def by_hand_on_sqlite(path: Path, data: list[Row]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (table,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [TABLE]).fetchone()
        (index,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", [INDEX]).fetchone()
        connection.execute(f"DROP TABLE {TABLE}")
        connection.execute(table)
        connection.executemany(f"INSERT INTO {TABLE} ({COLUMNS}) VALUES (?, ?, ?, ?, ?)", data)
        connection.execute(index)
        connection.commit()


def compare(
    name: str, ways: dict[str, Callable[[], float | None]], runs: int, limit: float, server: int | None
) -> None:
    """Run both ways by turns, on a table that is full, and print the least time of each."""
    least: dict[str, list[float]] = {}
    most = 0.0
    ways["by hand"]()
    for _ in range(runs):
        for way, load_rows in ways.items():
            start, used = time.perf_counter(), cpu_seconds(server)
            memory = load_rows() or 0
            most = max(most, memory)
            took = [time.perf_counter() - start, cpu_seconds(server) - used]
            print(f"{name}, {way}: {took[0]:.1f} s, {took[1]:.1f} s of CPU" + (f", {memory:.0f} MB" if memory else ""))
            least[way] = list(map(min, took, least.get(way, took)))
    hand, load = least.values()
    print(
        f"{name}: load_table takes {load[0] / hand[0]:.2f} times as long as by hand (limit {limit}), "
        f"{load[1] / hand[1]:.2f} times the CPU time (limit {limit}), and {most:.0f} MB (limit {MEGABYTES})"
    )


@contextmanager
def mysql_url(socket_of: MariaDB) -> Iterator[str]:
    import MySQLdb

    with closing(MySQLdb.connect(unix_socket=str(socket_of.socket), user="root")) as connection:
        connection.query("CREATE DATABASE loads CHARACTER SET utf8mb4")
    yield socket_of.url.replace("localhost/", "localhost/loads")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "mysql", "both"), default="both")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--runs", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loads-") as name:
        folder = Path(name)
        file = folder / "rows.tsv"
        write(file, arguments.rows)
        load = ("load_table", TABLE, str(file))
        if arguments.database != "sqlite":
            with MariaDB() as server, mysql_url(server) as url:
                manage(url, folder, "migrate", "--database", "analytics", "--verbosity", "0")
                ways: dict[str, Any] = {
                    "by hand": lambda: by_hand_on_mysql(server.socket, file),
                    "load_table": lambda: manage(url, folder, *load),
                }
                assert server.process is not None
                compare("MariaDB", ways, arguments.runs, 1.3, server.process.pid)
        if arguments.database != "mysql":
            path = folder / "analytics.db"
            manage(f"sqlite:///{path}", folder, "migrate", "--database", "analytics", "--verbosity", "0")
            data = list(rows(arguments.rows))
            ways = {
                "by hand": lambda: by_hand_on_sqlite(path, data),
                "load_table": lambda: manage(f"sqlite:///{path}", folder, *load),
            }
            compare("SQLite", ways, arguments.runs, 1.5, None)


if __name__ == "__main__":
    main()
