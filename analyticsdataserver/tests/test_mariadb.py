"""The throwaway server that ``make test-mysql`` and tests of a failing database use."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyticsdataserver.testing import mariadb

INSTALLED = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
needs_server = pytest.mark.skipif(not INSTALLED, reason="no MariaDB server is installed")


@pytest.fixture(scope="module")
def server() -> Iterator[mariadb.MariaDB]:
    with mariadb.MariaDB() as running:
        yield running


def ask(server: mariadb.MariaDB, statement: str) -> Any:
    driver = pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    connection = driver.connect(unix_socket=str(server.socket), user="root", connect_timeout=1, read_timeout=1)
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def variables(**changes: str) -> dict[str, str]:
    # An empty TEST_MYSQL_URL in the environment goes before one in a .env file.
    return {**os.environ, "TEST_MYSQL_URL": "", **changes}


def main(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "analyticsdataserver.testing.mariadb", *arguments],
        env=variables(**changes),
        capture_output=True,
        text=True,
        check=False,
    )


@needs_server
class TestServer:
    def test_differs_from_what_the_service_asks_for(self, server: mariadb.MariaDB) -> None:
        ((zone, collation),) = ask(server, "SELECT @@global.time_zone, @@global.collation_server")
        assert (zone, collation) == ("+05:30", "utf8mb4_general_ci")

    def test_has_no_port(self, server: mariadb.MariaDB) -> None:
        assert ask(server, "SELECT @@global.skip_networking") == ((1,),)

    def test_keeps_its_data_over_a_restart(self, server: mariadb.MariaDB) -> None:
        ask(server, "CREATE DATABASE kept")
        server.stop()
        server.start()
        assert ask(server, "SHOW DATABASES LIKE 'kept'")

    def test_killed(self, server: mariadb.MariaDB) -> None:
        server.kill()
        with pytest.raises(Exception, match="connect"):
            ask(server, "SELECT 1")
        server.start()
        assert ask(server, "SELECT 1") == ((1,),)

    def test_paused(self, server: mariadb.MariaDB) -> None:
        server.pause()
        try:
            with pytest.raises(Exception, match="server"):
                ask(server, "SELECT 1")
        finally:
            server.resume()
        assert ask(server, "SELECT 1") == ((1,),)

    def test_one_that_hangs_is_ended(self, server: mariadb.MariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mariadb, "STOP_SECONDS", 0.1)
        server.pause()
        server.stop()
        assert server.process is not None
        assert server.process.returncode is not None
        server.start()


@needs_server
class TestCommand:
    def test_gets_the_url_of_a_server_that_is_gone_afterwards(self) -> None:
        code = "import os, sys; print(os.environ['TEST_MYSQL_URL']); sys.exit(7)"
        result = main("--", sys.executable, "-c", code)
        url = result.stdout.strip()
        assert result.returncode == 7
        assert url.startswith("mysql://root@localhost/?unix_socket=/")
        assert not Path(url.partition("=")[2]).parent.exists()

    def test_interrupted(self) -> None:
        code = "import os, time; print(os.environ['TEST_MYSQL_URL'], flush=True); time.sleep(60)"
        with subprocess.Popen(
            [sys.executable, "-m", "analyticsdataserver.testing.mariadb", "--", sys.executable, "-c", code],
            env=variables(),
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            folder = Path(process.stdout.readline().strip().partition("=")[2]).parent
            assert (folder / "socket").is_socket()
            process.terminate()
        assert process.returncode == 128 + signal.SIGTERM
        assert not folder.exists()


def test_a_server_that_is_named_is_used() -> None:
    code = "import os; print(os.environ['TEST_MYSQL_URL'])"
    result = main("--", sys.executable, "-c", code, TEST_MYSQL_URL="mysql://u@db.example.com/")
    assert result.stdout == "mysql://u@db.example.com/\n"


def test_without_a_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_MYSQL_URL", "")
    monkeypatch.setattr(shutil, "which", lambda name, path: None)
    assert "mariadb-server" in str(mariadb.main(["true"]))


@needs_server
def test_one_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mariadb, "OPTIONS", (*mariadb.OPTIONS, "--no-such-option"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(mariadb.ServerUnavailableError, match="no-such-option"), mariadb.MariaDB():
        pass
    assert not list(tmp_path.iterdir())
