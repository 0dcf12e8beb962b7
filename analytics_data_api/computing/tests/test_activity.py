"""Weekly activity: one fact each."""

from datetime import date, datetime

from analytics_data_api.computing import store
from analytics_data_api.computing.tests.making import COURSE, Event, computed, rows_of, sent


def active(day: int, user: int = 1, label: str = "ACTIVE", **values: str) -> Event:
    return sent(store.ACTIVITY, day, user_id=user, label=label, **values)


def week(day: int, label: str, count: int) -> tuple[object, ...]:
    return COURSE, datetime(2025, 9, day), datetime(2025, 9, day + 7), label, count  # noqa: DTZ001 As columns hold it.


def test_weeks_run_from_monday_to_the_next() -> None:
    assert rows_of("course_activity", [active(7), active(8)]) == [week(1, "ACTIVE", 1), week(8, "ACTIVE", 1)]


def test_a_user_counts_once_a_week() -> None:
    assert rows_of("course_activity", [active(1), active(1), active(3), active(3, user=2)]) == [week(1, "ACTIVE", 2)]


def test_labels_are_counted_apart() -> None:
    found = rows_of("course_activity", [active(1), active(1, label="POSTED_FORUM"), active(1, user=2)])
    assert found == [week(1, "ACTIVE", 2), week(1, "POSTED_FORUM", 1)]


def test_courses_are_counted_apart() -> None:
    found = rows_of("course_activity", [active(1), active(1, course_id="O/C/R")])
    assert {row[0]: row[4] for row in found} == {COURSE: 1, "O/C/R": 1}


def test_a_week_that_the_range_cuts_is_left_out() -> None:
    events = [active(1, user=1), active(3, user=2), active(8, user=3), active(15, user=4)]
    rows, dropped = computed("course_activity", events, first=date(2025, 9, 2), end=date(2025, 9, 21))
    assert [tuple(row.values()) for row in rows] == [week(8, "ACTIVE", 1)]
    # User 1 is before the range and was not looked at.
    assert dropped == {"users of a week that the range cuts": 2}


def test_no_event_is_no_row() -> None:
    assert rows_of("course_activity") == []
