"""The pages of courses, problems and videos: the same numbers as the endpoints, for the same keys."""

import csv
import io
import json
import re
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics_data_api.access.keys import Limits
from analytics_data_api.formats.tests.page import Page
from analytics_data_api.http.tests.shape import error_page_of, problem_of
from analytics_data_api.loading.sample_data import FIXTURES, load_fixture
from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tables.tests.factories import COURSE_ID, PROBLEM_ID, VIDEO_ID
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.shown import CoursesPage
from analyticsdataserver.web.pages import sections
from analyticsdataserver.web.pages.charts import NO_VALUE as DASH
from analyticsdataserver.web.pages.snippets import snippets
from analyticsdataserver.web.pages.views import DEFAULT_SORT
from conftest import give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
RANGE = {"start_date": "2014-12-09", "end_date": "2014-12-11"}
COURSE = f"/courses/{COURSE_ID}/"
OTHER = "course-v1:OtherX+Other+2015"
PAGES = ["/courses/", COURSE, f"/problems/{PROBLEM_ID}/", f"/videos/{VIDEO_ID}/"]

every_page = pytest.mark.parametrize("path", PAGES, ids=["courses", "course", "problem", "video"])


def key_client(user: User, key: str, limits: Limits) -> Client:
    give_key(user, key, limits)
    return Client(headers={"authorization": f"Token {key}", "accept": HTML}, raise_request_exception=False)


def shown(client: Client, path: str, **given: str) -> CoursesPage:
    response = client.get(path, query_params=given)
    assert response.status_code == 200, response.content
    return CoursesPage(response)


def written(item: Any, path: str) -> str:
    """Return the value of an item at a path as the tables have it."""
    value = item
    for name in path.split("."):
        value = value.get(name)
    if value is None:
        return DASH
    return f"{value:,}" if isinstance(value, int) and path != "birth_year" else str(value).removesuffix("T000000")


@pytest.fixture
def course() -> None:
    """A course that has a few rows in every table that the pages read, and another one."""
    for number in range(3):
        day = make.DAY - timedelta(days=number)
        make.EnrollmentFactory(date=day, count=100 + number)
        make.EnrollmentModeFactory(date=day, mode="honor", count=60)
        make.EnrollmentModeFactory(date=day, mode="verified", count=40 + number)
        make.CourseActivityFactory(interval_start=make.MONDAY - timedelta(weeks=number))
        make.CourseActivityFactory(
            interval_start=make.MONDAY - timedelta(weeks=number), activity_type="PLAYED_VIDEO", count=7
        )
    for year in (None, 1980, 1984):
        make.EnrollmentBirthYearFactory(birth_year=year, count=11)
    for level in ("none", "masters", None):
        make.EnrollmentEducationFactory(education_level=level, count=12)
    make.EnrollmentGenderFactory(gender="f", count=55)
    make.EnrollmentGenderFactory(gender="m", count=44)
    for code, count in (("CA", 5), ("DE", 50), (None, 20)):
        make.EnrollmentLocationFactory(country_code=code, count=count)
    make.AnswerFactory(value_id="a", correct=True, last_response_count=40, first_response_count=30)
    make.AnswerFactory(value_id="b", last_response_count=4)
    make.GradeFactory(grade=0, count=4)
    make.GradeFactory(grade=0.5, count=40)
    make.VideoFactory(pipeline_video_id=VIDEO_ID, encoded_module_id="i4x-edX-DemoX-video-v1", users_at_start=30)
    for segment in (0, 1, 2, 4):
        make.TimelineFactory(segment=segment)
    make.SummaryFactory(catalog_course_title="Demonstration <Course>")
    make.EnrollmentFactory(course_id=OTHER, date=make.DAY, count=5)


