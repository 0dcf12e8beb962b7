"""The parameters of version 1: which courses, which of their dates, filters on a dimension, order and pages."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from analytics_data_api.http.parameters import COURSE_IDS, DAYS, WEEKS, Given, Parameter, date_range
from analytics_data_api.http.problems import BadRequest
from analytics_data_api.tables.constants import enrollment_modes, genders
from analytics_data_api.tables.constants.countries import COUNTRIES
from analytics_data_api.tables.course_list import SORTABLE, CourseListQuery
from analytics_data_api.tables.dates import Interval
from analytics_data_api.tables.querysets.many import CoursesRequest, Values
from analytics_data_api.text import quote_value

# The largest number of `last` and `limit`.
LARGEST: Final = 10_000

# What a filter calls null.
UNKNOWN: Final = "unknown"

ORG: Final = Parameter("org", "Only courses of these organizations.", ["edX"], {"type": "string"}, comma_separated=True)
SEARCH: Final = Parameter(
    "search",
    "Only courses whose id or title has this text in it, whatever its capitals.",
    "demo",
    {"type": "string"},
)
SORT: Final = Parameter(
    "sort",
    "The field to sort by; `-` in front puts the highest value first. Null comes last; ties are sorted by course.",
    "-count",
    {"type": "string", "enum": [f"{sign}{name}" for name in SORTABLE for sign in ("", "-")], "default": "course_id"},
)


def number_parameter(name: str, meaning: str, example: int) -> Parameter:
    return Parameter(name, meaning, example, {"type": "integer", "minimum": 1, "maximum": LARGEST})


LAST: Final = number_parameter("last", "Only that many of the last days on record of each course.", 7)
LAST_WEEKS: Final = number_parameter("last", "Only that many of the last weeks on record of each course.", 4)
INTERVAL: Final = Parameter(
    "interval",
    "Only the last day on record of each week (Monday to Sunday) or calendar month; without a range and `last`, of all "
    "that are on record. It is chosen within the range, and before `last`.",
    "month",
    {"type": "string", "enum": [str(interval) for interval in Interval]},
)
WEEKLY_INTERVAL: Final = Parameter(
    "interval",
    "The items are weeks in any case; without a range and `last`, all weeks on record are returned.",
    "week",
    {"type": "string", "enum": [str(Interval.WEEK)]},
)

# What the endpoints of days, and of weeks, take.
SERIES: Final = (*DAYS, LAST, INTERVAL)
WEEKLY_SERIES: Final = (*WEEKS, LAST_WEEKS, WEEKLY_INTERVAL)
COURSES: Final = (COURSE_IDS, ORG)

LIMIT: Final = number_parameter(
    "limit", "At most that many items. Where there are more, the header `Link` has the address of the next ones.", 100
)
CURSOR: Final = Parameter(
    "cursor", "Where the page begins; the header `Link` of the page before has it.", "WyI1ZjJj", {"type": "string"}
)
# Parameters of GET alone.
PAGES: Final = (LIMIT, CURSOR)


@dataclass(frozen=True)
class Dimension:
    """The filter on what an endpoint divides the users by.

    Attributes:
        parameter: The parameter.
        value: Returns the value of the table that a value of the parameter stands for; raises KeyError or ValueError
            for none.
        takes: What the parameter takes, for messages.
        columns: The fields of an item that the values name, of which only the selected ones are in it; none where the
            values select items.
    """

    parameter: Parameter
    value: Callable[[str], Any]
    takes: str
    columns: tuple[str, ...] = ()

    def selected(self, given: Given) -> Values | None:
        """Return the values that are selected; None for all.

        Raises:
            BadRequest: One of them is impossible.
        """
        values = self.parameter.listed(given)
        if values is None:
            return None
        selected = set()
        for value in values:
            try:
                selected.add(self.value(value))
            except (KeyError, ValueError):
                raise BadRequest(
                    f"{self.parameter.name} names {quote_value(value)}; it takes a comma-separated list of "
                    f"{self.takes}.",
                    "invalid_value",
                ) from None
        return frozenset(selected)

    def left_out(self, given: Given) -> frozenset[str]:
        """Return the fields that are not in the items, since they are not selected.

        Raises:
            BadRequest: One of the selected values is impossible.
        """
        values = self.selected(given) if self.columns else None
        return frozenset() if values is None else frozenset(self.columns) - values


YEAR: Final = re.compile(r"\d{1,4}", re.ASCII)
COUNTRY_CODES: Final = {
    code: alpha2 for alpha2, country in COUNTRIES.items() for code in (alpha2, country["alpha3"]) if code
}


def year(text: str) -> int | None:
    if text == UNKNOWN:
        return None
    if not YEAR.fullmatch(text):
        raise ValueError
    return int(text)


def country_code(text: str) -> str | None:
    return None if text.lower() == UNKNOWN else COUNTRY_CODES[text.upper()]


def filter_parameter(name: str, meaning: str, example: list[str], values: dict[str, Any]) -> Parameter:
    return Parameter(name, meaning, example, {"type": "string"} | values, comma_separated=True)


BIRTH_YEAR: Final = Dimension(
    filter_parameter("birth_year", "Only these years; `unknown` for null.", ["1984", UNKNOWN], {}),
    year,
    f"years such as 1984, or {UNKNOWN}",
)
EDUCATION_LEVEL: Final = Dimension(
    filter_parameter("education_level", "Only these levels; `unknown` for null.", ["bachelors", UNKNOWN], {}),
    lambda text: None if text == UNKNOWN else text,
    f"levels such as bachelors, or {UNKNOWN}",
)
COUNTRY: Final = Dimension(
    filter_parameter(
        "country",
        "Only these countries, by their ISO 3166 codes of two or three letters; `unknown` for null.",
        ["CA", UNKNOWN],
        {},
    ),
    country_code,
    f"ISO 3166 codes of two or three letters, or {UNKNOWN}",
)


def column_dimension(name: str, columns: Sequence[str], meaning: str, example: list[str]) -> Dimension:
    values = dict(zip(columns, columns, strict=True))
    parameter = filter_parameter(name, meaning, example, {"enum": list(columns)})
    return Dimension(parameter, values.__getitem__, ", ".join(columns), tuple(columns))


MODE: Final = column_dimension(
    "mode",
    enrollment_modes.MODES,
    "Only the columns of these modes; `count` and `cumulative_count` sum only them.",
    ["honor", "verified"],
)
GENDER: Final = column_dimension("gender", genders.COLUMNS, "Only the columns of these genders.", ["female", "male"])

DIMENSIONS: Final = (BIRTH_YEAR, EDUCATION_LEVEL, COUNTRY, MODE, GENDER)
# The names of all filters, each of which only the endpoint of its dimension takes.
FILTERS: Final = tuple(dimension.parameter.name for dimension in DIMENSIONS)


def whole_number(parameter: Parameter, given: Given) -> int | None:
    """Return the value of a parameter that takes a whole number, None where it is not given.

    Raises:
        BadRequest: It is none, or too small or large.
    """
    text = given.get(parameter.name)
    if not text:
        return None
    low, high = parameter.values["minimum"], parameter.values["maximum"]
    if text.isascii() and text.isdecimal() and len(text) <= len(str(high)) and low <= int(text) <= high:
        return int(text)
    raise BadRequest(
        f"{parameter.name} is {quote_value(text)}; it takes a whole number from {low} to {high}.", parameter.error_code
    )


def refuse_unknown(given: Given, known: Iterable[str], refused: str = "") -> None:
    """Check that every parameter is known.

    Args:
        given: The parameters.
        known: The names of those that the endpoint takes.
        refused: What the message says in place of the nearest known name.

    Raises:
        BadRequest: One of them is not known; the message has the nearest known name.
    """
    known = list(known)
    for name in given:
        if name not in known:
            nearest = get_close_matches(name.lower()[:100], known, 1)
            hint = refused or (f" Did you mean {nearest[0]}?" if nearest else "")
            raise BadRequest(
                f"There is no parameter {quote_value(name)} here; this address takes: {', '.join(known)}.{hint}",
                "unknown_parameter",
            )


def refuse_filters(given: Given, known: Iterable[str]) -> None:
    """Check that there is no filter on a dimension that the endpoint does not have.

    Raises:
        BadRequest: There is one.
    """
    for name in FILTERS:
        if (value := given.get(name)) and name not in known:
            raise BadRequest(
                f"{name} is {quote_value(str(value))}, but this address has no numbers by {name}; it takes no such "
                "filter.",
                "unknown_parameter",
            )


def courses_request(given: Given, query: Iterable[Parameter], dimension: Dimension | None) -> CoursesRequest:
    """Return which dates of courses, and which values of a dimension, a request is for.

    Args:
        given: The parameters of the request.
        query: Those that the endpoint takes.
        dimension: The filter that the endpoint takes.

    Raises:
        BadRequest: One of them has a value that it does not take.
    """
    taken = {parameter.name: parameter for parameter in query}
    interval = taken[INTERVAL.name].value(given)
    return CoursesRequest(
        dates=date_range(given),
        last=whole_number(taken[LAST.name], given),
        interval=Interval(interval) if interval else None,
        values=dimension.selected(given) if dimension else None,
    )


def course_list_query(given: Given) -> CourseListQuery:
    """Return which courses a request for the list of courses is for, apart from pages.

    Raises:
        BadRequest: A parameter has a value that it does not take.
    """
    orgs, sort = ORG.listed(given), SORT.value(given) or "course_id"
    return CourseListQuery(
        orgs=None if orgs is None else frozenset(orgs),
        search=SEARCH.value(given),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
    )
