"""The query string: what a caller may ask for, as validated values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from analytics_data_api.constants import activity_types
from analytics_data_api.dates import DateRange
from analytics_data_api.http.problems import BadRequest, NoData, shown

START_DATE: Final = "start_date"
END_DATE: Final = "end_date"
FIELDS: Final = "fields"

# What the dates of the contract look like; datetime.fromisoformat alone would also take week dates and the like.
DATE: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}(T(\d{6}|\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)

# In lower case, not in capitals: no other letter than the ASCII ones of the names becomes one of them.
ACTIVITY_TYPES: Final = {
    spelling.lower(): name for label, name in activity_types.BY_LABEL.items() for spelling in (label, name)
}


def date_range(query: Mapping[str, str]) -> DateRange:
    """Return the range that ``start_date`` (inclusive) and ``end_date`` (exclusive) bound, each of them optional.

    Raises:
        BadRequest: One of them is no date, or the range ends before it starts.
    """
    start, end = (time(query, name) for name in (START_DATE, END_DATE))
    if start is not None and end is not None and start > end:
        raise BadRequest(
            f"{START_DATE}, {shown(query[START_DATE])}, is after {END_DATE}, {shown(query[END_DATE])}; "
            "a range starts before it ends.",
            "invalid_date_range",
        )
    return DateRange(start, end)


def time(query: Mapping[str, str], name: str) -> datetime | None:
    """Return the time that a parameter names, in UTC, and None where it is missing or empty; a date is its midnight.

    Raises:
        BadRequest: It is no date, or one that no calendar has.
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
    raise BadRequest(
        f"{name} is {shown(value)}; it takes a date that exists, as YYYY-mm-dd or YYYY-mm-ddTHHMMSS (UTC).",
        "invalid_date",
    )


def activity_type(query: Mapping[str, str]) -> str:
    """Return one of ``activity_types.NAMES``, ``any`` by default; ``label`` is the parameter's older name.

    Raises:
        NoData: There is no such type.
    """
    value = query.get("activity_type") or query.get("label") or activity_types.ANY
    # The pipeline's labels serve, too: the one that is no name is ACTIVE.
    name = ACTIVITY_TYPES.get(value.lower())
    if name is None:
        takes = ", ".join(activity_types.NAMES)
        raise NoData(f"activity_type is {shown(value)}; it takes one of: {takes}.", "unknown_activity_type")
    return name


def fields(query: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names in ``fields``, each once and in its order; none where the parameter is missing or empty."""
    return tuple(dict.fromkeys(filter(None, query.get(FIELDS, "").split(","))))
