"""The page that a browser gets for an endpoint."""

import json
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import orjson
import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.http import QueryDict
from django.test import Client
from django.urls import resolve
from hypothesis import given
from hypothesis import strategies as st

from analytics_data_api.formats.page import PageRenderer, highlighted, ordered
from analytics_data_api.formats.tests.page import Page
from analytics_data_api.formats.tests.test_renderers import MANY, Counted, lines
from analytics_data_api.http.negotiation import program_formats
from analytics_data_api.http.tests.shape import error_page_of, problem_of
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, Case, address
from analytics_data_api.versions import ENDPOINTS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

TIMELINE = f"/api/{address('v0/videos/{video_id}/timeline')}/"
ANSWERS = f"/api/{address('v0/problems/{problem_id}/answer_distribution')}/"
GENDER = f"/api/{address('v0/courses/{course_id}/enrollment/gender')}/"

Open = Callable[..., Page]
every_endpoint = pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)


@pytest.fixture
def visit(browser: Client) -> Open:
    """Open an address in a browser with a session."""

    def visit(path: str, **query: str) -> Page:
        response = browser.get(path, query_params=query)
        assert response.status_code == 200
        return Page(response)

    return visit


@pytest.fixture(scope="module")
def opened() -> dict[str, Page]:
    return {}


@pytest.fixture
def page(request: pytest.FixtureRequest, opened: dict[str, Page], endpoint: str, case: Case) -> Page:
    """The page of an endpoint with the rows of its case, opened once for all tests that only read it."""
    if endpoint not in opened:
        visit = request.getfixturevalue("visit")
        case.rows()
        opened[endpoint] = visit(f"/api/{address(endpoint)}/")
    return opened[endpoint]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """The paths of the schema."""
    paths: dict[str, Any] = Client().get("/api/schema/").json()["paths"]
    return paths


@every_endpoint
class TestEveryEndpoint:
    def test_shows_its_items_and_what_they_are(self, page: Page, endpoint: str, case: Case) -> None:
        # The session of the test has no key.
        of_session = {"id": None} if endpoint == "v1/key" else {}
        expected = json.loads(case.json)
        assert json.loads(page.body) == (expected | of_session if isinstance(expected, dict) else expected)
        assert (ENDPOINTS[endpoint].__doc__ or "").split("\n")[0].rstrip(".") in page.text

    def test_shows_the_request_and_the_answers_status_and_headers(self, page: Page, endpoint: str, case: Case) -> None:
        assert "GET http://testserver/api/" in page.text
        assert "HTTP 200 OK" in page.text
        assert "Content-Type: application/json" in page.text
        assert f"Allow: {', '.join(ENDPOINTS[endpoint].http_method_names).upper()}" in page.text

    def test_links_to_its_documentation(self, page: Page, described: dict[str, Any], endpoint: str, case: Case) -> None:
        operation_id = described[f"/api/{endpoint}/"]["get"]["operationId"]
        assert page.links["Documentation of this endpoint"] == f"/docs/#!/api/{operation_id}"

    @pytest.mark.parametrize("query", [{}, {"x": 'ä&"<'}])
    def test_links_to_the_same_answer_in_other_formats(
        self, visit: Open, client: Client, endpoint: str, case: Case, query: dict[str, str]
    ) -> None:
        case.rows()
        if ENDPOINTS[endpoint].is_list:
            # It refuses parameters that it does not know.
            query = {name: value for name, value in query.items() if name != "x"}
        page = visit(f"/api/{address(endpoint)}/", **query)
        assert client.get(page.links["JSON"]).content.decode() == case.json
        assert client.get(page.links["CSV"]).content.decode() == case.csv.replace("\n", "\r\n")
        formats = program_formats(ENDPOINTS[endpoint].renderer_classes)
        for text in map(str.upper, formats):
            assert client.get(page.links[text]).status_code == 200
            kept = QueryDict(page.links[text].partition("?")[2])
            assert kept.get("x") == query.get("x")

    def test_has_a_form_of_its_parameters(self, page: Page, endpoint: str, case: Case) -> None:
        fields = {field.get("name") for field in (*page.all("input"), *page.all("select"))} - {"csrfmiddlewaretoken"}
        read = {parameter.name for parameter in ENDPOINTS[endpoint].query if not parameter.deprecated}
        assert fields == {*read, "fields", *(["exclude"] if ENDPOINTS[endpoint].has_exclude else [])}
        labelled = {label["for"] for label in page.all("label")}
        assert labelled == fields

    def test_asks_no_other_host_and_runs_no_script(self, browser: Client, endpoint: str, case: Case) -> None:
        case.rows()
        response = browser.get(f"/api/{address(endpoint)}/")
        Page(response).require_own_files_only()
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy

    def test_is_no_page_without_a_session(self, endpoint: str, case: Case) -> None:
        response = Client().get(f"/api/{address(endpoint)}/", headers={"accept": "text/html"})
        error_page_of(response, 401, "not_authenticated")


