"""The pages ``/courses/``, ``/courses/{course_id}/``, ``/problems/{problem_id}/`` and ``/videos/{video_id}/``."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, Final, NamedTuple, cast

from django.db import InterfaceError, OperationalError
from django.http import HttpResponseRedirect
from django.urls import re_path, reverse
from django.utils.cache import patch_cache_control
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from rest_framework.exceptions import NotAuthenticated
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics_data_api import NAME
from analytics_data_api.access.scope import Access
from analytics_data_api.access.throttling.clients import UserThrottle
from analytics_data_api.access.throttling.policies import DATA, Policy
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY, Crumb, with_code
from analytics_data_api.http import parameters, problems
from analytics_data_api.http.list_parameters import SORT
from analytics_data_api.http.negotiation import ANY, PAGE, preferred
from analytics_data_api.http.problems import BadRequest, NoData
from analytics_data_api.http.routing import IDS
from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.course_ids import is_course_id
from analytics_data_api.tables.retry import reconnect
from analytics_data_api.text import quote_value, require_text
from analyticsdataserver.web.pages import sections
from analyticsdataserver.web.pages.answers import LACKS, Answer, answer, answer_if_possible
from analyticsdataserver.web.pages.charts import NO_VALUE, Drawing, Item, shown, sparkline
from analyticsdataserver.web.pages.markup import table_rows
from analyticsdataserver.web.pages.sections import Section, of_path, page_address
from analyticsdataserver.web.pages.snippets import Snippet, snippets

# Courses on a page of the list, and the days of their small lines.
PAGE_SIZE: Final = 50
LINE_DAYS: Final = 60
# The largest courses come first, those without enrollment last.
DEFAULT_SORT: Final = "-count"

# The ranges that a course's page offers: what they are called, and the parameters of endpoints of days and of weeks.
# Years of days would be more than a chart can show.
RANGES: Final = {
    "30": ("Last 30 days", {"last": "30"}, {"last": "5"}),
    "90": ("Last 90 days", {"last": "90"}, {"last": "13"}),
    "365": ("Last 365 days", {"last": "365"}, {"last": "53"}),
    "all": ("All, by week", {"interval": "week"}, {"interval": "week"}),
}
DEFAULT_RANGE: Final = "90"

RANGE: Final = "range"
BESIDE: Final = "with"

# Numbers that count nothing, which are written without separators.
NAMES: Final = frozenset({"birth_year", "segment", "variant"})

# The error code of a course of which a table has nothing, and those where there is no table.
UNKNOWN: Final = "unknown_course"
NOTHING: Final = {UNKNOWN, *(cause.code for cause in LACKS)}


class Choice(NamedTuple):
    """A link to the same page with another choice, and whether it is the present one."""

    text: str
    href: str
    is_current: bool


class Panel(NamedTuple):
    """What a page shows of an answer.

    Attributes:
        name: What it is about, where others stand beside it.
        drawing: The chart; None where there is no item.
        headings: The headings of the table, each with whether its column holds numbers.
        size: How many rows the table has.
        rows: The rows, as HTML.
        error: Why there is no item.
        computed: When the newest number was computed.
        hidden: Whether counts are null that are too small for the key.
        address: The address of the endpoint's page.
        csv: The address of the answer as CSV.
        json: The same as JSON.
        snippets: The request as code.
    """

    name: str
    drawing: Drawing | None
    headings: list[tuple[str, bool]]
    size: int
    rows: SafeString
    error: str
    computed: str
    hidden: bool
    address: str
    csv: str
    json: str
    snippets: list[Snippet]


class Block(NamedTuple):
    """A section of a page, with an answer, or several side by side."""

    section: Section
    panels: list[Panel]

    @property
    def meaning(self) -> SafeString:
        return with_code(self.section.meaning)

    @property
    def is_whole(self) -> bool:
        """Whether it takes the whole width: what goes on for a time, and what stands side by side."""
        return self.section.is_wide or len(self.panels) > 1


class PagesOnly(BaseContentNegotiation):
    """There is nothing but the page, whatever the client prefers."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        (renderer,) = renderers
        return renderer, str(renderer.media_type)


