"""The client that is published for this API gets through every method that it has for what is served here."""

import ast
import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from analyticsclient.client import Client
from analyticsclient.constants import activity_types, data_formats, demographics
from analyticsclient.course import Course
from analyticsclient.course_summaries import CourseSummaries
from analyticsclient.course_totals import CourseTotals
from analyticsclient.exceptions import ClientError, InvalidRequestError, NotFoundError
from analyticsclient.module import Module
from analyticsclient.programs import Programs
from analyticsclient.status import Status
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from analytics_data_api.http.report_files import file_safe
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.versions import VERSIONS
from conftest import KEY

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "analytics"])

# By what the client calls them.
DEMOGRAPHICS = {
    demographics.BIRTH_YEAR: make.EnrollmentBirthYearFactory,
    demographics.EDUCATION: make.EnrollmentEducationFactory,
    demographics.GENDER: make.EnrollmentGenderFactory,
    demographics.LOCATION: make.EnrollmentLocationFactory,
}
# Ids of both kinds that Open edX has had, with all that is hard about their characters.
COURSES = {
    "edX/DemoX/Demo_Course": "i4x://edX/DemoX/{}/{}",
    "course-v1:edX+DemoX+Run.2014": "block-v1:edX+DemoX+Run.2014+type@{}+block@{}",
}
# Rather long than a failure on a busy machine; the client's own is a quarter of a second.
TIMEOUT = 30


@pytest.fixture(params=VERSIONS)
def url(live_server: Any, request: pytest.FixtureRequest) -> str:
    return f"{live_server.url}/api/{request.param}"


@pytest.fixture
def published(url: str, reader: User) -> Client:
    return Client(url, auth_token=KEY, timeout=TIMEOUT)


@pytest.fixture(params=COURSES)
def course_id(request: pytest.FixtureRequest) -> str:
    course_id: str = request.param
    return course_id


def module_id(course_id: str, kind: str) -> str:
    return COURSES[course_id].format(kind, "m1")


def test_every_demographic_of_the_client_is_tried() -> None:
    enrollment = {"BIRTH_YEAR", "EDUCATION", "GENDER", "LOCATION"}
    assert {name for name in vars(demographics) if name.isupper()} == enrollment


