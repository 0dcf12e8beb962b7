# ruff: noqa: S608  # the tests' own SQL
"""The version of a table's data: the same while they are, another one after any change."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from analytics_data_api.tables import introspection
from analytics_data_api.tables.data_version import SETTLED_SECONDS, data_version, table_version
from analytics_data_api.tables.models import CourseEnrollmentDaily, TableUpdate, Video
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests.factories import EnrollmentFactory, VideoFactory
from analytics_data_api.v0.tests.test_counting import load_again

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

ROWS = CourseEnrollmentDaily.objects
TABLE = "course_enrollment_daily"
NOTED = datetime(2014, 12, 10, 7, tzinfo=UTC)


def execute(*statements: str) -> None:
    with connections["analytics"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def note(update_id: str, table: str = TABLE, **values: Any) -> None:
    TableUpdate.objects.create(update_id=update_id, target_table=table, **{"inserted": NOTED} | values)


def append() -> None:
    EnrollmentFactory()


def load_twice() -> None:
    load_again(later=timedelta(0))


def remove() -> None:
    ROWS.order_by("id")[0].delete()


def remove_all() -> None:
    ROWS.all().delete()


def alter() -> None:
    ROWS.update(count=7)


def exchange() -> None:
    """Exchange two rows: as many rows, with the same ids, sums and times."""
    (first, one), (last, other) = ROWS.order_by("id").values_list("id", "count")
    ROWS.filter(id=first).update(count=other)
    ROWS.filter(id=last).update(count=one)


CHANGES = [append, load_twice, remove, remove_all, alter, exchange]


@pytest.fixture
def settled() -> Callable[[], None]:
    """Let MySQL's whole seconds pass after a change."""
    connection = connections["analytics"]

    def settle() -> None:
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("DO SLEEP(%s)", [SETTLED_SECONDS + 0.1])

    return settle


@pytest.mark.parametrize("noted", [False, True], ids=["without notes", "with a note"])
@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_another_version(
    change: Callable[[], None], settled: Callable[[], None], request: pytest.FixtureRequest, noted: bool
) -> None:
    """A note makes no difference: a change without one counts like any other."""
    if noted:
        request.getfixturevalue("table_updates")
        note("a", id=1, inserted=datetime.now(UTC))
    EnrollmentFactory(count=1)
    EnrollmentFactory(count=2)
    settled()
    before = table_version(CourseEnrollmentDaily)
    assert before is not None
    assert table_version(CourseEnrollmentDaily) == before
    change()
    assert table_version(CourseEnrollmentDaily) != before
    settled()
    after = table_version(CourseEnrollmentDaily)
    assert after is not None
    assert after.text != before.text


@pytest.mark.usefixtures("table_updates")
@pytest.mark.parametrize(
    "target",
    [TABLE, "Course_Enrollment_Daily", "reports.course_enrollment_daily", "{database}.course_enrollment_daily"],
)
@pytest.mark.parametrize("in_place", [False, True], ids=["another note", "a note updated in place"])
def test_a_load_counts_however_it_is_noted(target: str, in_place: bool, settled: Callable[[], None]) -> None:
    target = target.format(database=connections["analytics"].settings_dict["NAME"])
    EnrollmentFactory(count=1)
    note("a", target, id=1)
    settled()
    before = table_version(CourseEnrollmentDaily)
    ROWS.update(count=2)
    if in_place:
        TableUpdate.objects.update(inserted=NOTED)
    else:
        note("b", target, id=2)
    settled()
    after = table_version(CourseEnrollmentDaily)
    assert before is not None
    assert after is not None
    assert after.text != before.text


def test_reading_changes_nothing(settled: Callable[[], None]) -> None:
    EnrollmentFactory()
    settled()
    before = table_version(CourseEnrollmentDaily)
    list(ROWS.values_list())
    assert table_version(CourseEnrollmentDaily) == before


def test_several_tables_have_one_version_together(settled: Callable[[], None]) -> None:
    EnrollmentFactory()
    VideoFactory()
    settled()
    both = data_version(CourseEnrollmentDaily, Video)
    assert both == data_version(CourseEnrollmentDaily, Video)
    assert both is not None
    for changed in (EnrollmentFactory, VideoFactory):
        changed()
        settled()
        after = data_version(CourseEnrollmentDaily, Video)
        assert after is not None
        assert after.text != both.text
        both = after


def test_a_version_is_never_older_than_the_request_that_it_is_for(settled: Callable[[], None]) -> None:
    EnrollmentFactory()
    settled()
    arrived = perf_counter()
    before = data_version(CourseEnrollmentDaily, since=arrived)
    assert before is not None
    EnrollmentFactory()
    assert data_version(CourseEnrollmentDaily) != before
    assert data_version(CourseEnrollmentDaily, since=perf_counter()) != before
    settled()
    after = data_version(CourseEnrollmentDaily, since=perf_counter())
    assert after is not None
    assert after.text != before.text


