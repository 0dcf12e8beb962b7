"""What is kept of an event: the rules of the tables that concern one event alone."""

import hashlib
import html
import math
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from analytics_data_api.computing.course_ids import course_of_address, is_course_id
from analytics_data_api.computing.json_lines import NO_DATE, NO_TIME, RefusedLineError, read_json
from analytics_data_api.computing.store import ACTIVITY, ANSWERS, ENROLLMENT, LOCATION, VIDEO

# Why an event has no row of a kind.
SOURCE_TASK: Final = "of source task"
NO_USER: Final = "without a valid user id"
NO_COURSE: Final = "without a course"
MALFORMED_COURSE: Final = "malformed course id"
NO_MODE: Final = "without a mode"
NO_VIDEO_ID: Final = "without a video id"
NO_POSITION: Final = "without a position from 0 to 36,000 s"
NO_PROBLEM_ID: Final = "without a problem id"
NO_USERNAME: Final = "without a user name"
UNREADABLE_ANSWER: Final = "answer that no text can hold"
FORGOTTEN: Final = "of a forgotten user"
OF_NO_TABLE: Final = "of no table"

ENROLLMENT_PREFIX: Final = "edx.course.enrollment."
ENROLLMENT_TYPES: Final = {f"{ENROLLMENT_PREFIX}{name}": name for name in ("activated", "deactivated", "mode_changed")}
VIDEO_TYPES: Final = {f"{name}_video": name for name in ("play", "pause", "seek", "stop")}
FORUM: Final = re.compile(r"edx\.forum\..+\.created", re.DOTALL)

UTC: Final = "+00:00"
OFFSET: Final = re.compile(r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)\Z")
DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Possessive, so that a long text that is no number is left after one pass.
NUMBER: Final = re.compile(r"\s*+[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?\s*+")
TAG: Final = re.compile(r"</?[A-Za-z!][^<>]*>")
LINE_END_OR_TAB: Final = re.compile(r"[\t\n\v\f\r]")

LARGEST_ID: Final = 2**63 - 1
LONGEST_ID: Final = 19
LAST_POSITION: Final = 36_000.0


class Event(NamedTuple):
    """An event.

    Attributes:
        line: The object of its line.
        day: Its date, as text.
        time: Its time without an offset.
        type: Its type; an empty text if it has none.
        source: Its source; an empty text if it has none.
        context: The object ``context``; an empty one if there is none.
        user_id: The user by its context; None if that has no valid id.
    """

    line: dict[str, Any]
    day: str
    time: str
    type: str
    source: str
    context: dict[str, Any]
    user_id: int | None


# Names of kinds, each with the method that adds its rows of an event.
Kinds = tuple[tuple[str, Callable[["Rows", Event], None]], ...]


class DroppedError(Exception):
    """An event has no row of a kind; the message is one of the reasons above."""


