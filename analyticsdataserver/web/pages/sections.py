"""What the pages show of a course, a problem and a video: a chart of each endpoint, its numbers, what they count."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from django.urls import reverse

from analytics_data_api.tables.constants import enrollment_modes
from analyticsdataserver.web.pages.answers import SAFE
from analyticsdataserver.web.pages.charts import (
    DAY,
    WEEK,
    BarsOf,
    Chart,
    ColumnsBy,
    Drawing,
    Item,
    LinesOver,
    Number,
    Series,
    shown,
    thinned,
)

# What the numbers of a section are about.
DAYS: Final = "days"
WEEKS: Final = "weeks"
LATEST: Final = "latest"
NO_DATES: Final = ""

SHORT_ID: Final = 12


def page_address(route: str, entity_id: str) -> str:
    """Return the address of a page about something; the id keeps its slashes."""
    return f"{reverse('courses')[: -len('courses')]}{route}/{quote(entity_id, safe=SAFE)}/"


@dataclass(frozen=True)
class Section:
    """A chart, and the numbers in it.

    Attributes:
        slug: What links name it.
        title: Its heading.
        endpoint: The endpoint that it shows, as the list of endpoints names it.
        meaning: What is counted, in sentences of the guide to the numbers, with code in backticks.
        chart: How it is drawn.
        columns: The columns of the table: their headings, and the paths of their values.
        dates: Which dates it has: DAYS, WEEKS, the LATEST day, or NO_DATES.
        order: Returns by what the items are sorted; None for the endpoint's order.
        links: Returns the address of an item's own page.
        is_long: Whether it has so many bars that they stand in two columns where there is room.
    """

    slug: str
    title: str
    endpoint: str
    meaning: str
    chart: Chart
    columns: tuple[tuple[str, str], ...]
    dates: str = NO_DATES
    order: Callable[[Item], Any] | None = None
    links: Callable[[Item], str] | None = None
    is_long: bool = False

    @property
    def is_wide(self) -> bool:
        """Whether the chart needs the whole width of the page."""
        return isinstance(self.chart, (LinesOver, ColumnsBy)) or self.is_long

    def items(self, items: list[Item]) -> list[Item]:
        return sorted(items, key=self.order) if self.order else items


class BarsOfFields:
    """A bar for each of several numbers of the last item.

    Args:
        series: The numbers.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        self.series = series
        self.bars = BarsOf(lambda item: str(item["label"]), [Series("value", "Users")])

    def split(self, items: list[Item]) -> list[Item]:
        return [{"label": each.label, "value": item[each.name]} for item in items[-1:] for each in self.series]

    def draw(self, items: list[Item], beside: Sequence[list[Item]]) -> Drawing:
        return self.bars.draw(self.split(items), [self.split(each) for each in beside])


def of_path(item: Item, name: str) -> Any:
    """Return the value at a path, such as ``country.name``; None where there is none."""
    value: Any = item
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def words(name: str) -> str:
    """Return a name of the tables as a heading."""
    return name.replace("_", " ").capitalize()


def descending(name: str) -> Callable[[Item], tuple[bool, Number]]:
    """Return the key that puts the highest number first, and null last."""

    def key(item: Item) -> tuple[bool, Number]:
        value = item[name]
        return value is None, -(value or 0)

    return key


# In the order of schooling.
LEVELS: Final = {
    None: "Unknown",
    "none": "None",
    "primary": "Primary",
    "junior_secondary": "Junior secondary",
    "secondary": "Secondary",
    "associates": "Associate's degree",
    "bachelors": "Bachelor's degree",
    "masters": "Master's degree",
    "doctorate": "Doctorate",
    "other": "Other",
}
LEVEL_ORDER: Final = {level: place for place, level in enumerate(LEVELS)}


def level(item: Item) -> str:
    return LEVELS.get(item["education_level"]) or words(str(item["education_level"]))


def last_part(entity_id: str, *separators: str) -> str:
    """Return the end of a long id, which is what tells it from others."""
    for separator in separators:
        head, found, tail = entity_id.rpartition(separator)
        if found and head and tail:
            entity_id = tail
            break
    return entity_id if len(entity_id) <= SHORT_ID else f"{entity_id[:SHORT_ID]}…"


