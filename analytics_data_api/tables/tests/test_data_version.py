"""The version of a table's data: the same while they are, another one after any change."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections, transaction
from django.test.utils import CaptureQueriesContext

from analytics_data_api.loading import course_tables
from analytics_data_api.loading.course_tables import CourseTable
from analytics_data_api.tables import data_version, introspection
from analytics_data_api.tables.changes import SETTLED_SECONDS, Mark
from analytics_data_api.tables.data_version import table_version
from analytics_data_api.tables.models import CourseEnrollmentDaily, TableUpdate, Video
from analytics_data_api.tables.tests.factories import COURSE_ID, EnrollmentFactory, VideoFactory
from analytics_data_api.v0.tests.test_counting import load_again

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

ROWS = CourseEnrollmentDaily.objects
NOTED = datetime(2014, 12, 10, 7, tzinfo=UTC)


def database_name() -> str:
    return str(connections["analytics"].settings_dict["NAME"])


def note(update_id: str, table: str = "course_enrollment_daily", **values: Any) -> None:
    TableUpdate.objects.create(update_id=update_id, target_table=table, **{"inserted": NOTED} | values)


@pytest.mark.usefixtures("table_updates")
class TestNotes:
    """Where the pipeline notes its loads."""

    def test_they_are_the_version(self) -> None:
        note("a", id=1)
        version = table_version(CourseEnrollmentDaily)
        assert version == Mark("((1, 1, '2014-12-10 07:00:00'),)", NOTED)
        EnrollmentFactory()
        assert table_version(CourseEnrollmentDaily) == version

    @pytest.mark.parametrize(
        "values", [{}, {"id": 2}, {"inserted": NOTED - timedelta(days=1)}, {"inserted": NOTED + timedelta(seconds=1)}]
    )
    def test_another_load_is_another_version(self, values: dict[str, Any]) -> None:
        note("a", id=1)
        version = table_version(CourseEnrollmentDaily)
        note("b", **values)
        assert table_version(CourseEnrollmentDaily) != version

    def test_of_several_loads_the_newest_tells_the_time(self) -> None:
        note("a", inserted=NOTED + timedelta(days=1))
        note("b")
        found = table_version(CourseEnrollmentDaily)
        assert found is not None
        assert found.modified == NOTED + timedelta(days=1)

    def test_a_load_that_takes_the_place_of_another_is_another_version(self) -> None:
        note("a", id=1)
        version = table_version(CourseEnrollmentDaily)
        TableUpdate.objects.all().delete()
        note("a", id=2)
        assert table_version(CourseEnrollmentDaily) != version

    @pytest.mark.parametrize("table", ["video", "course_enrollment_daily ", "COURSE_ENROLLMENT_DAILY", None])
    def test_a_load_of_another_table_changes_nothing(self, table: Any) -> None:
        note("a")
        version = table_version(CourseEnrollmentDaily)
        note("b", table)
        assert table_version(CourseEnrollmentDaily) == version

    def test_the_name_of_the_database_may_stand_in_front(self) -> None:
        own, other = (f"{name}.course_enrollment_daily" for name in (database_name(), "another"))
        note("a", own, id=1)
        assert table_version(CourseEnrollmentDaily) == Mark("((1, 1, '2014-12-10 07:00:00'),)", NOTED)
        note("b", inserted=NOTED + timedelta(days=1))
        both = table_version(CourseEnrollmentDaily)
        assert both is not None
        assert both.modified == NOTED + timedelta(days=1)
        note("c", own, inserted=NOTED)
        assert table_version(CourseEnrollmentDaily) != both
        after = table_version(CourseEnrollmentDaily)
        note("d", other)
        assert table_version(CourseEnrollmentDaily) == after

    def test_a_table_without_a_note_has_the_databases_mark(self, monkeypatch: pytest.MonkeyPatch) -> None:
        note("a", "video")
        mark = Mark("of the database", None)
        monkeypatch.setattr(connections["analytics"], "change_mark", lambda table: mark, raising=False)
        assert table_version(CourseEnrollmentDaily) is mark
        assert table_version(Video) is not mark

    def test_rows_that_are_written_here_are_noted_like_a_load(self) -> None:
        EnrollmentFactory()
        note("a")
        VideoFactory()
        note("b", "video")
        before = table_version(CourseEnrollmentDaily), table_version(Video)
        enrollment = CourseTable(CourseEnrollmentDaily, ("course_id", "date", "created"), [])
        video = CourseTable(Video, ("course_id", "created"), [])
        course_tables.replace(COURSE_ID, [enrollment], "analytics")
        assert table_version(CourseEnrollmentDaily) != before[0]
        assert table_version(Video) == before[1]
        course_tables.replace("a/b/c", [video], "analytics")
        assert table_version(Video) == before[1]

    def test_a_note_of_a_course_with_a_long_id_fits(self) -> None:
        table = CourseTable(CourseEnrollmentDaily, ("course_id", "date"), [("c" * 255, "2014-12-10")])
        course_tables.replace("c" * 255, [table], "analytics")
        assert len(TableUpdate.objects.get().update_id) == 128

    # Only SQLite takes text where a time belongs.
    @pytest.mark.sqlite_only
    def test_a_time_that_is_none_is_not_told(self) -> None:
        note("a")
        with connections["analytics"].cursor() as cursor:
            cursor.execute("UPDATE table_updates SET inserted = 'yesterday'")
        assert table_version(CourseEnrollmentDaily) == Mark("((1, None, 'yesterday'),)", None)


def test_notes_that_are_gone_are_done_without(request: pytest.FixtureRequest) -> None:
    EnrollmentFactory()
    columns = introspection.columns("analytics", "table_updates")
    assert not columns
    request.getfixturevalue("table_updates")
    introspection.columns.cache_clear()
    assert introspection.columns("analytics", "table_updates")
    with connections["analytics"].schema_editor() as editor:
        editor.delete_model(TableUpdate)
    try:
        table_version(CourseEnrollmentDaily)
        assert not introspection.columns("analytics", "table_updates")
    finally:
        with connections["analytics"].schema_editor() as editor:
            editor.create_model(TableUpdate)


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


def swap() -> None:
    """Two rows change places: as many rows, with the same ids, sums and times."""
    (first, one), (last, other) = ROWS.order_by("id").values_list("id", "count")
    ROWS.filter(id=first).update(count=other)
    ROWS.filter(id=last).update(count=one)


CHANGES = [append, load_twice, remove, remove_all, alter, swap]


@pytest.fixture
def settled() -> Callable[[], None]:
    """Have MySQL's whole seconds pass after a change."""
    connection = connections["analytics"]

    def settle() -> None:
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("DO SLEEP(%s)", [SETTLED_SECONDS + 0.1])

    return settle


