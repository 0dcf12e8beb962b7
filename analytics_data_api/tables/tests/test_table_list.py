"""When tables were loaded, in the list of tables: of all courses, and of those that a key may see."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from analytics_data_api.access.keys import Limits
from analytics_data_api.conftest import Get
from analytics_data_api.tables import models, table_list
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.oracle import compact
from conftest import give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

COURSES = ["edX/DemoX/Run", "edx/demox/run", "MITx/a/b"]
PATH = "v1/tables"


def loaded(response: Any, table: str = "grade_distribution") -> Any:
    assert response.status_code == 200
    return next(item["loaded"] for item in response.json() if item["table"] == table)


@pytest.fixture
def limited(reader: User) -> Client:
    """A client whose key may see the first two courses."""
    give_key(reader, "limited", Limits(frozenset(COURSES[:1]), frozenset({"edx"})))
    return Client(headers={"authorization": "Token limited"})


@pytest.fixture(params=[(1, 0), (1, 500), (1000, 500)], ids=["grouped", "named", "among the very last"])
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the newest row of a limited key looked for in each way that there is."""
    for name, value in zip(("VERY_LAST_ROWS", "LONGEST_LIST"), request.param, strict=True):
        monkeypatch.setattr(table_list, name, value)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("seed", range(4))
def test_like_plain_code(get: Get, limited: Client, seed: int) -> None:
    rng = random.Random(seed)
    rows = [
        make.GradeFactory(course_id=rng.choice(COURSES), created=make.CREATED + timedelta(seconds=rng.randrange(1000)))
        for _ in range(rng.choice([0, 1, 30]))
    ]
    for response, courses in ((get(PATH), COURSES), (limited.get(f"/api/{PATH}/"), COURSES[:2])):
        newest = max((row.created for row in rows if row.course_id in courses), default=None)
        assert loaded(response) == (newest and compact(newest))


def test_the_newest_may_be_behind_thousands(get: Get, limited: Client) -> None:
    make.GradeFactory(course_id=COURSES[0], created=make.CREATED + timedelta(days=1))
    make.GradeFactory(course_id=COURSES[2], created=make.CREATED + timedelta(days=2))
    row = (COURSES[0], make.PROBLEM_ID, 1, make.CREATED)
    make.insert(models.GradeDistribution, ("course_id", "module_id", "count", "created"), [row] * 3000)
    assert loaded(get(PATH)) == "2014-12-12T193146"
    assert loaded(limited.get(f"/api/{PATH}/")) == "2014-12-11T193146"


def test_of_courses_without_one_of_the_last_rows(limited: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_list, "LAST_ROWS", 2)
    make.GradeFactory(course_id=COURSES[0])
    make.GradeFactory(course_id=COURSES[1], created=make.CREATED + timedelta(days=1))
    for _ in range(2):
        make.GradeFactory(course_id=COURSES[2], created=make.CREATED + timedelta(days=2))
    assert loaded(limited.get(f"/api/{PATH}/")) == "2014-12-11T193146"


@pytest.mark.sqlite_only
@pytest.mark.parametrize("value", ["'yesterday'", "'2015-02-30 00:00:00'", "X'ff00'"])
def test_what_is_no_time_is_not_the_newest(get: Get, limited: Client, value: str) -> None:
    make.GradeFactory(course_id=COURSES[0])
    make.GradeFactory(course_id=COURSES[0], count=99)
    with connections["analytics"].cursor() as cursor:
        cursor.execute(f"UPDATE grade_distribution SET created = {value} WHERE count = 99")  # noqa: S608  # its own
    assert loaded(get(PATH)) == loaded(limited.get(f"/api/{PATH}/")) == "2014-12-10T193146"
    connections["analytics"].connection.text_factory = str
    connections["analytics"].lenient = False  # type: ignore[attr-defined]  # this service's own


@pytest.mark.mysql_only
def test_a_table_that_is_being_replaced_is_found() -> None:
    """While RENAME TABLE runs, the list of all tables may lack it."""
    names = ["course_enrollment_daily", "no_such_table"]
    connection: Any = connections["analytics"]
    assert connection.unlisted_tables(names) == {"course_enrollment_daily"}


@pytest.mark.mysql_only
@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
@pytest.mark.parametrize("first", [1, 2**40], ids=["few ids", "high ids"])
def test_ids_without_a_sign(get: Get, first: int) -> None:
    """The newest rows are a range of ids, which begins below zero for a small table."""
    make.GradeFactory(id=first, created=make.CREATED + timedelta(days=1))
    make.GradeFactory(id=first + 1)
    with connections["analytics"].cursor() as cursor:
        alter = "ALTER TABLE grade_distribution MODIFY id BIGINT {} NOT NULL AUTO_INCREMENT"
        cursor.execute(alter.format("UNSIGNED"))
        try:
            assert loaded(get(PATH)) == "2014-12-11T193146"
        finally:
            cursor.execute(alter.format(""))