class PageView(APIView):
    """A page for people, which shows what endpoints return, to the sender of a key or the user of a session.

    A browser without either is sent to the login page, and comes back.
    """

    # No endpoint: the description has none of them.
    schema = None
    http_method_names = ["get", "head"]
    parser_classes = ()
    renderer_classes = (TemplateHTMLRenderer,)
    content_negotiation_class = PagesOnly
    permission_classes = (IsAuthenticated,)
    throttle_classes = (UserThrottle,)
    policy: ClassVar[Policy] = DATA
    template_name: ClassVar[str]

    @property
    def access(self) -> Access:
        """What the key or the session of the request may see."""
        access: Any = self.request.auth
        return cast("Access", access)

    def context(self) -> dict[str, Any]:
        """Return what the template needs, completely read.

        Raises:
            rest_framework.exceptions.APIException: There is nothing to show, or the key may not see it.
            django.db.Error: The database does not answer.
        """
        raise NotImplementedError

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_text(request.META.get("QUERY_STRING", ""))

    def get(self, request: Request, **ids: str) -> Any:
        began = monotonic()
        try:
            context = self.context()
        except (OperationalError, InterfaceError) as error:
            if not reconnect(ANALYTICS_DATABASE, error, began):
                raise
            context = self.context()
        response = Response(
            {
                "service": NAME,
                "user": request.user,
                "is_session": self.access.is_session,
                "min_count": self.access.min_count,
                **context,
            },
            template_name=self.template_name,
        )
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        patch_cache_control(response, private=True, no_cache=True)
        return response

    def head(self, request: Request, **ids: str) -> Any:
        # Django would set this to the bound method above: the view would then hold a reference to itself.
        return self.get(request, **ids)

    def handle_exception(self, exc: Exception) -> Any:
        accept = self.request.META.get("HTTP_ACCEPT", ANY)
        if isinstance(exc, NotAuthenticated) and preferred(accept, (problems.CONTENT_TYPE, PAGE)) == PAGE:
            login = reverse("rest_framework:login")
            response = HttpResponseRedirect(f"{login}?{urlencode({'next': self.request.get_full_path()})}")
            patch_cache_control(response, private=True, no_cache=True)
            return response
        return super().handle_exception(exc)

    def ask(self, name: str, ids: Mapping[str, str], given: Mapping[str, str]) -> Answer:
        """Return the answer of an endpoint to the request's key or session."""
        return answer(self.request, name, ids, given)

    def ask_if_possible(self, name: str, ids: Mapping[str, str], given: Mapping[str, str]) -> Answer:
        """Return the same, without an item where the database lacks what the endpoint reads."""
        return answer_if_possible(self.request, name, ids, given)

    def panels(self, section: Section, answers: Sequence[tuple[str, Answer]]) -> list[Panel]:
        """Return what a section shows of answers, which have a common scale.

        Args:
            section: The section.
            answers: Each answer, with the name of what it is about.
        """
        all_items = [section.items(each.items) for _, each in answers]
        return [
            self.panel(section, name, each, items, all_items)
            for (name, each), items in zip(answers, all_items, strict=True)
        ]

    def panel(
        self, section: Section, name: str, found: Answer, items: list[Item], beside: Sequence[list[Item]]
    ) -> Panel:
        columns = [
            (heading, path) for heading, path in section.columns if any(path.split(".")[0] in item for item in items)
        ]
        table = [[of_path(item, path) for _, path in columns] for item in items]
        hidden = bool(self.access.min_count) and any(None in row for row in table)
        return Panel(
            name,
            section.chart.draw(items, beside) if items else None,
            [(heading, is_numeric(row[place] for row in table)) for place, (heading, _) in enumerate(columns)],
            len(table),
            table_rows(
                (
                    [cell(value, path) for value, (_, path) in zip(row, columns, strict=True)],
                    section.links(item) if section.links else None,
                )
                for item, row in zip(items, table, strict=True)
            ),
            str(found.error.detail) if found.error else "",
            newest(items),
            hidden,
            found.address,
            found.in_format("csv"),
            found.in_format("json"),
            snippets(self.request.build_absolute_uri(found.address)),
        )


def is_numeric(values: Iterable[Any]) -> bool:
    return all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values)