class Rows:
    """The rows of events.

    Attributes:
        activity: Rows of the kind, each with its day at the end; so for the others.
        location: By user and day, the newest time and the country then.
        dropped: How many events were dropped, by kind and reason.
    """

    def __init__(
        self,
        hash_name: Callable[[str], str],
        country_of: Callable[[Any], str] | None = None,
        forgotten_users: frozenset[int] = frozenset(),
        forgotten_names: frozenset[str] = frozenset(),
    ) -> None:
        """Begin without rows.

        Args:
            hash_name: Returns the hash of a user name.
            country_of: Returns the country of an address; None if countries are not kept.
            forgotten_users: The ids of users of whom nothing is kept.
            forgotten_names: The hashes of names of whose users nothing is kept.
        """
        self.hash_name = hash_name
        self.country_of = country_of
        self.forgotten_users = forgotten_users
        self.forgotten_names = forgotten_names
        self.activity: set[tuple[Any, ...]] = set()
        self.enrollment: list[tuple[Any, ...]] = []
        self.video: list[tuple[Any, ...]] = []
        self.answers: list[tuple[Any, ...]] = []
        self.location: dict[tuple[int, str], tuple[str, str]] = {}
        self.dropped: Counter[tuple[str, str]] = Counter()

    def add(self, line: dict[str, Any]) -> str | None:
        """Add the rows of an event.

        Args:
            line: The object of its line.

        Returns:
            Why there are none; None if there are.

        Raises:
            RefusedLineError: It has no time, or no date.
        """
        event = read_event(line)
        has_rows = False
        reason = OF_NO_TABLE
        for kind, add in self._kinds(event):
            try:
                add(self, event)
                has_rows = True
            except DroppedError as error:
                reason = str(error)
                self.dropped[kind, reason] += 1
        return None if has_rows else reason

    def _kinds(self, event: Event) -> Kinds:
        """Return the kinds that an event may have rows of, with what adds them."""
        kinds = OF_OTHERS
        if event.type.startswith(ENROLLMENT_PREFIX):
            kinds = OF_ENROLLMENT if event.type in ENROLLMENT_TYPES else ()
        elif event.type in VIDEO_TYPES:
            kinds = OF_VIDEO
        elif event.type == "problem_check" and event.source == "server":
            kinds = OF_PROBLEM_CHECK
        return kinds if self.country_of is None else (*kinds, (LOCATION.name, Rows.add_location))

    def _user(self, user_id: int | None) -> int:
        """Return the id of the user of an event."""
        if user_id is None:
            raise DroppedError(NO_USER)
        if user_id in self.forgotten_users:
            raise DroppedError(FORGOTTEN)
        return user_id

    def add_activity(self, event: Event) -> None:
        """Add what a user did in a course."""
        if event.source == "task":
            raise DroppedError(SOURCE_TASK)
        user_id = self._user(event.user_id)
        course_id = course_of(event.context.get("course_id")) or course_of_page(event)
        add = self.activity.add
        add((course_id, user_id, "ACTIVE", event.day))
        if event.source == "server":
            if event.type == "problem_check":
                add((course_id, user_id, "ATTEMPTED_PROBLEM", event.day))
            elif FORUM.fullmatch(event.type):
                add((course_id, user_id, "POSTED_FORUM", event.day))
        elif event.type == "play_video" and event.source in {"browser", "mobile"}:
            add((course_id, user_id, "PLAYED_VIDEO", event.day))

    def add_enrollment(self, event: Event) -> None:
        """Add a change of an enrollment."""
        data = data_of(event.line)
        course_id = data.get("course_id")
        if course_id is None or course_id == "":
            raise DroppedError(NO_COURSE)
        if not isinstance(course_id, str) or not is_course_id(course_id):
            raise DroppedError(MALFORMED_COURSE)
        user_id = self._user(read_user_id(data.get("user_id")))
        mode = data.get("mode")
        if not isinstance(mode, str) or not mode:
            raise DroppedError(NO_MODE)
        self.enrollment.append((course_id, user_id, mode, ENROLLMENT_TYPES[event.type], event.time, event.day))

    def add_video(self, event: Event) -> None:
        """Add an event of a video player."""
        user_id = self._user(event.user_id)
        course_id = course_of(event.context.get("course_id")) or course_of_page(event)
        data = data_of(event.line)
        video_id = data.get("id")
        if not isinstance(video_id, str) or not video_id:
            raise DroppedError(NO_VIDEO_ID)
        old_position = duration = None
        if event.type == "seek_video":
            position = read_position(data.get("new_time"))
            old_position = read_position(data.get("old_time"))
        elif event.type == "pause_video":
            position = read_position(data.get("currentTime", 0))
        else:
            position = read_position(data.get("currentTime"))
            if event.type == "play_video":
                duration = read_duration(data.get("duration"))
        self.video.append(
            (
                course_id,
                user_id,
                video_id,
                VIDEO_TYPES[event.type],
                event.time,
                position,
                old_position,
                duration,
                event.day,
            )
        )

    def add_answers(self, event: Event) -> None:
        """Add the parts of an answer to a problem."""
        username = event.line.get("username")
        if not isinstance(username, str) or not username:
            raise DroppedError(NO_USERNAME)
        username_hash = self.hash_name(username)
        if event.user_id in self.forgotten_users or username_hash in self.forgotten_names:
            raise DroppedError(FORGOTTEN)
        course_id = course_of(event.context.get("course_id"))
        if not course_id:
            raise DroppedError(NO_COURSE)
        data = data_of(event.line)
        problem_id = data.get("problem_id")
        if not isinstance(problem_id, str) or not problem_id:
            raise DroppedError(NO_PROBLEM_ID)
        parts = parts_of(data, object_in(event.context, "module"))
        content = orjson.dumps([course_id, problem_id, username_hash, event.time, parts])
        digest = hashlib.blake2b(content, digest_size=8).hexdigest()
        self.answers.extend(
            (course_id, problem_id, username_hash, event.user_id, event.time, digest, *part, event.day)
            for part in parts
        )

    def add_location(self, event: Event) -> None:
        """Keep the country of a user's newest event of a day."""
        key = (self._user(event.user_id), event.day)
        newest = self.location.get(key, ("", ""))
        if self.country_of is not None and event.time >= newest[0]:
            # Of the events of one time, the one with the country that is last in the alphabet counts.
            self.location[key] = max(newest, (event.time, self.country_of(event.line.get("ip"))))


