"""Tables of the LMS's: enrollment by country, grades, openings of subsections; one fact each."""

from typing import Any

import pytest

from analytics_data_api.computing import store
from analytics_data_api.computing.tests.making import COURSE, TODAY, Event, Lms, computed, rows_of, sent


def located(day: int, user: int, country: str, time: str = "12:00:00") -> Event:
    event = sent(store.LOCATION, day, time, user_id=user, country=country)
    del event["course_id"]
    return event


def enrolled(user: int, active: str = "1", course: str | None = COURSE) -> dict[str, str | None]:
    return {"user_id": str(user), "is_active": active, "course_id": course}


def by_country(events: list[Event], *rows: dict[str, str | None]) -> list[tuple[Any, ...]]:
    found = rows_of("course_enrollment_location_current", events, Lms(student_courseenrollment=list(rows)))
    assert all(row[0] == TODAY for row in found)
    return [row[2:] for row in found]


def test_the_country_is_that_of_the_newest_event() -> None:
    assert by_country([located(2, 1, "FR"), located(1, 1, "DE"), located(2, 1, "IT", "11:59:59")], enrolled(1)) == [
        ("FR", 1, 1)
    ]


def test_of_events_of_the_same_time_the_last_country_counts_in_any_order() -> None:
    events = [located(2, 1, "FR"), located(2, 1, "IT")]
    assert by_country(events, enrolled(1)) == by_country(events[::-1], enrolled(1)) == [("IT", 1, 1)]


def test_events_outside_of_the_range_count() -> None:
    assert by_country([located(30, 1, "FR")], enrolled(1)) == [("FR", 1, 1)]


def test_a_user_without_an_event_has_no_country() -> None:
    assert by_country([located(1, 1, "UNKNOWN")], enrolled(1), enrolled(2)) == [(None, 1, 1), ("UNKNOWN", 1, 1)]


@pytest.mark.parametrize("active", ["0", "False", "false", "f", ""])
def test_users_who_have_left_count_in_the_cumulative_count(active: str) -> None:
    assert by_country([], enrolled(1, active), enrolled(2)) == [(None, 1, 2)]


@pytest.mark.parametrize("active", ["1", "True", "true", "t", "1.0"])
def test_ways_to_write_that_a_user_is_active(active: str) -> None:
    assert by_country([], enrolled(1, active)) == [(None, 1, 1)]


def test_an_enrollment_that_no_column_holds_is_dropped() -> None:
    rows = [enrolled(1, course="c" * 256), enrolled(2, course=None), enrolled(3)]
    found, dropped = computed("course_enrollment_location_current", [], Lms(student_courseenrollment=rows))
    assert [row["count"] for row in found] == [1]
    assert dropped == {"course id longer than 255 characters": 1, "enrollment without a course": 1}


def record(grade: str | None, max_grade: str | None = None, **values: str) -> dict[str, str | None]:
    return {
        "module_type": "problem",
        "module_id": "m",
        "course_id": COURSE,
        "grade": grade,
        "max_grade": max_grade,
        **values,
    }


def grades(*rows: dict[str, str | None]) -> list[tuple[Any, ...]]:
    return [row[2:] for row in rows_of("grade_distribution", lms=Lms(courseware_studentmodule=list(rows)))]


def test_grades_are_counted_as_numbers() -> None:
    assert grades(record("1", "2"), record("1.0", "2.0"), record("1", "3"), record("0.5")) == [
        (0.5, None, 1),
        (1.0, 2.0, 2),
        (1.0, 3.0, 1),
    ]


@pytest.mark.parametrize("empty", [None, "", " "])
def test_records_without_a_grade_do_not_count(empty: str | None) -> None:
    assert grades(record(empty, "1"), record("0", empty)) == [(0.0, None, 1)]


def test_grades_that_no_column_holds_are_dropped() -> None:
    rows = [
        record("nan"),
        record("1e999"),
        record("x"),
        record("1", "inf"),
        record("1", module_id="m" * 256),
        record("2"),
    ]
    found, dropped = computed("grade_distribution", lms=Lms(courseware_studentmodule=rows))
    assert [row["grade"] for row in found] == [2.0]
    assert dropped == {
        "grade that is no finite number": 3,
        "max_grade that is no finite number": 1,
        "module or course id longer than 255 characters": 1,
    }


def test_sequentials_are_counted_by_module_and_course() -> None:
    opened = [
        record(None, module_type="sequential"),
        record("1", module_type="sequential"),
        record(None, module_type="sequential", course_id="O/C/R"),
        record(None, module_type="sequential", module_id="n"),
        record(None, module_type="video"),
    ]
    found, dropped = computed("sequential_open_distribution", lms=Lms(courseware_studentmodule=opened))
    assert [tuple(row.values()) for row in found] == [("m", "O/C/R", 1), ("m", COURSE, 2), ("n", COURSE, 1)]
    assert dropped == {"record of another type of module": 1}