def cell(value: Any, path: str) -> str:
    """Return the value at a path as a table shows it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is not None and path in NAMES:
        return str(value)
    if isinstance(value, (int, float)):
        return shown(value)
    if value is None:
        return NO_VALUE
    text = str(value)
    # The beginning of a week: its time is midnight.
    return text[:10] if text[10:] == "T000000" else text


def newest(items: Iterable[Item]) -> str:
    """Return when the newest of some items was computed, as people write it; empty where that is not known."""
    return moment(max((item["created"] for item in items if item.get("created")), default=None))


def moment(created: Any) -> str:
    """Return a time of the API as people write it; empty for none."""
    if not created:
        return ""
    text = str(created)
    return f"{text[:10]} {text[11:13]}:{text[13:15]} UTC" if len(text) == len("YYYY-mm-ddTHHMMSS") else text


def age(text: Any) -> str:
    """Return how many days ago a date was, in words; empty for none."""
    if not text:
        return ""
    days = (datetime.now(UTC).date() - datetime.fromisoformat(str(text)[:10]).date()).days
    if days <= 0:
        return "today"
    return "yesterday" if days == 1 else f"{days:,} days ago"


class CoursesPage(PageView):
    """The courses that are on record, with their latest enrollment."""

    template_name = "analyticsdataserver/pages/courses.html"

    # The columns that the list can be sorted by: their headings, and the value of ``sort`` at the first click.
    COLUMNS: Final = (
        ("Course", "course_id", False),
        ("Enrolled", "-count", True),
        ("In 7 days", "-count_change_7_days", True),
        ("Last 60 days", "", False),
        ("Last day", "-last_date", False),
        ("Loaded", "", False),
    )

    def context(self) -> dict[str, Any]:
        given = self.request.query_params
        search, cursor = given.get("search", ""), given.get("cursor", "")
        # A link to a later page says how the pages are sorted; where it does not, it is the endpoint's order.
        sort = given.get("sort") or (str(SORT.values["default"]) if cursor else DEFAULT_SORT)
        org, beside = given.get("org", ""), given.get(BESIDE, "")
        query = {"search": search, "sort": sort, "org": org}
        found = self.ask("courses", {}, {**query, "limit": str(PAGE_SIZE), "cursor": cursor})
        ids = [item["course_id"] for item in found.items if item["last_date"] and can_be_listed(item["course_id"])]
        lines = self.lines(ids) if ids else {}
        view: Any = found.view
        page = view.page
        shared = {name: value for name, value in {**query, BESIDE: beside}.items() if value}
        if sort == DEFAULT_SORT:
            shared.pop("sort", None)
        here = self.request.path
        return {
            "title": "Courses",
            "courses": [self.row(item, lines, beside) for item in found.items],
            "columns": list(self.columns(shared, sort, here)),
            "is_limited": self.access.is_limited,
            "search": search,
            "sort": shared.get("sort", ""),
            "org": org,
            "beside": beside,
            "first": link(here, shared) if cursor else "",
            "next": "" if page.last is None else link(here, {**shared, "sort": sort, "cursor": page.cursor(page.last)}),
            "cleared": link(here, {BESIDE: beside}) if search or org else "",
            "csv": self.whole(query, "csv"),
            "json": self.whole(query, "json"),
        }

    def lines(self, ids: list[str]) -> dict[str, list[Any]]:
        """Return the enrollment of the last days on record of each of some courses."""
        found = self.ask("enrollment", {}, {"course_ids": ",".join(ids), "last": str(LINE_DAYS)})
        lines: dict[str, list[Any]] = {}
        for item in found.items:
            lines.setdefault(item["course_id"], []).append(item["count"])
        return lines

    @staticmethod
    def row(item: Item, lines: Mapping[str, list[Any]], beside: str) -> dict[str, Any]:
        course = item["course_id"]
        values = lines.get(course, [])
        known = [value for value in values if value is not None]
        change = item["count_change_7_days"]
        return {
            "id": course,
            "title": item["title"],
            "href": (
                link(page_address("courses", beside), {BESIDE: course})
                if beside and beside != course and is_course_id(beside)
                else page_address("courses", course)
            ),
            "count": shown(item["count"]),
            "change": shown(change) if not change or change < 0 else f"+{shown(change)}",
            "direction": "" if not change else "up" if change > 0 else "down",
            "line": sparkline(values),
            "line_text": f"Enrolled: {shown(known[0])}, then {shown(known[-1])}" if known else "",
            "last_date": item["last_date"] or NO_VALUE,
            "loaded": moment(item["created"])[:10] or NO_VALUE,
            "age": age(item["created"]),
        }

    def columns(self, shared: Mapping[str, str], sort: str, here: str) -> Iterator[dict[str, Any]]:
        for heading, by, is_number in self.COLUMNS:
            name = by.removeprefix("-")
            is_sorted = bool(by) and sort.removeprefix("-") == name
            other = (name if sort.startswith("-") else f"-{name}") if is_sorted else by
            direction = ("descending" if sort.startswith("-") else "ascending") if is_sorted else ""
            href = link(here, {**shared, "sort": other}) if by else ""
            yield {"text": heading, "href": href, "direction": direction, "is_number": is_number, "name": name}

    @staticmethod
    def whole(query: Mapping[str, str], format_: str) -> str:
        """Return the address of the whole list in a format."""
        return link(f"{reverse('versions')}/v1/courses/", {**query, "format": format_})


def can_be_listed(course_id: str) -> bool:
    """Return whether a parameter that takes several ids can name a course: not with a comma or a space in its id."""
    return "," not in course_id and " " not in course_id


def crumbs(course: str, slug: str, title: str) -> Iterator[Crumb]:
    """Yield the way to the page of a problem or video: through the section of its course's page, if that is known."""
    yield Crumb("Courses", reverse("courses"))
    if course:
        href = page_address("courses", course)
        yield Crumb(course, href)
        yield Crumb(slug.capitalize(), f"{href}#{slug}")
    yield Crumb(title, None)


