"""What tells a version of an SQLite file's data from another, whoever has made the change, and however soon."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from analytics_data_api.tables.changes import Mark
from analyticsdataserver.databases.sqlite.base import Beginnings, DatabaseWrapper, glance

# The databases here are the tests' own; but pytest-django keeps every connection closed where no database is meant.
pytestmark = pytest.mark.django_db

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9999) SELECT i FROM n"

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


def wrapper(path: Path | str) -> Any:
    return DatabaseWrapper(connections["default"].settings_dict | {"NAME": path, "OPTIONS": {"timeout": 0.1}}, "other")


@pytest.fixture
def connection(path: Path) -> Iterator[Any]:
    connection = wrapper(path)
    yield connection
    connection.close()


@pytest.fixture
def mark(connection: Any) -> Callable[[], Mark]:
    def mark() -> Mark:
        found: Mark | None = connection.change_mark("t")
        assert found is not None
        return found

    return mark


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
def test_any_change_makes_another_mark(path: Path, mark: Callable[[], Mark], statement: str) -> None:
    before = mark()
    assert mark() == before
    execute(path, statement)
    after = mark()
    assert after.text != before.text
    assert mark() == after


def test_changes_in_quick_succession_have_a_mark_each(path: Path, mark: Callable[[], Mark]) -> None:
    """The file's times, which the kernel keeps to some milliseconds only, would not tell all of these apart."""
    marks = {mark().text}
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA synchronous = OFF")
        for _ in range(200):
            other.execute("UPDATE t SET a = 3 - a")
            marks.add(mark().text)
    assert len(marks) == 201


def test_a_change_on_the_same_connection_makes_another_mark(connection: Any, mark: Callable[[], Mark]) -> None:
    before = mark()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE t SET a = 3 - a")
    assert mark().text != before.text


def test_two_connections_have_the_same_mark(path: Path, mark: Callable[[], Mark]) -> None:
    other = wrapper(path)
    assert other.change_mark("t") == mark()
    other.close()


def test_a_change_made_while_nobody_looks_makes_another_mark(path: Path, connection: Any) -> None:
    before = connection.change_mark("t")
    connection.close()
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    execute(path, "UPDATE t SET a = 3 - a")
    assert connection.change_mark("t") != before


def test_a_transaction_that_is_taken_back_or_not_yet_committed_changes_nothing(
    path: Path, mark: Callable[[], Mark]
) -> None:
    before = mark()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("UPDATE t SET a = 3 - a")
        assert mark() == before
        other.execute("ROLLBACK")
    assert mark() == before


def test_a_file_that_takes_the_place_of_another_is_served_at_once(path: Path, connection: Any, tmp_path: Path) -> None:
    before = connection.change_mark("t")
    newer = tmp_path / "newer.db"
    shutil.copy2(path, newer)
    execute(newer, "UPDATE t SET a = 7")
    newer.replace(path)
    for log in (f"{path}-wal", f"{path}-shm"):
        Path(log).unlink(missing_ok=True)
    assert connection.change_mark("t") != before
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT DISTINCT a FROM t").fetchall() == [(7,)]


