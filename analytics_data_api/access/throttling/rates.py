"""Rates as settings write them: ``100/minute``."""

import re
from typing import Final, NamedTuple

# By the first letter of the unit, the only one that REST framework reads.
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RATE: Final = re.compile(r"([1-9]\d{0,8})/(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)


class Rate(NamedTuple):
    """A number of requests in a time.

    Attributes:
        limit: How many requests, at least one.
        seconds: The length of a window.
    """

    limit: int
    seconds: int


def read(text: str) -> Rate:
    """Return the rate that a text describes, as in REST framework: a number, a slash, and second, minute, hour or day.

    Raises:
        ValueError: It describes none.
    """
    found = RATE.fullmatch(text)
    if found is None:
        raise ValueError("A rate is a number from 1 on, a slash, and second, minute, hour or day.")
    return Rate(int(found[1]), SECONDS[found[2][0]])