def link(address: str, given: Mapping[str, str]) -> str:
    """Return an address with those of some parameters that have a value."""
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{address}?{query}" if query else address


class CoursePage(PageView):
    """A course: charts of who is enrolled, what they do, and how they answer; another course may stand beside it."""

    template_name = "analyticsdataserver/pages/course.html"

    def context(self) -> dict[str, Any]:
        given = self.request.query_params
        course = self.kwargs["course_id"]
        # As in lists of ids: a plus sign that is not encoded arrives as a space.
        other = parameters.entity_id(given.get(BESIDE, "").strip().replace(" ", "+"))
        if other and not is_course_id(other):
            raise BadRequest(
                f"{BESIDE} is {quote_value(other)}; it takes a course_id, as org/course/run or "
                "course-v1:org+course+run.",
                "course_key_malformed",
            )
        courses = list(dict.fromkeys(filter(None, (course, other))))
        # This checks the scope, before anything is read.
        titles = self.titles(courses)
        chosen, of_dates = self.dates(given)
        answers = {
            each: [
                self.ask_if_possible(section.endpoint, {"course_id": each}, of_dates[section.dates])
                for section in sections.COURSE
            ]
            for each in courses
        }
        for each, found in answers.items():
            if each not in titles and all(one.error and one.error.get_codes() in NOTHING for one in found):
                raise NoData(
                    f"Nothing on record for the course_id {quote_value(each)}; it takes an id that has been computed, "
                    "spelled exactly (capitals count).",
                    UNKNOWN,
                )
        blocks = [
            Block(section, self.panels(section, list(zip(courses, found, strict=True))))
            for section, found in zip(sections.COURSE, zip(*answers.values(), strict=True), strict=True)
        ]
        here = page_address("courses", course)
        kept = {BESIDE: other if other in courses[1:] else ""}
        custom = {name: given.get(name, "") for name in ("start_date", "end_date")}
        return {
            "title": titles.get(course) or course,
            "crumbs": [Crumb("Courses", reverse("courses")), Crumb(course, None)],
            "course": course,
            "courses": [(each, titles.get(each), page_address("courses", each)) for each in courses],
            "blocks": blocks,
            "ranges": [
                Choice(text, link(here, {**kept, RANGE: "" if name == DEFAULT_RANGE else name}), name == chosen)
                for name, (text, *_) in RANGES.items()
            ],
            "custom": custom,
            "beside": other if other in courses[1:] else "",
            "beside_title": titles.get(other) or other,
            "alone": link(here, {RANGE: given.get(RANGE, ""), **custom}),
            "choose": link(reverse("courses"), {BESIDE: course}),
            "here": here,
            "range": given.get(RANGE, ""),
        }

    def titles(self, courses: Sequence[str]) -> dict[str, str]:
        """Return the titles of the courses that the catalog has, and that may be seen.

        Raises:
            CourseNotAllowed: The key may not see one of them.
        """
        named = ",".join(filter(can_be_listed, courses))
        if not named:
            return {}
        found = self.ask_if_possible(
            "course_summaries", {}, {"course_ids": named, "fields": "course_id,catalog_course_title"}
        )
        return {item["course_id"]: item["catalog_course_title"] or item["course_id"] for item in found.items}

    @staticmethod
    def dates(given: Mapping[str, str]) -> tuple[str, dict[str, dict[str, str]]]:
        """Return the name of the range, empty for one of the user's own, and the parameters for each kind of dates.

        Raises:
            BadRequest: There is no such range.
        """
        own = {name: given.get(name, "") for name in ("start_date", "end_date") if given.get(name)}
        if own:
            return "", {
                sections.DAYS: own,
                sections.WEEKS: own,
                sections.LATEST: {**own, "last": "1"},
                sections.NO_DATES: {},
            }
        name = given.get(RANGE) or DEFAULT_RANGE
        if name not in RANGES:
            raise BadRequest(f"{RANGE} is {quote_value(name)}; it takes one of: {', '.join(RANGES)}.", "invalid_value")
        _, days, weeks = RANGES[name]
        return name, {
            sections.DAYS: days,
            sections.WEEKS: weeks,
            sections.LATEST: {},
            sections.NO_DATES: {},
        }


