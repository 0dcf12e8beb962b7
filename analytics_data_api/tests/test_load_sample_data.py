import io
import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Model
from django.test import Client

from analytics_data_api.loading import sample_data
from analytics_data_api.loading.fake_data.course import FakeCourse
from analytics_data_api.tables import models

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

DEMO = "edX/DemoX/Demo_Course"
UX = "UniversityX/UX.3.01x/1T2015"
MADE_UP = "course-v1:edX+DemoX+Demo_2014"
UX_VIDEOS = (
    f"{UX}|i4x-UniversityX-UX_3_01x-video-02874e0ae0c74ae7b16faa5d6fdc8085",
    f"{UX}|i4x-UniversityX-UX_3_01x-video-03454e0ae0c72ae7b16fab3d6fdc2143",
)
CHOICE = "i4x://edX/DemoX/Demo_Course/problem/268b43628e6d45f79c52453a590f9829"
GRADED = "i4x://edX/DemoX/Demo_Course/problem/97fd93e33a18495488578e9e74fa4cae"
SUBSECTION = "i4x://edX/DemoX/Demo_Course/sequential/5c6c207e16dd47208c29bd8d3e68861e"
TABLES: list[type[Model]] = [model for model in apps.get_app_config("v0").get_models() if model._meta.managed]

ENROLLMENT = {"course_id": DEMO, "date": "2014-12-10", "created": "2014-12-10T193146"}
ANSWER = {
    "course_id": DEMO,
    "module_id": CHOICE,
    "part_id": "i4x-edX-DemoX-Demo_Course-problem-268b43628e6d45f79c52453a590f9829_2_1",
    "answer_value_numeric": None,
    "problem_display_name": "Multiple Choice Problem",
    "question_text": "Which of the following countries has the largest population?",
    "variant": None,
    "created": "2014-12-05T225026",
}
TIMELINE = [
    {"segment": 0, "num_users": 472, "num_views": 539, "created": "2015-05-13T050419"},
    {"segment": 1, "num_users": 450, "num_views": 510, "created": "2015-05-13T050419"},
    {"segment": 2, "num_users": 438, "num_views": 493, "created": "2015-05-13T050419"},
]

# The responses that users know from the documentation of the original service.
EXAMPLES: dict[str, Any] = {
    f"courses/{DEMO}/activity": [
        {
            "interval_start": "2014-12-08T000000",
            "interval_end": "2014-12-15T000000",
            "course_id": DEMO,
            "any": 3013,
            "attempted_problem": 206,
            "played_video": 1049,
            "created": "2014-12-10T193104",
        }
    ],
    f"courses/{DEMO}/recent_activity": {
        "interval_start": "2014-12-08T00:00:00Z",
        "interval_end": "2014-12-15T00:00:00Z",
        "activity_type": "any",
        "count": 3013,
        "course_id": DEMO,
    },
    f"courses/{DEMO}/enrollment": [{**ENROLLMENT, "count": 1892}],
    f"courses/{DEMO}/enrollment/mode": [
        {**ENROLLMENT, "count": 1890, "cumulative_count": 1931, "honor": 945, "professional": 189, "verified": 756}
    ],
    f"courses/{DEMO}/enrollment/birth_year": [
        {**ENROLLMENT, "birth_year": 1960, "count": 11},
        {**ENROLLMENT, "birth_year": 1961, "count": 58},
    ],
    f"courses/{DEMO}/enrollment/education": [
        {**ENROLLMENT, "education_level": "bachelors", "count": 634},
        {**ENROLLMENT, "education_level": "doctorate", "count": 88},
    ],
    f"courses/{DEMO}/enrollment/gender": [{**ENROLLMENT, "female": 732, "male": 1155, "other": 435, "unknown": 0}],
    f"courses/{DEMO}/enrollment/location": [
        {**ENROLLMENT, "country": {"alpha2": "CA", "alpha3": "CAN", "name": "Canada"}, "count": 264},
        {**ENROLLMENT, "country": {"alpha2": "CN", "alpha3": "CHN", "name": "China"}, "count": 416},
    ],
    f"courses/{UX}/videos": [
        {
            "pipeline_video_id": UX_VIDEOS[0],
            "encoded_module_id": "i4x-UX-UT_3_01x-video-02874e0ae0c74ae7b16faa5d6fdc8085",
            "duration": 142,
            "segment_length": 5,
            "users_at_start": 2,
            "users_at_end": 0,
            "created": "2015-04-15T214158",
        },
        {
            "pipeline_video_id": UX_VIDEOS[1],
            "encoded_module_id": "i4x-UX-UT_3_01x-video-03454e0ae0c72ae7b16fab3d6fdc2143",
            "duration": 66,
            "segment_length": 5,
            "users_at_start": 1044,
            "users_at_end": 0,
            "created": "2015-04-15T214158",
        },
    ],
    f"problems/{GRADED}/grade_distribution": [
        {
            "module_id": GRADED,
            "course_id": DEMO,
            "grade": grade,
            "max_grade": 2,
            "count": count,
            "created": "2014-09-12T114957",
        }
        for grade, count in ((1, 5), (2, 256))
    ],
    f"problems/{CHOICE}/answer_distribution": [
        {**ANSWER, "correct": False, "count": 9, "value_id": "choice_0", "answer_value_text": "Russia"},
        {**ANSWER, "correct": True, "count": 15, "value_id": "choice_1", "answer_value_text": "Indonesia"},
    ],
    f"problems/{SUBSECTION}/sequential_open_distribution": [
        {"module_id": SUBSECTION, "course_id": DEMO, "count": 23, "created": "2014-09-12T114838"}
    ],
    f"videos/{UX_VIDEOS[0]}/timeline": TIMELINE,
    f"videos/{UX_VIDEOS[1]}/timeline": TIMELINE,
}