def test_several_tables_have_none_where_one_of_them_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    known = connections["analytics"].table_versions  # type: ignore[attr-defined]  # our backends'
    monkeypatch.setattr(connections["analytics"], "table_versions", lambda *args: known(*args) | {"video": None})
    assert data_version(CourseEnrollmentDaily, Video) is None


def test_notes_that_are_gone_are_done_without(request: pytest.FixtureRequest, settled: Callable[[], None]) -> None:
    EnrollmentFactory()
    settled()
    assert not introspection.columns("analytics", "table_updates")
    request.getfixturevalue("table_updates")
    introspection.columns.cache_clear()
    assert introspection.columns("analytics", "table_updates")
    with altered.without_table(TableUpdate):
        assert table_version(CourseEnrollmentDaily) is not None


def test_a_database_that_is_away_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(connections["analytics"], "table_versions", away)
    with pytest.raises(DatabaseError):
        table_version(CourseEnrollmentDaily)


@pytest.mark.mysql_only
class TestMySQL:
    def test_a_change_that_another_may_follow_in_the_same_second_has_no_version(self) -> None:
        EnrollmentFactory()
        assert table_version(CourseEnrollmentDaily) is None

    def test_an_old_load_has_the_time_of_its_note_and_the_same_version_everywhere(
        self, settled: Callable[[], None], table_updates: None
    ) -> None:
        """The server's own times are not in it."""
        loaded = datetime.now(UTC).replace(microsecond=0)
        EnrollmentFactory(count=1)
        note("a", inserted=loaded)
        settled()
        early = table_version(CourseEnrollmentDaily)
        with self.minutes_later(2):
            late = table_version(CourseEnrollmentDaily)
        # The same rows are loaded some seconds later, as on another node; the note is the same.
        settled()
        ROWS.update(count=2)
        ROWS.update(count=1)
        with self.minutes_later(2):
            elsewhere = table_version(CourseEnrollmentDaily)
        assert early is not None
        assert early.modified is None
        assert late is not None
        assert late.modified == loaded
        assert elsewhere == late

    @contextmanager
    def minutes_later(self, minutes: int) -> Iterator[None]:
        """Make the session's time some minutes later."""
        later = datetime.now(UTC) + timedelta(minutes=minutes)
        execute(f"SET timestamp = {int(later.timestamp())}")
        try:
            yield
        finally:
            execute("SET timestamp = DEFAULT")

    def test_a_change_long_after_the_note_is_not_taken_for_the_load(self, table_updates: None) -> None:
        EnrollmentFactory(count=1)
        note("a", inserted=datetime.now(UTC) - timedelta(minutes=5))
        with self.minutes_later(2):
            found = table_version(CourseEnrollmentDaily)
        assert found is not None
        assert found.modified is None

    def test_a_server_that_gets_changes_from_others_has_no_version_by_its_own_clock(
        self, settled: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        EnrollmentFactory()
        settled()
        assert table_version(CourseEnrollmentDaily) is not None
        monkeypatch.setattr(connections["analytics"], "replicated", True)
        assert table_version(CourseEnrollmentDaily) is None

    def test_a_table_of_another_engine_has_none(self, settled: Callable[[], None]) -> None:
        """MyISAM would be another, but takes no index over a VARCHAR(255) in utf8mb4."""
        EnrollmentFactory()
        execute(f"ALTER TABLE {TABLE} ENGINE = Aria")
        try:
            settled()
            assert table_version(CourseEnrollmentDaily) is None
        finally:
            execute(f"ALTER TABLE {TABLE} ENGINE = InnoDB")

    def test_a_view_has_none(self, settled: Callable[[], None]) -> None:
        EnrollmentFactory()
        with altered.as_view(CourseEnrollmentDaily):
            settled()
            assert table_version(CourseEnrollmentDaily) is None

    def test_a_swap_without_a_note_is_another_version(self, settled: Callable[[], None], table_updates: None) -> None:
        EnrollmentFactory(count=1)
        note("a", inserted=datetime.now(UTC))
        execute(f"CREATE TABLE other LIKE {TABLE}", f"INSERT INTO other SELECT * FROM {TABLE}")
        execute("UPDATE other SET count = 2")
        try:
            settled()
            before = table_version(CourseEnrollmentDaily)
            execute(f"RENAME TABLE {TABLE} TO old, other TO {TABLE}")
            after = table_version(CourseEnrollmentDaily)
            execute(f"RENAME TABLE {TABLE} TO other, old TO {TABLE}")
        finally:
            execute("DROP TABLE IF EXISTS other")
        assert before is not None
        assert after is not None
        assert after.text != before.text

    def test_rows_of_before_that_are_put_back_are_another_version(self, settled: Callable[[], None]) -> None:
        """A tablespace that is put back does not move the time of the last change; the newest rows show it."""
        EnrollmentFactory(count=1)
        connection: Any = connections["analytics"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@datadir, DATABASE()")
            folder = "/".join(cursor.fetchone()).replace("//", "/")
        files = [f"{folder}/{TABLE}.{suffix}" for suffix in ("ibd", "cfg")]
        execute(f"FLUSH TABLES {TABLE} FOR EXPORT")
        try:
            kept = {file: Path(file).read_bytes() for file in files}
        except OSError:
            pytest.skip("needs the server's files")
        finally:
            execute("UNLOCK TABLES")
        ROWS.update(count=2)
        settled()
        before = table_version(CourseEnrollmentDaily)
        execute(f"ALTER TABLE {TABLE} DISCARD TABLESPACE")
        for file, content in kept.items():
            Path(file).write_bytes(content)
            Path(file).chmod(0o666)
        execute(f"ALTER TABLE {TABLE} IMPORT TABLESPACE")
        assert list(ROWS.values_list("count", flat=True)) == [1]
        after = table_version(CourseEnrollmentDaily)
        assert before is not None
        assert after != before

    def test_a_version_that_was_read_since_the_request_arrived_is_not_read_again(
        self, settled: Callable[[], None]
    ) -> None:
        EnrollmentFactory()
        VideoFactory()
        settled()
        both = data_version(CourseEnrollmentDaily, Video)
        arrived = perf_counter()
        with CaptureQueriesContext(connections["analytics"]) as read:
            assert data_version(CourseEnrollmentDaily, Video, since=arrived) == both
            assert len(read) == 1
            assert data_version(CourseEnrollmentDaily, Video, since=arrived) == both
            one = data_version(CourseEnrollmentDaily, since=arrived)
            assert len(read) == 1
            assert data_version(CourseEnrollmentDaily) == one
            assert len(read) == 2
            assert data_version(CourseEnrollmentDaily, since=perf_counter()) == one
            assert len(read) == 3
            # Of the other table, none was read since then.
            data_version(CourseEnrollmentDaily, Video, since=perf_counter())
            assert len(read) == 4
            # That there is none counts as well.
            EnrollmentFactory()
            arrived = perf_counter()
            assert [data_version(CourseEnrollmentDaily, since=arrived) for _ in range(2)] == [None, None]
        assert len([statement for statement in read if "UPDATE_TIME" in statement["sql"]]) == 5

    @pytest.mark.parametrize("is_ended_by", ["the service", "the server"])
    def test_what_was_read_on_another_node_is_read_again(
        self, settled: Callable[[], None], is_ended_by: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy leads the next connection to it; it may have newer rows than the first one."""
        EnrollmentFactory()
        settled()
        connection: Any = connections["analytics"]
        arrived = perf_counter()
        before = data_version(CourseEnrollmentDaily, since=arrived)
        first = connection.connection.thread_id()
        if is_ended_by == "the service":
            connection.close()
        else:
            other = connection.copy()
            with closing(other), other.cursor() as cursor:
                cursor.execute("KILL %s", [first])
            deadline = perf_counter() + 10
            while connection.is_usable() and perf_counter() < deadline:
                sleep(0.01)
        monkeypatch.setattr("analyticsdataserver.databases.mysql.base.NAMES_OF_SERVER", ("socket", "hostname", "port"))
        # As Django does at the beginning of a request.
        monkeypatch.setattr(connection, "health_check_enabled", True)
        monkeypatch.setattr(connection, "health_check_done", False)
        with CaptureQueriesContext(connections["analytics"]) as read:
            assert data_version(CourseEnrollmentDaily, since=arrived) == before
        assert connection.connection.thread_id() != first
        assert [statement for statement in read if "UPDATE_TIME" in statement["sql"]]

    def test_what_another_thread_has_read_is_not_read_again(self, settled: Callable[[], None]) -> None:
        EnrollmentFactory()
        settled()
        arrived = perf_counter()
        before = data_version(CourseEnrollmentDaily, since=arrived)

        def read_in_thread() -> int:
            try:
                with CaptureQueriesContext(connections["analytics"]) as read:
                    assert data_version(CourseEnrollmentDaily, since=arrived) == before
                return len([statement for statement in read if "UPDATE_TIME" in statement["sql"]])
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(read_in_thread).result() == 0

    def test_a_table_that_is_not_there_is_an_error(self) -> None:
        with altered.without_table(CourseEnrollmentDaily), pytest.raises(DatabaseError):
            table_version(CourseEnrollmentDaily)

    def test_a_change_that_is_rolled_back_leaves_a_version(self, settled: Callable[[], None]) -> None:
        EnrollmentFactory()
        settled()
        with transaction.atomic(using="analytics"):
            EnrollmentFactory()
            transaction.set_rollback(True, using="analytics")
        settled()
        assert ROWS.count() == 1
        assert table_version(CourseEnrollmentDaily) is not None