def test_every_method_of_the_client_is_tried() -> None:
    kinds = (Course, CourseSummaries, CourseTotals, Module, Programs, Status)
    methods = {
        name
        for kind in kinds
        for name, value in vars(kind).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    tried = {node.attr for node in ast.walk(ast.parse(Path(__file__).read_text())) if isinstance(node, ast.Attribute)}
    assert len(methods) == 17
    assert methods <= tried


class TestStatus:
    def test_all_is_well(self, published: Client) -> None:
        assert published.status.alive is True
        assert published.status.healthy is True
        assert published.status.authenticated is True

    @pytest.mark.parametrize("key", [None, "nobodys"])
    def test_alive_and_healthy_need_no_key_but_authenticated_does(self, url: str, key: str | None) -> None:
        anybody = Client(url, auth_token=key, timeout=TIMEOUT)
        assert anybody.status.alive is True
        assert anybody.status.healthy is True
        assert anybody.status.authenticated is False


def read(ask: Callable[..., Any], **parameters: Any) -> tuple[Any, list[dict[str, str]]]:
    """Return what a method of the client gives as JSON and, line by line, as CSV."""
    with warnings.catch_warnings():
        # The client tells its users of newer methods.
        warnings.simplefilter("ignore", DeprecationWarning)
        text = ask(data_format=data_formats.CSV, **parameters)
        return ask(**parameters), list(csv.DictReader(text.splitlines()))


class TestCourses:
    def test_enrollment(self, published: Client, course_id: str) -> None:
        make.EnrollmentFactory(course_id=course_id, count=1892)
        (item,), (line,) = read(published.courses(course_id).enrollment)
        assert (item["course_id"], item["date"], item["count"]) == (course_id, "2014-12-10", 1892)
        assert (line["course_id"], line["date"], line["count"]) == (course_id, "2014-12-10", "1892")

    @pytest.mark.parametrize("demographic", DEMOGRAPHICS)
    def test_enrollment_by_each_demographic(self, published: Client, course_id: str, demographic: str) -> None:
        DEMOGRAPHICS[demographic](course_id=course_id)
        (item,), (line,) = read(published.courses(course_id).enrollment, demographic=demographic)
        assert (item["course_id"], line["course_id"]) == (course_id, course_id)

    def test_enrollment_by_mode(self, published: Client, course_id: str) -> None:
        make.EnrollmentModeFactory(course_id=course_id, mode="audit", count=5)
        (item,), (line,) = read(published.courses(course_id).enrollment, demographic="mode")
        mode = "audit" if published.base_url.endswith("v1") else "honor"
        assert (item[mode], line[mode]) == (5, "5")

    def test_enrollment_between_dates_that_the_client_formats(self, published: Client, course_id: str) -> None:
        for day in range(8, 13):
            make.EnrollmentFactory(course_id=course_id, date=make.DAY.replace(day=day))
        for form in (Client.DATE_FORMAT, Client.DATETIME_FORMAT):
            start, end = (make.MONDAY.replace(day=day).strftime(form) for day in (9, 11))
            items, lines = read(published.courses(course_id).enrollment, start_date=start, end_date=end)
            assert [item["date"] for item in items] == ["2014-12-09", "2014-12-10"]
            assert [line["date"] for line in lines] == ["2014-12-09", "2014-12-10"]

    @pytest.mark.parametrize(
        "activity_type",
        [
            activity_types.ANY,
            activity_types.ATTEMPTED_PROBLEM,
            activity_types.PLAYED_VIDEO,
            activity_types.POSTED_FORUM,
        ],
    )
    def test_activity_of_each_type(self, published: Client, course_id: str, activity_type: str) -> None:
        for number, label in enumerate(["ACTIVE", "ATTEMPTED_PROBLEM", "PLAYED_VIDEO", "POSTED_FORUM"]):
            make.CourseActivityFactory(course_id=course_id, activity_type=label, count=number)
        course = published.courses(course_id)

        (item,), (line,) = read(course.activity, activity_type=activity_type)
        # The type selects nothing here; the item has them all.
        counts = [item[name] for name in ("any", "attempted_problem", "played_video", "posted_forum")]
        assert counts == [0, 1, 2, 3]
        assert line[activity_type] == str(item[activity_type])

        recent, (line,) = read(course.recent_activity, activity_type=activity_type)
        assert (recent["activity_type"], recent["count"]) == (activity_type, item[activity_type])
        assert line["count"] == str(recent["count"])

    def test_activity_between_dates(self, published: Client, course_id: str) -> None:
        for day in (1, 8, 15):
            make.CourseActivityFactory(course_id=course_id, interval_start=make.MONDAY.replace(day=day))
        items, lines = read(published.courses(course_id).activity, start_date="2014-12-02", end_date="2014-12-16")
        assert [item["interval_start"] for item in items] == ["2014-12-08T000000"]
        assert [line["interval_start"] for line in lines] == ["2014-12-08T000000"]

    def test_problems(self, published: Client, course_id: str) -> None:
        module = module_id(course_id, "problem")
        make.AnswerFactory(course_id=course_id, module_id=module, part_id="p_2_1")
        make.AnswerFactory(course_id=course_id, module_id=module, part_id="p_3_1")
        (item,), (line,) = read(published.courses(course_id).problems)
        assert (item["module_id"], item["part_ids"]) == (module, ["p_2_1", "p_3_1"])
        assert (line["module_id"], line["part_ids"]) == (module, "p_2_1, p_3_1")

    def test_problems_and_tags(self, published: Client, course_id: str) -> None:
        module = module_id(course_id, "problem")
        make.TagsFactory(course_id=course_id, module_id=module)
        (item,), (line,) = read(published.courses(course_id).problems_and_tags)
        assert (item["module_id"], item["tags"]) == (module, {"difficulty": ["Easy"]})
        assert (line["module_id"], line["tags"]) == (module, '{"difficulty":["Easy"]}')

    def test_reports(self, published: Client, course_id: str) -> None:
        name = f"{file_safe(course_id)}_problem_response.csv"
        storages["reports"].save(name, ContentFile(b"id"))
        report, (line,) = read(published.courses(course_id).reports, report_name="problem_response")
        assert report["download_url"] == line["download_url"] == storages["reports"].url(name)
        with pytest.raises(NotFoundError):
            published.courses(course_id).reports("grades")

    def test_videos(self, published: Client, course_id: str) -> None:
        make.VideoFactory(course_id=course_id, encoded_module_id="v1")
        (item,), (line,) = read(published.courses(course_id).videos)
        assert item["pipeline_video_id"] == line["pipeline_video_id"] == f"{course_id}|v1"

    def test_an_unknown_course_is_not_found(self, published: Client) -> None:
        with pytest.raises(NotFoundError):
            published.courses("edX/DemoX/Nobodys").enrollment()

    def test_a_malformed_date_is_an_invalid_request(self, published: Client, course_id: str) -> None:
        with pytest.raises(InvalidRequestError):
            published.courses(course_id).enrollment(start_date="yesterday")

    def test_no_key_is_neither(self, url: str, course_id: str) -> None:
        with pytest.raises(ClientError, match="401"):
            Client(url, timeout=TIMEOUT).courses(course_id).enrollment()


class TestManyCourses:
    # More than the ten for which the client sends a GET.
    MANY = (*COURSES, *(f"edX/DemoX/Run{number}" for number in range(20)))

    @pytest.mark.parametrize("ids", [None, tuple(COURSES), MANY], ids=["all", "few", "many"])
    def test_course_summaries(self, published: Client, ids: tuple[str, ...] | None) -> None:
        for course_id in self.MANY:
            make.SummaryFactory(course_id=course_id, count=7)
        make.SummaryFactory(course_id="edX/DemoX/Other", pacing_type="self_paced")
        items, lines = read(published.course_summaries().course_summaries, course_ids=ids and list(ids))
        expected = sorted(ids or (*self.MANY, "edX/DemoX/Other"))
        assert [item["course_id"] for item in items] == [line["course_id"] for line in lines] == expected
        assert items[0]["enrollment_modes"]["honor"]["count"] == 7

    @pytest.mark.parametrize("ids", [None, MANY], ids=["all", "many"])
    def test_course_summaries_with_every_parameter(self, published: Client, ids: tuple[str, ...] | None) -> None:
        program = make.ProgramFactory().program_id
        make.SummaryFactory(count=7)
        make.SummaryFactory(course_id="edX/DemoX/Other", availability="Archived")
        make.EnrollmentFactory(count=3)
        (item,) = published.course_summaries().course_summaries(
            course_ids=ids and list(ids),
            availability=["Current", "Upcoming"],
            pacing_type=["instructor_paced"],
            program_ids=[program],
            text_search="demonstration",
            recent_date=make.DAY,
            order_by="count",
            sort_order="desc",
            page=1,
            page_size=10,
            request_all=True,
            fields=["course_id", "count", "recent_count_change", "passing_users"],
            exclude=["passing_users"],
        )
        assert item == {"course_id": make.COURSE_ID, "count": 7, "recent_count_change": 4}

    @pytest.mark.parametrize("ids", [None, MANY], ids=["all", "many"])
    def test_course_totals(self, published: Client, ids: tuple[str, ...] | None) -> None:
        for mode, count in (("honor", 5), ("verified", 2)):
            make.SummaryFactory(enrollment_mode=mode, count=count)
        totals, (line,) = read(published.course_totals().course_totals, course_ids=ids and list(ids))
        assert (totals["count"], totals["verified_enrollment"]) == (7, 2)
        assert (line["count"], line["verified_enrollment"]) == ("7", "2")

    def test_programs(self, published: Client) -> None:
        make.ProgramFactory(program_id="a")
        make.ProgramFactory(program_id="b")
        items, lines = read(published.programs().programs)
        assert [item["program_id"] for item in items] == [line["program_id"] for line in lines] == ["a", "b"]
        selected = published.programs().programs(
            program_ids=["b"], fields=["program_id", "created"], exclude=["created"]
        )
        assert selected == [{"program_id": "b"}]

    def test_nothing_on_record_is_not_found(self, published: Client) -> None:
        for ask in (
            published.course_summaries().course_summaries,
            published.course_totals().course_totals,
            published.programs().programs,
        ):
            with pytest.raises(NotFoundError):
                ask()


class TestModules:
    def test_answer_distribution(self, published: Client, course_id: str) -> None:
        module = module_id(course_id, "problem")
        make.AnswerFactory(course_id=course_id, module_id=module, last_response_count=4)
        (item,), (line,) = read(published.modules(course_id, module).answer_distribution)
        assert (item["module_id"], item["count"]) == (module, 4)
        assert (line["module_id"], line["count"], line["correct"]) == (module, "4", "False")

    def test_grade_distribution(self, published: Client, course_id: str) -> None:
        module = module_id(course_id, "problem")
        make.GradeFactory(course_id=course_id, module_id=module, grade=0.75, max_grade=2.0)
        (item,), (line,) = read(published.modules(course_id, module).grade_distribution)
        assert (item["module_id"], item["grade"], item["max_grade"]) == (module, 0.75, 2)
        assert (line["module_id"], line["grade"], line["max_grade"]) == (module, "0.75", "2")

    def test_sequential_open_distribution(self, published: Client, course_id: str) -> None:
        module = module_id(course_id, "sequential")
        make.SequentialFactory(course_id=course_id, module_id=module, count=23)
        (item,), (line,) = read(published.modules(course_id, module).sequential_open_distribution)
        assert (item["module_id"], item["count"]) == (module, 23)
        assert (line["module_id"], line["count"]) == (module, "23")

    def test_video_timeline(self, published: Client, course_id: str) -> None:
        video = f"{course_id}|{module_id(course_id, 'video')}"
        make.TimelineFactory(pipeline_video_id=video, segment=0, num_views=539)
        (item,), (line,) = read(published.modules(course_id, video).video_timeline)
        assert (item["segment"], item["num_views"]) == (0, 539)
        assert (line["segment"], line["num_views"]) == ("0", "539")

    def test_an_unknown_module_is_not_found(self, published: Client, course_id: str) -> None:
        with pytest.raises(NotFoundError):
            published.modules(course_id, "i4x://nothing").grade_distribution()


def test_an_answer_too_long_for_one_piece_arrives_whole(published: Client) -> None:
    rows = [make.TimelineFactory.build(segment=segment) for segment in range(10_000)]
    make.TimelineFactory._meta.model.objects.bulk_create(rows)
    items, lines = read(published.modules(make.COURSE_ID, make.VIDEO_ID).video_timeline)
    assert [item["segment"] for item in items] == list(range(10_000))
    assert [line["segment"] for line in lines] == [str(segment) for segment in range(10_000)]
