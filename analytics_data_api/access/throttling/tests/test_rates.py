"""Rates as settings write them."""

import pytest

from analytics_data_api.access.throttling import rates


@pytest.mark.parametrize(
    ("text", "limit", "seconds"),
    [
        ("1/s", 1, 1),
        ("5/sec", 5, 1),
        ("5/second", 5, 1),
        ("100/m", 100, 60),
        ("100/min", 100, 60),
        ("100/minute", 100, 60),
        ("7/h", 7, 3600),
        ("7/hour", 7, 3600),
        ("10/d", 10, 86400),
        ("10/day", 10, 86400),
        ("999999999/day", 999999999, 86400),
    ],
)
def test_a_rate(text: str, limit: int, seconds: int) -> None:
    assert rates.read(text) == (limit, seconds)


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "/minute", "10/", "0/minute", "-1/minute", "1.5/minute", "10/fortnight", "10 per minute"),
        *("10/months", "10/minute ", "1000000000/day", "٣/minute", "10/minute\n"),
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="A rate is"):
        rates.read(text)
