"""Rates as settings write them: ``100/minute``."""

import re
from typing import Final, NamedTuple

# By the first letter of its name, which is all that REST framework looks at.
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
RATE: Final = re.compile(r"([1-9]\d{0,8})/(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)


class Rate(NamedTuple):
    """How much is let through.

    Attributes:
        limit: How many times, at least one.
        seconds: The time that they are counted over.
    """

    limit: int
    seconds: int


def read(text: str) -> Rate:
    """Return the rate that a text names, as in REST framework: a number, a slash, and a second, minute, hour or day.

    Raises:
        ValueError: It names none.
    """
    found = RATE.fullmatch(text)
    if found is None:
        raise ValueError("A rate is a number from 1 on, a slash, and second, minute, hour or day.")
    return Rate(int(found[1]), SECONDS[found[2][0]])