def share(part: Any, whole: Any) -> str:
    return f" ({100 * part / whole:.0f} %)" if part is not None and whole else ""


def correct_of(item: Item) -> str:
    total, correct = item["total_submissions"], item["correct_submissions"]
    return f"{shown(correct)} of {shown(total)} correct{share(correct, total)}"


def stayed(item: Item) -> str:
    start, end = item["users_at_start"], item["users_at_end"]
    return f"{shown(end)} of {shown(start)} to the end{share(end, start)}"


def problem_label(item: Item) -> str:
    return f"Problem {last_part(item['module_id'], '/', '@')}"


def video_label(item: Item) -> str:
    return f"Video {last_part(item['encoded_module_id'], 'video-', '/', '@', '-')}"


def answer_label(item: Item) -> str:
    """Return an answer as the label of a bar: its text or its number, and whether it is correct."""
    text = item["answer_value"]
    if text is None:
        text = item["answer_value_numeric"] if item["answer_value_numeric"] is not None else item["value_id"]
    variant = "" if item["variant"] is None else f", variant {item['variant']}"
    return f"{'✓' if item['correct'] else '✗'} {'(empty)' if text in (None, '') else text}{variant}"


def grade_label(item: Item) -> str:
    best = item["max_grade"]
    grade = "unknown" if item["grade"] is None else shown(item["grade"])
    return f"Grade {grade}" if best is None else f"Grade {grade} of {shown(best)}"


MODES: Final = [Series(name, words(name)) for name in enrollment_modes.MODES]
ACTIVITIES: Final = [
    Series("any", "Any activity"),
    Series("attempted_problem", "Attempted a problem"),
    Series("played_video", "Played a video"),
    Series("posted_forum", "Posted in the forum"),
]
GENDERS: Final = [Series(name, words(name)) for name in ("female", "male", "other", "unknown")]


def own_columns(series: Sequence[Series]) -> tuple[tuple[str, str], ...]:
    return tuple((each.label, each.name) for each in series)


COURSE: Final = (
    Section(
        "enrollment",
        "Enrollment",
        "courses/{course_id}/enrollment",
        "`count` is the number of users who are enrolled at the end of the day.",
        LinesOver("date", [Series("count", "Enrolled")], **DAY),
        (("Day", "date"), ("Enrolled", "count")),
        DAYS,
    ),
    Section(
        "modes",
        "Enrollment by mode",
        "courses/{course_id}/enrollment/mode",
        "`count` and `cumulative_count` are sums over every mode on record. A mode without a row is 0.",
        LinesOver("date", MODES, **DAY),
        (("Day", "date"), *own_columns(MODES), ("All modes", "count"), ("Ever enrolled", "cumulative_count")),
        DAYS,
    ),
    Section(
        "activity",
        "Weekly activity",
        "courses/{course_id}/activity",
        "Each user is counted once in each number. Weeks cannot be summed: a user who was active in two weeks is "
        "counted in both.",
        LinesOver("interval_start", ACTIVITIES, **WEEK),
        (("Week from", "interval_start"), *own_columns(ACTIVITIES)),
        WEEKS,
    ),
    Section(
        "birth-years",
        "Year of birth",
        "courses/{course_id}/enrollment/birth_year",
        "Gender, year of birth and education come from the users' profiles, the country from the address of their last "
        "request. A missing item means that no user is counted there.",
        ColumnsBy("birth_year", "count", "year"),
        (("Year of birth", "birth_year"), ("Enrolled", "count")),
        LATEST,
    ),
    Section(
        "education",
        "Education",
        "courses/{course_id}/enrollment/education",
        "Gender, year of birth and education come from the users' profiles, the country from the address of their last "
        "request. A missing item means that no user is counted there.",
        BarsOf(level, [Series("count", "Enrolled")]),
        (("Level", "education_level"), ("Enrolled", "count")),
        LATEST,
        order=lambda item: LEVEL_ORDER.get(item["education_level"], len(LEVEL_ORDER)),
    ),
    Section(
        "gender",
        "Gender",
        "courses/{course_id}/enrollment/gender",
        "Gender, year of birth and education come from the users' profiles, the country from the address of their last "
        "request. A gender without a row is 0.",
        BarsOfFields(GENDERS),
        (("Day", "date"), *own_columns(GENDERS)),
        LATEST,
    ),
    Section(
        "countries",
        "Countries",
        "courses/{course_id}/enrollment/location",
        "Gender, year of birth and education come from the users' profiles, the country from the address of their last "
        "request. A missing item means that no user is counted there.",
        BarsOf(
            lambda item: "Unknown" if item["country"]["alpha2"] is None else str(item["country"]["name"]),
            [Series("count", "Enrolled")],
        ),
        (("Country", "country.name"), ("Code", "country.alpha2"), ("Enrolled", "count")),
        LATEST,
        order=descending("count"),
        is_long=True,
    ),
    Section(
        "problems",
        "Problems",
        "courses/{course_id}/problems",
        "`total_submissions` is an average over the parts, rounded down, and `correct_submissions` is the same for "
        "correct responses.",
        BarsOf(
            problem_label,
            [Series("total_submissions", "All last responses"), Series("correct_submissions", "Correct ones")],
            text=correct_of,
            colors=(6, 3),
            href=lambda item: page_address("problems", item["module_id"]),
        ),
        (("Problem", "module_id"), ("Responses", "total_submissions"), ("Correct", "correct_submissions")),
        links=lambda item: page_address("problems", item["module_id"]),
        order=descending("total_submissions"),
    ),
    Section(
        "videos",
        "Videos",
        "courses/{course_id}/videos",
        "`videos` has the numbers of users who watched the first and the last segment of each video.",
        BarsOf(
            video_label,
            [Series("users_at_start", "Watched the start"), Series("users_at_end", "Watched the end")],
            text=stayed,
            colors=(6, 1),
            href=lambda item: page_address("videos", item["pipeline_video_id"]),
        ),
        (
            ("Video", "encoded_module_id"),
            ("At the start", "users_at_start"),
            ("At the end", "users_at_end"),
            ("Seconds", "duration"),
        ),
        links=lambda item: page_address("videos", item["pipeline_video_id"]),
        order=descending("users_at_start"),
    ),
)

