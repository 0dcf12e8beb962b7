"""Loads that are killed at any moment: readers see all old rows or all new ones, and no version stands for both."""

import json
import os
import random
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

KILLS = 10


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
    process = subprocess.Popen(command, env=environment, cwd=BASE_DIR, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def end(process: Any) -> int:
    process.communicate()
    return int(process.returncode)


def manage(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    run = subprocess.run(command, env=environment, cwd=BASE_DIR, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_readers_see_all_old_rows_or_all_new_ones(environment: dict[str, str], tmp_path: Path) -> None:
    manage(environment, "migrate", "--database", "analytics", "--verbosity", "0")
    begin = time.monotonic()
    assert end(start(environment, "load", "1")) == 0
    seconds = time.monotonic() - begin
    stop = tmp_path / "stop"
    reader = start(environment, "read", str(stop))
    chance = random.Random(2014)
    ended = []
    for state in range(2, 2 + KILLS):
        load = start(environment, "load", str(state))
        time.sleep(chance.uniform(0, seconds))
        load.kill()
        ended.append(end(load))
    # A load that is not killed clears up what the others have left.
    assert end(start(environment, "load", "99")) == 0
    time.sleep(3)
    stop.touch()
    *wrong, read = map(json.loads, reader.communicate()[0].splitlines())
    assert wrong == []
    assert read["answers"] > KILLS
    assert read["versions"] >= 1
    assert -9 in ended
    source = (
        "import django; django.setup(); from django.db import connections; cursor = connections['analytics'].cursor(); "
        "print(*connections['analytics'].introspection.table_names(cursor)); "
        "cursor.execute('SELECT COUNT(*), MIN(count), MAX(count) FROM course_enrollment_daily'); "
        "print(*cursor.fetchone())"
    )
    run = subprocess.run([sys.executable, "-c", source], env=environment, cwd=BASE_DIR, check=True, capture_output=True)
    tables, rows = run.stdout.decode().splitlines()
    assert "__" not in tables
    assert rows == f"{killed_loads.rows_of(99)} 99 99"