@pytest.mark.usefixtures("course")
class TestNumbers:
    @pytest.mark.parametrize("section", sections.COURSE, ids=lambda section: section.slug)
    @pytest.mark.parametrize("given", [{}, {"range": "all"}, RANGE])
    def test_each_chart_and_table_has_what_the_endpoint_returns(
        self, browser: Client, section: sections.Section, given: dict[str, str]
    ) -> None:
        page = shown(browser, COURSE, **given)
        found = page.sections[section.slug]
        if not found.marks:
            assert (given, section.slug) == (given and RANGE, "activity")
            assert "has no activity in the range start_date" in found.text
            return
        items = json.loads(browser.get(page.address(section.slug, "json")).content)
        # An activity that no item has is no column.
        columns = [each for each in section.columns if any(each[1].partition(".")[0] in item for item in items)]
        rows = [[written(item, path) for _, path in columns] for item in items]
        assert sorted(found.body) == sorted(rows)
        assert found.headings == [heading for heading, _ in columns]
        # Of genders, the one item has a bar for each.
        assert found.marks == (4 if section.slug == "gender" else len(items))
        text = browser.get(page.address(section.slug, "csv")).content.decode()
        assert len(list(csv.DictReader(io.StringIO(text)))) == len(items)
        assert f"{len(items)} row" in found.text
        assert "computed 2014-12-10 19:31 UTC" in found.text

    def test_the_answers_of_a_problem(self, browser: Client) -> None:
        page = shown(browser, f"/problems/{PROBLEM_ID}/")
        answers, grades = page.sections["answers"], page.sections["grades"]
        assert answers.headings == [
            *("Answer", "Correct", "First responses", "Last responses", "Responses", "Part", "Variant"),
        ]
        part = "i4x-edX-DemoX-problem-p1_2_1"
        assert answers.body == [
            ["Text of a", "yes", "30", "40", "40", part, DASH],
            ["Text of b", "no", "3", "4", "4", part, DASH],
        ]
        assert answers.marks == 2
        assert "✓ Text of a" in answers.text
        assert "✗ Text of b" in answers.text
        assert grades.body == [["0", "2", "4"], ["0.5", "2", "40"]]
        assert "Multiple Choice" in page.words
        assert "Which one?" in page.words
        assert page.links[COURSE_ID] == COURSE

    def test_a_problem_of_the_older_layout_has_no_first_responses(self, browser: Client) -> None:
        page = shown(browser, f"/problems/{PROBLEM_ID}/")
        assert "First responses" in page.sections["answers"].headings

    def test_the_timeline_of_a_video(self, browser: Client) -> None:
        page = shown(browser, f"/videos/{VIDEO_ID}/")
        timeline = page.sections["timeline"]
        assert timeline.body == [[str(segment), "472", "539"] for segment in (0, 1, 2, 4)]
        assert timeline.titles == [f"0:{second:02}: Users 472, Views 539" for second in (0, 5, 10, 20)]
        assert timeline.marks == 4
        assert "2:22" in page.words
        assert page.links[COURSE_ID] == COURSE
        # A segment without a view breaks the line.
        paths = [each["d"] for each in page.all("path") if "d" in each and each["class"].startswith("line s1")]
        assert [each.count("M") for each in paths] == [1, 2]

    def test_a_mark_says_its_numbers(self, browser: Client) -> None:
        page = shown(browser, COURSE)
        assert page.sections["enrollment"].titles == [
            *("2014-12-08: Enrolled 102", "2014-12-09: Enrolled 101", "2014-12-10: Enrolled 100"),
        ]
        assert page.sections["modes"].titles[-1] == "2014-12-10: Honor 60, Verified 40"
        assert page.sections["birth-years"].titles == ["year unknown: 11", "1980: 11", "1984: 11"]
        assert "40 of 44 correct (91 %)" in page.words
        assert "0 of 30 to the end (0 %)" in page.words

    def test_bars_are_sorted(self, browser: Client) -> None:
        page = shown(browser, COURSE)
        assert [row[0] for row in page.sections["countries"].body] == ["Germany", "UNKNOWN", "Canada"]
        assert [row[0] for row in page.sections["education"].body] == [DASH, "none", "masters"]

    def test_problems_and_videos_lead_to_their_pages(self, browser: Client) -> None:
        page = shown(browser, COURSE)
        for slug in ("problems", "videos"):
            (address,) = {href for href in page.sections[slug].links.values() if "/api/" not in href}
            assert CoursesPage(browser.get(address)).sections

    def test_each_chart_leads_to_the_page_of_its_endpoint(self, browser: Client) -> None:
        page = shown(browser, COURSE)
        for section in sections.COURSE:
            csv_address = page.address(section.slug, "csv")
            (address,) = (
                each
                for each in page.sections[section.slug].addresses
                if csv_address in (f"{each}&format=csv", f"{each}?format=csv")
            )
            assert browser.get(address)["Content-Type"].startswith("text/html")

    def test_the_request_as_code_is_the_one_that_was_answered(self, browser: Client) -> None:
        codes = shown(browser, COURSE).sections["modes"].codes
        url = f"http://testserver/api/v1/courses/{COURSE_ID}/enrollment/mode/?last=90"
        assert codes == [each.code for each in snippets(url)]
        assert all(url in code for code in codes)

    @pytest.mark.parametrize(
        "section", [*sections.COURSE, *sections.PROBLEM, sections.timeline(5)], ids=lambda s: s.slug
    )
    def test_what_is_counted_is_in_the_guide(self, section: sections.Section) -> None:
        guide = " ".join((BASE_DIR / "docs" / "numbers.rst").read_text().replace("``", "`").split()).replace("* ", "")
        for sentence in re.split(r"(?<=[.:]) ", section.meaning):
            assert sentence.rstrip(".:") in guide

    def test_texts_are_not_html(self, browser: Client) -> None:
        make.EnrollmentEducationFactory(education_level="<b>x</b>", count=1)
        page = shown(browser, COURSE)
        assert "Demonstration <Course>" in page.words
        assert "<b>x</b>" not in page.source

    def test_what_no_table_has_is_said(self, browser: Client) -> None:
        page = shown(browser, f"/courses/{OTHER}/")
        assert page.sections["enrollment"].marks == 1
        assert "No enrollment by mode on record for the course_id" in page.sections["modes"].text

    @pytest.mark.parametrize("count", [0, None, 2**31 - 8])
    def test_a_single_row_of_any_size(self, browser: Client, count: int | None) -> None:
        make.EnrollmentFactory(course_id="a/b/c", count=count)
        make.EnrollmentBirthYearFactory(course_id="a/b/c", count=count, birth_year=None)
        make.EnrollmentEducationFactory(course_id="a/b/c", count=count)
        page = shown(browser, "/courses/a/b/c/")
        assert page.sections["enrollment"].body == [["2014-12-10", DASH if count is None else f"{count:,}"]]

    def test_absurd_years_and_dates(self, browser: Client) -> None:
        for year in (0, 1900, 9999, 2**31 - 1):
            make.EnrollmentBirthYearFactory(course_id="a/b/c", birth_year=year)
        for day in (date(1, 1, 1), date(9999, 12, 31)):
            make.EnrollmentFactory(course_id="a/b/c", date=day)
        page = shown(browser, "/courses/a/b/c/")
        assert page.sections["birth-years"].marks == 4
        assert page.sections["enrollment"].marks == 2


