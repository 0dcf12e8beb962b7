"""Which courses a table has, and which dates of each, with and without an index, against loops over all rows."""

import random
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from analytics_data_api.tables import introspection, models
from analytics_data_api.tables.querysets.courses import (
    DateQuery,
    courses_on_record,
    dates_of,
    latest_dates,
)
from analytics_data_api.tables.tests import factories as make

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

# Some differ in bytes only, which some collations do not distinguish; the order of bytes has capitals first.
COURSES = ["edX/DemoX/Run", "edx/demox/run", "EDX/a/b", "course-v1:edX+DemoX+Run", "a_b/c/d", "aB/c/d", "北京/c/d"]


@pytest.fixture(params=["indexed", "not indexed"])
def indexed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the tables appear to have an index on the course."""
    if request.param == "not indexed":
        monkeypatch.setattr(introspection, "has_index", lambda *place: False)
    return bool(request.param == "indexed")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.usefixtures("indexed")
def test_courses_and_their_dates(seed: int) -> None:
    rng = random.Random(seed)
    of: dict[str, set[date]] = {}
    for _ in range(rng.choice([0, 3, 60])):
        course, day = rng.choice(COURSES), date(2014, 12, rng.randint(1, 9))
        of.setdefault(course, set()).add(day)
        make.EnrollmentFactory(course_id=course, date=day)
    model: Any = models.CourseEnrollmentDaily
    assert courses_on_record(model) == sorted(of)
    assert latest_dates(model) == {course: str(max(days)) for course, days in of.items()}
    asked = [*COURSES, "edX/DemoX/Run ", "un/known/course"]
    for number in (1, 2, 4):
        expected = {course: str(sorted(days)[-number]) for course, days in of.items() if len(days) >= number}
        assert dates_of(model, asked, DateQuery("date", number=number)) == expected
    assert dates_of(model, asked, DateQuery("date", ascending=True)) == {c: str(min(days)) for c, days in of.items()}
    before = {c: [day for day in days if day < date(2014, 12, 5)] for c, days in of.items()}
    query = DateQuery("date", ("t.date < %s",), ("2014-12-05",))
    assert dates_of(model, asked, query) == {c: str(max(days)) for c, days in before.items() if days}


@pytest.mark.usefixtures("indexed")
def test_the_end_of_a_week_is_a_time() -> None:
    make.CourseActivityFactory()
    make.CourseActivityFactory(interval_start=make.MONDAY - timedelta(weeks=1))
    found = dates_of(models.CourseActivityWeekly, [make.COURSE_ID], DateQuery("interval_end"))
    assert {course: datetime.fromisoformat(end) for course, end in found.items()} == {
        make.COURSE_ID: datetime(2014, 12, 15)  # noqa: DTZ001  # as the database has it
    }


def test_no_course_has_no_date(indexed: bool) -> None:
    assert courses_on_record(models.CourseEnrollmentDaily) == []
    assert latest_dates(models.CourseEnrollmentDaily) == {}
    assert latest_dates(models.CourseEnrollmentDaily, []) == {}


def test_the_tables_of_the_migrations_have_the_index() -> None:
    assert introspection.has_index("analytics", "course_enrollment_daily", "course_id")
    assert not introspection.has_index("analytics", "course_enrollment_daily", "date")
