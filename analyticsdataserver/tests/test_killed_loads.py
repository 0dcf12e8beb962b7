"""Loads that are killed at any moment: readers see all old rows or all new ones, and no version stands for both."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing import killed_loads
from analyticsdataserver.testing.mariadb import MariaDB, ServerUnavailableError

pytestmark = pytest.mark.slow


@pytest.fixture(params=["sqlite", "mysql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of processes that load and read a database of their own."""
    variables = os.environ | {
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
        "DATABASE_URL": f"sqlite:///{tmp_path}/default.db",
        "ANALYTICS_DATABASE_URL": f"sqlite:///{tmp_path}/analytics.db",
        "LOAD_DATABASE_URL": "",
    }
    if request.param == "sqlite":
        yield variables
        return
    driver = pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    try:
        server = MariaDB().__enter__()
    except ServerUnavailableError as error:
        pytest.skip(str(error))
    try:
        connection = driver.connect(unix_socket=str(server.socket), user="root")
        connection.query("CREATE DATABASE loads CHARACTER SET utf8mb4")
        connection.close()
        yield variables | {"ANALYTICS_DATABASE_URL": server.url.replace("localhost/", "localhost/loads")}
    finally:
        server.__exit__(None, None, None)


def start(environment: dict[str, str], *arguments: str) -> Any:
    command = [sys.executable, "-m", "analyticsdataserver.testing.killed_loads", *arguments]
    return subprocess.Popen(command, env=environment, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True)


def end(process: Any) -> list[Any]:
    """Wait for a process; return what it has printed, a value of JSON on each line."""
    printed = process.communicate()[0]
    assert process.returncode == 0
    return list(map(json.loads, printed.splitlines()))


def manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    run = subprocess.run(command, env=environment, cwd=BASE_DIR, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_readers_see_all_old_rows_or_all_new_ones(environment: dict[str, str], tmp_path: Path) -> None:
    manage(environment, "migrate", "--database", "analytics", "--verbosity", "0")
    end(start(environment, "load"))
    stop = tmp_path / "stop"
    reader = start(environment, "read", str(stop))
    ((whole, *killed, last),) = end(start(environment, "kill"))
    # Data that have just changed have no version yet.
    time.sleep(3)
    stop.touch()
    *wrong, read = end(reader)
    assert wrong == []
    assert read["answers"] > len(killed)
    assert read["versions"] >= 1
    assert (whole, last, len(killed)) == (0, 0, 10)
    assert set(killed) <= {0, -9}
    assert -9 in killed
    source = (
        "import django; django.setup(); from django.db import connections; cursor = connections['analytics'].cursor(); "
        "print(*connections['analytics'].introspection.table_names(cursor)); "
        "cursor.execute('SELECT COUNT(*), MIN(count), MAX(count) FROM course_enrollment_daily'); "
        "print(*cursor.fetchone())"
    )
    run = subprocess.run([sys.executable, "-c", source], env=environment, cwd=BASE_DIR, check=True, capture_output=True)
    tables, rows = run.stdout.decode().splitlines()
    assert "__" not in tables
    assert rows == f"{killed_loads.rows_of(killed_loads.LAST)} {killed_loads.LAST} {killed_loads.LAST}"