OF_OTHERS: Final[Kinds] = ((ACTIVITY.name, Rows.add_activity),)
OF_ENROLLMENT: Final[Kinds] = ((ENROLLMENT.name, Rows.add_enrollment),)
OF_VIDEO: Final[Kinds] = ((VIDEO.name, Rows.add_video), *OF_OTHERS)
OF_PROBLEM_CHECK: Final[Kinds] = ((ANSWERS.name, Rows.add_answers), *OF_OTHERS)


def read_event(line: dict[str, Any]) -> Event:
    """Return the event of a line.

    Raises:
        RefusedLineError: It has no time, or no date.
    """
    day, time = read_time(line.get("time"))
    type_, source, context = line.get("event_type"), line.get("event_source"), line.get("context")
    # Each line comes by here: what is usual is not left to functions.
    if not isinstance(type_, str):
        type_ = ""
    if not isinstance(source, str):
        source = ""
    if not isinstance(context, dict):
        context = {}
    return Event(line, day, time, type_, source, context, read_user_id(context.get("user_id")))


def read_time(value: Any) -> tuple[str, str]:
    """Return the day of an event, and its time as text without an offset.

    Raises:
        RefusedLineError: It is no text, or does not begin with a date that exists.
    """
    if not isinstance(value, str):
        raise RefusedLineError(NO_TIME)
    day = value.partition("T")[0]
    if not is_date(day):
        raise RefusedLineError(NO_DATE)
    if value.endswith(UTC):
        return day, value[: -len(UTC)]
    return day, OFFSET.sub("", value, count=1) if len(value) > len(day) else day


@lru_cache(10_000)
def is_date(text: str) -> bool:
    """Return whether a text is a date that exists, as YYYY-MM-DD."""
    if DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def read_user_id(value: Any) -> int | None:
    """Return the id of a user: an integer above 0, or text of its digits; None for anything else."""
    if type(value) is int:
        number = value
    elif isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= LONGEST_ID:
        number = int(value)
    else:
        return None
    return number if 0 < number <= LARGEST_ID else None


def course_of(value: Any) -> str:
    """Return the course of an event by its context; an empty text if it names none.

    Raises:
        DroppedError: It is malformed.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        if is_course_id(value):
            return value
        stripped = value.strip()
        if not stripped or is_course_id(stripped):
            return stripped
    raise DroppedError(MALFORMED_COURSE)


def course_of_page(event: Event) -> str:
    """Return the course of an event by its address.

    Raises:
        DroppedError: The event has no address, or one that names no course.
    """
    if event.source == "server":
        address = event.type
    elif event.source == "browser":
        address = text_in(event.line, "page")
    else:
        address = ""
    course_id = course_of_address(address)
    if course_id is None:
        raise DroppedError(NO_COURSE)
    return course_id


def data_of(line: dict[str, Any]) -> dict[str, Any]:
    """Return the member ``event``: an object, also one written as text; an empty one for anything else."""
    data = line.get("event")
    if isinstance(data, str):
        try:
            data = read_json(data)
        except ValueError:
            return {}
    return data if isinstance(data, dict) else {}


def text_in(mapping: dict[str, Any], name: str) -> str:
    """Return a member that is text; an empty one for anything else."""
    value = mapping.get(name)
    return value if isinstance(value, str) else ""


def object_in(mapping: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a member that is an object; an empty one for anything else."""
    value = mapping.get(name)
    return value if isinstance(value, dict) else {}


