"""Missing and unknown columns, wrong types and collations."""

from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.models import BinaryField, CharField, DateTimeField, DecimalField, Field, FloatField, IntegerField
from django.test import Client

from analytics_data_api.checks.databases import mysql
from analytics_data_api.checks.tests.conftest import Document, Found
from analytics_data_api.tables import models
from analytics_data_api.tables.fields import KeyField, SecondsField
from analytics_data_api.tables.tests import altered
from analytics_data_api.tests import cases

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)


@pytest.mark.parametrize("table", [model._meta.db_table for model in altered.tables()])
def test_nothing_is_said_of_a_table_of_our_own(found: Found, table: str) -> None:
    assert found(table) == {}


@pytest.mark.parametrize(
    ("model", "column", "path"),
    [
        (models.CourseEnrollmentDaily, "count", "courses/{course_id}/enrollment"),
        (models.CourseEnrollmentModeDaily, "cumulative_count", "courses/{course_id}/enrollment/mode"),
        (models.ProblemFirstLastResponseAnswerDistribution, "variant", "problems/{problem_id}/answer_distribution"),
        (models.VideoTimeline, "created", "videos/{video_id}/timeline"),
    ],
)
def test_a_column_without_which_requests_fail(found: Found, client: Client, model: Any, column: str, path: str) -> None:
    with altered.without_columns((model, column)):
        finding = found(model._meta.db_table)["missing_column"]
        assert client.get(f"/api/v0/{cases.address(path)}").status_code == 503
    assert (finding["severity"], finding["columns"]) == ("error", [column])
    assert column in finding["message"]


@pytest.mark.parametrize(
    ("model", "column"),
    [
        (models.CourseEnrollmentDaily, "cumulative_count"),
        (models.Video, "total_viewed_seconds"),
        (models.ProblemFirstLastResponseAnswerDistribution, "answer_value_numeric"),
    ],
)
def test_a_column_that_answers_do_without(found: Found, model: Any, column: str) -> None:
    with altered.without_columns((model, column)):
        findings = found(model._meta.db_table)
    assert {code: finding["columns"] for code, finding in findings.items()} == {"layout_without_column": [column]}
    assert findings["layout_without_column"]["severity"] == "note"


def test_an_unknown_column(found: Found) -> None:
    with altered.with_column(models.Video, "likes", IntegerField(null=True)):
        findings = found("video")
    assert {code: finding["columns"] for code, finding in findings.items()} == {"unknown_column": ["likes"]}
    assert findings["unknown_column"]["severity"] == "note"


def test_nothing_is_said_of_the_older_layout_of_answers(found: Found) -> None:
    with altered.older_answers():
        assert found("answer_distribution") == {}


def test_a_column_of_one_layout_of_answers_is_known_in_the_other(found: Found) -> None:
    with altered.with_column(models.ProblemFirstLastResponseAnswerDistribution, "count", IntegerField(null=True)):
        assert found("answer_distribution") == {}


@pytest.mark.parametrize(
    ("model", "name", "field"),
    [
        (models.CourseEnrollmentDaily, "count", CharField(max_length=20, null=True)),
        (models.CourseEnrollmentDaily, "count", FloatField(null=True)),
        (models.GradeDistribution, "grade", CharField(max_length=20, null=True)),
        (models.Video, "encoded_module_id", IntegerField()),
        (models.CourseEnrollmentDaily, "date", IntegerField()),
        (models.VideoTimeline, "created", FloatField()),
    ],
)
def test_a_type_that_answers_cannot_be_made_of(found: Found, model: Any, name: str, field: Field) -> None:
    with altered.other_column(model, name, field):
        finding = found(model._meta.db_table)["wrong_type"]
    assert (finding["severity"], finding["columns"]) == ("error", [name])


@pytest.mark.usefixtures("mysql")
@pytest.mark.parametrize(
    ("model", "name", "field"),
    [
        (models.CourseEnrollmentDaily, "date", CharField(max_length=10)),
        (models.CourseEnrollmentDaily, "date", DateTimeField()),
        (models.CourseEnrollmentDaily, "created", CharField(max_length=20)),
        (models.VideoTimeline, "pipeline_video_id", BinaryField(max_length=200)),
    ],
)
def test_a_type_that_a_server_has_answers_cannot_be_made_of(found: Found, model: Any, name: str, field: Field) -> None:
    with altered.other_indexes(model), altered.other_column(model, name, field):
        finding = found(model._meta.db_table)["wrong_type"]
    assert finding["columns"] == [name]


