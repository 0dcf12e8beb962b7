"""Viewings of videos: one fact each. A viewing of 0 to 12 seconds watches the segments 0, 1 and 2."""

from typing import Any

import pytest

from analytics_data_api.computing import store
from analytics_data_api.computing.tests.making import COURSE, Event, computed, rows_of, sent

Viewed = list[tuple[int, int, int]]


def event(second: int, type_: str, position: float, **values: Any) -> Event:
    return sent(
        store.VIDEO,
        1,
        f"10:00:{second:02}",
        **{"user_id": 1, "video_id": "v", "type": type_, "position": float(position)} | values,
    )


def play(second: int, position: float, duration: float | None = 100.0, **values: Any) -> Event:
    return event(second, "play", position, duration=duration, **values)


def seek(second: int, old: float, new: float, **values: Any) -> Event:
    return event(second, "seek", new, old_position=float(old), **values)


def viewed(start: float, end: float, duration: float | None = 100.0, **values: Any) -> list[Event]:
    return [play(1, start, duration, **values), event(2, "pause", end, **values)]


def timeline(*events: Event) -> Viewed:
    """Return segment, users and views."""
    return sorted((segment, users, views) for _, segment, users, views in rows_of("video_timeline", events))


def video(*events: Event) -> dict[str, Any]:
    (row,) = computed("video", events)[0]
    return row


def dropped(*events: Event) -> dict[str, int]:
    rows, found = computed("video", events)
    assert rows == []
    return found


def test_a_play_and_what_follows_make_a_viewing() -> None:
    assert timeline(*viewed(0, 12)) == [(0, 1, 1), (1, 1, 1), (2, 1, 1)]


@pytest.mark.parametrize("type_", ["pause", "stop"])
def test_a_viewing_ends_at_the_position_of_a_pause_or_stop(type_: str) -> None:
    assert timeline(play(1, 5), event(2, type_, 9)) == [(1, 1, 1)]


def test_a_viewing_ends_where_a_seek_begins() -> None:
    assert timeline(play(1, 0), seek(2, 4, 80)) == [(0, 1, 1)]


def test_a_play_followed_by_a_play_is_no_viewing() -> None:
    assert timeline(play(1, 0), play(2, 20), event(3, "pause", 22)) == [(4, 1, 1)]


def test_a_play_that_nothing_follows_is_no_viewing() -> None:
    assert dropped(play(1, 0)) == {"play without a next event": 1}


def test_a_viewing_starts_where_the_seek_after_the_play_before_went() -> None:
    # The player says 0 as it starts again, but the user sought 30.
    assert timeline(play(1, 0), seek(2, 4, 30), play(3, 0), event(4, "pause", 34)) == [(0, 1, 1), (6, 1, 1)]


def test_only_the_event_right_after_the_play_before_counts_as_a_seek() -> None:
    events = play(1, 0), event(2, "pause", 4), seek(3, 4, 30), play(4, 50), event(5, "pause", 54)
    assert timeline(*events) == [(0, 1, 1), (10, 1, 1)]


def test_of_two_seeks_in_a_row_the_first_counts() -> None:
    events = play(1, 0), seek(2, 4, 30), seek(3, 30, 60), play(4, 60), event(5, "pause", 62)
    assert timeline(*events) == [(0, 1, 1), *((segment, 1, 1) for segment in range(6, 13))]


def test_the_play_before_counts_also_where_it_became_no_viewing() -> None:
    # The first play's viewing ends before it starts and is dropped; its seek still says where the next one starts.
    events = play(1, 50), seek(2, 4, 30), play(3, 0), event(4, "pause", 32)
    assert timeline(*events) == [(6, 1, 1)]


def test_a_play_before_that_a_play_follows_hides_earlier_seeks() -> None:
    events = play(1, 0), seek(2, 4, 30), play(3, 70), play(4, 80), event(5, "pause", 82)
    assert timeline(*events) == [(0, 1, 1), (16, 1, 1)]


def test_an_event_that_is_twice_in_the_store_counts_once() -> None:
    again = [play(3, 0), play(3, 0)]
    assert timeline(play(1, 0), seek(2, 4, 30), *again, event(4, "pause", 32)) == [(0, 1, 1), (6, 1, 1)]


def test_events_of_the_same_time_are_in_the_order_of_type_and_position() -> None:
    # pause, play, play, stop: the last play is that of the greater position.
    assert timeline(event(1, "stop", 21), play(1, 20), play(1, 1), event(1, "pause", 3)) == [(4, 1, 1)]


@pytest.mark.parametrize(("end", "is_kept"), [(101, True), (101.01, False)])
def test_a_viewing_may_end_a_second_behind_the_duration(end: float, is_kept: bool) -> None:
    assert bool(timeline(*viewed(98, end))) == is_kept


def test_a_video_that_was_viewed_behind_its_last_segment_alone_has_a_row() -> None:
    # Its last segment is 1, from 5 to 10 s; the viewing, within the second behind the end, is in segment 2.
    events = viewed(10, 10.5, 9.9)
    assert timeline(*events) == []
    found = video(*events)
    assert (found["duration"], found["users_at_start"], found["users_at_end"]) == (9, 0, 0)
    assert found["total_viewed_seconds"] == 0


