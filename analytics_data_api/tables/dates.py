"""The range of time that a caller asks for."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class DateRange:
    """From ``start`` (inclusive) to ``end`` (exclusive), each an aware time in UTC or open; false where both are."""

    start: datetime | None = None
    end: datetime | None = None

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None
