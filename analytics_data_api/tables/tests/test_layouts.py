"""Tables as old sites have them, served with the right to read alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, models

from analytics_data_api.conftest import Get
from analytics_data_api.tables import introspection
from analytics_data_api.tables.models import (
    CourseEnrollmentByGender,
    CourseEnrollmentDaily,
    GradeDistribution,
    ProblemFirstLastResponseAnswerDistribution,
    ProblemResponseAnswerDistribution,
    Video,
)
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, address

# Tables are altered, which a transaction would not take back on MySQL.
pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

ANSWERS = "v0/problems/{problem_id}/answer_distribution"
# Endpoints over a table that has a column too few or too many.
SPARED = (
    "v0/courses/{course_id}/enrollment",
    "v0/courses/{course_id}/enrollment/gender",
    "v0/courses/{course_id}/videos",
    "v0/problems/{problem_id}/grade_distribution",
)


@pytest.fixture
def older_answers() -> Iterator[None]:
    with altered.older_answers():
        yield


def older_answer(**values: Any) -> None:
    ProblemResponseAnswerDistribution.objects.create(
        **{
            "course_id": make.COURSE_ID,
            "module_id": make.PROBLEM_ID,
            "part_id": "p_2_1",
            "correct": True,
            "count": 9,
            "value_id": "choice_1",
            "answer_value_text": "Indonesia",
            "problem_display_name": "Multiple Choice",
            "question_text": "Which one?",
            "created": make.CREATED,
        }
        | values
    )


@pytest.fixture
def older_layout() -> Iterator[None]:
    """Columns removed that an old layout lacks, and one added that no model knows."""
    for endpoint, case in CASES.items():
        if endpoint in (*SPARED, ANSWERS):
            case.rows()
    with (
        altered.without_columns(
            (CourseEnrollmentDaily, "cumulative_count"),
            (CourseEnrollmentByGender, "cumulative_count"),
            (Video, "total_viewed_seconds"),
            (ProblemFirstLastResponseAnswerDistribution, "answer_value_numeric"),
        ),
        altered.with_column(GradeDistribution, "unknown_to_anybody", models.IntegerField(null=True)),
    ):
        yield


@pytest.mark.usefixtures("older_layout")
@pytest.mark.parametrize("endpoint", SPARED)
def test_columns_that_an_answer_does_not_need_may_be_missing_or_unknown(get: Get, endpoint: str) -> None:
    assert get(address(endpoint)).content.decode() == CASES[endpoint].json


@pytest.mark.usefixtures("older_layout")
def test_a_missing_numeric_answer_is_null(get: Get) -> None:
    expected = CASES[ANSWERS].json.replace('"answer_value_numeric":3.5', '"answer_value_numeric":null')
    assert get(address(ANSWERS)).content.decode() == expected


@pytest.mark.usefixtures("older_answers")
class TestOlderAnswers:
    def test_the_body_has_one_count(self, get: Get) -> None:
        older_answer()
        older_answer(correct=False, value_id="choice_0", answer_value_text="Russia", count=15)
        response = get(address(ANSWERS))
        assert response.content.decode() == (
            '[{"course_id":"edX/DemoX/Demo_Course","module_id":"i4x://edX/DemoX/Demo_Course/problem/p1",'
            '"part_id":"p_2_1","correct":true,"count":9,"value_id":"choice_1","answer_value":"Indonesia",'
            '"answer_value_text":"Indonesia","answer_value_numeric":null,"problem_display_name":"Multiple Choice",'
            '"question_text":"Which one?","variant":null,"created":"2014-12-10T193146","consolidated_variant":false},'
            '{"course_id":"edX/DemoX/Demo_Course","module_id":"i4x://edX/DemoX/Demo_Course/problem/p1",'
            '"part_id":"p_2_1","correct":false,"count":15,"value_id":"choice_0","answer_value":"Russia",'
            '"answer_value_text":"Russia","answer_value_numeric":null,"problem_display_name":"Multiple Choice",'
            '"question_text":"Which one?","variant":null,"created":"2014-12-10T193146","consolidated_variant":false}]'
        )

    def test_the_csv_has_no_column_for_what_the_table_lacks(self, get: Get) -> None:
        older_answer()
        header = get(address(ANSWERS), format="csv").content.decode().split("\r\n")
        assert header[0] == (
            "answer_value,answer_value_numeric,answer_value_text,consolidated_variant,correct,count,course_id,created,"
            "module_id,part_id,problem_display_name,question_text,value_id,variant"
        )

    def test_a_field_that_the_table_lacks_is_400(self, get: Get) -> None:
        older_answer()
        response = get(address(ANSWERS), fields="last_response_count")
        assert response.status_code == 400

    def test_variants_are_consolidated(self, get: Get) -> None:
        older_answer(variant=1, count=9)
        older_answer(variant=2, count=None)
        (answer,) = get(address(ANSWERS)).json()
        assert (answer["count"], answer["variant"], answer["consolidated_variant"]) == (9, None, True)

    def test_problems_count_the_only_count(self, get: Get) -> None:
        older_answer(count=9)
        older_answer(count=4, correct=False, value_id="choice_0")
        (problem,) = get(address("v0/courses/{course_id}/problems")).json()
        assert (problem["total_submissions"], problem["correct_submissions"]) == (13, 9)


def test_a_table_may_be_replaced_by_the_other_layout(get: Get, request: pytest.FixtureRequest) -> None:
    endpoint = address(ANSWERS)
    make.AnswerFactory()
    assert get(endpoint).status_code == 200
    request.getfixturevalue("older_answers")
    older_answer()
    assert [answer["count"] for answer in get(endpoint).json()] == [9]


def test_a_view_is_read_like_a_table(get: Get) -> None:
    CASES[ANSWERS].rows()
    with altered.as_view(ProblemFirstLastResponseAnswerDistribution):
        assert get(address(ANSWERS)).content.decode() == CASES[ANSWERS].json


@pytest.mark.parametrize("column", ["part_id", "correct", "variant", "question_text"])
def test_an_answer_column_that_every_layout_has_is_not_made_up(get: Get, column: str) -> None:
    with altered.without_columns((ProblemFirstLastResponseAnswerDistribution, column)):
        assert get(address(ANSWERS)).status_code == 503


def test_the_layout_is_looked_up_once(django_assert_max_num_queries: Any) -> None:
    introspection.columns("analytics", "answer_distribution")
    with django_assert_max_num_queries(0, connection=connections["analytics"]):
        assert "last_response_count" in introspection.columns("analytics", "answer_distribution")


def test_a_missing_table_has_no_columns() -> None:
    assert introspection.columns("analytics", "no_such_table") == frozenset()
