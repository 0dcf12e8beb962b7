"""Summaries of many courses, totals and programs: parameters, derivation, and tables that a database lacks."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connections
from django.db.models import Model
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables import introspection, models
from analytics_data_api.tables.constants.enrollment_modes import MODES
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.versions import VERSIONS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
RUN = "course-v1:edX+DemoX+2015"
WEEK = timedelta(days=7)


def ids(response: Any) -> list[str]:
    """Return the courses of an answer."""
    return [item["course_id"] for item in json.loads(response.getvalue())] if response.status_code == 200 else []


@pytest.fixture
def courses() -> None:
    make.SummaryFactory(count=10, enrollment_mode="honor")
    make.SummaryFactory(count=5, enrollment_mode="verified", created=make.CREATED - timedelta(days=1))
    make.SummaryFactory(
        course_id=RUN, count=20, catalog_course_title="Straße", availability="Starting Soon", pacing_type="self_paced"
    )
    make.SummaryFactory(
        course_id="edX/100%/a_b", count=20, catalog_course_title=None, availability=None, pacing_type=None
    )
    make.ProgramFactory(course_id=RUN, program_id="p2")
    make.ProgramFactory(course_id=RUN, program_id="p1")


ALL = [RUN, "edX/100%/a_b", make.COURSE_ID]


@pytest.mark.usefixtures("courses")
@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ALL),
        ({"course_ids": RUN}, [RUN]),
        ({"course_ids": RUN.replace("+", " ")}, [RUN]),
        ({"course_ids": f"{make.COURSE_ID},{RUN},{RUN},a/b/c"}, [RUN, make.COURSE_ID]),
        ({"course_ids": ""}, ALL),
        ({"course_ids": "a/b/c"}, []),
        ({"course_ids": make.COURSE_ID.lower()}, []),
        ({"availability": "Upcoming"}, [RUN]),
        ({"availability": "Starting Soon"}, [RUN]),
        ({"availability": "Current,unknown"}, ["edX/100%/a_b", make.COURSE_ID]),
        ({"pacing_type": "self_paced"}, [RUN]),
        ({"pacing_type": "unknown"}, ["edX/100%/a_b"]),
        ({"program_ids": "p1,other"}, [RUN]),
        ({"program_ids": "other"}, []),
        ({"text_search": "STRASSE"}, [RUN]),
        ({"text_search": "0%/"}, ["edX/100%/a_b"]),
        ({"text_search": "a_b"}, ["edX/100%/a_b"]),
        ({"text_search": "DEMO"}, [RUN, make.COURSE_ID]),
        ({"order_by": "count"}, [make.COURSE_ID, RUN, "edX/100%/a_b"]),
        ({"order_by": "count", "sort_order": "desc"}, [RUN, "edX/100%/a_b", make.COURSE_ID]),
        ({"order_by": "pacing_type"}, [make.COURSE_ID, RUN, "edX/100%/a_b"]),
        ({"order_by": "pacing_type", "sort_order": "desc"}, [RUN, make.COURSE_ID, "edX/100%/a_b"]),
        ({"sort_order": "desc"}, ALL[::-1]),
        ({"page": "2", "page_size": "1", "all": "True", "unheard_of": "x"}, ALL),
    ],
)
def test_parameters_select_and_order(get: Get, client: Client, parameters: dict[str, str], expected: list[str]) -> None:
    for version in VERSIONS:
        assert ids(get(f"{version}/course_summaries/", **parameters)) == expected
        for content_type, body in ((JSON, json.dumps(parameters)), (FORM, urlencode(parameters))):
            response = client.post(f"/api/{version}/course_summaries/", body, content_type=content_type)
            assert ids(response) == expected
            assert "ETag" not in response


@pytest.mark.usefixtures("courses")
@pytest.mark.parametrize(
    ("parameters", "code", "named"),
    [
        ({"course_ids": "edX/DemoX"}, "course_key_malformed", "course_ids names 'edX/DemoX'"),
        ({"course_ids": f"{RUN},nonsense"}, "course_key_malformed", "course_ids names 'nonsense'"),
        ({"recent_date": "yesterday"}, "invalid_date", "recent_date is 'yesterday'"),
        ({"recent_date": "2999-12-31"}, "invalid_date", "recent_date is '2999-12-31'"),
        ({"order_by": "nonsense"}, "invalid_value", "order_by is 'nonsense'"),
        ({"sort_order": "up"}, "invalid_value", "sort_order is 'up'"),
        ({"fields": "nonsense"}, "unknown_field", "fields names 'nonsense'"),
        ({"exclude": "nonsense"}, "unknown_field", "exclude names 'nonsense'"),
        ({"fields": "count", "exclude": "count"}, "no_field", "exclude names all fields"),
        (
            {"fields": "enrollment_modes.audit", "exclude": "enrollment_modes.audit"},
            "no_field",
            "exclude names all fields",
        ),
        (
            {
                "fields": "enrollment_modes.honor.count,enrollment_modes.audit",
                "exclude": "count,enrollment_modes.audit",
            },
            "no_field",
            "exclude names all fields",
        ),
    ],
)
def test_values_that_are_refused(get: Get, client: Client, parameters: dict[str, str], code: str, named: str) -> None:
    assert named in problem_of(get("v0/course_summaries", **parameters), 400, code)["detail"]
    response = client.post("/api/v1/course_summaries", json.dumps(parameters), content_type="application/json")
    assert named in problem_of(response, 400, code)["detail"]


def test_today_is_no_recent_date(get: Get) -> None:
    make.SummaryFactory()
    today = datetime.now(UTC).date()
    assert get("v0/course_summaries", recent_date=str(today - timedelta(days=1))).status_code == 200
    problem_of(get("v0/course_summaries", recent_date=str(today)), 400, "invalid_date")


def test_an_empty_list_in_json_selects_nothing(client: Client) -> None:
    make.SummaryFactory()
    for name in ("course_ids", "availability", "program_ids"):
        response = client.post("/api/v0/course_summaries/", {name: []}, content_type="application/json")
        problem_of(response, 404, "no_data")
    for body in ({}, {"course_ids": None}, {"course_ids": False}, {"course_ids": ""}):
        response = client.post("/api/v0/course_summaries/", body, content_type="application/json")
        assert ids(response) == [make.COURSE_ID]


@pytest.mark.usefixtures("courses")
class TestFields:
    def test_recent_count_change(self, get: Get) -> None:
        make.EnrollmentFactory(date=date(2014, 12, 1), count=4)
        make.EnrollmentFactory(date=date(2014, 12, 2), count=9)
        make.EnrollmentFactory(date=date(2014, 12, 1), count=6, created=make.CREATED + timedelta(seconds=1))
        items = get("v0/course_summaries", recent_date="2014-12-01", fields="recent_count_change").json()
        assert items == [{"recent_count_change": 20}, {"recent_count_change": 20}, {"recent_count_change": 9}]

    def test_programs_are_there_if_asked_for(self, get: Get) -> None:
        assert "programs" not in get("v0/course_summaries").json()[0]
        for parameters in ({"programs": "0"}, {"fields": "programs"}):
            items = get("v0/course_summaries", **parameters).json()
            assert [item["programs"] for item in items] == [["p2", "p1"], [], []]
        for exclude in ({"programs": "1", "exclude": "programs"}, {"exclude": "programs"}):
            assert "programs" not in get("v0/course_summaries", **exclude).json()[0]

    def test_an_excluded_count_goes_from_each_mode_too(self, get: Get) -> None:
        item = get("v0/course_summaries", exclude="passing_users,created,count").json()[0]
        assert not {"passing_users", "created", "count"} & item.keys()
        assert {tuple(counts) for counts in item["enrollment_modes"].values()} == {
            ("cumulative_count", "count_change_7_days")
        }
        header = get("v0/course_summaries.csv", exclude="passing_users").content.decode().splitlines()[0]
        assert "passing_users" not in header
        assert "enrollment_modes.honor.count," in header

    @pytest.mark.parametrize("format_name", ["json", "csv", "ndjson"])
    def test_an_object_of_which_all_is_excluded_is_left_out(self, get: Get, format_name: str) -> None:
        fields = "course_id,enrollment_modes.honor.count,enrollment_modes.audit.passing_users"
        path = f"v0/course_summaries.{format_name}"
        body = get(path, fields=fields, exclude="passing_users").content.decode()
        assert "honor" in body
        assert "audit" not in body
        body = get(path, fields=fields, exclude="passing_users,enrollment_modes.honor").content.decode()
        assert make.COURSE_ID in body
        assert "enrollment_modes" not in body

    def test_members_of_objects(self, get: Get) -> None:
        item = get("v0/course_summaries", fields="enrollment_modes.honor.count,enrollment_modes.audit").json()[0]
        audit = {"count": 0, "cumulative_count": 0, "count_change_7_days": 0, "passing_users": 0}
        assert item == {"enrollment_modes": {"honor": {"count": 20}, "audit": audit}}
        lines = get("v0/course_summaries.csv", fields="count,enrollment_modes.honor.count").content.decode()
        assert lines.splitlines()[:2] == ["count,enrollment_modes.honor.count", "20,20"]

    def test_texts_are_those_of_the_newest_row(self, get: Get) -> None:
        make.SummaryFactory(enrollment_mode="audit", catalog_course_title="Newer", created=make.CREATED + WEEK)
        make.SummaryFactory(enrollment_mode="masters", catalog_course_title="Older", created=make.CREATED - WEEK)
        titles = get("v0/course_summaries", fields="catalog_course_title").json()
        assert titles[-1] == {"catalog_course_title": "Newer"}


class TestPosts:
    PATH = "/api/v0/course_summaries/"

    def test_take_no_more_of_the_query_string_than_format(self, client: Client) -> None:
        make.SummaryFactory()
        response = client.post(f"{self.PATH}?format=csv", {"fields": "count"}, content_type="application/json")
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Disposition"] == "attachment; filename=course_summaries.csv"
        problem_of(client.post(f"{self.PATH}?fields=count", content_type=JSON), 400, "parameter_in_query_string")

    @pytest.mark.slow
    def test_of_five_thousand_courses(self, client: Client, django_assert_max_num_queries: Any) -> None:
        wanted = [f"a/b/{number:04}" for number in range(5000)]
        row = make.SummaryFactory.build()
        columns = [field.name for field in row._meta.concrete_fields if field.name not in {"id", "course_id"}]
        values = [getattr(row, name) for name in columns]
        rows = ((course_id, *values) for course_id in wanted)
        make.insert(models.CourseMetaSummaryEnrollment, ("course_id", *columns), rows)
        assert ids(client.get(self.PATH)) == wanted
        # One for each thousand, and one that finds out whether there are summaries.
        with django_assert_max_num_queries(6, using="analytics"):
            response = client.post(self.PATH, {"course_ids": wanted}, content_type="application/json")
        assert ids(response) == wanted

    def test_need_a_key(self) -> None:
        problem_of(Client().post(self.PATH, {}, content_type="application/json"), 401, "not_authenticated")

    def test_of_another_type_are_415(self, client: Client) -> None:
        problem_of(client.post(self.PATH, "x", content_type="text/plain"), 415, "unsupported_media_type")

    def test_from_a_browser_get_json(self, client: Client) -> None:
        make.SummaryFactory()
        headers = {"accept": "text/html,*/*;q=0.8"}
        assert client.post(self.PATH, content_type=JSON, headers=headers)["Content-Type"] == "application/json"

    @pytest.mark.parametrize("content_type", [JSON, FORM])
    def test_of_a_session_need_a_csrf_token(self, reader: Any, content_type: str) -> None:
        make.SummaryFactory()
        body = json.dumps({"fields": "count"}) if content_type == JSON else "fields=count"
        for enforced, status in ((True, 403), (False, 200)):
            sender = Client(enforce_csrf_checks=enforced)
            sender.force_login(reader)
            response = sender.post(self.PATH, body, content_type=content_type)
            assert response.status_code == status
        assert list(response.json()[0]) == ["count"]


def derived_by_hand(rows: list[Any]) -> list[dict[str, Any]]:
    """Return what is derived from rows of enrollment by mode, as plainly as possible."""
    items = []
    for course_id in sorted({row.course_id for row in rows}):
        own = {}
        for row in sorted((row for row in rows if row.course_id == course_id), key=lambda row: (row.created, row.pk)):
            own[row.date, row.mode] = row
        last = max(day for day, _ in own)

        def count(day: date, mode: str, own: Any = own) -> int:
            return own[day, mode].count or 0 if (day, mode) in own else 0

        modes = {
            name: [mode for mode in {mode for _, mode in own} if mode.removeprefix("no-id-") == name]
            for name in (*MODES, *{mode.removeprefix("no-id-") for day, mode in own if day in (last, last - WEEK)})
        }
        counts = {
            name: {
                "count": sum(count(last, mode) for mode in of_name),
                "count_change_7_days": sum(count(last, mode) - count(last - WEEK, mode) for mode in of_name),
            }
            for name, of_name in modes.items()
        }
        items.append(
            {
                "course_id": course_id,
                "count": sum(each["count"] for each in counts.values()),
                "count_change_7_days": sum(each["count_change_7_days"] for each in counts.values()),
                "modes": counts,
            }
        )
    return items


class TestDerived:
    @pytest.mark.parametrize("seed", range(8))
    def test_like_plain_code(self, get: Get, seed: int) -> None:
        rng = random.Random(seed)
        rows = [
            make.EnrollmentModeFactory(
                course_id=rng.choice(["edX/a/1", "edx/a/1", RUN, "a/b/c"]),
                date=date(2014, 12, rng.choice([1, 2, 8, 9])),
                mode=rng.choice(["audit", "professional", "no-id-professional", "other"]),
                count=rng.choice([None, 0, 3, 50]),
                created=make.CREATED + timedelta(seconds=rng.randint(0, 2)),
            )
            for _ in range(rng.choice([1, 5, 40]))
        ]
        items = get("v0/course_summaries").json()
        names = ("count", "count_change_7_days")
        assert [
            {
                **{name: item[name] for name in ("course_id", *names)},
                "modes": {
                    mode: {name: each[name] for name in names} for mode, each in item["enrollment_modes"].items()
                },
            }
            for item in items
        ] == derived_by_hand(rows)

    def test_the_catalog_and_passing_users_are_null(self, get: Get) -> None:
        make.EnrollmentModeFactory(mode="honor", count=5, cumulative_count=9)
        make.EnrollmentModeFactory(mode="verified", count=2, cumulative_count=2)
        make.EnrollmentModeFactory(date=make.DAY - WEEK, mode="honor", count=1)
        (item,) = get("v0/course_summaries").json()
        assert item["enrollment_modes"]["honor"] == {
            "count": 5,
            "cumulative_count": 9,
            "count_change_7_days": 4,
            "passing_users": None,
        }
        assert (item["count"], item["cumulative_count"], item["count_change_7_days"]) == (7, 11, 6)
        for name in ("catalog_course_title", "start_date", "availability", "pacing_type", "passing_users"):
            assert item[name] is None
        assert get("v1/course_totals").json() == {
            "count": 7,
            "cumulative_count": 11,
            "count_change_7_days": 6,
            "verified_enrollment": 2,
        }

    def test_of_some_courses(self, get: Get) -> None:
        for course_id in (RUN, "a/b/c"):
            make.EnrollmentModeFactory(course_id=course_id)
        assert ids(get("v0/course_summaries", course_ids=f"{RUN},x/y/z")) == [RUN]


@contextmanager
def without(*tables: type[Model]) -> Iterator[None]:
    """Drop tables, and make them again."""
    with connections["analytics"].schema_editor() as editor:
        for table in tables:
            editor.delete_model(table)
    introspection.columns.cache_clear()
    try:
        yield
    finally:
        with connections["analytics"].schema_editor() as editor:
            for table in tables:
                editor.create_model(table)


OPTIONAL = (models.CourseMetaSummaryEnrollment, models.CourseProgramMetadata, models.TagsDistribution)


@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
class TestMissingTables:
    def test_are_served_without_them(self, get: Get) -> None:
        make.EnrollmentModeFactory(count=5)
        with without(*OPTIONAL):
            (item,) = get("v0/course_summaries", programs="1").json()
            assert (item["count"], item["catalog_course_title"], item["programs"]) == (5, None, [])
            assert get("v0/course_totals").json()["count"] == 5
            assert ids(get("v0/course_summaries", program_ids="p1")) == []
            problem_of(get("v0/programs"), 404, "no_data")
            problem_of(get(f"v0/courses/{make.COURSE_ID}/problems_and_tags"), 404, "unknown_course")
        make.SummaryFactory(count=7)
        make.ProgramFactory()
        assert get("v0/course_summaries").json()[0]["count"] == 7
        assert get("v0/programs").status_code == 200

    @pytest.mark.parametrize("dropped", OPTIONAL)
    def test_may_go_away_at_any_time(self, get: Get, dropped: type[Model]) -> None:
        make.EnrollmentModeFactory(count=5)
        make.SummaryFactory(count=7)
        make.ProgramFactory()
        make.TagsFactory()
        paths = {
            "v0/course_summaries": models.CourseMetaSummaryEnrollment,
            "v0/course_totals": models.CourseMetaSummaryEnrollment,
            "v0/programs": models.CourseProgramMetadata,
            f"v0/courses/{make.COURSE_ID}/problems_and_tags": models.TagsDistribution,
            "v1/courses": None,
            "v1/tables": None,
        }
        for path in paths:
            assert get(path).status_code == 200
        assert get("v0/course_summaries", programs="1").status_code == 200
        with connections["analytics"].schema_editor() as editor:
            editor.delete_model(dropped)
        try:
            assert get("v0/course_summaries", programs="1").status_code == 200
            for path, model in paths.items():
                # Each as the first request, when the table is still known to have been there.
                introspection.columns.cache_clear()
                with connections["analytics"].schema_editor() as editor:
                    editor.create_model(dropped)
                assert get(path).status_code in (200, 404)
                with connections["analytics"].schema_editor() as editor:
                    editor.delete_model(dropped)
                expected = 404 if model is dropped and "summar" not in path and "totals" not in path else 200
                assert get(path).status_code == expected, path
        finally:
            with connections["analytics"].schema_editor() as editor:
                editor.create_model(dropped)
