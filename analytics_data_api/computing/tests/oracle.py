"""The rules of the tables once more, event by event in plain Python, to compare the expressions with.

Events are dictionaries with the columns of the store. Each function returns rows as ``compute_tables`` writes them.
"""

import datetime
import html
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any

Event = dict[str, Any]
Rows = list[tuple[Any, ...]]

DAY = datetime.timedelta(days=1)
SHOWN = {
    "choiceresponse",
    "optionresponse",
    "multiplechoiceresponse",
    "numericalresponse",
    "stringresponse",
    "formularesponse",
}
LEVELS = {
    "el": "primary",
    "jhs": "junior_secondary",
    "hs": "secondary",
    "a": "associates",
    "b": "bachelors",
    "m": "masters",
    "p": "doctorate",
    "p_se": "doctorate",
    "p_oth": "doctorate",
    "none": "none",
    "other": "other",
}
NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")


def distinct(events: Iterable[Event]) -> list[Event]:
    return [dict(each) for each in {tuple(sorted(event.items())) for event in events}]


def grouped(events: Iterable[Event], *keys: str) -> dict[tuple[Any, ...], list[Event]]:
    groups = defaultdict(list)
    for event in events:
        groups[tuple(event[key] for key in keys)].append(event)
    return groups


def within(events: Iterable[Event], start: datetime.date, end: datetime.date) -> list[Event]:
    return [event for event in distinct(events) if start <= event["date"] < end]


def days(start: datetime.date, end: datetime.date) -> Iterator[datetime.date]:
    while start < end:
        yield start
        start += DAY


def activity(events: list[Event], start: datetime.date, end: datetime.date) -> Rows:
    users = defaultdict(set)
    for event in within(events, start, end):
        monday = event["date"] - event["date"].weekday() * DAY
        if start <= monday and monday + 7 * DAY <= end:
            users[event["course_id"], monday, event["label"]].add(event["user_id"])
    return [(course, monday, monday + 7 * DAY, label, len(own)) for (course, monday, label), own in users.items()]


def enrollment_states(
    events: list[Event], start: datetime.date, end: datetime.date
) -> Iterator[tuple[datetime.date, str, int, int, str]]:
    """Yield each user's state and mode at the end of each day from the first event on."""
    for (course, user), own in grouped(within(events, start, end), "course_id", "user_id").items():
        own.sort(key=lambda event: (event["time"], event["type"], event["mode"]))
        for day in days(min(event["date"] for event in own), end):
            state = 0
            for event in own:
                if event["date"] <= day:
                    state = {"activated": 1, "deactivated": 0}.get(event["type"], state)
                    mode = event["mode"]
            yield day, course, user, state, mode


def enrollment_by(states: Iterable[tuple[Any, ...]], of_user: Any) -> Rows:
    """Return the rows by day, course and what ``of_user`` says of a state's user and mode."""
    count: Counter[Any] = Counter()
    cumulative: Counter[Any] = Counter()
    for day, course, user, state, mode in states:
        key = (day, course, of_user(user, mode))
        count[key] += state
        cumulative[key] += 1
    return [(*key, count[key], cumulative[key]) for key in cumulative]


def viewings(own: list[Event]) -> Iterator[tuple[float, float, float | None]]:
    """Yield the start, the end and the duration of each kept viewing of a user's events of one video."""
    own.sort(
        key=lambda event: (
            event["time"],
            event["type"],
            event["position"],
            -1 if event["old_position"] is None else event["old_position"],
            -1 if event["duration"] is None else event["duration"],
        )
    )
    after_play = None
    for event, following in pairwise([*own, None]):
        if event is None or event["type"] != "play":
            continue
        start = event["position"]
        if after_play is not None and after_play["type"] == "seek":
            start = after_play["position"]
        after_play = following
        if following is None or following["type"] == "play":
            continue
        end = following["old_position"] if following["type"] == "seek" else following["position"]
        duration = event["duration"]
        if (duration is not None and end > duration + 1) or end < start or end - start < 0.25:
            continue
        yield start, end, duration


def videos(events: list[Event], start: datetime.date, end: datetime.date) -> tuple[Rows, Rows]:
    """Return the rows of ``video`` and of ``video_timeline``."""
    views: dict[Any, Counter[int]] = defaultdict(Counter)
    users: dict[Any, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    durations: dict[Any, list[float | None]] = defaultdict(list)
    for (user, course, video), own in grouped(within(events, start, end), "user_id", "course_id", "video_id").items():
        for begin, finish, duration in viewings(own):
            durations[course, video].append(duration)
            for segment in range(int(begin) // 5, int(finish) // 5 + 1):
                views[course, video][segment] += 1
                users[course, video][segment].add(user)
    rows, timeline = [], []
    for (course, video), known in durations.items():
        watched = users[course, video]
        if None in known:
            down = sorted(watched, reverse=True)
            fitting = [low for high, low in pairwise(down) if len(watched[low]) * 0.05 >= len(watched[high])]
            last = (fitting or down)[0]
            duration = (last + 1) * 5 - 1
        else:
            duration = int(max(each for each in known if each is not None))
            last = duration // 5
        written = [segment for segment in watched if segment <= last]
        late = int(max(duration - 30, 0.95 * duration)) // 5
        name = f"{course}|{video}"
        total = 5 * sum(views[course, video][segment] for segment in written)
        seen = [len(watched.get(segment, ())) for segment in (0, late)]
        rows.append((name, course, video, duration, 5, *seen, total))
        timeline += [(name, segment, len(watched[segment]), views[course, video][segment]) for segment in written]
    return rows, timeline


def newness(event: Event) -> tuple[Any, ...]:
    """Return what orders answers, those of the same time by what no rule says."""
    return event["time"], event["event"], event["username_hash"], event["problem_id"]


def without_mark_up(text: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", text))


def answer_distribution(events: list[Event]) -> Rows:
    """Return the rows of ``answer_distribution``; events that no column can hold are not among those given."""
    parts: dict[Any, list[Event]] = defaultdict(list)
    for own in grouped(distinct(events), "course_id", "problem_id", "username_hash").values():
        order = sorted({(event["time"], event["event"]) for event in own})
        for event in own:
            place = (event["time"], event["event"])
            if event["part_id"] is not None and place in {order[0], order[-1]}:
                found = {**event, "first": place == order[0], "last": place == order[-1], "place": place}
                parts[event["course_id"], event["part_id"]].append(found)
    rows = []
    for (course, part), answers in parts.items():
        newest = max(answers, key=newness)
        if newest["response_type"] not in SHOWN:
            continue
        values: dict[Any, list[Event]] = defaultdict(list)
        for event in answers:
            value = event["answer"] if event["value_id"] is None else event["value_id"]
            values[value, event["variant"] if newest["variant"] is not None else None].append(event)
        for same in values.values():
            describes = max(same, key=newness)
            value_id, text = describes["value_id"], describes["answer"]
            if value_id is None and newest["value_id"] is not None:
                value_id, text = text or None, None
            if value_id is not None and text is not None:
                text = without_mark_up(text)
            text = (text or "").strip() or None
            number = float(text) if text and NUMBER.fullmatch(text) else math.nan
            rows.append(
                (
                    course,
                    newest["problem_id"],
                    part,
                    int(describes["correct"]),
                    sum(event["first"] for event in same),
                    sum(event["last"] for event in same),
                    value_id,
                    text,
                    number if math.isfinite(number) else None,
                    describes["variant"] and int(describes["variant"]),
                    newest["display_name"],
                    describes["question"],
                )
            )
    return rows