class TestAnswer:
    def test_is_for_people_to_read(self, visit: Open) -> None:
        make.TimelineFactory(segment=7, num_users=1, num_views=2)
        assert visit(TIMELINE).body.startswith('[\n  {\n    "segment": 7,\n    "num_users": 1,\n')

    @pytest.mark.parametrize(("count", "cut"), [(1, False), (100, False), (101, True), (250, True)])
    def test_that_is_long_is_cut_and_says_so(self, visit: Open, count: int, cut: bool) -> None:
        for segment in range(count):
            make.TimelineFactory(segment=segment)
        page = visit(TIMELINE)
        assert [item["segment"] for item in json.loads(page.body)] == list(range(min(count, 100)))
        assert ("Only the first 100 items are shown here" in page.text) == cut

    def test_that_is_long_is_not_read_to_its_end(self) -> None:
        rows = Counted()
        excerpt = PageRenderer.excerpt(lines(rows))
        assert excerpt.cut
        assert len(excerpt.value) == 100
        assert rows.taken < MANY / 2

    def test_with_long_texts_is_shortened_and_says_so(self, visit: Open) -> None:
        make.AnswerFactory(question_text="ä" * 1_000_000)
        page = visit(ANSWERS)
        assert json.loads(page.body)[0]["question_text"] == "ä" * 500 + "…"
        assert "Long values are shortened here" in page.text
        assert len(page.source) < 20_000

    def test_with_long_lists_is_shortened_and_says_so(self, visit: Open) -> None:
        for part in range(60):
            make.AnswerFactory(part_id=f"p{part:02}")
        page = visit(f"/api/{address('v0/courses/{course_id}/problems')}/")
        assert json.loads(page.body)[0]["part_ids"] == [*(f"p{part:02}" for part in range(50)), "…"]
        assert "Long values are shortened here" in page.text

    def test_that_is_short_says_nothing_of_that(self, visit: Open) -> None:
        make.AnswerFactory(question_text="ä" * 500)
        page = visit(ANSWERS)
        assert "shortened" not in page.text
        assert "first" not in page.text.partition("Answer")[2].partition("first_response_count")[0]

    def test_has_the_fields_that_are_asked_for(self, visit: Open) -> None:
        make.TimelineFactory(segment=7, num_views=2)
        page = visit(TIMELINE, fields="num_views,segment")
        assert json.loads(page.body) == [{"segment": 7, "num_views": 2}]
        assert page.field("fields")["value"] == "num_views,segment"

    def test_is_given_for_a_key_as_well_with_nothing_to_log_out_of(self, client: Client) -> None:
        make.TimelineFactory(segment=7)
        page = Page(client.get(TIMELINE, headers={"accept": "text/html"}))
        assert json.loads(page.body)[0]["segment"] == 7
        assert "Log out" not in page.text

    def test_to_options_describes_the_endpoint_and_has_no_csv(self, browser: Client) -> None:
        page = Page(browser.options(TIMELINE))
        assert "description" in json.loads(page.body)
        assert not {"CSV", "NDJSON", "PARQUET", "ARROW"} & set(page.links)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_is_the_same_json_whatever_its_colours(self, value: Any) -> None:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode(errors="surrogatepass")

        class Response(dict[str, str]):
            content = f'<pre class="body">{highlighted(text)}</pre>'.encode()

        assert Page(Response({"Content-Type": "text/html; charset=utf-8"})).body == text.replace("\r\n", "\n")


