"""Rows that are there more than once, and ids that are alike."""

from collections import Counter
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from django.db.models import IntegerField, Model

from analytics_data_api.checks import contents
from analytics_data_api.checks.tests.conftest import Document, Found
from analytics_data_api.tables import models
from analytics_data_api.tables.fields import KeyField
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import every_case
from analytics_data_api.v0.tests.test_counting import load_again

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

SIZES = [1, 2, 3, 5, 8, contents.PART_SIZE]
COURSES = ("a/b/c", "A/b/c", "a/b/c ", "a/b/d", "é/b/c", "e/b/c")


@pytest.mark.parametrize("model", altered.tables(), ids=lambda model: model.__name__)
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)])
def test_a_load_that_ran_twice_leaves_each_row_once_too_often(
    found: Found, model: type[Model], later: timedelta
) -> None:
    every_case()
    table = model._meta.db_table
    before = model._default_manager.count()
    assert before
    assert "duplicate_rows" not in found(table)
    load_again(later=later)
    finding = found(table)["duplicate_rows"]
    assert (finding["severity"], finding["count"]) == ("warning", before)
    load_again(later=later)
    assert found(table)["duplicate_rows"]["count"] == 3 * before


def test_an_example_is_shown(found: Found) -> None:
    for _ in range(3):
        make.EnrollmentGenderFactory(gender=None)
    make.EnrollmentGenderFactory(gender="f")
    finding = found("course_enrollment_gender_daily")["duplicate_rows"]
    assert (finding["count"], finding["columns"]) == (2, ["course_id", "date", "gender"])
    assert finding["example"] == {"course_id": make.COURSE_ID, "date": "2014-12-10", "gender": None}
    assert "3 rows" in finding["message"]


def test_a_column_is_named_as_in_the_table(found: Found) -> None:
    make.CourseActivityFactory()
    make.CourseActivityFactory()
    example: Any = found("course_activity")["duplicate_rows"]["example"]
    assert example["label"] == "ACTIVE"
    assert example["interval_end"] == "2014-12-15 00:00:00"


@pytest.mark.parametrize("size", SIZES)
def test_parts_of_any_size_find_the_same(monkeypatch: pytest.MonkeyPatch, found: Found, size: int) -> None:
    days = [date(2014, 12, day) for day in (1, 2)]
    keys = [key for number, key in enumerate(product(COURSES, days, ("f", "F", None, ""))) for _ in range(number % 3)]
    # One row after the other, as loads append them, is not the order of the index.
    for course_id, day, gender in sorted(keys, key=lambda key: (key[1], str(key[2]), key[0][::-1])):
        make.EnrollmentGenderFactory(course_id=course_id, date=day, gender=gender)
    monkeypatch.setattr(contents, "PART_SIZE", size)
    finding = found("course_enrollment_gender_daily")["duplicate_rows"]
    assert finding["count"] == len(keys) - len(set(keys))
    example: Any = finding["example"]
    key = (example["course_id"], date.fromisoformat(example["date"]), example["gender"])
    assert Counter(keys)[key] == 2


@pytest.mark.parametrize("size", SIZES)
def test_parts_of_any_size_find_the_same_in_tables_without_dates(
    monkeypatch: pytest.MonkeyPatch, found: Found, size: int
) -> None:
    keys = [key for number, key in enumerate(product(COURSES, (0, 1, None))) for _ in range(number % 3)]
    for video_id, segment in reversed(keys):
        make.TimelineFactory(pipeline_video_id=video_id, segment=segment)
    monkeypatch.setattr(contents, "PART_SIZE", size)
    assert found("video_timeline")["duplicate_rows"]["count"] == len(keys) - len(set(keys))


@pytest.mark.parametrize(
    "difference",
    [{"gender": "F"}, {"gender": None}, {"gender": "f "}, {"course_id": make.COURSE_ID.upper()}],
)
def test_keys_compare_as_bytes_and_null_is_a_value(found: Found, difference: dict[str, Any]) -> None:
    make.EnrollmentGenderFactory(gender="f")
    make.EnrollmentGenderFactory(**{"gender": "f"} | difference)
    assert "duplicate_rows" not in found("course_enrollment_gender_daily")


def test_rows_that_name_no_answer_differ_by_what_they_count(found: Found) -> None:
    for count in (1, 2, 2):
        make.AnswerFactory(value_id=None, answer_value_text=None, last_response_count=count)
    assert found("answer_distribution")["duplicate_rows"]["count"] == 1


def test_the_older_layout_of_answers(found: Found) -> None:
    with altered.older_answers():
        values = {"course_id": "a/b/c", "module_id": "m", "part_id": "p", "correct": True, "value_id": "v"}
        for count in (1, 2):
            models.ProblemResponseAnswerDistribution.objects.create(**values, count=count)
        finding = found("answer_distribution")["duplicate_rows"]
    assert finding["count"] == 1