@pytest.mark.usefixtures("course")
class TestRange:
    def test_the_present_one_is_marked(self, browser: Client) -> None:
        page = shown(browser, COURSE, range="365")
        (current,) = (link for link in page.all("a") if "aria-current" in link)
        assert parse_qs(urlsplit(current["href"]).query) == {"range": ["365"]}
        assert page.address("enrollment", "json").endswith("?last=365&format=json")
        assert page.address("activity", "json").endswith("?last=53&format=json")

    def test_all_are_weeks(self, browser: Client) -> None:
        page = shown(browser, COURSE, range="all")
        # Of the week that these three days are in, the last one.
        assert page.sections["enrollment"].body == [["2014-12-10", "100"]]
        assert page.sections["activity"].marks == 3

    def test_dates_of_ones_own(self, browser: Client) -> None:
        page = shown(browser, COURSE, start_date="2014-12-09", end_date="2014-12-10")
        assert page.sections["enrollment"].body == [["2014-12-09", "101"]]
        assert page.sections["modes"].body[0][0] == "2014-12-09"
        fields = {each.get("id"): each.get("value") for each in page.all("input")}
        assert (fields["start_date"], fields["end_date"]) == ("2014-12-09", "2014-12-10")
        assert "has no activity in the range" in page.sections["activity"].text

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"range": "7"}, "range is '7'; it takes one of: 30, 90, 365, all."),
            ({"start_date": "yesterday"}, "start_date is 'yesterday'"),
            ({"start_date": "2014-12-10", "end_date": "2014-12-01"}, "start_date"),
            ({"with": "nonsense"}, "with is 'nonsense'; it takes a course_id"),
            ({"with": "a/b/\x01"}, "with is 'a/b/\\x01'; it takes a course_id"),
        ],
    )
    def test_a_wrong_one_is_an_error(self, browser: Client, given: dict[str, str], said: str) -> None:
        response = browser.get(COURSE, query_params=given)
        assert response.status_code == 400
        assert said in Page(response).text.replace("&#x27;", "'")


