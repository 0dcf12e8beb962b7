"""The rules compared, over random events, with an implementation of them that looks at one event after the other."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics_data_api.computing.tests import oracle
from analytics_data_api.computing.tests.making import Event, Lms, rows_of

pytestmark = pytest.mark.slow

FIRST, END = date(2025, 9, 3), date(2025, 9, 17)
MANY = settings(max_examples=80)

days = st.dates(date(2025, 9, 1), date(2025, 9, 20))
courses = st.sampled_from(["course-v1:O+C+R", "O/C/R"])
users = st.integers(1, 4)
# So few that many events have the same time.
clocks = st.sampled_from(["00:00:00", "08:00:00", "08:00:00.5", "23:59:59.999999"])
GENDERS = {1: "f", 2: "m", 3: ""}
YEARS = {1: "1980", 2: "1990", 4: ""}
LEVELS = {1: "hs", 3: "p_se", 4: "zz"}
LMS = Lms(
    auth_userprofile=[
        {
            "user_id": str(user),
            "gender": GENDERS.get(user, ""),
            "year_of_birth": YEARS.get(user, ""),
            "level_of_education": LEVELS.get(user, ""),
        }
        for user in (1, 2, 3)
    ]
)


def lists(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Event]]:
    """Return lists of events, some of which are there twice."""
    events = st.fixed_dictionaries({"date": days, "clock": clocks, **values}).map(timed)
    return st.lists(events, max_size=25).flatmap(
        lambda made: st.lists(st.sampled_from(made), max_size=4).map(made.__add__) if made else st.just(made)
    )


def timed(event: Event) -> Event:
    return event | {"time": f"{event['date']}T{event.pop('clock')}"}


def same(found: Iterable[tuple[Any, ...]], expected: Iterable[tuple[Any, ...]]) -> None:
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@MANY
@given(lists(course_id=courses, user_id=users, label=st.sampled_from(["ACTIVE", "POSTED_FORUM"])))
def test_activity(events: list[Event]) -> None:
    found = [
        (course, start.date(), end.date(), label, count)
        for course, start, end, label, count in rows_of("course_activity", events, first=FIRST, end=END)
    ]
    same(found, oracle.activity(events, FIRST, END))


@MANY
@given(
    lists(
        course_id=courses,
        user_id=users,
        mode=st.sampled_from(["audit", "honor", "verified"]),
        type=st.sampled_from(["activated", "deactivated", "mode_changed"]),
    )
)
def test_enrollment(events: list[Event]) -> None:
    states = list(oracle.enrollment_states(events, FIRST, END))
    last = [state for state in states if state[0] == END - oracle.DAY]

    def compare(table: str, states: list[Any], of_user: Any) -> None:
        found = rows_of(table, events, LMS, first=FIRST, end=END)
        same(found, oracle.enrollment_by(states, of_user))

    same(
        [
            (day, course, None, *counts)
            for course, day, *counts in rows_of("course_enrollment_daily", events, first=FIRST, end=END)
        ],
        oracle.enrollment_by(states, lambda user, mode: None),
    )
    compare("course_enrollment_mode_daily", states, lambda user, mode: mode)
    compare("course_enrollment_gender_daily", states, lambda user, mode: GENDERS.get(user) or None)
    compare("course_enrollment_birth_year_daily", last, lambda user, mode: int(YEARS[user]) if user in {1, 2} else None)
    compare(
        "course_enrollment_education_level_daily",
        last,
        lambda user, mode: oracle.LEVELS.get(LEVELS.get(user, "")) if user < 4 else None,
    )


positions = st.one_of(st.integers(0, 40).map(float), st.sampled_from([0.25, 4.99, 5.0, 12.3, 36_000.0]))


@st.composite
def of_player(draw: st.DrawFn) -> dict[str, Any]:
    type_ = draw(st.sampled_from(["play", "play", "pause", "seek", "stop"]))
    return {
        "type": type_,
        "position": draw(positions),
        "old_position": draw(positions) if type_ == "seek" else None,
        "duration": draw(st.sampled_from([None, 20.0, 39.9, 1e6])) if type_ == "play" else None,
    }


@settings(max_examples=120)
@given(
    lists(
        course_id=courses,
        user_id=users,
        video_id=st.sampled_from(["v", "w"]),
        player=of_player(),
    ).map(
        lambda events: [
            {key: value for key, value in (event | event["player"]).items() if key != "player"} for event in events
        ]
    )
)
def test_videos(events: list[Event]) -> None:
    videos, timeline = oracle.videos(events, FIRST, END)
    same(rows_of("video", events, first=FIRST, end=END), videos)
    same(rows_of("video_timeline", events, first=FIRST, end=END), timeline)


@st.composite
def of_part(draw: st.DrawFn) -> dict[str, Any]:
    answer = draw(st.sampled_from(["", " ", "1", " 2.5e1", "c1", "<b>x</b> &amp; y", None]))
    shown = answer or ""
    has_submission = draw(st.booleans())
    return {
        "part_id": draw(st.sampled_from(["p1", "p2", None])),
        "has_submission": has_submission,
        "answer": answer,
        "text": shown.strip() or None,
        "plain": oracle.without_mark_up(shown).strip() or None,
        "value_id": draw(st.sampled_from([None, "c1", "c2"])) if has_submission else None,
        "correct": draw(st.booleans()),
        "variant": draw(st.sampled_from([None, "1", "2"])),
        "question": draw(st.sampled_from([None, "Which?"])) if has_submission else None,
        "response_type": draw(st.sampled_from(["stringresponse", "stringresponse", "customresponse"]))
        if has_submission
        else None,
        "display_name": draw(st.sampled_from(["One", "Two"])),
    }


def identified(events: list[Event]) -> list[Event]:
    """Return events of one part each, which is what tells them apart."""
    made = [{key: value for key, value in (event | event["part"]).items() if key != "part"} for event in events]
    return [event | {"event": repr(sorted(event.items(), key=str))} for event in made]


@settings(max_examples=120)
@given(
    lists(
        course_id=courses,
        problem_id=st.sampled_from(["P", "Q"]),
        username_hash=st.sampled_from(["a", "b", "c"]),
        part=of_part(),
    ).map(identified)
)
def test_answers(events: list[Event]) -> None:
    same(rows_of("answer_distribution", events), oracle.answer_distribution(events))
