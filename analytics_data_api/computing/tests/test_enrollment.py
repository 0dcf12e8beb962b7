"""Daily enrollment: one fact each. The range ends with 21 September."""

from datetime import date
from typing import Any

from analytics_data_api.computing import store
from analytics_data_api.computing.tests.making import COURSE, Event, Lms, computed, rows_of, sent

END = date(2025, 9, 4)


def event(day: int, type_: str, user: int = 1, mode: str = "audit", **values: Any) -> Event:
    return sent(store.ENROLLMENT, day, user_id=user, type=type_, mode=mode, **values)


def daily(*events: Event) -> list[tuple[int, int, int]]:
    return [(day.day, *counts) for _, day, *counts in rows_of("course_enrollment_daily", events, end=END)]


def by_mode(*events: Event) -> list[tuple[int, str, int, int]]:
    return [(day.day, *rest) for day, _, *rest in rows_of("course_enrollment_mode_daily", events, end=END)]


def profile(user: int, **values: str) -> dict[str, str | None]:
    return {"user_id": str(user), "gender": "", "year_of_birth": "", "level_of_education": "", **values}


def test_each_day_from_the_first_event_to_the_last_of_the_range_has_a_row() -> None:
    assert daily(event(2, "activated")) == [(2, 1, 1), (3, 1, 1)]


def test_users_who_leave_still_count_as_users_so_far() -> None:
    assert daily(event(1, "activated"), event(2, "deactivated")) == [(1, 1, 1), (2, 0, 1), (3, 0, 1)]


def test_the_state_is_that_at_the_end_of_the_day() -> None:
    left = event(1, "activated", time="2025-09-01T01:00:00"), event(1, "deactivated", time="2025-09-01T02:00:00")
    assert daily(*left) == [(1, 0, 1), (2, 0, 1), (3, 0, 1)]


def test_a_first_event_that_deactivates_counts_a_user_so_far() -> None:
    assert daily(event(3, "deactivated")) == [(3, 0, 1)]


def test_a_changed_mode_leaves_the_state() -> None:
    assert daily(event(1, "mode_changed"), event(2, "activated"), event(3, "mode_changed")) == [
        (1, 0, 1),
        (2, 1, 1),
        (3, 1, 1),
    ]


def test_events_of_the_same_time_are_in_the_order_of_type() -> None:
    assert daily(event(3, "deactivated"), event(3, "activated")) == [(3, 0, 1)]


def test_events_of_the_same_time_and_type_are_in_the_order_of_mode() -> None:
    assert by_mode(event(3, "activated", mode="verified"), event(3, "activated", mode="honor")) == [
        (3, "verified", 1, 1)
    ]


def test_a_time_with_a_fraction_is_later_than_that_without() -> None:
    assert daily(
        event(3, "activated", time="2025-09-03T10:00:00.5"), event(3, "deactivated", time="2025-09-03T10:00:00")
    ) == [(3, 1, 1)]


def test_an_event_that_is_twice_in_the_store_counts_once() -> None:
    twice = event(3, "activated"), event(3, "activated")
    assert daily(*twice, event(3, "activated", user=2)) == [(3, 2, 2)]


def test_events_outside_of_the_range_are_not_looked_at() -> None:
    assert daily(event(4, "activated"), event(3, "activated", user=2)) == [(3, 1, 1)]


def test_a_mode_has_a_row_while_anyone_has_it_and_no_longer() -> None:
    assert by_mode(event(1, "activated"), event(2, "deactivated"), event(3, "mode_changed", mode="verified")) == [
        (1, "audit", 1, 1),
        (2, "audit", 0, 1),
        (3, "verified", 0, 1),
    ]


def test_deactivating_sets_the_mode() -> None:
    assert by_mode(event(3, "activated"), event(3, "deactivated", mode="honor")) == [(3, "honor", 0, 1)]


def test_a_mode_that_no_column_holds_drops_its_event() -> None:
    events = [event(3, "activated", mode="m" * 255), event(3, "activated", mode="m" * 256, user=2)]
    rows, dropped = computed("course_enrollment_daily", events, end=END)
    assert [row["count"] for row in rows] == [1]
    assert dropped == {"mode longer than 255 characters": 1}


def test_gender_is_that_of_now_on_all_days_and_null_where_it_is_empty_or_there_is_no_profile() -> None:
    lms = Lms(auth_userprofile=[profile(1, gender="f"), profile(2)])
    events = [event(2, "activated"), event(2, "activated", user=2), event(3, "activated", user=3)]
    assert rows_of("course_enrollment_gender_daily", events, lms, end=END) == [
        (date(2025, 9, 2), COURSE, None, 1, 1),
        (date(2025, 9, 2), COURSE, "f", 1, 1),
        (date(2025, 9, 3), COURSE, None, 2, 2),
        (date(2025, 9, 3), COURSE, "f", 1, 1),
    ]


def test_birth_years_are_those_of_the_last_day_only() -> None:
    lms = Lms(auth_userprofile=[profile(1, year_of_birth="1980"), profile(2, year_of_birth="1980.0"), profile(3)])
    events = [event(1, "activated", user=user) for user in (1, 2, 3)] + [event(2, "deactivated", user=2)]
    assert rows_of("course_enrollment_birth_year_daily", events, lms, end=END) == [
        (date(2025, 9, 3), COURSE, None, 1, 1),
        (date(2025, 9, 3), COURSE, 1980, 1, 2),
    ]


def test_a_year_of_birth_that_is_none_counts_as_null_under_a_reason() -> None:
    years = ["x", "1980.5", "99999999999", "9" * 400, " ", "1e3"]
    lms = Lms(auth_userprofile=[profile(user, year_of_birth=year) for user, year in enumerate(years, 1)])
    events = [event(3, "activated", user=user) for user in range(1, len(years) + 1)]
    rows, dropped = computed("course_enrollment_birth_year_daily", events, lms, end=END)
    assert [(row["birth_year"], row["count"]) for row in rows] == [(None, 6)]
    assert dropped == {"year of birth that is no whole number (counted as NULL)": 5}


def test_levels_of_education() -> None:
    codes = ["el", "jhs", "hs", "a", "b", "m", "p", "p_se", "p_oth", "none", "other", "", "zz", "HS"]
    lms = Lms(auth_userprofile=[profile(user, level_of_education=code) for user, code in enumerate(codes, 1)])
    events = [event(3, "activated", user=user) for user in range(1, len(codes) + 1)]
    rows = rows_of("course_enrollment_education_level_daily", events, lms, end=END)
    assert {level: count for _, _, level, count, _ in rows} == {
        "primary": 1,
        "junior_secondary": 1,
        "secondary": 1,
        "associates": 1,
        "bachelors": 1,
        "masters": 1,
        "doctorate": 3,
        "none": 1,
        "other": 1,
        None: 3,
    }


def test_a_user_with_two_profiles_counts_once() -> None:
    lms = Lms(auth_userprofile=[profile(1, gender="f"), profile(1, gender="m")])
    assert rows_of("course_enrollment_gender_daily", [event(3, "activated")], lms, end=END) == [
        (date(2025, 9, 3), COURSE, "m", 1, 1)
    ]
