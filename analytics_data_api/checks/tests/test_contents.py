"""How many rows a table has, and how new they are."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import CharField, Index
from django.test.utils import CaptureQueriesContext

from analytics_data_api.checks import contents
from analytics_data_api.checks.tests.conftest import Document, Found
from analytics_data_api.tables import models
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests import factories as make

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)


UPDATES = {
    "date": "UPDATE course_enrollment_daily SET date = %s",
    "created": "UPDATE course_enrollment_daily SET created = %s",
}


@pytest.fixture
def days() -> None:
    """Ten days of two courses; the newest was neither inserted last nor loaded last."""
    for number in range(10):
        for course_id in ("edX/DemoX/1T", "edX/DemoX/2T"):
            day = date(2014, 12, 1) + timedelta(days=(number + 5) % 10)
            created = datetime(2014, 12, 20, 0, (number + 3) % 10, 30, tzinfo=UTC)
            make.EnrollmentFactory(course_id=course_id, date=day, created=created)


@pytest.mark.usefixtures("days")
@pytest.mark.parametrize("size", [1, 3, 10, 20, 21, contents.SLICE_SIZE])
def test_all_rows_are_read_in_slices_of_any_size(monkeypatch: pytest.MonkeyPatch, checked: Document, size: int) -> None:
    monkeypatch.setattr(contents, "SLICE_SIZE", size)
    report = checked("course_enrollment_daily")
    assert (report["rows"], report["newest_date"], report["newest_load"]) == (20, "2014-12-10", "2014-12-20T00:09:30Z")


def test_an_empty_table_has_no_rows_and_nothing_new(checked: Document) -> None:
    for quick in (False, True):
        report = checked("course_enrollment_daily", quick=quick)
        assert (report["rows"], report["newest_date"], report["newest_load"]) == (None if quick else 0, None, None)
        assert report["status"] == "ok"


def test_the_newest_of_activity_is_the_end_of_a_week(checked: Document) -> None:
    make.CourseActivityFactory()
    assert checked("course_activity")["newest_date"] == "2014-12-15"


def test_a_table_without_dates_has_no_newest_one(checked: Document) -> None:
    make.VideoFactory()
    report = checked("video")
    assert (report["rows"], report["newest_date"], report["newest_load"]) == (1, None, "2014-12-10T19:31:46Z")


def test_a_table_without_a_time_of_its_load(checked: Document) -> None:
    make.VideoFactory()
    with altered.without_columns((models.Video, "created")):
        for quick in (False, True):
            report = checked("video", quick=quick)
            assert (report["rows"], report["newest_load"]) == (None if quick else 1, None)


def test_a_view_is_read_too(checked: Document) -> None:
    make.EnrollmentFactory()
    make.EnrollmentFactory()
    with altered.as_view(models.CourseEnrollmentDaily):
        report = checked("course_enrollment_daily")
        assert (report["rows"], report["newest_date"], report["newest_load"]) == (
            2,
            "2014-12-10",
            "2014-12-10T19:31:46Z",
        )
        assert {finding["code"]: finding["count"] for finding in report["findings"]}["duplicate_rows"] == 1
        report = checked("course_enrollment_daily", quick=True)
        assert (report["rows"], report["newest_date"], report["newest_load"]) == (None, None, None)


class TestQuick:
    @pytest.mark.usefixtures("days")
    def test_the_newest_date_is_the_same(self, checked: Document) -> None:
        assert checked("course_enrollment_daily", quick=True)["newest_date"] == "2014-12-10"

    @pytest.mark.usefixtures("days")
    def test_the_newest_load_is_that_of_the_last_row(self, checked: Document) -> None:
        assert checked("course_enrollment_daily", quick=True)["newest_load"] == "2014-12-20T00:02:30Z"

    @pytest.mark.usefixtures("days")
    def test_dates_that_no_index_leads_to_are_not_looked_for(self, checked: Document) -> None:
        with altered.other_indexes(models.CourseEnrollmentDaily, Index(fields=["course_id"], name="only_course")):
            assert checked("course_enrollment_daily", quick=True)["newest_date"] is None

    def test_the_pipelines_index_over_dates_is_used(self, checked: Document) -> None:
        make.CourseActivityFactory()
        indexes = (Index(fields=fields, name=fields[0]) for fields in (["course_id"], ["interval_end"]))
        with altered.other_indexes(models.CourseActivityWeekly, *indexes):
            assert checked("course_activity", quick=True)["newest_date"] == "2014-12-15"

    def test_rows_are_neither_counted_nor_compared(self, checked: Document) -> None:
        make.VideoFactory(encoded_module_id="v")
        make.VideoFactory(encoded_module_id="v")
        report = checked("video", quick=True)
        assert report["rows"] is None
        assert "duplicate_rows" not in {finding["code"] for finding in report["findings"]}

    @pytest.mark.usefixtures("days", "mysql")
    def test_no_table_is_read_through(self, checked: Document) -> None:
        with CaptureQueriesContext(connections["analytics"]) as captured:
            checked("course_enrollment_daily", quick=True)
        queries = [query["sql"] for query in captured if "FROM `course_enrollment_daily`" in query["sql"]]
        queries = [sql for sql in queries if sql.startswith("SELECT") and "LIMIT 1" not in sql]
        with connections["analytics"].cursor() as cursor:
            for sql in queries:
                cursor.execute(f"EXPLAIN {sql}")
                (plan,) = cursor.fetchall()
                assert "for group-by" in plan[-1], plan
        assert len(queries) == 1


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize(
    ("column", "value"),
    [("date", "2014-12-10 00:00:00"), ("date", "10/12/2014"), ("created", "2014-12-10"), ("created", "yesterday")],
)
@pytest.mark.parametrize("quick", [False, True])
def test_a_newest_value_that_is_no_date_or_time(found: Found, column: str, value: str, quick: bool) -> None:
    make.EnrollmentFactory()
    with altered.other_column(models.CourseEnrollmentDaily, column, CharField(max_length=30)):
        with connections["analytics"].cursor() as cursor:
            cursor.execute(UPDATES[column], [value])
        finding = found("course_enrollment_daily", quick=quick)["wrong_type"]
        with connections["analytics"].cursor() as cursor:
            cursor.execute("DELETE FROM course_enrollment_daily")
    assert (finding["severity"], finding["columns"], finding["example"]) == ("error", [column], {column: value})


@pytest.mark.parametrize("second", [0, 30])
def test_times_with_fractions_are_times(checked: Document, second: int) -> None:
    created: Any = datetime(2014, 12, 10, 1, 2, second, 500_000, tzinfo=UTC)
    make.VideoFactory(created=created)
    assert checked("video")["status"] == "ok"