@pytest.mark.parametrize("change", CHANGES)
def test_without_notes_any_change_is_another_version(change: Callable[[], None], settled: Callable[[], None]) -> None:
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


def test_reading_changes_nothing(settled: Callable[[], None]) -> None:
    EnrollmentFactory()
    settled()
    before = table_version(CourseEnrollmentDaily)
    list(ROWS.values_list())
    assert table_version(CourseEnrollmentDaily) == before


@pytest.mark.usefixtures("table_updates")
class TestStates:
    """Where a database tells without a query whether anything in it has changed."""

    @pytest.fixture
    def state(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
        state = [1]
        monkeypatch.setattr(connections["analytics"], "state", lambda: state[0])
        yield state
        data_version.KNOWN.clear()

    def test_the_version_is_looked_up_once_for_each_state(self, state: list[Any]) -> None:
        note("a", id=1)
        first = table_version(CourseEnrollmentDaily)
        assert first == Mark("((1, 1, '2014-12-10 07:00:00'),)", NOTED)
        with CaptureQueriesContext(connections["analytics"]) as queries:
            assert table_version(CourseEnrollmentDaily) == first
        assert not queries.captured_queries
        state[0] = 2
        TableUpdate.objects.update(id=2)
        assert table_version(CourseEnrollmentDaily) == Mark("((1, 2, '2014-12-10 07:00:00'),)", NOTED)

    def test_each_table_has_its_own(self, state: list[Any]) -> None:
        note("a")
        note("b", "video")
        note("c", "video")
        assert table_version(CourseEnrollmentDaily) != table_version(Video) == table_version(Video)

    def test_without_a_state_each_request_asks(self, state: list[Any]) -> None:
        state[0] = None
        note("a")
        before = table_version(CourseEnrollmentDaily)
        note("b")
        assert table_version(CourseEnrollmentDaily) != before


@pytest.mark.mysql_only
class TestMySQL:
    def test_a_change_that_another_may_follow_in_the_same_second_has_no_version(self) -> None:
        EnrollmentFactory()
        assert table_version(CourseEnrollmentDaily) is None

    def test_the_time_is_that_of_the_change(self, settled: Callable[[], None]) -> None:
        began = datetime.now(UTC).replace(microsecond=0)
        EnrollmentFactory()
        settled()
        version = table_version(CourseEnrollmentDaily)
        assert version is not None
        assert version.modified is not None
        assert began <= version.modified <= datetime.now(UTC)

    def test_a_table_that_is_not_there_has_none(self) -> None:
        connection: Any = connections["analytics"]
        assert connection.change_mark("no_such_table") is None

    def test_a_change_that_is_taken_back_is_none(self, settled: Callable[[], None]) -> None:
        EnrollmentFactory()
        settled()
        before = table_version(CourseEnrollmentDaily)
        with transaction.atomic(using="analytics"):
            EnrollmentFactory()
            transaction.set_rollback(True, using="analytics")
        settled()
        assert ROWS.count() == 1
        assert table_version(CourseEnrollmentDaily) is not None
        assert before is not None


def test_a_database_that_is_away_is_not_taken_for_one_without_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(connections["analytics"], "change_mark", away, raising=False)
    with pytest.raises(DatabaseError):
        table_version(CourseEnrollmentDaily)