PROBLEM: Final = (
    Section(
        "answers",
        "Answers",
        "problems/{problem_id}/answer_distribution",
        "`answer_distribution` has an item for each answer to each part of a problem. `first_response_count` is the "
        "number of users for whom it was the first response, `last_response_count` the number for whom it was the "
        "last.",
        BarsOf(
            answer_label,
            [Series("count", "Last responses")],
            color=lambda item: 3 if item["correct"] else 2,
        ),
        (
            ("Answer", "answer_value"),
            ("Correct", "correct"),
            ("First responses", "first_response_count"),
            ("Last responses", "last_response_count"),
            ("Responses", "count"),
            ("Part", "part_id"),
            ("Variant", "variant"),
        ),
    ),
    Section(
        "grades",
        "Grades",
        "problems/{problem_id}/grade_distribution",
        "`grade_distribution` counts how often each grade was given. The grade null is an unknown one.",
        BarsOf(grade_label, [Series("count", "Given")]),
        (("Grade", "grade"), ("Best grade", "max_grade"), ("Given", "count")),
    ),
)


def minutes(segment: Any, length: int) -> str:
    return f"{segment * length // 60}:{segment * length % 60:02d}"


def timeline(segment_length: int | None) -> Section:
    """Return the section with the timeline of a video.

    Args:
        segment_length: The seconds of a segment; None where that is not known.
    """

    def name(segment: Any) -> str:
        return minutes(segment, segment_length) if segment_length else f"segment {segment}"

    def ticks(first: Number, last: Number) -> list[tuple[Number, str]]:
        found = thinned(range(int(first), int(last) + 1))
        return [(each, minutes(each, segment_length) if segment_length else str(each)) for each in found]

    return Section(
        "timeline",
        "Timeline",
        "videos/{video_id}/timeline",
        "`timeline` divides a video into segments, usually of five seconds, and has for each of them the number of "
        "users who watched it and the number of views. A segment without a view has no item.",
        LinesOver(
            "segment",
            [Series("num_users", "Users"), Series("num_views", "Views")],
            place=int,
            name=name,
            ticks=ticks,
            noun="segments",
            step=1,
        ),
        (("Segment", "segment"), ("Users", "num_users"), ("Views", "num_views")),
    )