def test_a_sum_may_be_a_decimal(found: Found) -> None:
    count = DecimalField(max_digits=9, decimal_places=0, null=True)
    with altered.other_column(models.CourseEnrollmentDaily, "count", count):
        assert found("course_enrollment_daily") == {}


@pytest.mark.usefixtures("mysql")
def test_a_time_may_be_of_either_type(found: Found) -> None:
    with altered.other_column(models.CourseEnrollmentDaily, "created", SecondsField()):
        assert found("course_enrollment_daily") == {}


def skip_without(collation: str) -> None:
    """Skip a test of a collation that the server does not have."""
    try:
        with connections["analytics"].cursor() as cursor:
            cursor.execute(f"SELECT 'a' COLLATE {collation}")
    except OperationalError:
        pytest.skip(f"the server has no {collation}")


class TestCollations:
    @pytest.mark.usefixtures("mysql")
    @pytest.mark.parametrize(
        ("table", "columns"),
        [
            ("course_activity", ("course_id", "label")),
            ("course_enrollment_mode_daily", ["course_id"]),
            ("answer_distribution", ("course_id", "module_id")),
            ("video_timeline", ("pipeline_video_id",)),
        ],
    )
    def test_that_ignores_case_is_a_note(self, checked: Document, table: str, columns: tuple[str, ...]) -> None:
        (finding,) = checked(table)["findings"]
        assert (finding["code"], finding["severity"]) == ("case_insensitive", "note")
        assert finding["columns"] == list(columns)
        with connections["analytics"].cursor() as cursor:
            # Servers have different ones for utf8mb4.
            cursor.execute("SELECT @@collation_database")
            (collation,) = cursor.fetchone()
        assert collation in finding["message"]

    @pytest.mark.usefixtures("mysql")
    @pytest.mark.parametrize("collation", ["utf8mb4_bin", "utf8mb4_nopad_bin", "utf8mb4_uca1400_as_cs"])
    def test_that_tells_case_apart_is_none(self, checked: Document, collation: str) -> None:
        skip_without(collation)
        with altered.other_column(models.Video, "course_id", KeyField(db_collation=collation)):
            assert checked("video")["findings"] == []

    @pytest.mark.usefixtures("mysql")
    @pytest.mark.parametrize("collation", ["utf8mb4_uca1400_ai_ci", "utf8mb4_0900_ai_ci", "utf8mb4_unicode_ci"])
    def test_of_any_generation_that_ignores_case_is_a_note(self, checked: Document, collation: str) -> None:
        skip_without(collation)
        with altered.other_column(models.Video, "course_id", KeyField(db_collation=collation)):
            (finding,) = checked("video")["findings"]
        assert finding["code"] == "case_insensitive"
        assert collation in finding["message"]

    @pytest.mark.parametrize(
        ("collation", "code"),
        [
            ("utf8mb4_general_ci", "case_insensitive"),
            ("utf8mb4_uca1400_ai_ci", "case_insensitive"),
            ("utf8mb4_uca1400_nopad_as_ci", "case_insensitive"),
            ("utf8mb4_0900_ai_ci", "case_insensitive"),
            ("utf8mb4_uca1400_as_cs", None),
            ("utf8mb4_0900_as_cs", None),
            ("utf8mb4_bin", None),
            ("utf8mb4_nopad_bin", None),
            (None, None),
        ],
    )
    def test_of_mysql_by_its_name(self, collation: str | None, code: str | None) -> None:
        assert mysql.collation_code(collation) == code

    @pytest.mark.usefixtures("sqlite")
    @pytest.mark.parametrize("collation", ["NOCASE", "RTRIM"])
    def test_of_sqlite_makes_answers_wrong(self, found: Found, client: Client, collation: str) -> None:
        with altered.other_column(models.Video, "course_id", KeyField(db_collation=collation)):
            cases.CASES["v0/courses/{course_id}/videos"].rows()
            course_id = {"NOCASE": "edx/demox/demo_course", "RTRIM": "edX/DemoX/Demo_Course "}[collation]
            assert client.get(f"/api/v0/courses/{course_id}/videos").status_code == 200
            finding = found("video")["wrong_collation"]
        assert (finding["severity"], finding["columns"]) == ("error", ["course_id"])
        assert collation in finding["message"]