class TestTable:
    def test_has_a_row_an_item_and_a_column_a_value(self, visit: Open) -> None:
        make.EnrollmentLocationFactory(country_code="US", count=3)
        make.EnrollmentLocationFactory(country_code="", count=2)
        table = visit(f"/api/{address('v0/courses/{course_id}/enrollment/location')}/").table
        assert table[0] == [
            "date", "course_id", "country.alpha2", "country.alpha3", "country.name", "count", "created",
        ]  # fmt: skip
        assert [row[2:6] for row in table[1:]] == [
            ["\N{EN DASH}", "\N{EN DASH}", "UNKNOWN", "2"],
            ["US", "USA", "United States of America", "3"],
        ]

    def test_has_the_columns_in_their_order_where_an_item_lacks_one(self, visit: Open) -> None:
        monday = datetime(2014, 11, 3, tzinfo=UTC)
        for week, activity_type in ((0, "PLAYED_VIDEO"), (1, "ACTIVE"), (1, "ATTEMPTED_PROBLEM")):
            start = monday + timedelta(weeks=week)
            make.CourseActivityFactory(
                interval_start=start, interval_end=start + timedelta(weeks=1), activity_type=activity_type, count=5
            )
        table = visit(f"/api/{address('v0/courses/{course_id}/activity')}/", start_date="2014-01-01").table
        assert table[0][3:] == ["any", "attempted_problem", "played_video", "created"]
        assert [row[3:6] for row in table[1:]] == [["\N{EN DASH}", "\N{EN DASH}", "5"], ["5", "5", "\N{EN DASH}"]]

    def test_of_one_object_has_a_row_a_value(self, visit: Open) -> None:
        make.CourseActivityFactory(activity_type="ACTIVE", count=7)
        table = visit(f"/api/{address('v0/courses/{course_id}/recent_activity')}/").table
        assert ["count", "7"] in table

    def test_without_a_row_says_so(self, visit: Open) -> None:
        page = visit("/api/v1/courses/")
        assert "There are no items." in page.text
        assert not page.all("table")

    @pytest.mark.parametrize(
        ("sort", "segments"),
        [("num_views", [2, 0, 3, 1]), ("-num_views", [3, 0, 2, 1]), ("nonsense", [0, 1, 2, 3]), ("", [0, 1, 2, 3])],
    )
    def test_is_sorted_by_a_column_with_null_last(self, visit: Open, sort: str, segments: list[int]) -> None:
        for segment, views in enumerate((5, None, 1, 7)):
            make.TimelineFactory(segment=segment, num_views=views)
        page = visit(TIMELINE, _sort=sort)
        assert [int(row[0]) for row in page.table[1:]] == segments
        sorted_by = [head["aria-sort"] for head in page.all("th") if "aria-sort" in head]
        expected = {"num_views": ["ascending"], "-num_views": ["descending"]}
        assert sorted_by == expected.get(sort, [])

    def test_keeps_the_order_of_equals(self, visit: Open) -> None:
        for segment in range(4):
            make.TimelineFactory(segment=segment, num_views=1)
        for sort in ("num_views", "-num_views"):
            assert [row[0] for row in visit(TIMELINE, _sort=sort).table[1:]] == ["0", "1", "2", "3"]

    def test_of_a_long_answer_is_sorted_by_all_of_it(self, visit: Open) -> None:
        for segment in range(250):
            make.TimelineFactory(segment=segment, num_users=segment)
        page = visit(TIMELINE, _sort="-num_users")
        assert [int(row[0]) for row in page.table[1:]] == list(range(249, 149, -1))
        assert "Only the first 100 items are shown here" in page.text

    def test_is_sorted_by_a_value_in_an_object(self, visit: Open) -> None:
        for code in ("US", "DE", ""):
            make.EnrollmentLocationFactory(country_code=code)
        table = visit(f"/api/{address('v0/courses/{course_id}/enrollment/location')}/", _sort="-country.name").table
        assert [row[4] for row in table[1:]] == ["UNKNOWN", "United States of America", "Germany"]

    def test_is_sorted_for_pages_alone(self, visit: Open, client: Client) -> None:
        make.EnrollmentFactory()
        page = visit("/api/v1/enrollment/", _sort="-count", last="1")
        assert page.field("_sort")["value"] == "-count"
        assert "_sort" not in page.links["JSON"]
        assert client.get(page.links["JSON"]).status_code == 200
        problem_of(client.get("/api/v1/enrollment/?_sort=count"), 400, "unknown_parameter")
        turned = QueryDict(page.links["count"].partition("?")[2])
        assert (turned["_sort"], turned["last"]) == ("count", "1")

    @given(
        st.lists(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text())
        )
    )
    def test_can_be_sorted_whatever_is_in_it(self, values: list[Any]) -> None:
        items = [{"a": value} for value in values]
        for sort in ("a", "-a"):
            found = ordered(items, sort, len(items))
            assert sorted(map(repr, found)) == sorted(map(repr, items))
            assert [item for item in found if item["a"] is None] == found[len(values) - values.count(None) :]


