# ruff: noqa: S608  # the tests' own SQL
"""Rows into tables: all of them in one step, in place of the old ones or after them, or not at all."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow
import pytest
from django.db import DatabaseError, connections

from analytics_data_api.loading import loader, locks
from analytics_data_api.loading.errors import LoadError, LoadRunningError
from analytics_data_api.tables.models import CourseEnrollmentDaily, TableUpdate

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

TABLE = "course_enrollment_daily"
COLUMNS = ("course_id", "date", "count", "cumulative_count")
OLD = ("edX/Old/1", date(2014, 12, 9), 1, 1)
NEW = [("edX/New/1", date(2014, 12, 9 + n % 20), n, None) for n in range(3)]


def execute(*statements: str) -> None:
    with connections["analytics"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def fetch(statement: str) -> list[tuple[Any, ...]]:
    with connections["analytics"].cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def rows() -> list[tuple[Any, ...]]:
    return list(CourseEnrollmentDaily.objects.order_by("id").values_list(*COLUMNS))


def tables() -> set[str]:
    with connections["analytics"].cursor() as cursor:
        return set(connections["analytics"].introspection.table_names(cursor))


def nothing_left() -> bool:
    return not any("__" in name for name in tables()) and fetch(f"SELECT * FROM {locks.TABLE}") == []


@pytest.fixture(autouse=True)
def _old_row() -> None:
    CourseEnrollmentDaily.objects.create(**dict(zip(COLUMNS, OLD, strict=True)))


def test_new_rows_take_the_place_of_the_old_ones() -> None:
    seen: list[int] = []
    loaded = loader.load_rows(TABLE, COLUMNS, [NEW[:2], [], NEW[2:]], progress=seen.append)
    assert rows() == NEW
    assert (loaded.table, loaded.rows, seen) == (TABLE, 3, [2, 1])
    assert nothing_left()
    created = {row.created for row in CourseEnrollmentDaily.objects.all()}
    assert len(created) == 1
    assert abs(datetime.now(UTC) - created.pop()).total_seconds() < 60


def test_rows_are_added_after_the_old_ones() -> None:
    loader.load_rows(TABLE, COLUMNS, [NEW], append=True)
    assert rows() == [OLD, *NEW]
    assert nothing_left()


@pytest.mark.parametrize("number", [1, 248, 249, 250, 498, 499, 1001])
def test_rows_around_the_number_that_a_statement_has(number: int) -> None:
    expected = [(f"edX/New/{n}", date(2014, 12, 9), n, None if n % 2 else -n) for n in range(number)]
    loader.load_rows(TABLE, COLUMNS, [expected])
    assert rows() == expected


def test_record_batches_and_lists_give_the_same_rows() -> None:
    values: dict[str, Any] = {
        "course_id": pyarrow.array(["a\tb", "x\\", "é\n\\N", "edX/\U0001f600/'\"%s"]),
        "date": pyarrow.array([date(2014, 12, 9)] * 4),
        "count": pyarrow.array([1, None, -5, 2**31 - 1], pyarrow.int64()),
        "created": pyarrow.array(
            [datetime(2014, 12, 10, 1, 2, 3, tzinfo=UTC)] * 4, pyarrow.timestamp("us", "Asia/Tokyo")
        ),
    }
    batch = pyarrow.record_batch(values)
    read = ("course_id", "date", "count", "created")
    expected = [tuple(column[place].as_py() for column in values.values()) for place in range(4)]
    loader.load_rows(TABLE, read, [batch.slice(0, 1), batch.slice(1)])
    assert list(CourseEnrollmentDaily.objects.order_by("id").values_list(*read)) == expected
    loader.load_rows(TABLE, read, [expected])
    assert list(CourseEnrollmentDaily.objects.order_by("id").values_list(*read)) == expected


def test_values_of_each_type() -> None:
    answer = ("c", "m", "p", True, 1, 2, None, "", Decimal("0.5"), None, "n", "q", "2014-12-10 01:02:03")
    names = "course_id module_id part_id correct first_response_count last_response_count value_id answer_value_text"
    columns = (*names.split(), "answer_value_numeric", "variant", "problem_display_name", "question_text", "created")
    loader.load_rows("answer_distribution", columns, [[answer]])
    found = fetch(f"SELECT {', '.join(columns)} FROM answer_distribution")[0]
    assert found[:-1] == ("c", "m", "p", 1, 1, 2, None, "", 0.5, None, "n", "q")
    assert str(found[-1]) == "2014-12-10 01:02:03"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), b"x", [1]], ids=repr)
def test_a_value_that_no_column_holds(value: Any) -> None:
    with pytest.raises(LoadError, match="No column holds the value"):
        loader.load_rows(TABLE, COLUMNS, [[("c", date(2014, 1, 1), value, 1)]])
    assert rows() == [OLD]
    assert nothing_left()


def failing() -> Iterator[list[Any]]:
    yield NEW
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("columns", "batches", "error", "message"),
    [
        (COLUMNS, [], LoadError, "There are no rows for course_enrollment_daily"),
        (COLUMNS, [[]], LoadError, "There are no rows"),
        (COLUMNS, failing, ZeroDivisionError, None),
        (("course_id", "day"), [NEW], LoadError, "has no column day; it has course_id, date, "),
        (COLUMNS, [[("c", None, 1, 1)]], LoadError, "The database refused|would not take"),
        (COLUMNS, [[(*OLD, 1)] * 4], LoadError, "took 5 of 4 rows|would not take"),
    ],
    ids=["no batch", "an empty batch", "a source that fails", "an unknown column", "NULL", "too many values"],
)
@pytest.mark.parametrize("append", [False, True])
def test_the_old_rows_stay(
    append: bool, columns: tuple[str, ...], batches: Any, error: type[Exception], message: str | None
) -> None:
    with pytest.raises(error, match=message):
        loader.load_rows(TABLE, columns, batches() if callable(batches) else batches, append=append)
    assert rows() == [OLD]
    assert not [name for name in tables() if "__" in name]


def test_nothing_may_take_the_place_of_all_rows_where_that_is_meant() -> None:
    loader.load_rows(TABLE, COLUMNS, [], allow_empty=True)
    assert rows() == []


def test_a_table_that_is_none() -> None:
    with pytest.raises(LoadError, match="no table enrolment"):
        loader.load_rows("enrolment", COLUMNS, [NEW])


def test_a_view_is_refused() -> None:
    execute(f"ALTER TABLE {TABLE} RENAME TO base_table", f"CREATE VIEW {TABLE} AS SELECT * FROM base_table")
    try:
        with pytest.raises(LoadError, match="course_enrollment_daily is a view"):
            loader.load_rows(TABLE, COLUMNS, [NEW])
    finally:
        execute(f"DROP VIEW {TABLE}", f"ALTER TABLE base_table RENAME TO {TABLE}")


def indexes() -> dict[str, Any]:
    with connections["analytics"].cursor() as cursor:
        return connections["analytics"].introspection.get_constraints(cursor, TABLE)


def test_the_layout_stays_with_indexes_and_unknown_columns() -> None:
    execute(f"ALTER TABLE {TABLE} ADD COLUMN extra VARCHAR(20) DEFAULT 'x'", f"CREATE INDEX own ON {TABLE} (extra)")
    try:
        before = indexes()
        loader.load_rows(TABLE, COLUMNS, [NEW])
        assert indexes() == before
        assert "own" in before
        assert fetch(f"SELECT DISTINCT extra FROM {TABLE}") == [("x",)]
        assert rows() == NEW
    finally:
        execute(
            f"DROP INDEX own ON {TABLE}" if connections["analytics"].vendor == "mysql" else "DROP INDEX own",
            f"ALTER TABLE {TABLE} DROP COLUMN extra",
        )


def test_another_load_of_the_table_is_refused() -> None:
    def batches() -> Iterator[list[Any]]:
        with pytest.raises(
            LoadRunningError, match=r"Another load of course_enrollment_daily is running: process \d+ on "
        ):
            loader.load_rows(TABLE, COLUMNS, [NEW], append=True)
        yield NEW

    loader.load_rows(TABLE, COLUMNS, batches())
    assert rows() == NEW
    loader.load_rows(TABLE, COLUMNS, [NEW], append=True)
    assert nothing_left()


@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_the_lock_of_a_dead_load_is_taken_away(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "SILENT_SECONDS", 0.2)
    locks.make_table("analytics")
    owner = locks.this_host() if host == "here" else host
    locks.execute("analytics", locks.INSERT, TABLE, "token", owner, "999999999:1", "2014-12-10 01:02:03")
    loader.load_rows(TABLE, COLUMNS, [NEW])
    assert rows() == NEW
    assert nothing_left()


def test_what_a_killed_load_has_left_is_removed() -> None:
    execute(f"CREATE TABLE {TABLE}__new_0123abcd (id INTEGER)", f"CREATE TABLE {TABLE}__new_other (id INTEGER)")
    loader.load_rows(TABLE, COLUMNS, [NEW])
    assert [name for name in tables() if "__" in name] == [f"{TABLE}__new_other"]
    execute(f"DROP TABLE {TABLE}__new_other")


@pytest.mark.usefixtures("table_updates")
@pytest.mark.parametrize("append", [False, True])
def test_a_load_is_noted(append: bool) -> None:
    loader.load_rows(TABLE, COLUMNS, [NEW], append=append, description="a test")
    (note,) = TableUpdate.objects.all()
    assert note.target_table == TABLE
    assert str(note.update_id).endswith(" a test")
    with pytest.raises(ZeroDivisionError):
        loader.load_rows(TABLE, COLUMNS, failing(), append=append)
    assert TableUpdate.objects.count() == 1


@pytest.mark.mysql_only
@pytest.mark.usefixtures("table_updates")
def test_the_note_of_a_load_that_was_killed_before_it_is_written_by_the_next() -> None:
    execute(f"CREATE TABLE {TABLE}__old_0123abcd (id INTEGER)")
    loader.load_rows(TABLE, COLUMNS, [NEW])
    assert TableUpdate.objects.filter(update_id__startswith="0123abcd").count() == 1
    assert TableUpdate.objects.count() == 2
    assert nothing_left()


@pytest.mark.mysql_only
@pytest.mark.parametrize("by_file", [True, False])
def test_what_mysql_would_change_is_refused(by_file: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not by_file:
        # The server's variable is one for all tests.
        connection: Any = connections["analytics"]
        kind = type(connection.table_load(TABLE, "0" * 32))
        fetch_row = kind.fetch

        def without_files(load: Any, statement: str, *values: Any) -> Any:
            row = fetch_row(load, statement, *values)
            return (0, *row[1:]) if "@@local_infile" in statement else row

        monkeypatch.setattr(kind, "fetch", without_files)
    loader.load_rows(TABLE, COLUMNS, [NEW])
    for row in [("c" * 256, date(2014, 1, 1), 1, 1), ("c", "2014-02-30", 1, 1), ("c", date(2014, 1, 1), 2**31, 1)]:
        with pytest.raises(LoadError, match="The database"):
            loader.load_rows(TABLE, COLUMNS, [[*NEW, row]])
        assert rows() == NEW
        assert nothing_left()


@pytest.mark.mysql_only
def test_a_reader_that_holds_the_table_for_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = pytest.importorskip("analyticsdataserver.databases.mysql.loads", reason="mysqlclient is not installed")
    monkeypatch.setattr(loads, "LOCK_WAIT_SECONDS", 1)
    monkeypatch.setattr(loads, "RENAME_ATTEMPTS", 2)
    monkeypatch.setattr(loads, "PAUSE_SECONDS", 0.1)
    reader: Any = connections["analytics"].copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            cursor.execute(f"SELECT * FROM {TABLE}")
            with pytest.raises(LoadError, match="A statement of another connection holds the table"):
                loader.load_rows(TABLE, COLUMNS, [NEW])
        assert rows() == [OLD]
        assert nothing_left()
    finally:
        reader.close()


def test_a_lost_lock_ends_a_load() -> None:
    def batches() -> Iterator[list[Any]]:
        yield NEW
        execute(f"UPDATE {locks.TABLE} SET token = 'another'")

    with pytest.raises(LoadError, match="stood still"):
        loader.load_rows(TABLE, COLUMNS, batches())
    assert rows() == [OLD]
    execute(f"DELETE FROM {locks.TABLE}")


def test_the_database_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    execute(f"DROP TABLE IF EXISTS {locks.TABLE}", f"CREATE TABLE {locks.TABLE} (target_table VARCHAR(64))")
    try:
        with pytest.raises(DatabaseError):
            loader.load_rows(TABLE, COLUMNS, [NEW])
    finally:
        execute(f"DROP TABLE {locks.TABLE}")
    assert rows() == [OLD]


def test_a_full_disk() -> None:
    batch = [("edX/New/1", date(2014, 12, 9), n, None) for n in range(20_000)]
    full: tuple[str, ...]
    well: tuple[str, ...]
    if connections["analytics"].vendor == "mysql":
        full = (f"ALTER TABLE {TABLE} ENGINE = MEMORY", "SET GLOBAL max_heap_table_size = 16384")
        well = (f"ALTER TABLE {TABLE} ENGINE = InnoDB", "SET GLOBAL max_heap_table_size = DEFAULT")
    else:
        # What other tests have used is free for rows.
        execute("VACUUM")
        ((pages,),) = fetch("PRAGMA page_count")
        full, well = (f"PRAGMA max_page_count = {pages + 20}",), ("PRAGMA max_page_count = 1073741823",)
    execute(*full)
    if connections["analytics"].vendor == "mysql":
        connections["analytics"].close()
    try:
        for append in (False, True):
            with pytest.raises(LoadError, match=r"no room for the rows of course_enrollment_daily: .* full"):
                loader.load_rows(TABLE, COLUMNS, [batch] * 3, append=append)
            assert rows() == [OLD]
            assert nothing_left()
    finally:
        execute(*well)
    loader.load_rows(TABLE, COLUMNS, [NEW])
    assert rows() == NEW


@pytest.mark.parametrize("phase", ["prepare", "write", "finish"])
def test_ctrl_c(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with interrupted(monkeypatch, phase), pytest.raises(KeyboardInterrupt):
        loader.load_rows(TABLE, COLUMNS, [NEW])
    assert rows() == [OLD]
    loader.load_rows(TABLE, COLUMNS, [NEW[:1]])
    assert rows() == NEW[:1]
    assert nothing_left()


@pytest.mark.parametrize("phase", ["replace", "append", "__exit__"])
def test_ctrl_c_in_the_last_step_comes_too_late(phase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with interrupted(monkeypatch, phase), pytest.raises(loader.InterruptedAfterLoadError):
        loader.load_rows(TABLE, COLUMNS, [NEW], append=phase == "append")
    assert rows()[-len(NEW) :] == NEW
    assert nothing_left()


@contextmanager
def interrupted(monkeypatch: pytest.MonkeyPatch, phase: str) -> Iterator[None]:
    """Press Ctrl-C once, as the load's method of this name has done its work."""
    connection: Any = connections["analytics"]
    kind = type(connection.table_load(TABLE, "0" * 32))
    method = getattr(kind, phase)

    def pressed(*arguments: Any) -> Any:
        result = method(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(kind, phase, pressed)
        yield
