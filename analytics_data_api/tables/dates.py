"""Ranges of time, and the weeks and months that dates lie in."""

from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

# Years of dates whose week is remembered.
REMEMBERED: Final = 40 * 366


class DateRange(NamedTuple):
    """From ``start`` (inclusive) to ``end`` (exclusive), each an aware time in UTC, or None for an open end."""

    start: datetime | None
    end: datetime | None


class Interval(StrEnum):
    """A stretch of time of which one date stands for all: its last on record."""

    WEEK = "week"
    MONTH = "month"

    @property
    def days(self) -> int:
        """How many days it has at most."""
        return 7 if self is Interval.WEEK else 31

    def of(self, text: str) -> int | str:
        """Return what is the same for all dates of a week (Monday to Sunday) or calendar month.

        Args:
            text: A date, or a time, that begins with ``YYYY-mm-dd``.
        """
        return text[:7] if self is Interval.MONTH else week(text[:10])


@lru_cache(REMEMBERED)
def week(text: str) -> int:
    """Return the number of the week of a date, counted from the Monday that is 0001-01-01."""
    return (date.fromisoformat(text).toordinal() - 1) // 7