@pytest.mark.usefixtures("course")
class TestTwoCourses:
    def test_stand_side_by_side_with_one_scale(self, browser: Client) -> None:
        page = shown(browser, COURSE, **{"with": OTHER})
        enrollment = page.sections["enrollment"]
        assert enrollment.marks == 4
        assert enrollment.titles == [
            *("2014-12-08: Enrolled 102", "2014-12-09: Enrolled 101", "2014-12-10: Enrolled 100"),
            "2014-12-10: Enrolled 5",
        ]
        assert f"/api/v1/courses/{OTHER}/" in page.address("enrollment", "json", 1)
        ticks = re.findall(r'class="tick y"[^>]*>([^<]*)<', page.source)
        assert ticks[: len(ticks) // 2] != []
        half = [each for each in ticks if each == "150"]
        assert len(half) == 2

    def test_the_same_one_twice_is_one(self, browser: Client) -> None:
        assert shown(browser, COURSE, **{"with": COURSE_ID}).sections["enrollment"].marks == 3

    def test_the_range_is_kept(self, browser: Client) -> None:
        page = shown(browser, COURSE, **{"with": OTHER, "range": "30"})
        choices = [
            link["href"] for link in page.all("a") if link["href"].startswith(COURSE) and "range" in link["href"]
        ]
        assert any(parse_qs(urlsplit(each).query).get("with") == [OTHER] for each in choices)

    @pytest.mark.parametrize("place", [COURSE, "/courses/no/such/course/"])
    def test_an_unknown_one_is_an_error(self, browser: Client, place: str) -> None:
        error_page_of(browser.get(place, {"with": "no/such/course"}), 404, "unknown_course")


@pytest.mark.usefixtures("course")
class TestCourses:
    def rows(self, page: CoursesPage) -> list[list[str]]:
        return page.sections[""].body

    def test_have_their_numbers(self, browser: Client) -> None:
        make.EnrollmentFactory(date=make.DAY - timedelta(days=7), count=103)
        second, first = self.rows(shown(browser, "/courses/"))
        assert first[:3] == [OTHER, "5", "+5"]
        assert second[:3] == [f"Demonstration <Course> {COURSE_ID}", "100", "-3"]
        assert second[4] == "2014-12-10"
        assert second[5].startswith("2014-12-10 ")
        assert second[5].endswith(" days ago")

    def test_a_line_has_the_last_60_days(self, browser: Client) -> None:
        for number in range(3, 70):
            make.EnrollmentFactory(date=make.DAY - timedelta(days=number), count=number)
        page = shown(browser, "/courses/")
        lines = [each["d"] for each in page.all("path") if each["class"] == "line s1"]
        # The other course has one day, which makes no line.
        assert [len(line.split()) for line in lines] == [60]

    def test_one_without_enrollment_is_listed(self, browser: Client) -> None:
        make.GradeFactory(course_id="a/b/c")
        assert self.rows(shown(browser, "/courses/"))[-1][:3] == ["a/b/c", DASH, DASH]

    @pytest.mark.parametrize(
        ("given", "order"),
        [
            ({}, [COURSE_ID, OTHER]),
            ({"sort": "course_id"}, [OTHER, COURSE_ID]),
            ({"sort": "-course_id"}, [COURSE_ID, OTHER]),
            ({"sort": "-count"}, [COURSE_ID, OTHER]),
            ({"sort": "count"}, [OTHER, COURSE_ID]),
            ({"search": "DEMONSTRATION"}, [COURSE_ID]),
            ({"search": "otherx"}, [OTHER]),
            ({"org": "OtherX"}, [OTHER]),
            ({"search": "%"}, []),
        ],
    )
    def test_are_sorted_and_searched(self, browser: Client, given: dict[str, str], order: list[str]) -> None:
        page = shown(browser, "/courses/", **given)
        assert [row[0].split()[-1] for row in self.rows(page)] == order
        assert page.field("search")["value"] == given.get("search", "")
        for name in ("sort", "org"):
            if given.get(name, DEFAULT_SORT) != DEFAULT_SORT:
                assert page.field(name)["value"] == given[name]

    def test_headings_sort_and_turn_round(self, browser: Client) -> None:
        page = shown(browser, "/courses/", sort="-count")
        (sorted_by,) = (each for each in page.all("th") if "aria-sort" in each)
        assert sorted_by["aria-sort"] == "descending"
        assert parse_qs(urlsplit(page.links["Enrolled"]).query) == {"sort": ["count"]}

    @pytest.mark.parametrize("sort", ["", "&sort=-count", "&sort=course_id"])
    def test_come_in_pages(self, browser: Client, sort: str) -> None:
        for number in range(120):
            make.EnrollmentFactory(course_id=f"course-v1:X+{number:03}+r", count=number)
        found: list[str] = []
        address = f"/courses/?search=x{sort}"
        sizes = []
        while address:
            page = CoursesPage(browser.get(address))
            rows = self.rows(page)
            sizes.append(len(rows))
            found += [row[0].split()[-1] for row in rows]
            assert ("First page" in page.links) == (len(sizes) > 1)
            address = page.links.get("Next page", "")
        assert sizes == [50, 50, 22]
        assert len(set(found)) == 122
        # The whole list is what the link leads to, in the same order.
        assert [each["course_id"] for each in json.loads(browser.get(page.links["JSON"]).content)] == found

    def test_a_link_to_a_later_page_that_says_no_order_is_by_course(self, browser: Client) -> None:
        for number in range(60):
            make.EnrollmentFactory(course_id=f"course-v1:X+{number:03}+r", count=number)
        next_ = shown(browser, "/courses/", sort="course_id").links["Next page"]
        assert self.rows(CoursesPage(browser.get(next_.replace("sort=course_id&", "")))) == self.rows(
            CoursesPage(browser.get(next_))
        )

    @pytest.mark.parametrize("given", [{"sort": "title"}, {"cursor": "x"}])
    def test_a_wrong_parameter_is_an_error(self, browser: Client, given: dict[str, str]) -> None:
        assert browser.get("/courses/", given).status_code == 400

    def test_one_can_be_chosen_to_stand_beside_another(self, browser: Client) -> None:
        page = shown(browser, "/courses/", **{"with": OTHER})
        found = shown(browser, page.links["Demonstration <Course>"])
        assert found.sections["enrollment"].marks == 4

    def test_take_a_constant_number_of_queries(self, browser: Client) -> None:
        def count() -> int:
            with (
                CaptureQueriesContext(connections["analytics"]) as data,
                CaptureQueriesContext(connections["default"]) as users,
            ):
                shown(browser, "/courses/")
            return len(data) + len(users)

        count()
        few = count()
        for number in range(60):
            make.EnrollmentFactory(course_id=f"X/{number}/r")
        # More than ten courses are looked up as two blocks.
        assert count() <= few + 8

    def test_none(self, browser: Client) -> None:
        page = shown(browser, "/courses/", search="nothing like it")
        assert "No course that you may see matches." in page.words

    @pytest.mark.parametrize(
        "course_id", ["X/a,b/r", "X/a b/r", "X/ä'\"/r", "course-v1:X+<b>+r", "ccx-v1:X+c+r+ccx@15"]
    )
    def test_an_id_of_any_kind(self, browser: Client, course_id: str) -> None:
        for number in range(2):
            make.EnrollmentFactory(course_id=course_id, date=make.DAY - timedelta(days=number))
        page = shown(browser, "/courses/", search=course_id)
        found = shown(browser, page.links[course_id])
        assert found.sections["enrollment"].marks == 2
        assert browser.get(found.address("enrollment", "json")).status_code == 200
        assert not {"'", '"', "$", "`"} & set(re.findall(r"(http://testserver/\S*?)['\"]?\n", found.source)[0])


def test_a_database_without_rows_says_how_they_are_loaded(browser: Client, reader: User) -> None:
    page = shown(browser, "/courses/")
    assert "No course is on record. An operator loads rows with ./manage.py load_table" in page.words
    limited = key_client(reader, "limited", Limits(courses=frozenset({"a/b/c"})))
    assert "No course is on record that this key may see." in shown(limited, "/courses/").words


@pytest.mark.usefixtures("course")
class TestScope:
    @every_page
    def test_a_browser_without_a_session_is_sent_to_log_in_and_back(self, path: str) -> None:
        response = Client(headers={"accept": HTML}).get(path, {"range": "all"})
        assert response.status_code == 302
        address = urlsplit(response["Location"])
        assert address.path == "/api-auth/login"
        assert parse_qs(address.query) == {"next": [f"{path.replace('|', '%7C')}?range=all"]}

    @every_page
    def test_a_program_without_a_key_is_refused(self, path: str) -> None:
        problem_of(Client().get(path), 401, "not_authenticated")
        problem_of(Client(headers={"authorization": "Token wrong"}).get(path), 401, "authentication_failed")

    @every_page
    def test_a_key_for_everything_sees_it(self, client: Client, path: str) -> None:
        assert shown(client, path).sections

    def test_a_limited_key_sees_its_courses_only(self, reader: User) -> None:
        client = key_client(reader, "limited", Limits(courses=frozenset({OTHER})))
        page = shown(client, "/courses/")
        assert [row[0] for row in page.sections[""].body] == [OTHER]
        assert COURSE_ID not in page.source
        assert shown(client, f"/courses/{OTHER}/").sections["enrollment"].marks == 1
        for path in (COURSE, f"/courses/{OTHER}/?with={COURSE_ID}", f"{COURSE}?with={OTHER}"):
            error_page_of(client.get(path), 403, "course_not_allowed")
        error_page_of(client.get(f"/problems/{PROBLEM_ID}/"), 404, "unknown_problem")
        error_page_of(client.get(f"/videos/{VIDEO_ID}/"), 404, "unknown_video")

    @every_page
    def test_a_key_for_the_organization_sees_the_same_as_one_for_everything(self, reader: User, path: str) -> None:
        limited = key_client(reader, "limited", Limits(orgs=frozenset({"edX", "OtherX"})))
        whole = key_client(reader, "whole", Limits())
        assert limited.get(path).content == whole.get(path).content

    def test_small_counts_are_hidden(self, reader: User) -> None:
        client = key_client(reader, "few", Limits(min_count=10))
        page = shown(client, COURSE)
        assert page.sections["countries"].body == [
            *(["Germany", "DE", "50"], ["UNKNOWN", DASH, "20"], ["Canada", "CA", DASH]),
        ]
        assert page.sections["countries"].marks == 3
        assert "Counts below 10 are not shown to this key." in page.sections["countries"].text
        assert [row[2] for row in page.sections["activity"].body] == [DASH] * 3
        answers = shown(client, f"/problems/{PROBLEM_ID}/").sections["answers"]
        assert [row[2:5] for row in answers.body] == [["30", "40", "40"], [DASH, DASH, DASH]]
        # Nor does a bar or a line show them: it has no length.
        assert re.search(
            rf'Canada</span>\s*<span class="number">{DASH}</span>\s*<svg[^>]*>(<rect[^>]*>){{2}}', page.source
        )
        assert 's1" width="0.0%"' in page.source

    def test_the_limit_counts_a_page_as_one_request(self, reader: User) -> None:
        client = key_client(reader, "slow", Limits(rate="2/minute"))
        assert [client.get(COURSE).status_code for _ in range(3)] == [200, 200, 429]

    @every_page
    def test_no_cache_keeps_a_page(self, browser: Client, path: str) -> None:
        assert browser.get(path)["Cache-Control"] == "private, no-cache"

    @every_page
    def test_has_a_way_to_log_out(self, browser: Client, client: Client, path: str) -> None:
        assert "Log out" in Page(browser.get(path)).text
        # A key has no session to end.
        assert "Log out" not in Page(client.get(path)).text


@pytest.mark.usefixtures("course")
class TestRequests:
    @every_page
    def test_head_is_as_get_without_a_body(self, client: Client, path: str) -> None:
        got, headed = client.get(path), client.head(path)
        assert headed.status_code == 200
        assert headed.content == b""
        assert headed["Content-Length"] == got["Content-Length"]

    @every_page
    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_other_methods_are_refused(self, client: Client, path: str, method: str) -> None:
        response = client.generic(method, path)
        problem_of(response, 405, "method_not_allowed")
        assert response["Allow"] == "GET, HEAD"

    @every_page
    def test_with_and_without_a_slash(self, client: Client, path: str) -> None:
        assert client.get(path.rstrip("/")).status_code == 200

    @every_page
    def test_text_that_is_none(self, client: Client, path: str) -> None:
        for query in ("x=%ff", "search=%00", "with=%00", "start_date=%ff"):
            assert client.get(f"{path}?{query}").status_code == 400

    @pytest.mark.parametrize("path", ["/problems/nothing/", "/videos/nothing/", "/videos/a|b|c/", "/problems/%7C/"])
    def test_what_is_not_on_record(self, browser: Client, path: str) -> None:
        assert browser.get(path).status_code == 404

    def test_an_id_whose_slashes_a_proxy_has_merged(self, browser: Client) -> None:
        merged = PROBLEM_ID.replace("i4x://", "i4x:/")
        assert shown(browser, f"/problems/{merged}/").sections["answers"].marks == 2

    def test_a_course_takes_a_constant_number_of_queries(self, browser: Client) -> None:
        def count() -> int:
            with (
                CaptureQueriesContext(connections["analytics"]) as data,
                CaptureQueriesContext(connections["default"]) as users,
            ):
                shown(browser, COURSE, range="365")
            return len(data) + len(users)

        count()
        few = count()
        for number in range(3, 300):
            make.EnrollmentFactory(date=make.DAY - timedelta(days=number))
            make.VideoFactory()
            make.AnswerFactory(module_id=f"i4x://edX/DemoX/Demo_Course/problem/p{number}")
        assert count() == few <= 40

    @pytest.mark.sqlite_only
    @pytest.mark.parametrize(
        ("table", "path", "slug"),
        [
            ("video", COURSE, "videos"),
            ("course_meta_summary_enrollment", COURSE, ""),
            ("course_enrollment_mode_daily", COURSE, "modes"),
            ("grade_distribution", f"/problems/{PROBLEM_ID}/", "grades"),
            ("video", f"/videos/{VIDEO_ID}/", ""),
            ("course_enrollment_daily", "/courses/", ""),
        ],
    )
    def test_a_table_that_is_missing_is_said_in_its_place(
        self, browser: Client, table: str, path: str, slug: str
    ) -> None:
        with connections["analytics"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
        page = shown(browser, path)
        if slug:
            assert f"The analytics database lacks the table '{table}'." in page.sections[slug].text
        assert all(section.marks for name, section in page.sections.items() if name not in ("", slug))

    @pytest.mark.sqlite_only
    def test_a_page_of_which_all_is_missing_is_an_error(self, browser: Client) -> None:
        with connections["analytics"].cursor() as cursor:
            cursor.execute("ALTER TABLE video_timeline RENAME TO elsewhere")
        browser.raise_request_exception = False
        error_page_of(browser.get(f"/videos/{VIDEO_ID}/"), 503, "table_missing")

    def test_is_whole_on_a_page_with_every_table(self, browser: Client) -> None:
        for fixture in sorted(FIXTURES.glob("*.json")):
            load_fixture(fixture, ANALYTICS_DATABASE)
        assert all(section.marks for slug, section in shown(browser, COURSE).sections.items() if slug)
