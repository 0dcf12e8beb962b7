# ruff: noqa: S608  # the tests' own SQL
"""SQLite: any change of the file makes another version, is read at once, and a missing file is never created."""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connections

from analytics_data_api.tables.data_version import DataVersion
from analyticsdataserver.databases.sqlite import base
from analyticsdataserver.databases.sqlite.base import DatabaseWrapper

# The databases here are the tests' own; but pytest-django keeps every connection closed where no database is meant.
pytestmark = pytest.mark.django_db

MODES = ("delete", "truncate", "persist", "wal")


def execute(path: Path, *statements: str) -> None:
    """Change a file as another process would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        for statement in statements:
            other.execute(statement)


@pytest.fixture(params=MODES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "analytics.db"
    execute(path, f"PRAGMA journal_mode = {request.param}", "CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)")
    return path


@pytest.fixture
def wrapper() -> Iterator[Callable[[Path | str], Any]]:
    made = []

    def wrapper(path: Path | str) -> Any:
        settings = connections["default"].settings_dict | {"NAME": path, "OPTIONS": {"timeout": 0.1}}
        made.append(DatabaseWrapper(settings | {"CONN_HEALTH_CHECKS": True}, "other"))
        return made[-1]

    yield wrapper
    for each in made:
        if each.connection is not None:
            each.connection.close()


@pytest.fixture
def connection(path: Path, wrapper: Any) -> Any:
    return wrapper(path)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Make the backend see the time some seconds later."""

    def later(seconds: float) -> None:
        monkeypatch.setattr(base, "time", lambda: time.time() + seconds)

    return later


@pytest.fixture
def version(connection: Any, later: Callable[[float], None]) -> Callable[[], DataVersion]:
    """Return the version as it is when the last change is old enough."""
    later(10)

    def version() -> DataVersion:
        found: DataVersion | None = connection.version_of_files()
        assert found is not None
        return found

    return version


def rows(connection: Any) -> list[Any]:
    with connection.cursor() as cursor:
        found: list[Any] = cursor.execute("SELECT a FROM t ORDER BY a").fetchall()
        return found


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (3)",
        "UPDATE t SET a = 3 - a",
        "DELETE FROM t WHERE a = 1",
        "DELETE FROM t",
        "ALTER TABLE t ADD COLUMN b",
        "DROP TABLE t",
    ],
)
def test_any_change_makes_another_version(path: Path, version: Callable[[], DataVersion], statement: str) -> None:
    before = version()
    assert version() == before
    execute(path, statement)
    after = version()
    assert after.text != before.text
    assert version() == after


def test_there_is_no_version_until_the_last_change_is_two_seconds_old(path: Path, connection: Any, later: Any) -> None:
    execute(path, "UPDATE t SET a = 3 - a")
    assert connection.version_of_files() is None
    later(1.8)
    assert connection.version_of_files() is None
    later(2.2)
    assert connection.version_of_files() is not None


def test_a_change_of_the_log_counts_like_one_of_the_file(tmp_path: Path, wrapper: Any, later: Any) -> None:
    path = tmp_path / "analytics.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = wal")
        other.execute("CREATE TABLE t (a)")
        connection = wrapper(path)
        later(10)
        before = connection.version_of_files()
        assert rows(connection) == []
        other.execute("INSERT INTO t VALUES (1)")
        assert connection.version_of_files() != before
        assert rows(connection) == [(1,)]
        later(0)
        assert connection.version_of_files() is None


def test_each_table_has_the_version_of_the_database(
    connection: Any, wrapper: Any, version: Callable[[], DataVersion]
) -> None:
    tables = {"t": tuple, "u": tuple}
    assert connection.table_versions(tables, False) == dict.fromkeys(tables, version())
    memory = wrapper(":memory:")
    assert memory.table_versions(tables, False) == dict.fromkeys(tables, memory.version_in_memory())


def test_reading_changes_nothing(path: Path, connection: Any, version: Callable[[], DataVersion]) -> None:
    before = version()
    for _ in range(3):
        assert rows(connection) == [(1,), (2,)]
        opened = connection.connection
        assert version() == before
        assert connection.connection is opened


def test_two_connections_have_the_same_version(path: Path, wrapper: Any, version: Callable[[], DataVersion]) -> None:
    assert wrapper(path).version_of_files() == version()


def test_a_version_takes_no_query(
    connection: Any, version: Callable[[], DataVersion], django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0, connection=connection):
        version()