class ProblemPage(PageView):
    """A problem: its answers and grades."""

    template_name = "analyticsdataserver/pages/entity.html"

    def context(self) -> dict[str, Any]:
        problem = parameters.entity_id(self.kwargs["problem_id"])
        answers = [self.ask_if_possible(section.endpoint, {"problem_id": problem}, {}) for section in sections.PROBLEM]
        error = answers[0].error
        if error is not None and not any(each.items for each in answers):
            raise error
        items = [item for each in answers for item in each.items]
        first = next(iter(answers[0].items), {})
        questions = dict.fromkeys(item["question_text"] for item in answers[0].items if item["question_text"])
        title = first.get("problem_display_name") or f"Problem {sections.last_part(problem, '/', '@')}"
        return {
            "entity_id": problem,
            "title": title,
            "crumbs": list(crumbs(items[0]["course_id"], "problems", title)),
            "texts": list(questions)[:3],
            "facts": [],
            "blocks": [
                Block(section, self.panels(section, [("", each)]))
                for section, each in zip(sections.PROBLEM, answers, strict=True)
            ],
        }


class VideoPage(PageView):
    """A video: which of its segments were watched."""

    template_name = "analyticsdataserver/pages/entity.html"

    def context(self) -> dict[str, Any]:
        video = self.kwargs["video_id"]
        found = self.ask("videos/{video_id}/timeline", {"video_id": video}, {})
        if found.error is not None:
            raise found.error
        course = video.rpartition("|")[0]
        row: Item = {}
        if is_course_id(course):
            videos = self.ask_if_possible("courses/{course_id}/videos", {"course_id": course}, {})
            row = next((item for item in videos.items if item["pipeline_video_id"] == video), {})
        section = sections.timeline(row.get("segment_length"))
        facts = []
        if row:
            facts = [
                ("Length", sections.minutes(1, row["duration"]) if row["duration"] else NO_VALUE),
                ("Watched the start", shown(row["users_at_start"])),
                ("Watched the end", shown(row["users_at_end"])),
            ]
        title = sections.video_label({"encoded_module_id": video.rpartition("|")[2]})
        return {
            "entity_id": video,
            "title": title,
            "crumbs": list(crumbs(course if is_course_id(course) else "", "videos", title)),
            "texts": [],
            "facts": facts,
            "blocks": [Block(section, self.panels(section, [("", found)]))],
        }


urlpatterns = [
    re_path(r"^courses/?\Z", CoursesPage.as_view(), name="courses"),
    re_path(rf"^courses/(?P<course_id>{IDS['course_id']})/?\Z", CoursePage.as_view(), name="course"),
    re_path(rf"^problems/(?P<problem_id>{IDS['problem_id']}?)/?\Z", ProblemPage.as_view(), name="problem"),
    re_path(rf"^videos/(?P<video_id>{IDS['video_id']}?)/?\Z", VideoPage.as_view(), name="video"),
]
