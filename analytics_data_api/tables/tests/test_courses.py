"""Which courses a table has, and which dates of each, with and without an index, against loops over all rows."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from analytics_data_api.conftest import Get
from analytics_data_api.tables import introspection, models
from analytics_data_api.tables.querysets import courses
from analytics_data_api.tables.querysets.courses import (
    DateQuery,
    courses_on_record,
    dates_of,
    latest_dates,
)
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.oracle import compact

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
        assert dates_of(model, asked, DateQuery("date", number=number)) == [expected]
    firsts = {c: str(min(days)) for c, days in of.items()}
    assert dates_of(model, asked, DateQuery("date", ascending=True)) == [firsts]
    before = {c: [day for day in days if day < date(2014, 12, 5)] for c, days in of.items()}
    query = DateQuery("date", ("t.date < %s",), ("2014-12-05",))
    lasts = {c: str(max(days)) for c, days in before.items() if days}
    assert dates_of(model, asked, query, DateQuery("date", ascending=True), query) == [lasts, firsts, lasts]


@pytest.mark.usefixtures("indexed")
def test_courses_that_are_only_alike_have_no_dates() -> None:
    make.EnrollmentFactory(course_id="edX/DemoX/Run")
    assert latest_dates(models.CourseEnrollmentDaily, ["EDX/demox/run", "un/known/course"]) == {}


@pytest.mark.usefixtures("indexed")
def test_the_end_of_a_week_is_a_time() -> None:
    make.CourseActivityFactory()
    make.CourseActivityFactory(interval_start=make.MONDAY - timedelta(weeks=1))
    (found,) = dates_of(models.CourseActivityWeekly, [make.COURSE_ID], DateQuery("interval_end"))
    assert {course: datetime.fromisoformat(end) for course, end in found.items()} == {
        make.COURSE_ID: datetime(2014, 12, 15)  # noqa: DTZ001  # as the database has it
    }


@pytest.mark.usefixtures("indexed")
def test_a_day_that_its_month_lacks_is_no_date() -> None:
    for course_id in ("edX/a/b", "edX/c/d", "edX/e/f"):
        for day in (1, 2, 28):
            make.EnrollmentFactory(course_id=course_id, date=date(2015, 2, day))
    make.EnrollmentFactory(course_id="edX/e/f", date=date(2015, 1, 31))
    with connections["analytics"].cursor() as cursor:
        if connections["analytics"].vendor == "mysql":
            cursor.execute("SET sql_mode = 'ALLOW_INVALID_DATES'")
        table = "UPDATE course_enrollment_daily SET date ="
        cursor.execute(f"{table} '2015-02-30' WHERE course_id = 'edX/a/b' AND date = '2015-02-28'")
        cursor.execute(f"{table} '2015-02-31' WHERE course_id = 'edX/c/d'")
        cursor.execute(f"{table} '2015-02-29' WHERE course_id = 'edX/e/f' AND date = '2015-01-31'")
    model: Any = models.CourseEnrollmentDaily
    assert latest_dates(model) == {"edX/a/b": "2015-02-02", "edX/e/f": "2015-02-28"}
    (second,) = dates_of(model, courses_on_record(model), DateQuery("date", number=2))
    assert second == {"edX/a/b": "2015-02-01", "edX/e/f": "2015-02-02"}


@pytest.mark.sqlite_only
@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("text", ["2014-13-10", "2014-12-32", "2014-01-99", "2013-99-01", "2014-12-00", "2014-00-10"])
def test_a_month_or_day_that_no_year_has_is_no_date(get: Get, text: str) -> None:
    """SQLite takes any."""
    for count, day in enumerate((10, 11, 12)):
        make.EnrollmentFactory(date=date(2014, 12, day), count=count)
    with connections["analytics"].cursor() as cursor:
        cursor.execute("UPDATE course_enrollment_daily SET date = %s WHERE count = 1", [text])
    assert [item["date"] for item in get(f"v0/courses/{make.COURSE_ID}/enrollment").json()] == ["2014-12-12"]
    assert [item["date"] for item in get("v1/enrollment", last="3").json()] == ["2014-12-10", "2014-12-12"]
    (course,) = get("v1/courses").json()
    assert (course["first_date"], course["last_date"], course["count"]) == ("2014-12-10", "2014-12-12", 2)
    (table,) = (item for item in get("v1/tables").json() if item["table"] == "course_enrollment_daily")
    assert (table["first_date"], table["last_date"]) == ("2014-12-10", "2014-12-12")


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("year", [2000, 2014, 2016, 2100])
def test_the_last_day_of_each_month_is_a_date(year: int) -> None:
    firsts = [date(year, month, 1) for month in range(2, 13)] + [date(year + 1, 1, 1)]
    last_days = {f"edX/{month}/x": first - timedelta(days=1) for month, first in enumerate(firsts, 1)}
    for course_id, day in last_days.items():
        make.EnrollmentFactory(course_id=course_id, date=day)
    assert latest_dates(models.CourseEnrollmentDaily) == {course: str(day) for course, day in last_days.items()}


@pytest.mark.sqlite_only
@pytest.mark.parametrize("separator", [" ", "T"])
def test_a_time_behind_a_date_is_cut_off(get: Get, separator: str) -> None:
    for day in (3, 10):
        make.EnrollmentFactory(date=date(2014, 12, day), count=day)
        make.EnrollmentModeFactory(date=date(2014, 12, day), count=day)
    with connections["analytics"].cursor() as cursor:
        for table in ("course_enrollment_daily", "course_enrollment_mode_daily"):
            cursor.execute(f"UPDATE {table} SET date = date || '{separator}00:00:00'")  # noqa: S608  # the test's own
    one = get(f"v0/courses/{make.COURSE_ID}/enrollment")
    assert (one.status_code, [item["date"] for item in one.json()]) == (200, ["2014-12-10"])
    many = get("v1/enrollment", last="2")
    assert (many.status_code, [item["date"] for item in many.json()]) == (200, ["2014-12-03", "2014-12-10"])
    (course,) = get("v1/courses").json()
    assert (course["last_date"], course["count"], course["count_change_7_days"]) == ("2014-12-10", 10, 7)
    (summary,) = get("v0/course_summaries").json()
    assert (summary["count"], summary["count_change_7_days"]) == (10, 7)


@pytest.mark.usefixtures("indexed")
@pytest.mark.parametrize("seed", range(6))
def test_when_courses_without_enrollment_were_loaded(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    # Of each course and table, the dates and times of its rows; one date for all rows of a table without dates.
    of: dict[str, dict[type, list[tuple[datetime, datetime]]]] = {}
    for _ in range(rng.choice([0, 3, 60])):
        course, created = rng.choice(COURSES), make.CREATED + timedelta(seconds=rng.randrange(1000))
        day = make.MONDAY - timedelta(weeks=rng.randrange(3))
        places: list[tuple[type, dict[str, Any]]] = [
            (make.EnrollmentLocationFactory, {"date": day.date(), "country_code": rng.choice(["CA", "A1", None])}),
            (make.EnrollmentModeFactory, {"date": day.date()}),
            (make.CourseActivityFactory, {"interval_start": day}),
            (make.GradeFactory, {}),
            (make.SummaryFactory, {}),
        ]
        factory, given = rng.choice(places)
        factory(course_id=course, created=created, **given)
        of.setdefault(course, {}).setdefault(factory, []).append((day if given else make.MONDAY, created))
    expected = {
        course: compact(
            max(created for rows in tables.values() for day, created in rows if day == max(day for day, _ in rows))
        )
        for course, tables in of.items()
    }
    for sort in ("course_id", "-course_id"):
        items = get("v1/courses", sort=sort).json()
        assert {item["course_id"]: item["created"] for item in items} == expected
        assert [item["course_id"] for item in items] == sorted(expected, reverse=sort[0] == "-")


def test_a_load_between_two_reads_of_a_table(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table without an index is read once for each date that is wanted."""
    monkeypatch.setattr(introspection, "has_index", lambda *place: False)
    make.GradeFactory()
    read = courses.dates_by_reading

    def read_before_a_load(*args: Any, **options: Any) -> Iterator[tuple[str, str]]:
        yield from read(*args, **options)
        make.EnrollmentFactory(count=7)

    monkeypatch.setattr(courses, "dates_by_reading", read_before_a_load)
    (course,) = get("v1/courses").json()
    assert (course["first_date"], course["last_date"], course["count"]) == (None, "2014-12-10", 7)


def test_no_course_has_no_date(indexed: bool) -> None:
    assert courses_on_record(models.CourseEnrollmentDaily) == []
    assert latest_dates(models.CourseEnrollmentDaily) == {}
    assert latest_dates(models.CourseEnrollmentDaily, []) == {}


def test_the_tables_of_the_migrations_have_the_index() -> None:
    assert introspection.has_index("analytics", "course_enrollment_daily", "course_id")
    assert not introspection.has_index("analytics", "course_enrollment_daily", "date")