class TestTextOfOthers:
    NASTY = """<script>alert("x")</script>&amp;</pre>'北'"""

    def test_in_the_data_is_not_taken_for_html(self, visit: Open) -> None:
        make.AnswerFactory(question_text=self.NASTY)
        page = visit(ANSWERS)
        assert json.loads(page.body)[0]["question_text"] == self.NASTY
        assert "<script" not in page.source

    def test_in_the_address_is_not_taken_for_html(self, visit: Open) -> None:
        make.TimelineFactory(pipeline_video_id="<script>alert(1)</script>")
        page = visit("/api/v0/videos/<script>alert(1)</script>/timeline", x='"><script>alert(2)')
        assert json.loads(page.body)
        page.require_own_files_only()

    def test_in_a_parameter_is_not_taken_for_html(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        page = visit(GENDER, start_date="2014-12-10T00:00:00Z", fields="date")
        assert page.field("start_date")["value"] == "2014-12-10T00:00:00Z"
        page = visit(GENDER, x='"><img src=//evil.example.com>')
        page.require_own_files_only()

    def test_in_a_users_name_is_not_taken_for_html(self, reader: User, visit: Open) -> None:
        reader.username = "<b>reader</b>"
        reader.save()
        make.TimelineFactory()
        assert "<b>reader</b>" in visit(TIMELINE).text


class TestForm:
    def test_sends_itself_to_the_endpoint(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        forms = visit(GENDER).all("form")
        assert {"class": "parameters", "method": "get", "action": GENDER} in forms

    def test_has_the_dates_that_were_asked_for(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        page = visit(GENDER, start_date="2014-12-01")
        assert (page.field("start_date")["type"], page.field("start_date")["value"]) == ("date", "2014-12-01")
        assert (page.field("end_date")["type"], page.field("end_date")["value"]) == ("date", "")

    def test_can_be_sent_empty(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        assert json.loads(visit(GENDER, start_date="", end_date="", fields="").body)

    def test_offers_the_types_of_activity(self, visit: Open) -> None:
        make.CourseActivityFactory(activity_type="PLAYED_VIDEO")
        page = visit(f"/api/{address('v0/courses/{course_id}/recent_activity')}/", activity_type="played_video")
        assert page.field("activity_type")
        assert [option for option in page.all("option") if "selected" in option]
        assert len(page.all("option")) == 4


def test_is_not_cached_for_other_users(browser: Client) -> None:
    make.TimelineFactory()
    assert "private" in browser.get(TIMELINE)["Cache-Control"]


class TestWays:
    def test_up_lead_to_endpoints_only(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        page = visit(GENDER)
        assert page.links["enrollment"] == GENDER.removesuffix("gender/")
        assert resolve(page.links["enrollment"]).url_name == "CourseEnrollmentView"
        course = resolve(page.links[make.COURSE_ID])
        assert course.url_name in ("course", "CourseEnrollmentView")
        assert course.kwargs["course_id"] == make.COURSE_ID

    def test_up_lead_to_the_list_of_courses(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        page = visit(GENDER.replace("v0", "v1"))
        assert resolve(page.links["Courses"]).url_name in ("courses", "CoursesView")

    def test_up_from_a_problem_lead_through_its_course(self, visit: Open) -> None:
        make.AnswerFactory(course_id=make.COURSE_ID)
        page = visit(ANSWERS)
        assert resolve(page.links[make.COURSE_ID]).kwargs["course_id"] == make.COURSE_ID
        assert page.links["Problems"] == f"/api/v0/courses/{make.COURSE_ID}/problems/"

    def test_up_from_a_problem_of_two_courses_do_not_choose_one(self, visit: Open) -> None:
        for course_id in (make.COURSE_ID, "edX/OtherX/2015"):
            make.AnswerFactory(course_id=course_id)
        page = visit(ANSWERS)
        assert "problems" not in page.links
        # Each row has its own.
        assert resolve(page.links["edX/OtherX/2015"]).kwargs["course_id"] == "edX/OtherX/2015"

    def test_up_from_a_video_lead_through_its_course(self, visit: Open) -> None:
        make.TimelineFactory(pipeline_video_id=f"{make.COURSE_ID}|a-video")
        page = visit(f"/api/v1/videos/{make.COURSE_ID}|a-video/timeline/")
        assert page.links["Videos"] == f"/api/v1/courses/{make.COURSE_ID}/videos/"

    def test_aside_lead_to_the_other_endpoints_of_the_version_with_the_same_range(self, visit: Open) -> None:
        make.EnrollmentGenderFactory()
        page = visit(GENDER, start_date="2014-12-01", end_date="", fields="date", x="1")
        course = f"/api/v0/courses/{make.COURSE_ID}/"
        assert page.links["enrollment by birth year"] == f"{course}enrollment/birth_year/?start_date=2014-12-01"
        assert page.links["activity"] == f"{course}activity/?start_date=2014-12-01"
        # It has no dates.
        assert page.links["videos"] == f"{course}videos/"
        assert "enrollment by gender" not in page.links
        present = [each for each in page.all("span") if each.get("aria-current") == "page"]
        assert len(present) == 2

    def test_aside_from_a_list_lead_to_other_lists(self, visit: Open) -> None:
        make.EnrollmentFactory()
        page = visit("/api/v1/enrollment/", last="1")
        assert page.links["enrollment by mode"] == "/api/v1/enrollment/mode/"
        assert page.links["tables"] == "/api/v1/tables/"

    def test_aside_are_all_found(self, visit: Open, browser: Client) -> None:
        make.EnrollmentFactory(course_id="course-v1:edX+DemoX+ä%2F1")
        page = visit("/api/v0/courses/course-v1:edX+DemoX+ä%252F1/enrollment/")
        for text in ("activity", "enrollment by location", "problems and tags"):
            problem_of(browser.get(page.links[text], headers={"accept": "*/*"}), 404, "unknown_course")

    def test_down_lead_to_problems_and_videos(self, visit: Open, browser: Client) -> None:
        make.AnswerFactory(module_id="i4x://a/b/problem/1?ä")
        page = visit(f"/api/{address('v0/courses/{course_id}/problems')}/")
        assert resolve(unquote(page.links["i4x://a/b/problem/1?ä"])).kwargs["problem_id"] == "i4x://a/b/problem/1?ä"
        assert browser.get(page.links["i4x://a/b/problem/1?ä"]).status_code == 200

    def test_lead_from_a_deprecated_endpoint_to_the_one_that_replaces_it(self, visit: Open) -> None:
        make.CourseActivityFactory(activity_type="ACTIVE")
        page = visit(f"/api/{address('v0/courses/{course_id}/recent_activity')}/")
        assert "deprecated" in page.text
        assert resolve(page.links["activity"]).url_name == "CourseActivityWeeklyView"

    @pytest.mark.parametrize("video_id", ["timeline", "v0", "videos", "api/v0/videos", "a|b%2Fc ä?#+", "x/timeline"])
    def test_are_right_whatever_the_id(self, visit: Open, client: Client, video_id: str) -> None:
        make.TimelineFactory(pipeline_video_id=video_id, segment=3)
        escaped = video_id.replace("%", "%25").replace("?", "%3F").replace("#", "%23")
        page = visit(f"/api/v0/videos/{escaped}/timeline/")
        assert f"Videos {video_id} timeline" in page.text
        assert client.get(page.links["JSON"]).json()[0]["segment"] == 3

    def test_to_its_files_are_all_found(self, visit: Open, client: Client) -> None:
        make.TimelineFactory()
        files = [each["href"] for each in visit(TIMELINE).all("link")]
        assert len(files) >= 2
        for each in files:
            assert finders.find(each.removeprefix("/static/"))
            with closing(client.get(each)) as response:
                assert response.status_code == 200

    def test_out_end_the_session(self, browser: Client, visit: Open) -> None:
        make.TimelineFactory()
        page = visit(TIMELINE)
        assert "reader" in page.text
        (form,) = (form for form in page.all("form") if form["method"] == "post")
        assert browser.post(form["action"], "", "application/x-www-form-urlencoded").status_code == 302
        error_page_of(browser.get(TIMELINE), 401, "not_authenticated")