def test_nothing_is_compared_where_a_column_of_the_key_is_missing(found: Found) -> None:
    make.EnrollmentFactory()
    make.EnrollmentFactory()
    with altered.without_columns((models.CourseEnrollmentByGender, "gender")):
        assert list(found("course_enrollment_gender_daily")) == ["missing_column"]


class TestWithoutAnIndex:
    def test_few_rows_are_compared(self, found: Found) -> None:
        for day in (1, 2, 1):
            make.EnrollmentBirthYearFactory(date=date(2014, 12, day))
        with altered.other_indexes(models.CourseEnrollmentByBirthYear):
            assert found("course_enrollment_birth_year_daily")["duplicate_rows"]["count"] == 1

    def test_many_are_not(self, monkeypatch: pytest.MonkeyPatch, found: Found) -> None:
        monkeypatch.setattr(contents, "SORTED_ROWS", 1)
        make.EnrollmentBirthYearFactory()
        make.EnrollmentBirthYearFactory()
        table = "course_enrollment_birth_year_daily"
        assert list(found(table)) == ["duplicate_rows"]
        with altered.other_indexes(models.CourseEnrollmentByBirthYear):
            findings = found(table)
        assert list(findings) == ["missing_index", "not_checked"]
        assert findings["not_checked"]["severity"] == "note"


class TestSimilarIds:
    SPELLINGS = ("edX/DemoX/1T", "EDX/demox/1t", "edX/DemoX/1T  ")

    @pytest.mark.usefixtures("mysql")
    @pytest.mark.parametrize("size", SIZES)
    def test_are_counted(self, monkeypatch: pytest.MonkeyPatch, checked: Document, size: int) -> None:
        monkeypatch.setattr(contents, "PART_SIZE", size)
        for number, course_id in enumerate((*self.SPELLINGS, "a/b/c", "A/B/C", "edX/DemoX/2T", "edX/DemoX/2T")):
            make.EnrollmentFactory(course_id=course_id, date=date(2014, 12, 1 + number))
        (finding,) = (each for each in checked("course_enrollment_daily")["findings"] if each["code"] == "similar_ids")
        assert (finding["severity"], finding["count"]) == ("note", 2)
        example: Any = finding["example"]
        assert example["course_id"] in (sorted(self.SPELLINGS), ["A/B/C", "a/b/c"])

    @pytest.mark.usefixtures("mysql")
    def test_differ_in_spaces_alone_where_case_counts(self, checked: Document) -> None:
        with altered.other_column(models.Video, "course_id", KeyField(db_collation="utf8mb4_bin")):
            for course_id in ("a/b/c", "A/b/c", "a/b/d"):
                make.VideoFactory(course_id=course_id)
            assert checked("video")["findings"] == []
            make.VideoFactory(course_id="a/b/c ")
            (finding,) = checked("video")["findings"]
            assert (finding["count"], finding["example"]) == (1, {"course_id": ["a/b/c", "a/b/c "]})

    @pytest.mark.usefixtures("sqlite")
    def test_are_others_on_sqlite(self, checked: Document) -> None:
        for course_id in self.SPELLINGS:
            make.EnrollmentFactory(course_id=course_id)
        assert checked("course_enrollment_daily")["findings"] == []


@pytest.mark.usefixtures("mysql")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "column", ["CHARACTER SET utf8mb3", "CHARACTER SET latin1", "CHARACTER SET ucs2", "COLLATE utf8mb4_bin"]
)
def test_ids_in_any_character_set(monkeypatch: pytest.MonkeyPatch, found: Found, column: str, size: int) -> None:
    monkeypatch.setattr(contents, "PART_SIZE", size)
    for video_id in (*COURSES, *COURSES[:4], "ß", "ss", "Z", "z", "_", "ÿ", "|"):
        make.TimelineFactory(pipeline_video_id=video_id, segment=1)
    with altered.editor() as editor:
        editor.execute(f"ALTER TABLE video_timeline MODIFY pipeline_video_id VARCHAR(255) {column} NOT NULL")
    try:
        assert found("video_timeline")["duplicate_rows"]["count"] == 4
    finally:
        with altered.editor() as editor:
            editor.execute("ALTER TABLE video_timeline MODIFY pipeline_video_id VARCHAR(255) NOT NULL")


def test_nothing_is_compared_where_ids_are_no_text(found: Found) -> None:
    for _ in range(2):
        make.VideoFactory(encoded_module_id=1)
    with altered.other_column(models.Video, "encoded_module_id", IntegerField()):
        assert list(found("video")) == ["wrong_type"]
