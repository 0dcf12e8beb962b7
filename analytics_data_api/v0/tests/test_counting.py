"""What counts, and what doesn't: loads that ran twice, variants of one answer, kinds of activity."""

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps

from analytics_data_api.conftest import Get
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.factories import CREATED, MONDAY, PROBLEM_ID
from analytics_data_api.tests.cases import CASES, Case, address

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])


def load_again(*, later: timedelta) -> None:
    """Append each row of each table again, as a second run of a load would."""
    for model in apps.get_app_config("v0").get_models():
        if model._meta.managed:
            rows: list[Any] = list(model._default_manager.order_by("id"))
            for row in rows:
                row.pk, row.created = None, row.created + later
            model._default_manager.bulk_create(rows)


@pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)
def test_a_load_that_ran_twice_counts_once(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    load_again(later=timedelta(0))
    assert get(address(endpoint)).content.decode() == case.json
    load_again(later=timedelta(hours=-1))
    assert get(address(endpoint)).content.decode() == case.json


def test_an_older_load_with_a_higher_id_does_not_count(get: Get) -> None:
    make.EnrollmentFactory(count=2, created=CREATED)
    make.EnrollmentFactory(count=1, created=CREATED - timedelta(seconds=1))
    assert [item["count"] for item in get(address("v0/courses/{course_id}/enrollment")).json()] == [2]


class TestRecentActivity:
    endpoint = address("v0/courses/{course_id}/recent_activity")

    @pytest.fixture(autouse=True)
    def _weeks(self) -> None:
        make.CourseActivityFactory(activity_type="ACTIVE", count=30)
        make.CourseActivityFactory(activity_type="PLAYED_VIDEO", count=20)
        make.CourseActivityFactory(
            interval_start=MONDAY - timedelta(days=7), activity_type="POSTED_FORUM", count=10, created=CREATED
        )

    @pytest.mark.parametrize(
        ("parameters", "activity_type", "count"),
        [
            ({}, "any", 30),
            ({"activity_type": ""}, "any", 30),
            ({"activity_type": "any"}, "any", 30),
            ({"activity_type": "ANY"}, "any", 30),
            ({"activity_type": "active"}, "any", 30),
            ({"activity_type": "Played_Video"}, "played_video", 20),
            ({"label": "PLAYED_VIDEO"}, "played_video", 20),
            ({"label": "PLAYED_VIDEO", "activity_type": "any"}, "played_video", 20),
        ],
    )
    def test_the_type_picks_the_row(self, get: Get, parameters: dict[str, str], activity_type: str, count: int) -> None:
        item = get(self.endpoint, **parameters).json()
        assert (item["activity_type"], item["count"]) == (activity_type, count)

    def test_the_week_is_the_latest_that_has_the_type(self, get: Get) -> None:
        assert get(self.endpoint, activity_type="posted_forum").json() == {
            "interval_start": "2014-12-01T00:00:00Z",
            "interval_end": "2014-12-08T00:00:00Z",
            "activity_type": "posted_forum",
            "count": 10,
            "course_id": "edX/DemoX/Demo_Course",
        }

    def test_an_unknown_type_is_404_and_told(self, get: Get) -> None:
        response = get(self.endpoint, activity_type="slept")
        assert (response.status_code, response.json()["error_code"]) == (404, "unknown_activity_type")
        assert "'slept'" in response.json()["detail"]
        assert "any, attempted_problem, played_video, posted_forum" in response.json()["detail"]

    def test_a_type_without_a_row_is_404_and_told_from_an_unknown_course(self, get: Get) -> None:
        response = get(self.endpoint, activity_type="attempted_problem")
        assert (response.status_code, response.json()["error_code"]) == (404, "no_activity_of_type")


class TestConsolidation:
    """Variants of an answer that differ only by mistake, section 3 of the contract."""

    def answers(self, get: Get) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = get(address("v0/problems/{problem_id}/answer_distribution")).json()
        return items

    def test_variants_that_agree_become_one(self, get: Get) -> None:
        for variant in (1, 2, 3):
            make.AnswerFactory(value_id="choice_0", variant=variant, first_response_count=1, last_response_count=10)
        make.AnswerFactory(value_id="choice_1", variant=1, correct=True, last_response_count=7)
        kept = ("value_id", "variant", "count", "first_response_count", "last_response_count", "consolidated_variant")
        assert [{name: answer[name] for name in kept} for answer in self.answers(get)] == [
            {
                "value_id": "choice_0",
                "variant": None,
                "count": 30,
                "first_response_count": 3,
                "last_response_count": 30,
                "consolidated_variant": True,
            },
            {
                "value_id": "choice_1",
                "variant": 1,
                "count": 7,
                "first_response_count": 3,
                "last_response_count": 7,
                "consolidated_variant": False,
            },
        ]

    @pytest.mark.parametrize(
        "difference",
        [
            {"question_text": "Which other one?"},
            {"answer_value_text": "Another text"},
            {"problem_display_name": "Another name"},
            {"correct": True},
        ],
    )
    def test_one_disagreement_keeps_the_whole_part_as_it_is(self, get: Get, difference: dict[str, Any]) -> None:
        for value_id in ("choice_0", "choice_1"):
            for variant in (1, 2):
                differing = difference if (value_id, variant) == ("choice_1", 2) else {}
                make.AnswerFactory(value_id=value_id, variant=variant, **differing)
        answers = self.answers(get)
        assert [(answer["value_id"], answer["variant"]) for answer in answers] == [
            ("choice_0", 1),
            ("choice_0", 2),
            ("choice_1", 1),
            ("choice_1", 2),
        ]
        assert not any(answer["consolidated_variant"] for answer in answers)

    def test_parts_are_consolidated_by_themselves(self, get: Get) -> None:
        for variant in (1, 2):
            make.AnswerFactory(part_id="p_3_1", value_id="choice_0", variant=variant, question_text=f"No. {variant}?")
            make.AnswerFactory(part_id="p_2_1", value_id="choice_0", variant=variant)
        assert [(answer["part_id"], answer["consolidated_variant"]) for answer in self.answers(get)] == [
            ("p_2_1", True),
            ("p_3_1", False),
            ("p_3_1", False),
        ]

    def test_runs_of_a_course_that_share_a_problem_are_kept_apart(self, get: Get) -> None:
        make.AnswerFactory(course_id="edX/DemoX/1T", value_id="choice_0", variant=1)
        make.AnswerFactory(course_id="edX/DemoX/2T", value_id="choice_0", variant=1)
        assert [(answer["course_id"], answer["consolidated_variant"]) for answer in self.answers(get)] == [
            ("edX/DemoX/1T", False),
            ("edX/DemoX/2T", False),
        ]


def test_answers_without_a_name_are_told_apart_by_what_they_count(get: Get) -> None:
    for count in (1, 2, 2):
        make.AnswerFactory(value_id=None, answer_value_text=None, variant=None, last_response_count=count)
    (problem,) = get(address("v0/courses/{course_id}/problems")).json()
    assert (problem["module_id"], problem["total_submissions"]) == (PROBLEM_ID, 3)
