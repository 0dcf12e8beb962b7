"""Loads over a real MariaDB server that goes away, or lets its user read alone, by the command as it is run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.mariadb import MariaDB, ServerUnavailableError

pytestmark = pytest.mark.slow

TABLE = "course_enrollment_birth_year_daily"
OLD = "2014-12-09\tedX/Old/1\t\\N\t1\t1\n"
MANY = 300_000


class Loads:
    """A server with the tables, and the command over it."""

    def __init__(self, server: MariaDB, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def environment(self, user: str) -> dict[str, str]:
        url = self.server.url.replace("root@localhost/", f"{user}@localhost/loads")
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
            "DATABASE_URL": f"sqlite:///{self.folder}/default.db",
            "ANALYTICS_DATABASE_URL": url,
            "LOAD_DATABASE_URL": "",
        }

    def start(self, *arguments: str, user: str = "root") -> Any:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.Popen(
            command, env=self.environment(user), cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str, user: str = "root") -> tuple[int, str]:
        """Run a command; return its exit status, and what it has printed."""
        process = self.start(*arguments, user=user)
        printed = "".join(process.communicate())
        return process.returncode, printed

    def file(self, content: str) -> str:
        path = self.folder / "rows.tsv"
        path.write_text(content, encoding="utf-8")
        return str(path)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        import MySQLdb

        with closing(MySQLdb.connect(unix_socket=str(self.server.socket), user="root", db="mysql")) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    @property
    def courses(self) -> list[Any]:
        return self.query(f"SELECT course_id, count FROM loads.{TABLE}")  # noqa: S608  # a constant

    @property
    def beside(self) -> list[Any]:
        return self.query("SHOW TABLES IN loads LIKE '%\\_\\_%'")


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loads]:
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    try:
        server = MariaDB().__enter__()
    except ServerUnavailableError as error:
        pytest.skip(str(error))
    try:
        made = Loads(server, tmp_path_factory.mktemp("loads"))
        made.query("CREATE DATABASE loads CHARACTER SET utf8mb4")
        assert made.run("migrate", "--database", "analytics", "--verbosity", "0") == (0, "")
        assert made.run("load_table", TABLE, made.file(OLD))[0] == 0
        yield made
    finally:
        server.__exit__(None, None, None)


def wait_for_rows(loads: Loads, process: Any) -> None:
    """Wait until a load has made its table beside the old one."""
    while not loads.beside:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def many() -> str:
    return "".join(f"2014-12-10\tedX/New/{number % 7}\t1990\t{number}\t{number}\n" for number in range(MANY))


def test_the_server_goes_away(loads: Loads) -> None:
    process = loads.start("load_table", TABLE, loads.file(many()))
    wait_for_rows(loads, process)
    loads.server.kill()
    _, errors = process.communicate()
    assert process.returncode == 1
    assert errors.startswith("CommandError: The database 'analytics' did not take the rows: ")
    loads.server.start()
    assert loads.courses == [("edX/Old/1", 1)]
    # The next load clears up.
    assert loads.run("load_table", TABLE, loads.file(OLD))[0] == 0
    assert loads.courses == [("edX/Old/1", 1)]
    assert loads.beside == []


def test_ctrl_c(loads: Loads) -> None:
    process = loads.start("load_table", TABLE, loads.file(many()))
    wait_for_rows(loads, process)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate()
    assert (process.returncode, printed, errors) == (130, "", f"Interrupted: {TABLE} has its old rows.\n")
    assert loads.courses == [("edX/Old/1", 1)]
    assert loads.beside == []


@pytest.mark.parametrize("option", ["--replace", "--append"])
def test_a_user_who_may_read_alone(loads: Loads, option: str) -> None:
    loads.query("CREATE USER IF NOT EXISTS reader@localhost")
    loads.query("GRANT SELECT ON loads.* TO reader@localhost")
    status, printed = loads.run("load_table", TABLE, loads.file(OLD), option, user="reader")
    assert status == 1
    assert "command denied to user 'reader'@'localhost'" in printed
    assert printed.endswith(
        "Loading tables takes SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP on the database loads, where "
        "serving them takes SELECT alone: grant these to reader, or name another user in LOAD_DATABASE_URL.\n"
    )
    assert loads.courses == [("edX/Old/1", 1)]


@pytest.mark.parametrize("option", ["--replace", "--append"])
def test_the_privileges_that_a_load_takes(loads: Loads, option: str) -> None:
    loads.query("CREATE USER IF NOT EXISTS loader@localhost")
    loads.query("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP ON loads.* TO loader@localhost")
    status, printed = loads.run("load_table", TABLE, loads.file(OLD), option, user="loader")
    assert status == 0, printed
    assert set(loads.courses) == {("edX/Old/1", 1)}
    assert loads.run("load_table", TABLE, loads.file(OLD))[0] == 0
