"""No line stops a run: each is counted once, and what is kept of it fits the store."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics_data_api.computing.tests.events import COURSE, TIME, event, read

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["", "7", "0", "inf", "\ud83d", "\x00", COURSE, TIME, "{}", "[]", "/courses/O/C/R/", "a_2_1"]),
)
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, float("nan"), float("inf")])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda values: st.one_of(st.lists(values, max_size=4), st.dictionaries(TEXTS, values, max_size=4)),
    max_leaves=12,
)
DATA = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        [
            "id",
            "currentTime",
            "new_time",
            "old_time",
            "duration",
            "course_id",
            "user_id",
            "mode",
            "problem_id",
            "answers",
            "submission",
            "correct_map",
            "state",
        ],
        VALUES,
    ),
)
TYPES = st.sampled_from(
    ["play_video", "pause_video", "seek_video", "stop_video", "problem_check", "page_close", "/courses/O/C/R/"]
    + [f"edx.course.enrollment.{name}" for name in ("activated", "deactivated", "mode_changed", "other")]
)
MEMBERS = {
    "event_type": st.one_of(TYPES, VALUES),
    "event_source": st.one_of(st.sampled_from(["server", "browser", "mobile", "task"]), VALUES),
    "time": st.one_of(st.just(TIME), VALUES),
    "username": VALUES,
    "page": VALUES,
    "ip": VALUES,
    "context": st.one_of(
        VALUES,
        st.fixed_dictionaries(
            {}, optional={"user_id": VALUES, "course_id": st.one_of(st.just(COURSE), VALUES), "module": VALUES}
        ),
    ),
    "event": st.one_of(DATA, DATA.map(json.dumps), VALUES),
}


def require_sum(*lines: bytes | str | dict[str, Any]) -> None:
    """Require that each line is counted once, and that its rows are a batch."""
    tally, _ = read(*lines)
    assert tally.lines == len(lines)
    assert tally.kept + tally.of_no_use.total() + tally.refused.total() == len(lines)


@pytest.mark.slow
@given(st.lists(st.fixed_dictionaries({}, optional=MEMBERS), min_size=1, max_size=5))
def test_objects_of_any_kind(objects: list[dict[str, Any]]) -> None:
    require_sum(*objects)


@pytest.mark.slow
@given(st.fixed_dictionaries({}, optional=MEMBERS))
def test_events_with_odd_members(members: dict[str, Any]) -> None:
    require_sum({**event(), **members})


@given(st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), max_size=5))
def test_bytes_of_any_kind(lines: list[bytes]) -> None:
    require_sum(*lines)


@given(st.integers(0, 400), st.binary(max_size=3).map(lambda data: data.replace(b"\n", b"")), st.integers(0, 20))
def test_damaged_lines(position: int, inserted: bytes, removed: int) -> None:
    line = json.dumps(event("play_video", event='{"id": "v\\u00fc", "currentTime": 1.5}')).encode()
    require_sum(line[:position] + inserted + line[position + removed :])