def test_a_lock_is_not_lost_when_a_file_is_looked_at(path: Path, connection: Any, mark: Callable[[], Mark]) -> None:
    """Closing a descriptor of the file would take the locks of every connection of this process from it."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("UPDATE t SET a = 9")
    mark()
    # Asked from another process, since SQLite itself knows of the connections of this one.
    attempt = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN IMMEDIATE')"
    held = subprocess.run([sys.executable, "-c", attempt, str(path)], capture_output=True, text=True, check=False)
    assert "database is locked" in held.stderr
    with connection.cursor() as cursor:
        cursor.execute("ROLLBACK")


def test_descriptors_do_not_pile_up(tmp_path: Path) -> None:
    beginnings = Beginnings()
    path = tmp_path / "file"
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("counts descriptors as Linux lists them")
    path.write_bytes(b"0")
    assert beginnings.read(path, 10) == (path.stat(), b"0")
    before = len(list(descriptors.iterdir()))
    for number in range(10):
        newer = tmp_path / "newer"
        newer.write_bytes(b"%d" % number)
        newer.replace(path)
        assert beginnings.read(path, 10) == (path.stat(), b"%d" % number)
    assert len(list(descriptors.iterdir())) == before


def test_data_that_stay_the_same_cost_no_query(path: Path, connection: Any) -> None:
    first = connection.state()
    with CaptureQueriesContext(connection) as queries:
        assert connection.state() == first
    assert not queries.captured_queries
    execute(path, "UPDATE t SET a = 3 - a")
    with CaptureQueriesContext(connection) as queries:
        second = connection.state()
        assert connection.state() == second
    assert len(queries) == 1
    assert second != first


def test_what_is_half_way_into_the_file_is_not_taken_for_its_state(path: Path, connection: Any) -> None:
    """A transaction that outgrows its memory writes into the file, counter and all, before anybody knows of its end."""
    before = connection.state()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA cache_size = 1")
        other.execute("BEGIN")
        other.execute(f"CREATE TABLE filler AS {NUMBERS}")
        other.execute("UPDATE t SET a = 3 - a")
        if other.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            assert connection.state() == before
        else:
            assert glance(path) != before
            with pytest.raises(DatabaseError, match="locked"):
                connection.state()
        other.execute("ROLLBACK")
    after = connection.state()
    execute(path, "UPDATE t SET a = 3 - a")
    assert connection.state() not in (before, after)


def test_who_has_begun_a_transaction_is_told_nothing(connection: Any) -> None:
    assert connection.state() is not None
    connection.in_atomic_block = True
    assert connection.state() is None


def test_a_time_is_told_for_a_file_and_none_for_memory(path: Path, mark: Callable[[], Mark]) -> None:
    found = mark()
    assert found.modified is not None
    holding_data = [path, *path.parent.glob("analytics.db-wal")]
    newest = max(file.stat().st_mtime for file in holding_data)
    assert found.modified.timestamp() == pytest.approx(newest, abs=1e-5)
    memory = wrapper(":memory:")
    assert memory.change_mark("t").modified is None
    memory.close()


def test_a_new_database_in_memory_is_another_one() -> None:
    memory = wrapper(":memory:")
    first = memory.change_mark("t")
    assert memory.change_mark("t") == first
    other = wrapper(":memory:")
    assert other.change_mark("t") != first
    memory.close()
    other.close()


def test_a_file_that_cannot_be_read_has_no_mark(tmp_path: Path) -> None:
    empty = wrapper(tmp_path / "empty.db")
    assert empty.change_mark("t") is None
    empty.close()


@pytest.mark.parametrize("path", ["delete"], indirect=True)
class TestChunkedCursor:
    def test_gives_rows_until_there_are_none(self, connection: Any) -> None:
        with connection.chunked_cursor() as cursor:
            assert cursor.execute("SELECT a FROM t WHERE a < %s ORDER BY a", [3]) is cursor
            assert [cursor.fetchmany(1) for _ in range(3)] == [[(1,)], [(2,)], []]
            cursor.execute("SELECT a FROM t ORDER BY a")
            assert cursor.fetchmany() == [(1,)]
        with pytest.raises(sqlite3.ProgrammingError):
            sqlite3.Cursor.execute(cursor, "SELECT 1")

    def test_has_errors_of_django(self, connection: Any) -> None:
        with connection.chunked_cursor() as cursor, pytest.raises(OperationalError):
            cursor.execute("SELECT a FROM nowhere", [])
        assert connection.errors_occurred

    def test_has_errors_of_django_in_the_midst_of_rows(self, connection: Any) -> None:
        connection.ensure_connection()

        def fail(value: int) -> int:
            return 1 // (2 - value)

        connection.connection.create_function("fail", 1, fail)
        with connection.chunked_cursor() as cursor:
            cursor.execute("SELECT fail(a) FROM t", [])
            with pytest.raises(OperationalError):
                cursor.fetchmany(10)

    def test_is_seen_by_whoever_watches(self, connection: Any) -> None:
        with CaptureQueriesContext(connection) as captured, connection.chunked_cursor() as cursor:
            cursor.execute("SELECT a FROM t", [])
        assert [query["sql"] for query in captured] == ["SELECT a FROM t"]
        seen = []

        def watch(execute: Any, sql: str, *args: Any) -> Any:
            seen.append(sql)
            return execute(sql, *args)

        with connection.execute_wrapper(watch), connection.chunked_cursor() as cursor:
            cursor.execute("SELECT 1", [])
        assert seen == ["SELECT 1"]

    def test_is_refused_in_a_transaction_that_has_failed(self, connection: Any) -> None:
        connection.ensure_connection()
        connection.needs_rollback = connection.in_atomic_block = True
        with connection.chunked_cursor() as cursor, pytest.raises(TransactionManagementError):
            cursor.execute("SELECT 1", [])
        connection.needs_rollback = connection.in_atomic_block = False
