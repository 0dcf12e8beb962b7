"""Every query that groups or picks the latest, against a naive one, on rows that are as untidy as the pipeline's.

The generated rows come from small ranges, so that keys repeat often: twice in a load, in later loads, in other courses,
and in spellings that differ only in bytes.
"""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model

from analytics_data_api.conftest import Get
from analytics_data_api.tables import models
from analytics_data_api.tables.tests import oracle

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

COURSES = ["edX/DemoX/Run", "edx/demox/run", "course-v1:edX+DemoX+Run"]
MONDAY = datetime(2014, 12, 1, tzinfo=UTC)

every_seed = pytest.mark.parametrize("seed", range(6))


def created(rng: random.Random) -> datetime:
    return datetime(2014, 12, 20, 12, 0, rng.randrange(4), tzinfo=UTC)


def made(model: type[Model], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert rows and return them as the table has them."""
    model._default_manager.bulk_create([model(**row) for row in rows])
    return list(model._default_manager.values())


def daily(rng: random.Random, **values: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "course_id": rng.choice(COURSES),
            "date": date(2014, 12, rng.randint(1, 5)),
            "count": rng.randrange(1000),
            "cumulative_count": rng.randrange(1000, 2000),
            "created": created(rng),
        }
        | {name: rng.choice(choices) for name, choices in values.items()}
        for _ in range(rng.choice([0, 3, 150]))
    ]


RANGES: list[tuple[datetime | None, datetime | None]] = [
    (None, None),
    (datetime(2014, 12, 2, tzinfo=UTC), None),
    (None, datetime(2014, 12, 4, tzinfo=UTC)),
    (datetime(2014, 12, 2, 1, tzinfo=UTC), datetime(2014, 12, 4, 1, tzinfo=UTC)),
    (datetime(2014, 12, 5, tzinfo=UTC), datetime(2014, 12, 6, tzinfo=UTC)),
]


def as_parameters(start: datetime | None, end: datetime | None) -> dict[str, str]:
    bounds = {"start_date": start, "end_date": end}
    return {name: f"{bound:%Y-%m-%dT%H%M%S}" for name, bound in bounds.items() if bound}


DAILY: dict[str, tuple[type[Model], dict[str, list[Any]], Callable[[list[Any], str], list[Any]]]] = {
    "enrollment": (models.CourseEnrollmentDaily, {"count": [None, 1, 2, 3]}, oracle.enrollment),
    "enrollment/mode": (
        models.CourseEnrollmentModeDaily,
        {
            "mode": ["audit", "honor", "Honor", "professional", "no-id-professional", "verified", "credit", "masters"],
            "count": [None, 1, 20, 300],
        },
        oracle.mode,
    ),
    "enrollment/gender": (
        models.CourseEnrollmentByGender,
        {"gender": ["f", "F", "m", "o", None, "", "x"], "count": [None, 1, 20, 300]},
        oracle.gender,
    ),
    "enrollment/birth_year": (
        models.CourseEnrollmentByBirthYear,
        {"birth_year": [None, 0, 1970, 1984, 2001]},
        oracle.by_dimension("birth_year"),
    ),
    "enrollment/education": (
        models.CourseEnrollmentByEducation,
        {"education_level": [None, "", "none", "Bachelors", "bachelors", "junior_secondary"]},
        oracle.by_dimension("education_level"),
    ),
    "enrollment/location": (
        models.CourseEnrollmentByCountry,
        {"country_code": [None, "", "UNKNOWN", "A1", "ca", "CA", "CAN", "chn", "CN", "DE"]},
        oracle.location,
    ),
}


@every_seed
@pytest.mark.parametrize("endpoint", DAILY)
def test_daily_tables(get: Get, endpoint: str, seed: int) -> None:
    model, values, expected = DAILY[endpoint]
    rows = made(model, daily(random.Random(seed), **values))
    for course_id in COURSES:
        for start, end in RANGES:
            selected = oracle.of_days(rows, course_id, start, end)
            response = get(f"v0/courses/{course_id}/{endpoint}", **as_parameters(start, end))
            assert response.json() == expected(selected, course_id) if selected else response.status_code == 404


def weekly(rng: random.Random) -> list[dict[str, Any]]:
    rows = []
    for _ in range(rng.choice([0, 3, 100])):
        start = MONDAY + timedelta(weeks=rng.randrange(4))
        rows.append(
            {
                "course_id": rng.choice(COURSES),
                "interval_start": start,
                "interval_end": start + timedelta(weeks=1),
                "activity_type": rng.choice([*oracle.LABELS, "active", "READ_BOOK"]),
                "count": rng.choice([None, rng.randrange(1000)]),
                "created": created(rng),
            }
        )
    return rows


@every_seed
def test_activity(get: Get, seed: int) -> None:
    rows = made(models.CourseActivityWeekly, weekly(random.Random(seed)))
    for course_id in COURSES:
        for start, end in [*RANGES, (MONDAY, MONDAY + timedelta(weeks=2, seconds=1)), (MONDAY, None)]:
            selected = oracle.of_weeks(rows, course_id, start, end)
            response = get(f"v0/courses/{course_id}/activity", **as_parameters(start, end))
            assert response.json() == oracle.activity(selected, course_id) if selected else response.status_code == 404


@every_seed
@pytest.mark.parametrize("label", oracle.LABELS)
def test_recent_activity(get: Get, label: str, seed: int) -> None:
    rows = made(models.CourseActivityWeekly, weekly(random.Random(seed)))
    for course_id in COURSES:
        expected = oracle.recent_activity(rows, course_id, label)
        response = get(f"v0/courses/{course_id}/recent_activity", activity_type=oracle.LABELS[label])
        assert response.json() == expected if expected else response.status_code == 404


@every_seed
def test_videos(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    names = ("duration", "segment_length", "users_at_start", "users_at_end")
    rows = [
        {
            "course_id": rng.choice(COURSES),
            "pipeline_video_id": rng.choice("abAB"),
            "encoded_module_id": rng.choice("xX"),
            "created": created(rng),
        }
        | {name: rng.choice([None, rng.randrange(100)]) for name in names}
        for _ in range(60)
    ]
    rows = made(models.Video, rows)
    for course_id in COURSES:
        assert get(f"v0/courses/{course_id}/videos").json() == oracle.videos(rows, course_id)


@every_seed
def test_timeline(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        {
            "pipeline_video_id": rng.choice(["edX/DemoX/Run|v", "edx/demox/run|v"]),
            "segment": rng.choice([None, *range(10)]),
            "num_users": rng.randrange(100),
            "num_views": rng.choice([None, rng.randrange(100)]),
            "created": created(rng),
        }
        for _ in range(60)
    ]
    rows = made(models.VideoTimeline, rows)
    for video_id in ("edX/DemoX/Run|v", "edx/demox/run|v"):
        assert get(f"v0/videos/{video_id}/timeline").json() == oracle.timeline(rows, video_id)


@every_seed
def test_grade_distribution(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        {
            "course_id": rng.choice(COURSES),
            "module_id": rng.choice(["m/x", "M/x"]),
            "grade": rng.choice([None, 0.0, 0.5, 1.0, 2.0]),
            "max_grade": rng.choice([None, 2.0, 2.5]),
            "count": rng.randrange(100),
            "created": created(rng),
        }
        for _ in range(80)
    ]
    rows = made(models.GradeDistribution, rows)
    for module_id in ("m/x", "M/x"):
        assert get(f"v0/problems/{module_id}/grade_distribution").json() == oracle.grades(rows, module_id)


@every_seed
def test_sequential_open_distribution(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        {
            "course_id": rng.choice(COURSES),
            "module_id": rng.choice(["m/x", "M/x"]),
            "count": rng.randrange(100),
            "created": created(rng),
        }
        for _ in range(30)
    ]
    rows = made(models.SequentialOpenDistribution, rows)
    for module_id in ("m/x", "M/x"):
        answer = get(f"v0/problems/{module_id}/sequential_open_distribution").json()
        assert answer == oracle.sequentials(rows, module_id)


def answer_rows(rng: random.Random) -> list[dict[str, Any]]:
    """Return answers of which some parts agree with themselves and others don't."""
    rows = []
    for module_id in ("m/a", "m/A", "m/b", "m/c"):
        for part_id in ("p_3_1", "p_2_1"):
            disagree = rng.random() < 0.4
            for _ in range(rng.randrange(12)):
                value_id = rng.choice([None, "choice_0", "choice_1", "Choice_1"])
                text = None if value_id is None and rng.random() < 0.5 else f"Text {value_id}"
                rows.append(
                    {
                        "course_id": rng.choice(COURSES[:2]),
                        "module_id": module_id,
                        "part_id": part_id,
                        "correct": value_id == "choice_1",
                        "first_response_count": rng.randrange(3),
                        "last_response_count": rng.randrange(3),
                        "value_id": value_id,
                        "answer_value_text": text,
                        "variant": rng.choice([None, 1, 2]),
                        "problem_display_name": rng.choice(["Name", "Other"]) if disagree else "Name",
                        "question_text": "Which?",
                        "created": created(rng),
                    }
                )
    return rows


@pytest.mark.parametrize("seed", range(20))
def test_answer_distribution(get: Get, seed: int) -> None:
    rows = made(models.ProblemFirstLastResponseAnswerDistribution, answer_rows(random.Random(seed)))
    for module_id in ("m/a", "m/A", "m/b", "m/c"):
        expected = oracle.answers(rows, module_id)
        response = get(f"v0/problems/{module_id}/answer_distribution")
        assert response.json() == expected if expected else response.status_code == 404


@pytest.mark.parametrize("seed", range(20))
def test_problems(get: Get, seed: int) -> None:
    rows = made(models.ProblemFirstLastResponseAnswerDistribution, answer_rows(random.Random(seed)))
    for course_id in COURSES:
        expected = oracle.problems(rows, course_id)
        response = get(f"v0/courses/{course_id}/problems")
        assert response.json() == expected if expected else response.status_code == 404
