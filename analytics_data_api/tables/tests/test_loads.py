"""When each table was loaded last."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, connections
from django.test.utils import CaptureQueriesContext

from analytics_data_api.tables import introspection
from analytics_data_api.tables.loads import newest_loads
from analytics_data_api.tables.models import SequentialOpenDistribution, TableUpdate
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.factories import CREATED

# A table is made and dropped, which a transaction would not take back on MySQL.
pytestmark = pytest.mark.django_db(databases=["analytics"], transaction=True)

LATER = CREATED + timedelta(days=1)


def note(target_table: str | None, inserted: datetime) -> None:
    number = TableUpdate.objects.count()
    TableUpdate.objects.create(id=number, update_id=f"load {number}", target_table=target_table, inserted=inserted)


class TestWithoutNotes:
    def test_there_is_none_of_empty_tables(self) -> None:
        assert newest_loads("analytics") == {}

    def test_it_is_that_of_the_highest_id(self) -> None:
        make.EnrollmentFactory(created=LATER)
        make.EnrollmentFactory(created=CREATED)
        make.TimelineFactory(created=LATER)
        assert newest_loads("analytics") == {"course_enrollment_daily": CREATED, "video_timeline": LATER}

    def test_no_table_is_read_as_a_whole(self) -> None:
        newest_loads("analytics")
        with CaptureQueriesContext(connections["analytics"]) as captured:
            newest_loads("analytics")
        assert len(captured) == 15
        for query in captured:
            sql = query["sql"].replace('"', "`")
            assert "ORDER BY `" in sql
            assert sql.endswith(".`id` DESC LIMIT 1")

    def test_a_table_that_is_not_there_is_left_out(self) -> None:
        make.EnrollmentFactory()
        with connections["analytics"].schema_editor() as editor:
            editor.delete_model(SequentialOpenDistribution)
        try:
            introspection.columns.cache_clear()
            assert newest_loads("analytics") == {"course_enrollment_daily": CREATED}
        finally:
            with connections["analytics"].schema_editor() as editor:
                editor.create_model(SequentialOpenDistribution)


@pytest.mark.usefixtures("table_updates")
class TestWithNotes:
    def test_the_newest_one_counts(self) -> None:
        make.EnrollmentFactory(created=LATER + timedelta(days=9))
        make.GradeFactory(created=CREATED)
        note("course_enrollment_daily", CREATED)
        note("course_enrollment_daily", LATER)
        note("course_enrollment_daily", CREATED - timedelta(days=1))
        assert newest_loads("analytics") == {"course_enrollment_daily": LATER, "grade_distribution": CREATED}

    def test_names_may_have_a_database_in_front(self) -> None:
        note("reports.video", LATER)
        note("video", CREATED)
        note("old.video", CREATED)
        assert newest_loads("analytics") == {"video": LATER}

    def test_those_of_nothing_of_ours_are_passed_over(self) -> None:
        note(None, LATER)
        note("", LATER)
        note("course_grade_by_mode", LATER)
        assert newest_loads("analytics") == {}


def test_a_database_that_does_not_answer_is_told() -> None:
    def fail(*args: object) -> None:
        raise DatabaseError

    with connections["analytics"].execute_wrapper(fail), pytest.raises(DatabaseError):
        newest_loads("analytics")
