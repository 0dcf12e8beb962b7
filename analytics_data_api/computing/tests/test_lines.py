"""Which lines are read, and why others are not."""

import json

import pytest

from analytics_data_api.computing.tests.events import COURSE, event, fate, kept, read

GOOD = json.dumps(event())


@pytest.mark.parametrize(
    "line",
    [
        GOOD,
        GOOD + "\r",
        f"  {GOOD}\t",
        f"Sep  1 12:00:01 lms [tracking] INFO: {GOOD}",
        f"{GOOD} and no other brace",
        "\ufeff" + GOOD,
        GOOD[:-1] + ', "time": "2025-09-02T00:00:00"}',
        GOOD[:-1] + ', "agent": "\\u0000\\ud83d"}',
        GOOD[:-1] + ', "huge": 1e999, "long": ' + "9" * 10_000 + "}",
        GOOD[:-1] + ', "none": NaN, "endless": -Infinity}',
        GOOD[:-1] + ', "deep": ' + "[" * 900 + "]" * 900 + "}",
    ],
)
def test_lines_that_are_read(line: str) -> None:
    assert fate(line) == "kept"
    assert kept(line)["activity"][0]["course_id"] == COURSE


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "empty"),
        (b"\r", "empty"),
        (b"   ", "not JSON"),
        (GOOD.encode()[:-1], "not JSON"),
        (GOOD.encode()[1:], "not JSON"),
        (GOOD.encode() + b" }", "not JSON"),
        (b"} {", "not JSON"),
        (b"plain text", "not JSON"),
        (b"{" * 100_000 + b"}" * 100_000, "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not JSON"),
        (b'{"username": "\xff"}', "not UTF-8"),
        (b"\xff" + GOOD.encode(), "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b"12", "not an object"),
        (f"[{GOOD}]".encode(), "not an object"),
        (b"{}", "without a time"),
    ],
)
def test_lines_that_are_refused(line: bytes, reason: str) -> None:
    assert fate(line) == reason


@pytest.mark.parametrize("time", [None, 0, 1756720830, True, [], {}, ["2025-09-01T00:00:00"]])
def test_a_time_that_is_no_text_is_none(time: object) -> None:
    assert fate(event(time=time)) == "without a time"


def test_a_line_without_a_time_is_refused() -> None:
    assert fate(event(time=...)) == "without a time"


@pytest.mark.parametrize(
    "time",
    [
        "",
        "T10:00:00",
        "2025-02-29T10:00:00",
        "2025-13-01T10:00:00",
        "0000-01-01T10:00:00",
        "2025-9-1T10:00:00",
        "20250901T10:00:00",
        "2025-W36-1T10:00:00",
        " 2025-09-01T10:00:00",
        "2025-09-01 10:00:00",
        "2025-09-01t10:00:00",
        "٢٠٢٥-09-01T10:00:00",
        "2025-09-01\x00T10:00:00",
    ],
)
def test_a_time_without_a_date_that_exists_is_refused(time: str) -> None:
    assert fate(event(time=time)) == "without a date that exists"


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2025-09-01T23:59:59+05:30", "2025-09-01"),
        ("2025-09-01T00:00:00-11:00", "2025-09-01"),
        ("2025-09-01", "2025-09-01"),
        ("2024-02-29T", "2024-02-29"),
        ("9999-12-31T23:59:59Z", "9999-12-31"),
        ("2025-09-01Tnonsense", "2025-09-01"),
    ],
)
def test_the_day_is_what_stands_before_t(time: str, day: str) -> None:
    assert kept(event(time=time))["activity"][0]["day"] == day


@pytest.mark.parametrize(
    ("time", "stored"),
    [
        ("2025-09-01T10:20:30.123456+00:00", "2025-09-01T10:20:30.123456"),
        ("2025-09-01T10:20:30+05:30", "2025-09-01T10:20:30"),
        ("2025-09-01T10:20:30-0800", "2025-09-01T10:20:30"),
        ("2025-09-01T10:20:30+01", "2025-09-01T10:20:30"),
        ("2025-09-01T10:20:30Z", "2025-09-01T10:20:30"),
        ("2025-09-01T10:20:30", "2025-09-01T10:20:30"),
        ("2025-09-01", "2025-09-01"),
        ("2025-09-01T\x00", "2025-09-01T\x00"),
    ],
)
def test_times_are_kept_without_an_offset(time: str, stored: str) -> None:
    data = {"course_id": COURSE, "user_id": 1, "mode": "audit"}
    (row,) = kept(event("edx.course.enrollment.activated", time=time, event=data))["enrollment"]
    assert row["time"] == stored


def test_the_last_of_two_equal_names_counts() -> None:
    line = GOOD.replace('"user_id": 7', '"user_id": 7, "user_id": 8')
    assert kept(line)["activity"][0]["user_id"] == 8


def test_half_a_character_becomes_a_replacement() -> None:
    data = '{"id": "v\\ud83d", "currentTime": 1}'
    (row,) = kept(json.dumps(event("play_video", event=data)))["video"]
    assert row["video_id"] == "v\ufffd"


def test_every_line_is_counted_once() -> None:
    tally, _ = read(GOOD, "", "nonsense", b"\xff", "{}", event(context={"user_id": None}), GOOD)
    assert (tally.lines, tally.kept) == (7, 2)
    assert tally.refused == {"empty": 1, "not JSON": 1, "not UTF-8": 1, "without a time": 1}
    assert tally.of_no_use == {"without a valid user id": 1}


def test_the_first_line_of_a_reason_is_its_example() -> None:
    tally, _ = read(GOOD, b"one \x1b[31m \xff", b"two \xff")
    assert tally.examples == {"not UTF-8": (2, "one \\x1b[31m \\xff")}


def test_examples_are_short() -> None:
    tally, _ = read(b"x" * 5000)
    assert tally.examples["not JSON"] == (1, "x" * 100)