def read_number(value: Any) -> float | None:
    """Return a number, or text of one; None for anything else and for what is not finite."""
    if isinstance(value, str):
        number = float(value) if NUMBER.fullmatch(value) else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        return None
    return number if math.isfinite(number) else None


def read_position(value: Any) -> float:
    """Return a position in a video, in seconds.

    Raises:
        DroppedError: It is none.
    """
    number = value if type(value) is float else read_number(value)
    if number is None or not 0 <= number <= LAST_POSITION:
        raise DroppedError(NO_POSITION)
    return number


def read_duration(value: Any) -> float | None:
    """Return the duration of a video in seconds; None if it is not known."""
    number = read_number(value)
    return number if number is not None and number > 0 else None


def parts_of(data: dict[str, Any], module: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of the parts of an answer, from the column part_id on; one without a part if there are none.

    Raises:
        DroppedError: An answer cannot be written as text.
    """
    submissions = object_in(data, "submission")
    corrections = object_in(data, "correct_map")
    seed = object_in(data, "state").get("seed")
    display_name = module.get("display_name")
    if not isinstance(display_name, str):
        display_name = None
    rows: list[tuple[Any, ...]] = []
    for part_id, raw in object_in(data, "answers").items():
        if not is_part(part_id):
            continue
        raw_text = text_of(raw)
        submission = submissions.get(part_id)
        if isinstance(submission, dict):
            answer = text_of(submission.get("answer"))
            described = (
                raw_text if raw_text != answer else None,
                submission.get("correct") is True,
                optional_text(submission.get("variant")) or None,
                *(optional_text(submission.get(name)) for name in ("question", "input_type", "response_type")),
            )
        else:
            answer = raw_text
            is_correct = object_in(corrections, part_id).get("correctness") == "correct"
            described = (None, is_correct, optional_text(seed) or None, None, None, None)
        rows.append(
            (
                part_id,
                isinstance(submission, dict),
                answer,
                answer.strip() or None,
                plain_text(answer).strip() or None,
                *described,
                display_name,
            )
        )
    return rows or [(None,) * 11 + (display_name,)]


def is_part(part_id: str) -> bool:
    """Return whether a name in ``answers`` is the id of a part whose answers count."""
    return bool(
        part_id
        and part_id.isascii()
        and not part_id.endswith(("_dynamath", "_comment"))
        and not LINE_END_OR_TAB.search(part_id)
    )


def text_of(value: Any) -> str:
    """Return an answer as text: of a list ``[a|b]``, an empty text for null, JSON for what is no text.

    Raises:
        DroppedError: It cannot be written.
    """
    if isinstance(value, list):
        return f"[{'|'.join(map(scalar_text, value))}]"
    return scalar_text(value)


def scalar_text(value: Any) -> str:
    """Return a value as text: an empty text for null, JSON for what is no text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        text: bytes = orjson.dumps(value)
    except TypeError:
        raise DroppedError(UNREADABLE_ANSWER) from None
    return text.decode()


def optional_text(value: Any) -> str | None:
    """Return a value as text; None for null."""
    return None if value is None else scalar_text(value)


def plain_text(text: str) -> str:
    """Return a text without mark-up, with entities resolved.

    Raises:
        DroppedError: An entity has too many digits.
    """
    if "<" in text:
        text = TAG.sub("", text)
    if "&" not in text:
        return text
    try:
        return html.unescape(text)
    except ValueError:
        raise DroppedError(UNREADABLE_ANSWER) from None
