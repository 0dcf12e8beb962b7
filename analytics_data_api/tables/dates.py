"""Ranges of time."""

from datetime import datetime
from typing import NamedTuple


class DateRange(NamedTuple):
    """From ``start`` (inclusive) to ``end`` (exclusive), each an aware time in UTC, or None for an open end."""

    start: datetime | None
    end: datetime | None
