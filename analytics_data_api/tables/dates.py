"""Ranges of time, and dates as databases hold them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class DateRange:
    """From ``start`` (inclusive) to ``end`` (exclusive), each an aware time in UTC or open; false where both are."""

    start: datetime | None = None
    end: datetime | None = None

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None


def is_date(text: str | None) -> bool:
    """Return whether a date or time, as text that begins with YYYY-mm-dd, is one.

    Null is none, and neither is a zero date, which MySQL takes for any part that is not known: 0000-00-00, 2014-00-10.
    """
    return text is not None and "-00" not in text[:10] and not text.startswith("0000")