def test_what_ends_behind_the_duration_is_dropped() -> None:
    assert dropped(*viewed(0, 102)) == {"viewing that ends behind the video's end": 1}


def test_what_ends_before_its_start_is_dropped() -> None:
    assert dropped(*viewed(20, 10)) == {"viewing that ends before its start": 1}


@pytest.mark.parametrize(("end", "is_kept"), [(10.25, True), (10.24, False)])
def test_what_is_shorter_than_a_quarter_of_a_second_is_dropped(end: float, is_kept: bool) -> None:
    assert bool(timeline(*viewed(10, end))) == is_kept


def test_views_are_counted_with_users_once() -> None:
    events = [*viewed(0, 7), play(3, 3), event(4, "pause", 4), *viewed(0, 2, user_id=2)]
    assert timeline(*events) == [(0, 2, 3), (1, 1, 1)]


def test_a_segment_that_was_not_watched_has_no_row() -> None:
    assert timeline(play(1, 0), event(2, "pause", 2), play(3, 20), event(4, "pause", 22)) == [(0, 1, 1), (4, 1, 1)]


def test_users_courses_and_videos_have_viewings_apart() -> None:
    others = [event(2, "pause", 3, **other) for other in ({"user_id": 2}, {"course_id": "O/C/R"}, {"video_id": "w"})]
    assert timeline(play(1, 0), *others) == []


def test_the_row_of_a_video() -> None:
    assert video(*viewed(0, 12, 99.9)) == {
        "pipeline_video_id": f"{COURSE}|v",
        "course_id": COURSE,
        "encoded_module_id": "v",
        "duration": 99,
        "segment_length": 5,
        "users_at_start": 1,
        "users_at_end": 0,
        "total_viewed_seconds": 15,
    }


def test_the_duration_is_the_longest_of_the_viewings() -> None:
    assert video(*viewed(0, 2, 50.0), *viewed(0, 2, 60.9, user_id=2))["duration"] == 60


def test_nothing_behind_the_last_segment_is_written() -> None:
    # The viewing may end at 10.9, in the segment behind the last.
    events = viewed(0, 10.9, 9.95)
    assert timeline(*events) == [(0, 1, 1), (1, 1, 1)]
    assert video(*events)["total_viewed_seconds"] == 10
    assert computed("video", events)[1] == {"segment behind the last one": 1}


@pytest.mark.parametrize(("duration", "second"), [(1000, 970), (600, 570), (100, 95), (39, 37), (1, 0)])
def test_users_at_the_end_are_those_of_its_segment(duration: int, second: int) -> None:
    segment = second // 5 * 5
    assert video(*viewed(segment, segment + 1, float(duration)))["users_at_end"] == 1
    if segment:
        assert video(*viewed(segment - 1, segment - 0.5, float(duration)))["users_at_end"] == 0


def many(users: int, start: float, end: float) -> list[Event]:
    return [each for user in range(1, users + 1) for each in viewed(start, end, None, user_id=user)]


@pytest.mark.parametrize("unknown", [None, 0.0])
def test_a_video_of_which_a_viewing_knows_no_duration_has_none(unknown: float | None) -> None:
    found = video(*viewed(0, 2, 100.0), *viewed(0, 13, unknown, user_id=2))
    assert found["duration"] == 14


def test_an_unknown_duration_ends_where_a_twentieth_of_the_users_stay() -> None:
    stay = [play(3, 50, None), event(4, "pause", 51)]
    assert video(*many(20, 0, 7), *stay)["duration"] == 9
    assert video(*many(19, 0, 7), *stay)["duration"] == 54


def test_segments_are_compared_with_the_watched_one_above() -> None:
    # From the top: 10 (1 user), 3 (1 user), 1 (20 users).
    stay = [play(3, 50, None), event(4, "pause", 51), play(5, 15, None), event(6, "pause", 16)]
    assert video(*many(20, 0, 7), *stay)["duration"] == 9
    assert len(timeline(*many(20, 0, 7), *stay)) == 2


@pytest.mark.parametrize("id_", [None, ""])
def test_a_video_without_an_id_has_no_row(id_: str | None) -> None:
    assert dropped(*viewed(0, 2, video_id=id_)) == {"event without a video id": 2}


def test_an_id_that_no_column_holds_drops_its_events() -> None:
    longest = 255 - len(COURSE) - 1
    assert len(timeline(*viewed(0, 2, video_id="é" * longest))) == 1
    assert dropped(*viewed(0, 2, video_id="é" * (longest + 1))) == {
        "course and video id together longer than 255 characters": 2
    }


@pytest.mark.parametrize("duration", [2.0**31, 1e300, float("inf"), float("nan")])
def test_a_duration_that_no_column_holds_drops_its_play(duration: float) -> None:
    assert dropped(*viewed(0, 2, duration)) == {"play with a duration that no column holds": 1}


def test_the_longest_positions() -> None:
    found = timeline(*viewed(35_999, 36_000, None))
    assert found == [(7199, 1, 1), (7200, 1, 1)]