def day(path: Path, number: int) -> Path:
    """Write a file of a day: the same number of changes, the same size."""
    file = path.with_name(f"day{number}.db")
    execute(file, "CREATE TABLE t (a)", f"INSERT INTO t VALUES ({number})")
    return file


@pytest.mark.parametrize("replaced", [False, True], ids=["copied over", "renamed"])
@pytest.mark.parametrize("noticed", ["by a version", "by a new request"])
def test_another_file_is_read_at_once(
    tmp_path: Path, wrapper: Any, later: Callable[[float], None], replaced: bool, noticed: str
) -> None:
    """SQLite itself does not notice a file that is copied over the open one: the counter in its header is the same."""
    path = tmp_path / "analytics.db"
    shutil.copy(day(path, 1), path)
    later(10)
    connection = wrapper(path)
    before = connection.version_of_files()
    assert rows(connection) == [(1,)]
    if replaced:
        day(path, 2).replace(path)
    else:
        shutil.copyfile(day(path, 2), path)
    if noticed == "by a version":
        assert connection.version_of_files() != before
    else:
        connection.close_if_unusable_or_obsolete()
    assert rows(connection) == [(2,)]
    assert connection.version_of_files() != before


def test_a_file_with_the_same_times_is_another_one(
    tmp_path: Path, wrapper: Any, later: Callable[[float], None]
) -> None:
    path = tmp_path / "analytics.db"
    times = (1_000_000_000, 1_000_000_000)
    for number in (1, 2):
        os.utime(day(path, number), times)
    shutil.copy2(tmp_path / "day1.db", path)
    later(10)
    connection = wrapper(path)
    before = connection.version_of_files()
    assert rows(connection) == [(1,)]
    shutil.copyfile(tmp_path / "day2.db", path)
    os.utime(path, times)
    after = connection.version_of_files()
    assert after != before
    assert rows(connection) == [(2,)]
    assert after.modified > before.modified


def test_there_is_no_version_within_a_transaction(connection: Any, version: Callable[[], DataVersion]) -> None:
    version()
    connection.in_atomic_block = True
    assert connection.version_of_files() is None
    connection.in_atomic_block = False


def test_the_time_is_that_of_the_last_change(path: Path, version: Callable[[], DataVersion]) -> None:
    began = time.time()
    execute(path, "UPDATE t SET a = 3 - a")
    found = version()
    assert found.modified is not None
    assert began - 0.1 <= found.modified.timestamp() <= time.time() + 0.1


class TestInMemory:
    def test_any_change_makes_another_version(self, wrapper: Any) -> None:
        memory = wrapper(":memory:")
        first = memory.version_in_memory()
        assert memory.version_in_memory() == first
        assert first.modified is None
        with memory.cursor() as cursor:
            cursor.execute("CREATE TABLE t (a)")
        second = memory.version_in_memory()
        with memory.cursor() as cursor:
            cursor.execute("INSERT INTO t VALUES (1)")
        assert len({first, second, memory.version_in_memory()}) == 3

    def test_each_database_has_its_own(self, wrapper: Any) -> None:
        versions = {wrapper(":memory:").version_in_memory() for _ in range(2)}
        assert len(versions) == 2


class TestMissingFile:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "to be? 100% made#.db"

    def test_is_an_error_and_not_created(self, path: Path, wrapper: Any) -> None:
        connection = wrapper(path)
        assert connection.version_of_files() is None
        with pytest.raises(OperationalError, match="unable to open database file"):
            connection.ensure_connection()
        assert not path.exists()

    def test_is_created_by_migrate(self, path: Path, wrapper: Any) -> None:
        connection = wrapper(path)
        # Django's command does this before anything else.
        connection.prepare_database()
        assert path.exists()
        assert connection.introspection.table_names() == []

    def test_one_that_goes_while_it_is_served_is_an_error(self, path: Path, wrapper: Any) -> None:
        execute(path, "CREATE TABLE t (a)")
        connection = wrapper(path)
        assert rows(connection) == []
        path.unlink()
        assert connection.version_of_files() is None
        with pytest.raises(OperationalError):
            rows(connection)
        assert not path.exists()

    def test_a_relative_name_is_one_in_the_current_folder(
        self, tmp_path: Path, wrapper: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        execute(Path("here.db"), "CREATE TABLE t (a)")
        assert rows(wrapper("here.db")) == []
        assert rows(wrapper("file:here.db?mode=ro")) == []