@pytest.fixture
def fixtures() -> None:
    for fixture in sample_data.FIXTURES.glob("*.json"):
        sample_data.load_fixture(fixture, "analytics")


@pytest.fixture
def short_course(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the command make up two weeks only, where two years would show nothing else."""
    short = FakeCourse(MADE_UP, date(2014, 11, 26), 2, 1)
    monkeypatch.setattr(sample_data, "GENERATED_COURSE", short)


def get(path: str, **parameters: str) -> Any:
    client = Client()
    client.force_login(User.objects.get_or_create(username="reader")[0])
    response = client.get(f"/api/v0/{path}", query_params=parameters)
    assert response.status_code == 200, response.content
    return response.json()


def load(**options: Any) -> str:
    out = io.StringIO()
    call_command("load_sample_data", stdout=out, **options)
    return out.getvalue()


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, ids included."""
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in TABLES}


def typed(value: Any) -> str:
    """Return JSON in which 1 and 1.0 differ."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.usefixtures("fixtures")
@pytest.mark.parametrize(("path", "example"), EXAMPLES.items(), ids=EXAMPLES)
def test_the_documented_examples_come_back(path: str, example: Any) -> None:
    body = get(path)
    if path.endswith("answer_distribution"):
        # Has more columns than the documented ones.
        body = [{name: item[name] for name in ANSWER.keys() | example[0].keys()} for item in body]
    assert typed(body) == typed(example)


@pytest.mark.usefixtures("fixtures")
@pytest.mark.parametrize("endpoint", ["enrollment", "enrollment/mode", "enrollment/gender"])
def test_a_month_of_daily_enrollment_is_on_record(endpoint: str) -> None:
    body = get(f"courses/{DEMO}/{endpoint}", start_date="2014-11-10")
    assert [item["date"] for item in body] == [str(date(2014, 11, 10) + timedelta(days=day)) for day in range(31)]


@pytest.mark.usefixtures("fixtures")
@pytest.mark.parametrize(
    ("endpoint", "column", "minimum"),
    [("birth_year", "birth_year", 20), ("education", "education_level", 10), ("location", "country", 20)],
)
def test_earlier_dates_have_more_values_and_unknown_ones(endpoint: str, column: str, minimum: int) -> None:
    body = get(f"courses/{DEMO}/enrollment/{endpoint}", end_date="2014-12-10")
    assert len({item["date"] for item in body}) >= 2
    for day in {item["date"] for item in body}:
        values = [item[column] for item in body if item["date"] == day]
        assert len(values) >= minimum
        assert values[0] in (None, {"alpha2": None, "alpha3": None, "name": "UNKNOWN"})


@pytest.mark.usefixtures("fixtures")
def test_earlier_days_have_learners_of_unknown_gender_and_unlisted_modes() -> None:
    assert all(item["unknown"] > 0 for item in get(f"courses/{DEMO}/enrollment/gender", end_date="2014-12-10"))
    modes = set(models.CourseEnrollmentModeDaily.objects.values_list("mode", flat=True))
    assert modes == {"audit", "credit", "honor", "no-id-professional", "professional", "verified"}
    first = get(f"courses/{DEMO}/enrollment/mode", end_date="2014-11-11")[0]
    assert first["count"] > first["honor"] + first["professional"] + first["verified"]


@pytest.mark.usefixtures("fixtures")
def test_earlier_weeks_have_every_kind_of_activity() -> None:
    weeks = get(f"courses/{DEMO}/activity", end_date="2014-12-15")
    assert [week["interval_start"][:10] for week in weeks] == [
        str(date(2014, 10, 27) + timedelta(weeks=week)) for week in range(6)
    ]
    assert all(0 < week["posted_forum"] < week["any"] for week in weeks)
    assert get(f"courses/{DEMO}/recent_activity", activity_type="posted_forum")["count"] == weeks[-1]["posted_forum"]


@pytest.mark.usefixtures("fixtures")
def test_problems_are_of_several_kinds() -> None:
    problems = get(f"courses/{DEMO}/problems")
    assert {CHOICE, GRADED} <= {problem["module_id"] for problem in problems}
    assert max(len(problem["part_ids"]) for problem in problems) >= 3
    answers = [answer for problem in problems for answer in get(f"problems/{problem['module_id']}/answer_distribution")]
    assert {answer["consolidated_variant"] for answer in answers} == {True, False}
    assert {answer["variant"] is None for answer in answers} == {True, False}
    assert any(answer["answer_value_numeric"] is not None for answer in answers)
    consolidated = [answer for answer in answers if answer["consolidated_variant"]]
    stored = models.ProblemFirstLastResponseAnswerDistribution.objects.filter(module_id=consolidated[0]["module_id"])
    assert len(consolidated) < len(stored)
    assert sum(answer["count"] for answer in consolidated) == sum(row.last_response_count for row in stored)


@pytest.mark.usefixtures("fixtures")
def test_late_segments_of_a_video_may_have_no_row() -> None:
    unwatched = [
        video
        for video in get(f"courses/{DEMO}/videos")
        if len(get(f"videos/{video['pipeline_video_id']}/timeline")) * 5 < video["duration"]
    ]
    assert unwatched
    assert {video["users_at_end"] for video in unwatched} == {0}


@pytest.mark.parametrize(("name", "course_id"), [("edX_DemoX_Demo_Course", DEMO), ("UniversityX_UX.3.01x_1T2015", UX)])
def test_a_fixture_is_a_file_a_course_that_overwrites_no_row(name: str, course_id: str) -> None:
    text = (sample_data.FIXTURES / f"{name}.json").read_text(encoding="utf-8")
    for row in serializers.deserialize("json", text, using="analytics"):
        loaded: Any = row.object
        assert loaded.pk is None
        owner = getattr(loaded, "course_id", None) or loaded.pipeline_video_id.partition("|")[0]
        assert owner == course_id
        assert loaded.created.microsecond == 0
    assert {path.stem for path in sample_data.FIXTURES.glob("*.json")} == {
        "edX_DemoX_Demo_Course",
        "UniversityX_UX.3.01x_1T2015",
    }


@pytest.mark.slow
def test_two_years_of_everything_are_made_up() -> None:
    said = load()
    assert [line for line in said.splitlines() if not line.startswith(" ")] == [
        *(UX, DEMO, MADE_UP),
        "Files of reports: edX_DemoX_Demo_Course_problem_response.csv",
    ]
    for model in TABLES:
        if model is models.VideoTimeline:
            assert model._default_manager.filter(pipeline_video_id__startswith=f"{MADE_UP}|").exists()
            continue
        rows = model._default_manager.filter(course_id=MADE_UP)
        assert rows.exists()
        if hasattr(model, "date"):
            dates = set(rows.values_list("date", flat=True))
            assert len(dates) == (max(dates) - min(dates)).days + 1 >= 2 * 365
            assert abs(max(dates) - date(2014, 12, 10)) <= timedelta(days=1)
    assert get(f"courses/{MADE_UP}/enrollment")[0]["date"] == "2014-12-10"
    weeks = models.CourseActivityWeekly.objects.filter(course_id=MADE_UP, activity_type="ACTIVE")
    assert weeks.count() >= 104
    assert all("unchanged" in line for line in load().splitlines() if line.startswith(" "))


@pytest.mark.usefixtures("short_course")
def test_a_second_run_leaves_the_same_rows() -> None:
    load()
    before = everything()
    assert all(before.values())
    load()
    assert everything() == before


@pytest.mark.usefixtures("short_course")
def test_rows_that_the_sample_courses_had_are_replaced() -> None:
    load()
    before = everything()
    for model in TABLES:
        row = model._default_manager.order_by("pk")[0]
        row.pk = None
        row.save()
    models.CourseEnrollmentDaily.objects.create(course_id=UX, date=date(2015, 1, 1), count=1)
    load()
    for name, table in everything().items():
        assert sorted(str({**row, "id": 0}) for row in table) == sorted(str({**row, "id": 0}) for row in before[name])


@pytest.mark.slow
@pytest.mark.usefixtures("short_course")
@pytest.mark.parametrize("course_id", ["edx/demox/demo_course", f"{DEMO}2", "other/DemoX/Demo_Course"])
def test_rows_of_other_courses_are_not_touched(course_id: str) -> None:
    models.CourseEnrollmentDaily.objects.create(course_id=course_id, date=date(2014, 12, 10), count=7)
    models.Video.objects.create(course_id=course_id, pipeline_video_id=f"{course_id}|v", encoded_module_id="v")
    models.VideoTimeline.objects.create(pipeline_video_id=f"{course_id}|v", segment=0)
    before = everything()
    load()
    load()
    after = everything()
    for name, table in before.items():
        assert after[name][: len(table)] == table


@pytest.mark.parametrize(("database", "message"), [("nowhere", "no database 'nowhere'"), ("default", "migrate")])
def test_a_database_without_the_tables_is_refused(database: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        load(database=database)
