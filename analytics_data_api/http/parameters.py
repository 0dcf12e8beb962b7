"""The parameters of a request as validated values, and the ids of the path.

They come from the query string, or, for POST, from the body (:mod:`analytics_data_api.http.posted`); the functions here
read them by name, and do not know which.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final

from django.utils.datastructures import MultiValueDict

from analytics_data_api.http.problems import BadRequest, NoData
from analytics_data_api.tables import course_ids, summaries
from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.summaries import SummaryQuery
from analytics_data_api.text import quote_value

# The parameters of a request: each has the values that were given, none where a body in JSON gives an empty list.
Given = MultiValueDict[str, str]

START_DATE: Final = "start_date"
END_DATE: Final = "end_date"
FIELDS: Final = "fields"
EXCLUDE: Final = "exclude"

# datetime.fromisoformat alone would also take week dates and other forms that the contract does not have.
DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}(T(\d{6}|\d{2}:\d{2}(:\d{2}(\.\d+)?)?)(Z|[+-]\d{2}(:?\d{2})?)?)?", re.ASCII)

# What may stand behind an id that was copied, and is no part of it.
LINE_ENDS: Final = "\t\r\n"

# In lower case: in capitals, some letters outside ASCII would become letters of the names.
ACTIVITY_TYPES: Final = {
    spelling.lower(): name for label, name in activity_types.BY_LABEL.items() for spelling in (label, name)
}


@dataclass(frozen=True)
class Parameter:
    """A parameter, as it is documented; the functions below read it.

    Attributes:
        name: Its name.
        meaning: Its effect on the response, in Markdown.
        example: A value that it takes.
        values: The values that it takes, as a JSON schema.
        deprecated: Whether another parameter replaces it.
        comma_separated: Whether it takes several values, with commas between them; ``values`` then says which ones.
        is_id: Whether its values are ids, in which a space stands for the ``+`` that a query string turns into one.
        error_code: The ``error_code`` of the response to a value that ``values`` does not have.
    """

    name: str
    meaning: str
    example: Any
    values: Mapping[str, Any]
    deprecated: bool = False
    comma_separated: bool = False
    is_id: bool = False
    error_code: str = "invalid_value"

    def listed(self, given: Given) -> tuple[str, ...] | None:
        """Return the values of a list, each once and in its order.

        In a query string and in a form it may be repeated, and each of its values may have commas. Empty values count
        as not given.

        Returns:
            The values; None where the parameter is not given; an empty tuple where a body in JSON gives an empty list.

        Raises:
            BadRequest: One of them is none that the parameter takes.
        """
        if self.name not in given:
            return None
        texts = given.getlist(self.name)
        parts = (part for text in texts for part in self.parts(text))
        values = tuple(dict.fromkeys(part for part in parts if part))
        for value in values:
            self.check(value)
        return values if values or not texts else None

    def parts(self, text: str) -> Iterator[str]:
        """Yield the parts of a text between commas, without the space around these.

        An id may end with a space, a ``+`` that a query string has turned into one.
        """
        *before, last = text.split(",")
        parts = [*(part.strip() for part in before), last.lstrip().rstrip(LINE_ENDS if self.is_id else None)]
        yield from (part.replace(" ", "+") for part in parts) if self.is_id else parts

    def value(self, given: Given) -> str | None:
        """Return the value of a parameter that takes one, the last where it is repeated; None where it is not given.

        Raises:
            BadRequest: It is none that the parameter takes.
        """
        value = given.get(self.name)
        if value:
            self.check(value)
        return value or None

    def check(self, value: str) -> None:
        """Check that a value is one that ``values`` describes.

        Raises:
            BadRequest: It is not.
        """
        known, pattern = self.values.get("enum"), self.values.get("pattern")
        if known is not None and value not in known:
            takes = f"{'a comma-separated list of' if self.comma_separated else 'one of'}: {', '.join(known)}"
        elif pattern is not None and not re.fullmatch(pattern, value):
            takes = f"{'values such as' if self.comma_separated else 'a value such as'} {self.shown_example}"
        else:
            return
        verb = "names" if self.comma_separated else "is"
        raise BadRequest(f"{self.name} {verb} {quote_value(value)}; it takes {takes}.", self.error_code)

    @property
    def shown_example(self) -> str:
        """The example as a query string has it."""
        return ",".join(self.example) if self.comma_separated else str(self.example)


def time_parameter(name: str, meaning: str, example: str) -> Parameter:
    forms = "`YYYY-mm-dd` or `YYYY-mm-ddTHHMMSS`, or ISO 8601 with colons; UTC, unless a zone is given."
    return Parameter(name, f"{meaning} {forms}", example, {"type": "string", "pattern": f"^{DATE.pattern}$"})


DAYS: Final = (
    time_parameter(START_DATE, "Only days from this one on (inclusive).", "2014-12-01"),
    time_parameter(END_DATE, "Only days before this one (exclusive).", "2014-12-08"),
)
WEEKS: Final = (
    time_parameter(START_DATE, "Only weeks that start at this time or later (inclusive).", "2014-11-24T000000"),
    time_parameter(END_DATE, "Only weeks that end before this time (exclusive).", "2014-12-09T000000"),
)
ACTIVITY_TYPE: Final = (
    Parameter(
        "activity_type",
        "What the users counted did. Capitals do not matter.",
        "played_video",
        {"type": "string", "enum": list(activity_types.NAMES), "default": activity_types.ANY},
    ),
    Parameter(
        "label",
        "The older name of `activity_type`; wins where both are given.",
        "PLAYED_VIDEO",
        {"type": "string"},
        deprecated=True,
    ),
)


# What an endpoint's fields are, the output knows.
SELECTED_FIELDS: Final = Parameter(FIELDS, "", (), {"type": "string"}, comma_separated=True)
EXCLUDED_FIELDS: Final = Parameter(EXCLUDE, "", (), {"type": "string"}, comma_separated=True)


COURSE_IDS: Final = Parameter(
    "course_ids",
    "Only these courses, separated by commas. Ids that are not on record are left out.",
    ["edX/DemoX/Demo_Course"],
    {"type": "string", "pattern": f"^{course_ids.FORM}$"},
    comma_separated=True,
    is_id=True,
    error_code="course_key_malformed",
)
PROGRAM_IDS: Final = Parameter(
    "program_ids",
    "Only these programs, separated by commas.",
    ["acb243a0-1234-5abe-099e-ffcae2a340d4"],
    {"type": "string"},
    comma_separated=True,
)
# Those of course summaries, which the original had before there was a version 1.
PROGRAMS: Final = Parameter("programs", "Any value adds the field `programs` to the items.", "true", {"type": "string"})
RECENT_DATE: Final = Parameter(
    "recent_date",
    "The day, before today (UTC), since which `recent_count_change` counts.",
    "2014-12-03",
    {"type": "string", "pattern": f"^{DATE.pattern}$"},
)
SUMMARIES: Final = (
    COURSE_IDS,
    PROGRAMS,
    RECENT_DATE,
    Parameter(
        "availability",
        "Only courses with one of these values of `availability`; `unknown` stands for null.",
        ["Current", "Upcoming"],
        {"type": "string"},
        comma_separated=True,
    ),
    Parameter(
        "pacing_type",
        "Only courses with one of these values of `pacing_type`; `unknown` stands for null.",
        ["self_paced"],
        {"type": "string"},
        comma_separated=True,
    ),
    replace(PROGRAM_IDS, meaning="Only courses that are part of one of these programs, separated by commas."),
    Parameter(
        "text_search",
        "Only courses whose id or title contains this text. Capitals do not matter.",
        "demo",
        {"type": "string"},
    ),
    Parameter(
        "order_by",
        "The field to order the items by; null comes last, and items that are equal by course.",
        "count",
        {"type": "string", "enum": list(summaries.COLUMNS)},
    ),
    Parameter(
        "sort_order",
        "Whether to begin with the lowest value, or with the highest.",
        "desc",
        {"type": "string", "enum": ["asc", "desc"], "default": "asc"},
    ),
)


def exclude_parameter(names: Iterable[str]) -> Parameter:
    """Return ``exclude`` for an endpoint whose items have fields of these names."""
    names = list(names)
    meaning = "Not these fields, separated by commas, also where `fields` names them."
    return Parameter(EXCLUDE, meaning, names[-2:], {"type": "string", "enum": names}, comma_separated=True)


def format_parameter(formats: Iterable[str]) -> Parameter:
    """Return ``format``, which content negotiation reads."""
    meaning = "The format of the response; a suffix of the path overrides it, and it overrides the header `Accept`."
    return Parameter("format", meaning, "csv", {"type": "string", "enum": list(formats)})


def fields_parameter(names: Iterable[str]) -> Parameter:
    """Return ``fields`` for an endpoint whose items have fields of these names."""
    names = list(names)
    meaning = "Only these fields, separated by commas. In formats with columns, these come in this order."
    return Parameter(FIELDS, meaning, names[-2:], {"type": "string", "enum": names}, comma_separated=True)


def date_range(query: Mapping[str, str]) -> DateRange | None:
    """Return the range from ``start_date`` (inclusive) to ``end_date`` (exclusive); None where neither is given.

    Raises:
        BadRequest: One of them is no date, or the range ends before it starts.
    """
    if not query.get(START_DATE) and not query.get(END_DATE):
        return None
    start, end = time(query, START_DATE), time(query, END_DATE)
    if start is not None and end is not None and start > end:
        raise BadRequest(
            f"{START_DATE}, {quote_value(query[START_DATE])}, is after {END_DATE}, {quote_value(query[END_DATE])}; "
            "a range starts before it ends.",
            "invalid_date_range",
        )
    return DateRange(start, end)


def time(query: Mapping[str, str], name: str) -> datetime | None:
    """Return the time that a parameter gives, in UTC, None where it is missing or empty; a date is its midnight.

    Raises:
        BadRequest: The value is no date, or one that does not exist.
    """
    value = query.get(name)
    if not value:
        return None
    if DATE.fullmatch(value):
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    detail = f"{name} is {quote_value(value)}; it takes a date that exists, as YYYY-mm-dd or YYYY-mm-ddTHHMMSS (UTC)."
    if " " in value and DATE.fullmatch(value.replace(" ", "+")):
        # In a query string, "+" is a space.
        detail += " ISO 8601 with colons and an offset are taken, too; send the + of an offset as %2B."
    raise BadRequest(detail, "invalid_date")


def activity_type(query: Mapping[str, str]) -> str:
    """Return one of ``activity_types.NAMES``, ``any`` by default; ``label`` goes before ``activity_type``.

    Raises:
        NoData: There is no such type.
    """
    parameter = "label" if query.get("label") else "activity_type"
    value = query.get(parameter) or activity_types.ANY
    # The pipeline's labels are accepted, too; only ACTIVE differs from its name.
    name = ACTIVITY_TYPES.get(value.lower())
    if name is None:
        takes = ", ".join(activity_types.NAMES)
        raise NoData(f"{parameter} is {quote_value(value)}; it takes one of: {takes}.", "unknown_activity_type")
    return name


def fields(given: Given) -> tuple[str, ...]:
    """Return the names in ``fields``, each once and in its order; none where the parameter is missing or empty."""
    return SELECTED_FIELDS.listed(given) or ()


def excluded_fields(given: Given) -> tuple[str, ...]:
    """Return the names in ``exclude``; none where the parameter is missing or empty."""
    return EXCLUDED_FIELDS.listed(given) or ()


def past_date(given: Given) -> date | None:
    """Return ``recent_date``, None where it is not given.

    Raises:
        BadRequest: It is no date, or not before today (UTC).
    """
    moment = time(given, RECENT_DATE.name)
    if moment is None:
        return None
    if moment.date() >= datetime.now(UTC).date():
        shown = quote_value(given.get(RECENT_DATE.name, ""))
        raise BadRequest(f"{RECENT_DATE.name} is {shown}; it takes a date before today (UTC).", "invalid_date")
    return moment.date()


def summary_query(given: Given) -> SummaryQuery:
    """Return which course summaries a request is for.

    Raises:
        BadRequest: A parameter has a value that it does not take.
    """
    by_name = {parameter.name: parameter for parameter in SUMMARIES}
    lists = {name: by_name[name].listed(given) for name in ("course_ids", "availability", "pacing_type", "program_ids")}
    texts = {name: by_name[name].value(given) for name in ("text_search", "order_by", "sort_order")}
    return SummaryQuery(
        lists["course_ids"],
        None if lists["availability"] is None else tuple(map(summaries.served_availability, lists["availability"])),
        lists["pacing_type"],
        lists["program_ids"],
        texts["text_search"],
        past_date(given),
        with_programs=bool(given.get(PROGRAMS.name)) or PROGRAMS.name in fields(given),
        order_by=texts["order_by"],
        descending=texts["sort_order"] == "desc",
    )


def entity_id(value: str) -> str:
    """Return an id from the path; a proxy may have merged the slashes of ``i4x://``."""
    return f"i4x://{value[5:]}" if value.startswith("i4x:/") and not value.startswith("i4x://") else value
