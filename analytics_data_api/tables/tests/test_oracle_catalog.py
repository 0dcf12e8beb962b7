"""Programs, and the tags of problems, against plain code over all rows: see :mod:`.test_oracle`."""

import random
from typing import Any

import pytest
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.tables import models
from analytics_data_api.tables.tests import oracle
from analytics_data_api.tables.tests.test_oracle import COURSES, created, every_seed, made

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

# Some differ in bytes only.
PROGRAMS = ["a-1", "A-1", "a_1", "a-1 ", "ä-1"]
MODULES = ["i4x://edX/DemoX/problem/1", "i4x://edx/DemoX/problem/1", "block-v1:edX+DemoX+2015+type@problem+block@1"]


def program_rows(rng: random.Random) -> list[dict[str, Any]]:
    return [
        {
            "course_id": rng.choice(COURSES),
            "program_id": rng.choice(PROGRAMS),
            "program_type": rng.choice(["MicroMasters", "XSeries"]),
            "program_title": rng.choice([None, "", "One", "Two"]),
            "created": created(rng),
        }
        for _ in range(rng.choice([0, 3, 60]))
    ]


def json_or_none(response: Any) -> Any:
    """Return the items of an answer, none where there is nothing on record."""
    assert response.status_code in (200, 404)
    return response.json() if response.status_code == 200 else []


@every_seed
def test_programs(get: Get, client: Client, seed: int) -> None:
    rng = random.Random(seed)
    rows = made(models.CourseProgramMetadata, program_rows(rng))
    assert json_or_none(get("v0/programs")) == oracle.programs(rows, None)
    for _ in range(4):
        wanted = [program.strip() for program in rng.sample([*PROGRAMS, "unknown"], rng.randint(1, 4))]
        expected = oracle.programs(rows, wanted)
        assert json_or_none(get("v1/programs", program_ids=",".join(wanted))) == expected
        posted = client.post("/api/v0/programs/", {"program_ids": wanted}, content_type="application/json")
        assert json_or_none(posted) == expected
    lines = get("v0/programs", format="ndjson")
    if rows:
        assert b"".join(lines).count(b"\n") == len(oracle.programs(rows, None))


@every_seed
def test_the_programs_of_a_course(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    rows = made(models.CourseProgramMetadata, program_rows(rng))
    made(models.CourseMetaSummaryEnrollment, [{"course_id": each, "enrollment_mode": "audit"} for each in COURSES])
    programs = {course: oracle.programs_of(rows, course) for course in sorted(COURSES)}
    items = get("v0/course_summaries", programs="1", fields="course_id,programs").json()
    assert {item["course_id"]: item["programs"] for item in items} == programs
    for _ in range(4):
        wanted = [program.strip() for program in rng.sample([*PROGRAMS, "unknown"], rng.randint(1, 3))]
        expected = [course for course, own in programs.items() if set(own) & set(wanted)]
        response = get("v1/course_summaries", program_ids=",".join(wanted))
        assert [item["course_id"] for item in json_or_none(response)] == expected


@every_seed
def test_problems_and_tags(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    rows = made(
        models.TagsDistribution,
        [
            {
                "course_id": rng.choice(COURSES),
                "org_id": "edX",
                "module_id": rng.choice(MODULES),
                "tag_name": rng.choice(["difficulty", "Difficulty", "", "type"]),
                "tag_value": rng.choice(["Easy", "easy", "Hard", "ä", ""]),
                "total_submissions": rng.randrange(9),
                "correct_submissions": rng.randrange(9),
                "created": created(rng),
            }
            for _ in range(rng.choice([0, 3, 90]))
        ],
    )
    for course_id in COURSES:
        for version in ("v0", "v1"):
            response = get(f"{version}/courses/{course_id}/problems_and_tags")
            assert json_or_none(response) == oracle.problems_and_tags(rows, course_id)
