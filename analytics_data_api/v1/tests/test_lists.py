"""Lists of many courses: parameters, pages, and the lists of courses and of tables."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables import models
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.v1.tests.cases import CASES
from analytics_data_api.v1.urls import ENDPOINTS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

LISTS = [path for path, view in ENDPOINTS.items() if view.is_list]
POSTED = [path for path in LISTS if "post" in ENDPOINTS[path].http_method_names]
SERIES = ["enrollment", "courses/edX/DemoX/Demo_Course/enrollment"]
NEXT = '>; rel="next"'

every_list = pytest.mark.parametrize("path", LISTS)


def detail(response: Any, code: str) -> str:
    return str(problem_of(response, 400, code)["detail"])


@every_list
def test_an_unknown_parameter_is_refused_with_the_nearest_known_one(get: Get, path: str) -> None:
    assert detail(get(f"v1/{path}", limits="1"), "unknown_parameter").endswith(" Did you mean limit?")
    assert "There is no parameter 'x'" in detail(get(f"v1/{path}", x=""), "unknown_parameter")


@every_list
@pytest.mark.parametrize("limit", ["0", "-1", "10001", "1.5", "x", "\uff19", "1" * 5000])
def test_a_limit_is_a_number_up_to_ten_thousand(get: Get, path: str, limit: str) -> None:
    assert "it takes a whole number from 1 to 10000" in detail(get(f"v1/{path}", limit=limit), "invalid_value")


@every_list
def test_no_row_is_an_empty_list(get: Get, path: str) -> None:
    if path == "tables":
        return
    response = get(f"v1/{path}")
    assert (response.status_code, response.content) == (200, b"[]")
    assert get(f"v1/{path}", format="csv").status_code == 200


@every_list
def test_a_limit_above_the_list_makes_one_page(get: Get, path: str) -> None:
    CASES[path].rows()
    response = get(f"v1/{path}", limit="10000")
    assert response.content.decode() == CASES[path].json
    assert not response.has_header("Link")


@every_list
def test_following_the_links_gives_the_list(get: Get, client: Client, path: str) -> None:
    CASES[path].rows()
    response = get(f"v1/{path}", limit="1")
    items = response.json()
    while response.has_header("Link"):
        assert response["Link"].endswith(NEXT)
        response = client.get(response["Link"].removeprefix("<").removesuffix(NEXT))
        assert len(response.json()) == 1
        items += response.json()
    assert items == json.loads(CASES[path].json)


@every_list
@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "W10", "bnVsbA", "é", "e30", "WzEsMl0", "W1tbW1tbW10", "=" * 50])
def test_what_is_no_cursor_is_refused(get: Get, path: str, cursor: str) -> None:
    assert f"cursor is {cursor!r}" in detail(get(f"v1/{path}", limit="1", cursor=cursor), "invalid_cursor")


def cursor_of(response: Any) -> str:
    return str(response["Link"].partition("cursor=")[2].removesuffix(NEXT))


def test_a_cursor_is_good_for_its_own_parameters_only(get: Get) -> None:
    CASES["enrollment"].rows()
    cursor = cursor_of(get("v1/enrollment", limit="1"))
    assert get("v1/enrollment", limit="1", cursor=cursor).status_code == 200
    for path, given in (
        ("enrollment", {"limit": "2"}),
        ("enrollment", {"limit": "1", "org": "edX"}),
        ("enrollment/mode", {"limit": "1"}),
        ("courses", {"limit": "1"}),
    ):
        detail(get(f"v1/{path}", cursor=cursor, **given), "invalid_cursor")


@pytest.mark.slow
def test_pages_stay_right_while_rows_are_added(get: Get, client: Client) -> None:
    def add(course: int, days: range) -> None:
        rows = ((f"edX/{course:04}/R", date(2014, 1, 1) + timedelta(days=day), 1, make.CREATED) for day in days)
        make.insert(models.CourseEnrollmentDaily, ("course_id", "date", "count", "created"), rows)

    for course in range(0, 500, 2):
        add(course, range(0, 80, 2))
    before = {(item["course_id"], item["date"]) for item in get("v1/enrollment", start_date="2014-01-01").json()}
    assert len(before) == 10_000
    response = get("v1/enrollment", start_date="2014-01-01", limit="251")
    found = response.json()
    page = 0
    while response.has_header("Link"):
        # In the course in which the next page begins, around it, and far in front of it and behind it.
        last = int(found[-1]["course_id"].split("/")[1])
        for course, step in ((last, 13), (last - 1, 39), (last + 1, 39), (page, 39), (499 - page, 39)):
            add(course % 500, range(1, 80, step))
        page += 1
        response = client.get(response["Link"].removeprefix("<").removesuffix(NEXT))
        found += response.json()
    assert page >= 40
    keys = [(item["course_id"], item["date"]) for item in found]
    assert len(set(keys)) == len(keys)
    assert before <= set(keys)
    assert keys == sorted(keys)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("name", ["limit", "cursor"])
def test_pages_are_of_get_alone(client: Client, path: str, name: str) -> None:
    response = client.post(f"/api/v1/{path}", {name: "1"}, content_type="application/json")
    assert f"There is no parameter '{name}'" in detail(response, "unknown_parameter")


@pytest.mark.parametrize("path", POSTED)
def test_a_post_answers_as_get_does(client: Client, path: str) -> None:
    CASES[path].rows()
    form = "application/x-www-form-urlencoded"
    for body, content_type in (({}, "application/json"), ("", form), ("fields=", form)):
        response = client.post(f"/api/v1/{path}", body, content_type=content_type)
        assert response.content.decode() == CASES[path].json
        assert not response.has_header("ETag")


@pytest.mark.parametrize("path", POSTED)
def test_courses_are_selected(get: Get, client: Client, path: str) -> None:
    CASES[path].rows()
    one = [item for item in json.loads(CASES[path].json) if item["course_id"] == make.COURSE_ID]
    assert get(f"v1/{path}", course_ids=f"{make.COURSE_ID},un/known/course,,").json() == one
    assert get(f"v1/{path}", course_ids="un/known/course").json() == []
    assert get(f"v1/{path}", course_ids="").content.decode() == CASES[path].json
    assert get(f"v1/{path}", org="nowhere").json() == []
    for ids, expected in (([], []), ([make.COURSE_ID] * 2, one), (f"{make.COURSE_ID},a/b/c", one)):
        response = client.post(f"/api/v1/{path}", {"course_ids": ids}, content_type="application/json")
        assert response.json() == expected
    detail(get(f"v1/{path}", course_ids="edX"), "course_key_malformed")


def test_a_space_in_an_id_means_plus(client: Client) -> None:
    make.EnrollmentFactory(course_id="course-v1:edX+DemoX+2015")
    response = client.get("/api/v1/enrollment/?course_ids=course-v1:edX+DemoX+2015&course_ids=a/b/c")
    assert [item["course_id"] for item in response.json()] == ["course-v1:edX+DemoX+2015"]


def test_more_courses_than_a_query_names(get: Get, client: Client) -> None:
    model = models.CourseEnrollmentDaily
    courses = [f"edX/{number:04}/R" for number in range(2345)]
    model.objects.bulk_create(
        model(course_id=course, date=date(2014, 1, 1 + number % 28), count=number)
        for number, course in enumerate(courses)
    )
    assert [item["count"] for item in get("v1/enrollment").json()] == [*range(2345)]
    assert [item["count"] for item in get("v1/enrollment", start_date="2014-01-28").json()] == [*range(27, 2345, 28)]
    asked = {"course_ids": courses[::-2], "last": 1}
    response = client.post("/api/v1/enrollment", asked, content_type="application/json")
    assert [item["count"] for item in response.json()] == [*range(0, 2345, 2)]
    assert [item["count"] for item in get("v1/courses").json()] == [*range(2345)]


@pytest.mark.parametrize("path", SERIES)
@pytest.mark.parametrize(
    ("name", "value"),
    [("last", "0"), ("last", "10001"), ("last", "x"), ("interval", "day"), ("interval", "WEEK")],
)
def test_impossible_values(get: Get, path: str, name: str, value: str) -> None:
    assert f"{name} is '{value}'" in detail(get(f"v1/{path}", **{name: value}), "invalid_value")


@pytest.mark.parametrize("path", ["activity", "courses/edX/DemoX/Demo_Course/activity"])
def test_activity_has_weeks_only(get: Get, path: str) -> None:
    make.CourseActivityFactory(interval_start=make.MONDAY - timedelta(days=7))
    make.CourseActivityFactory()
    assert len(get(f"v1/{path}").json()) == 1
    assert len(get(f"v1/{path}", interval="week").json()) == 2
    assert "it takes one of: week" in detail(get(f"v1/{path}", interval="month"), "invalid_value")


FILTERS = {
    "birth_year": ("enrollment/birth_year", ["x", "19840", "-1", "1984.0", "null"]),
    "education_level": ("enrollment/education", []),
    "country": ("enrollment/location", ["XK", "A1", "Canada", "C", "\uff11"]),
    "mode": ("enrollment/mode", ["no-id-professional", "Honor", "count", "unknown"]),
    "gender": ("enrollment/gender", ["f", "created", "FEMALE"]),
}


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("path", [path for path in ENDPOINTS if "{" not in path or "course_id" in path])
def test_a_filter_is_of_the_endpoint_of_its_dimension(get: Get, name: str, path: str) -> None:
    of, impossible = FILTERS[name]
    address = path.format(course_id=make.COURSE_ID, report_name="problem_response")
    if not path.endswith(of):
        response = get(f"v1/{address}", **{name: "x"})
        assert (response.status_code, response.json()["error_code"]) == (400, "unknown_parameter")
        return
    for value in impossible:
        assert f"{name} names {value!r}" in detail(get(f"v1/{address}", **{name: value}), "invalid_value")


@pytest.mark.parametrize("value", ["CA", "ca", "CAN", "can"])
def test_countries_are_named_by_either_code(get: Get, value: str) -> None:
    CASES["enrollment/location"].rows()
    items = get("v1/enrollment/location", country=value).json()
    assert [item["country"]["alpha3"] for item in items] == ["CAN"]


def test_a_field_that_a_filter_leaves_out_cannot_be_selected(get: Get) -> None:
    CASES["enrollment/mode"].rows()
    assert "fields names 'audit'" in detail(get("v1/enrollment/mode", mode="honor", fields="audit"), "unknown_field")
    response = get("v1/enrollment/mode", mode="honor,audit", format="csv", course_ids=make.COURSE_ID)
    assert response.content.decode() == (
        "audit,count,course_id,created,cumulative_count,date,honor\r\n"
        "5,945,edX/DemoX/Demo_Course,2014-12-10T193147,965,2014-12-10,940\r\n"
    )


def test_other_unknown_parameters_of_one_course_are_ignored(get: Get) -> None:
    CASES["enrollment"].rows()
    assert get("v1/courses/edX/DemoX/Demo_Course/enrollment", page="2", country="").status_code == 200


class TestCourses:
    def ids(self, get: Get, **given: str) -> list[str]:
        return [item["course_id"].split("/")[1] for item in get("v1/courses", **given).json()]

    @pytest.fixture(autouse=True)
    def _courses(self) -> None:
        for course, count, last in (("A", 5, 10), ("b", 9, 9), ("C", 5, 8), ("d_%", 1, 10)):
            make.EnrollmentFactory(course_id=f"edX/{course}/R", count=count, date=date(2014, 12, last))
        make.EnrollmentFactory(course_id="edX/b/R", count=10, date=date(2014, 12, 2))
        make.SummaryFactory(course_id="edX/A/R", catalog_course_title="STRASSE ÉTUDE")
        make.SummaryFactory(course_id="MITx/E/R", catalog_course_title=None)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            ("course_id", ["E", "A", "C", "b", "d_%"]),
            ("-course_id", ["d_%", "b", "C", "A", "E"]),
            ("count", ["d_%", "A", "C", "b", "E"]),
            ("-count", ["b", "A", "C", "d_%", "E"]),
            ("count_change_7_days", ["b", "d_%", "A", "C", "E"]),
            ("-count_change_7_days", ["A", "C", "d_%", "b", "E"]),
            ("last_date", ["C", "b", "A", "d_%", "E"]),
            ("-last_date", ["A", "d_%", "b", "C", "E"]),
        ],
    )
    def test_sort(self, get: Get, client: Client, sort: str, expected: list[str]) -> None:
        assert self.ids(get, sort=sort) == expected
        response = get("v1/courses", sort=sort, limit="1")
        found = response.json()
        while response.has_header("Link"):
            response = client.get(response["Link"].removeprefix("<").removesuffix(NEXT))
            found += response.json()
        assert [item["course_id"].split("/")[1] for item in found] == expected

    def test_another_sort_is_refused(self, get: Get) -> None:
        assert "sort is 'title'" in detail(get("v1/courses", sort="title"), "invalid_value")

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("straße", ["A"]),
            ("étude", ["A"]),
            ("ÉTUDE", ["A"]),
            ("etude", []),
            ("/B/", ["b"]),
            ("%", ["d_%"]),
            ("_", ["d_%"]),
            ("edx", ["A", "C", "b", "d_%"]),
            ("\\", []),
        ],
    )
    def test_search(self, get: Get, text: str, expected: list[str]) -> None:
        assert self.ids(get, search=text) == expected

    def test_org(self, get: Get) -> None:
        assert self.ids(get, org="MITx") == ["E"]
        assert self.ids(get, org="MITx,edX", search="/R", sort="-count") == ["b", "A", "C", "d_%", "E"]
        assert self.ids(get, org="edx") == []


@pytest.fixture
def _without_tables() -> Any:
    """The database lacks some tables."""
    absent = (models.CourseEnrollmentByGender, models.CourseMetaSummaryEnrollment, models.VideoTimeline)
    with connections["analytics"].schema_editor() as editor:
        for model in absent:
            editor.delete_model(model)
    yield
    with connections["analytics"].schema_editor() as editor:
        for model in absent:
            editor.create_model(model)


@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
@pytest.mark.usefixtures("_without_tables")
def test_tables_that_are_absent(get: Get) -> None:
    make.EnrollmentFactory()
    (course,) = get("v1/courses").json()
    assert (course["title"], course["tables"]) == (None, ["course_enrollment_daily"])
    names = [table["table"] for table in get("v1/tables").json()]
    assert "course_enrollment_daily" in names
    assert not {"course_enrollment_gender_daily", "course_meta_summary_enrollment", "video_timeline"} & set(names)
    response = get("v1/enrollment/gender")
    assert (response.status_code, response.json()["error_code"]) == (503, "table_missing")
