"""Reports of many courses, their last dates, weeks and months, and filters, against naive ones on untidy rows."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.tables import introspection, models
from analytics_data_api.tables.tests import oracle
from analytics_data_api.tables.tests.test_oracle import MONDAY, as_parameters, created, made

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

# Some are alike to the collations of MySQL; the order of bytes has capitals and "_" elsewhere than they.
COURSES = [
    "edX/DemoX/Run",
    "edx/demox/run",
    "EDX/DemoX/Run",
    "course-v1:edX+DemoX+Run",
    "course-v1:a_b+X+1",
    "course-v1:aB+X+1",
    "course-v1:ab+X+1",
    "MITx/6.002x/2012",
]
# Not the form of a course id.
NO_COURSE = "edX"

every_seed = pytest.mark.parametrize("seed", range(8))


@pytest.fixture(params=["indexed", "not indexed"])
def _indexed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "not indexed":
        monkeypatch.setattr(introspection, "has_index", lambda *place: False)


def daily(rng: random.Random, **values: list[Any]) -> list[dict[str, Any]]:
    """Return rows of which some courses end early, so that the latest dates differ."""
    spans = {course: rng.choice([(0, 45), (0, 45), (20, 22), (0, 3), (40, 45)]) for course in [*COURSES, NO_COURSE]}
    rows = []
    for _ in range(rng.choice([0, 5, 400])):
        course = rng.choice([*COURSES, NO_COURSE])
        rows.append(
            {
                "course_id": course,
                "date": date(2014, 11, 20) + timedelta(days=rng.randint(*spans[course])),
                "count": rng.randrange(1000),
                "cumulative_count": rng.randrange(1000, 2000),
                "created": created(rng),
            }
            | {name: rng.choice(choices) for name, choices in values.items()}
        )
    return rows


Report = Callable[[list[Any], str], list[Any]]

DAILY: dict[str, tuple[type[Model], dict[str, list[Any]], Report]] = {
    "enrollment": (models.CourseEnrollmentDaily, {"count": [None, 1, 2, 3]}, oracle.enrollment),
    "enrollment/mode": (
        models.CourseEnrollmentModeDaily,
        {"mode": ["audit", "honor", "Honor", "no-id-professional", "professional", "verified", "credit", "x"]},
        oracle.unmerged,
    ),
    "enrollment/gender": (
        models.CourseEnrollmentByGender,
        {"gender": ["f", "F", "m", "o", None, "", "x"]},
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
        {"country_code": [None, "", "UNKNOWN", "A1", "CA", "CN", "DE"]},
        oracle.location,
    ),
}

RANGES: list[tuple[datetime | None, datetime | None]] = [
    (None, None),
    (None, None),
    (datetime(2014, 12, 2, tzinfo=UTC), None),
    (None, datetime(2014, 12, 10, tzinfo=UTC)),
    (datetime(2014, 11, 25, 1, tzinfo=UTC), datetime(2014, 12, 24, 1, tzinfo=UTC)),
    (datetime(2014, 12, 5, tzinfo=UTC), datetime(2014, 12, 6, tzinfo=UTC)),
]


def chosen(rng: random.Random, intervals: list[str | None]) -> tuple[Any, Any, Any, Any]:
    return *rng.choice(RANGES), rng.choice(intervals), rng.choice([None, None, 1, 2, 7, 10_000])


def parameters_of(start: Any, end: Any, interval: Any, last: Any) -> dict[str, str]:
    given = as_parameters(start, end)
    return given | ({"interval": interval} if interval else {}) | ({"last": str(last)} if last else {})


def by_course(rows: list[Any], report: Report, chosen: tuple[Any, Any, Any, Any], date: str = "date") -> dict[str, Any]:
    return {
        course: report(oracle.series([row for row in rows if row["course_id"] == course], chosen, date), course)
        for course in sorted(COURSES)
    }


@every_seed
@pytest.mark.parametrize("endpoint", DAILY)
@pytest.mark.usefixtures("_indexed")
def test_daily_tables(get: Get, client: Client, endpoint: str, seed: int) -> None:
    rng = random.Random(seed)
    model, values, report = DAILY[endpoint]
    rows = made(model, daily(rng, **values))
    for _ in range(5):
        which = chosen(rng, [None, None, "week", "month"])
        given = parameters_of(*which)
        expected = by_course(rows, report, which)
        assert get(f"v1/{endpoint}", **given).json() == [item for items in expected.values() for item in items]
        some = rng.sample([*COURSES, "un/known/course"], rng.randint(1, 5))
        items = [item for course in sorted(some) for item in expected.get(course, [])]
        assert get(f"v1/{endpoint}", course_ids=",".join(some), **given).json() == items
        posted = client.post(f"/api/v1/{endpoint}/", {"course_ids": some} | given, content_type="application/json")
        assert posted.json() == items
        orgs = rng.sample(["edX", "edx", "aB", "MITx", "nowhere"], 2)
        items = [item for course, of in expected.items() if oracle.org(course) in orgs for item in of]
        assert get(f"v1/{endpoint}", org=",".join(orgs), **given).json() == items
        (course,) = rng.sample(COURSES, 1)
        response = get(f"v1/courses/{course}/{endpoint}", **given)
        assert response.json() == expected[course] if expected[course] else response.status_code == 404


FILTERS: dict[str, tuple[str, list[str], Callable[[Any], str]]] = {
    "enrollment/birth_year": ("birth_year", ["1970", "0", "unknown", "1999"], lambda item: str(item["birth_year"])),
    "enrollment/education": (
        "education_level",
        ["bachelors", "none", "unknown", "doctorate"],
        lambda item: str(item["education_level"]),
    ),
    "enrollment/location": (
        "country",
        ["CA", "CHN", "unknown", "FR"],
        lambda item: {"CN": "CHN"}.get(item["country"]["alpha2"], str(item["country"]["alpha2"])),
    ),
}


@every_seed
@pytest.mark.parametrize("endpoint", FILTERS)
@pytest.mark.usefixtures("_indexed")
def test_filters_select_items_after_the_dates(get: Get, endpoint: str, seed: int) -> None:
    rng = random.Random(seed)
    model, values, report = DAILY[endpoint]
    rows = made(model, daily(rng, **values))
    name, choices, value_of = FILTERS[endpoint]
    for _ in range(5):
        which = chosen(rng, [None, None, "week", "month"])
        wanted = rng.sample(choices, rng.randint(1, 3))
        given = parameters_of(*which) | {name: ",".join(wanted)}
        texts = ["None" if value == "unknown" else value for value in wanted]
        expected = {
            course: [item for item in items if value_of(item) in texts]
            for course, items in by_course(rows, report, which).items()
        }
        assert get(f"v1/{endpoint}", **given).json() == [item for items in expected.values() for item in items]
        (course,) = rng.sample(COURSES, 1)
        response = get(f"v1/courses/{course}/{endpoint}", **given)
        assert response.json() == expected[course] if expected[course] else response.status_code == 404


@every_seed
def test_modes_select_columns_and_what_is_summed(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    model, values, _ = DAILY["enrollment/mode"]
    rows = made(model, daily(rng, **values))
    for _ in range(5):
        which = chosen(rng, [None, "week"])
        wanted = rng.sample(["audit", "honor", "professional", "masters"], rng.randint(1, 3))

        def report(found: list[Any], course: str, wanted: list[str] = wanted) -> list[Any]:
            return oracle.modes(found, course, wanted)

        expected = by_course(rows, report, which)
        response = get("v1/enrollment/mode", mode=",".join(wanted), **parameters_of(*which))
        assert response.json() == [item for items in expected.values() for item in items]


@every_seed
def test_genders_select_columns(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    model, values, report = DAILY["enrollment/gender"]
    rows = made(model, daily(rng, **values))
    for _ in range(5):
        which = chosen(rng, [None, "month"])
        wanted = rng.sample(["female", "male", "other", "unknown"], rng.randint(1, 3))
        left_out = {"female", "male", "other", "unknown"} - set(wanted)
        expected = [
            {name: value for name, value in item.items() if name not in left_out}
            for items in by_course(rows, report, which).values()
            for item in items
        ]
        assert get("v1/enrollment/gender", gender=",".join(wanted), **parameters_of(*which)).json() == expected


@every_seed
@pytest.mark.usefixtures("_indexed")
def test_activity(get: Get, seed: int) -> None:
    rng = random.Random(seed)
    made_rows = []
    for _ in range(rng.choice([0, 5, 300])):
        start = MONDAY + timedelta(weeks=rng.randrange(8))
        made_rows.append(
            {
                "course_id": rng.choice([*COURSES, NO_COURSE]),
                "interval_start": start,
                "interval_end": start + timedelta(weeks=1),
                "activity_type": rng.choice([*oracle.LABELS, "active", "READ_BOOK"]),
                "count": rng.choice([None, rng.randrange(1000)]),
                "created": created(rng),
            }
        )
    rows = [row for row in made(models.CourseActivityWeekly, made_rows) if row["activity_type"] in oracle.LABELS]
    for _ in range(5):
        which = chosen(rng, [None, "week"])
        given = parameters_of(*which)
        expected = by_course(rows, oracle.activity, which, "interval_end")
        assert get("v1/activity", **given).json() == [item for items in expected.values() for item in items]
        (course,) = rng.sample(COURSES, 1)
        response = get(f"v1/courses/{course}/activity", **given)
        assert response.json() == expected[course] if expected[course] else response.status_code == 404


@every_seed
@pytest.mark.parametrize("endpoint", [*DAILY])
def test_pages_are_the_list(get: Get, client: Client, endpoint: str, seed: int) -> None:
    rng = random.Random(seed)
    model, values, _ = DAILY[endpoint]
    made(model, daily(rng, **values))
    for _ in range(3):
        given = parameters_of(*chosen(rng, [None, "week", "month"]))
        whole = get(f"v1/{endpoint}", **given).json()
        limit = rng.choice([1, 2, 7, 50]) if len(whole) < 100 else 50
        response = get(f"v1/{endpoint}", limit=str(limit), **given)
        found = response.json()
        while response.has_header("Link"):
            assert len(response.json()) == limit
            address, _, relation = response["Link"].partition(">; ")
            assert relation == 'rel="next"'
            response = client.get(address.removeprefix("<"))
            assert response.status_code == 200
            found += response.json()
        assert found == whole
