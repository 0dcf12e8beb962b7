"""Indexes without which a query would read a whole table, and those that would only make one quicker."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.db.models import Index, Model, Q

from analytics_data_api.checks.databases import mysql
from analytics_data_api.checks.tests.conftest import Document, Found
from analytics_data_api.tables import models
from analytics_data_api.tables.tests import altered

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

MADE = {
    "sqlite": 'CREATE INDEX "{name}" ON "{table}" ({columns});',
    "mysql": "CREATE INDEX `{name}` ON `{table}` ({columns});",
}


def statement(table: str, name: str, *columns: str) -> str:
    connection = connections["analytics"]
    quoted = ", ".join(map(connection.ops.quote_name, columns))
    return MADE[connection.vendor].format(name=name, table=table, columns=quoted)


@pytest.mark.parametrize("model", altered.tables(), ids=lambda model: model.__name__)
def test_each_table_needs_one_for_each_id(found: Found, model: type[Model]) -> None:
    table = model._meta.db_table
    with altered.other_indexes(model):
        findings = [finding for finding in found(table).values() if finding["severity"] == "error"]
    assert [finding["code"] for finding in findings] == ["missing_index"]


def test_the_statement_makes_it(found: Found) -> None:
    table = "course_enrollment_birth_year_daily"
    with altered.other_indexes(models.CourseEnrollmentByBirthYear):
        finding = found(table)["missing_index"]
        assert finding["statement"] == statement(table, "birth_year_course_date", "course_id", "date")
        assert (finding["columns"], finding["severity"]) == (["course_id", "date"], "error")
        with connections["analytics"].cursor() as cursor:
            cursor.execute(finding["statement"])
        assert found(table) == {}
        with altered.editor() as editor:
            editor.remove_index(models.CourseEnrollmentByBirthYear, models.CourseEnrollmentByBirthYear._meta.indexes[0])


def test_each_missing_one_is_reported(checked: Document) -> None:
    table = "answer_distribution"
    with altered.other_indexes(models.ProblemFirstLastResponseAnswerDistribution):
        findings = checked(table)["findings"]
    assert [finding["statement"] for finding in findings if finding["code"] == "missing_index"] == [
        statement(table, "answer_module", "module_id"),
        statement(table, "answer_course_module", "course_id", "module_id"),
    ]


def test_of_the_pipelines_tables_one_lacks_an_index_and_one_has_a_short_one(found: Found) -> None:
    with altered.pipeline_indexes():
        findings = {model._meta.db_table: list(found(model._meta.db_table)) for model in altered.tables()}
    assert {table: codes for table, codes in findings.items() if codes} == {
        "course_activity": ["short_index"],
        "course_enrollment_birth_year_daily": ["missing_index"],
    }


def test_the_older_layout_of_answers_needs_the_same(found: Found) -> None:
    with altered.older_answers():
        assert found("answer_distribution") == {}
        older = models.ProblemResponseAnswerDistribution
        with altered.editor() as editor:
            for index in altered.made(
                altered.PIPELINE_INDEXES[models.ProblemFirstLastResponseAnswerDistribution], "older"
            ):
                if "module_id" in index.fields:
                    editor.remove_index(older, index)
        assert found("answer_distribution")["missing_index"]["columns"] == ["module_id"]


@pytest.mark.parametrize(
    ("model", "fields", "codes"),
    [
        (models.CourseEnrollmentDaily, ("course_id", "date", "count"), []),
        (models.CourseEnrollmentDaily, ("course_id", "count", "date"), ["short_index"]),
        (models.CourseEnrollmentDaily, ("course_id",), ["short_index"]),
        (models.CourseEnrollmentDaily, ("date", "course_id"), ["missing_index"]),
        (models.CourseActivityWeekly, ("activity_type", "course_id", "interval_end"), []),
        (models.CourseActivityWeekly, ("course_id", "interval_end", "activity_type"), []),
        (models.CourseActivityWeekly, ("course_id", "activity_type"), ["short_index"]),
        (models.CourseActivityWeekly, ("activity_type", "interval_end"), ["missing_index"]),
        (models.CourseActivityWeekly, ("interval_end", "course_id"), ["missing_index"]),
        (models.Video, ("course_id",), []),
        (models.GradeDistribution, ("module_id", "grade"), ["unlisted_courses"]),
        (models.GradeDistribution, ("course_id", "module_id"), ["missing_index"]),
    ],
)
def test_one_does_by_what_it_begins_with(
    found: Found, model: type[Model], fields: tuple[str, ...], codes: list[str]
) -> None:
    with altered.other_indexes(model, Index(fields=fields, name="of_another_name")):
        assert list(found(model._meta.db_table)) == codes


def test_a_short_one_is_a_note_with_what_would_help(found: Found) -> None:
    with altered.other_indexes(models.CourseEnrollmentDaily, Index(fields=["course_id"], name="short")):
        finding = found("course_enrollment_daily")["short_index"]
    assert finding["severity"] == "note"
    assert finding["statement"] == statement("course_enrollment_daily", "enrollment_course_date", "course_id", "date")


@pytest.mark.parametrize("model", [models.GradeDistribution, models.SequentialOpenDistribution])
def test_the_list_of_courses_needs_one_for_each_table(found: Found, model: type[Model]) -> None:
    table = model._meta.db_table
    of_module, of_course = model._meta.indexes
    with altered.other_indexes(model, of_module):
        finding = found(table)["unlisted_courses"]
        assert (finding["severity"], finding["columns"]) == ("warning", ["course_id"])
        assert finding["statement"] == statement(table, of_course.name, "course_id")
    assert found(table) == {}


@pytest.mark.usefixtures("sqlite")
@pytest.mark.parametrize(
    "index",
    [
        Index(fields=["module_id"], name="partial", condition=Q(count__gt=1)),
        "CREATE INDEX {} ON grade_distribution (module_id COLLATE NOCASE)",
        "CREATE INDEX {} ON grade_distribution (lower(module_id))",
    ],
)
def test_of_sqlite_one_that_is_not_used_does_not_count(found: Found, index: Any) -> None:
    with altered.other_indexes(models.GradeDistribution, *([index] if isinstance(index, Index) else [])):
        if isinstance(index, str):
            with connections["analytics"].cursor() as cursor:
                cursor.execute(index.format("unused"))
        assert "missing_index" in found("grade_distribution")
        if isinstance(index, str):
            with connections["analytics"].cursor() as cursor:
                cursor.execute("DROP INDEX unused")


@pytest.mark.usefixtures("mysql")
def test_of_mysql_one_that_is_not_used_does_not_count(found: Found) -> None:
    with altered.other_indexes(models.GradeDistribution), connections["analytics"].cursor() as cursor:
        cursor.execute("CREATE FULLTEXT INDEX words ON grade_distribution (module_id)")
        assert "missing_index" in found("grade_distribution")
        cursor.execute("DROP INDEX words ON grade_distribution")


@pytest.mark.usefixtures("mysql")
def test_of_mysql_one_that_is_switched_off_does_not_count(found: Found) -> None:
    connection: Any = connections["analytics"]
    off, on = ("IGNORED", "NOT IGNORED") if connection.mysql_is_mariadb else ("INVISIBLE", "VISIBLE")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE grade_distribution ALTER INDEX grade_module {off}")
        assert "missing_index" in found("grade_distribution")
        cursor.execute(f"ALTER TABLE grade_distribution ALTER INDEX grade_module {on}")
    assert found("grade_distribution") == {}


@pytest.mark.parametrize("unused", [{"Visible": "NO"}, {"Ignored": "YES"}, {"Index_type": "HASH"}])
def test_of_any_server_one_that_is_switched_off_does_not_count(unused: dict[str, str]) -> None:
    names = ("Key_name", "Column_name", "Index_type", *(name for name in unused if name != "Index_type"))
    used = {"Key_name": "b", "Column_name": "course_id", "Index_type": "BTREE", "Visible": "YES", "Ignored": "NO"}
    rows = [tuple(row[name] for name in names) for row in (used | {"Key_name": "a"} | unused, used)]
    cursor = SimpleNamespace(execute=lambda sql: None, description=[(name,) for name in names], fetchall=lambda: rows)
    assert mysql.indexes(connections["analytics"], cursor, "video") == [("course_id",)]


def test_of_a_view_nothing_is_known(found: Found) -> None:
    with altered.as_view(models.GradeDistribution):
        findings = found("grade_distribution")
    assert {code: finding["severity"] for code, finding in findings.items()} == {"not_checked": "note"}
