"""A made-up tracking log: the events of made-up users in made-up courses, the same for the same arguments.

``python -m benchmarks.tracking_logs 3000000 events.log.gz`` writes 3 million events of one day. The log in ``fixtures``
is made with ``2000 fixtures/tracking/tracking.log.gz --days 28 --users 150``.
"""

import argparse
import gzip
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

COURSES: Final = ("course-v1:DemoX+Bio101+2025_T3", "course-v1:DemoX+Phys2+2025_T3", "OldU/Calc.1x/2025_T3")
MODES: Final = ("audit", "audit", "audit", "verified", "honor")
# Of a page of a browser; the event's own members follow.
AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
VIDEOS: Final = 12
PROBLEMS: Final = 8
DURATION: Final = 300.5
BEGIN: Final = datetime(2025, 9, 1, tzinfo=UTC)

Made = tuple[str, str, Any, dict[str, Any]]


class Events:
    """Events of one user after the other, drawn at random."""

    def __init__(self, seed: int, users: int) -> None:
        """Begin with the same draws for the same seed."""
        self.random = random.Random(seed)
        self.users = users
        self.kinds: tuple[tuple[int, Callable[[str, int], Made]], ...] = (
            (45, self.page),
            (25, self.video),
            (12, self.problem),
            (4, self.forum),
            (4, self.enrollment),
        )

    def line(self, time: datetime) -> bytes:
        """Return the line of an event at a time."""
        # A few users do most.
        user = 1 + int(self.users * self.random.random() ** 3)
        course = COURSES[user % len(COURSES)]
        (kind,) = self.random.choices([kind for _, kind in self.kinds], [weight for weight, _ in self.kinds])
        source, type_, data, context = kind(course, user)
        page = f"https://lms.example.org/courses/{course}/courseware/a/b/" if source == "browser" else None
        event = {
            "username": f"learner_{user}",
            "ip": f"192.0.2.{user % 256}",
            "agent": AGENT,
            "host": "lms.example.org",
            "session": f"{self.random.getrandbits(128):032x}",
            "referer": f"https://lms.example.org/courses/{course}/info",
            "accept_language": "en-US,en;q=0.5",
            "time": time.isoformat(timespec="microseconds"),
            "event_source": source,
            "event_type": type_,
            "name": type_,
            "page": page,
            "event": data,
            "context": {"course_id": course, "org_id": "DemoX", "path": "/event", "user_id": user, **context},
        }
        return json.dumps(event).encode() + b"\n"

    def page(self, course: str, user: int) -> Made:
        """Return an event of a page."""
        return "browser", self.random.choice(("seq_next", "page_close", "edx.bi.link.clicked")), "{}", {}

    def video(self, course: str, user: int) -> Made:
        """Return an event of a video player."""
        type_ = self.random.choice(("play_video", "pause_video", "seek_video", "stop_video", "play_video"))
        data: dict[str, Any] = {"id": f"{self.random.randrange(VIDEOS):032x}", "code": "html5", "duration": DURATION}
        at = round(self.random.random() * DURATION, 3)
        if type_ == "seek_video":
            data |= {"old_time": at, "new_time": round(self.random.random() * DURATION, 3), "type": "onSlideSeek"}
        else:
            data["currentTime"] = at
        return "browser", type_, json.dumps(data), {}

    def problem(self, course: str, user: int) -> Made:
        """Return an answer to a problem."""
        number = self.random.randrange(PROBLEMS)
        prefix = course.replace("course-v1:", "block-v1:")
        problem = f"{prefix}+type@problem+block@{number:032x}"
        part = f"{number:032x}_2_1"
        choice = self.random.randrange(4)
        is_correct = choice == number % 4
        data = {
            "problem_id": problem,
            "answers": {part: f"choice_{choice}"},
            "attempts": 1,
            "correct_map": {
                part: {"correctness": "correct" if is_correct else "incorrect", "hint": "", "npoints": None}
            },
            "state": {"seed": 1},
            "grade": int(is_correct),
            "max_grade": 1,
            "success": "correct" if is_correct else "incorrect",
            "submission": {
                part: {
                    "answer": f"<text>Answer <b>{choice}</b></text>",
                    "correct": is_correct,
                    "input_type": "choicegroup",
                    "question": f"What is the answer to question {number}?",
                    "response_type": "multiplechoiceresponse",
                    "variant": "",
                }
            },
        }
        return "server", "problem_check", data, {"module": {"display_name": f"Problem {number}", "usage_key": problem}}

    def forum(self, course: str, user: int) -> Made:
        """Return an event of a forum."""
        type_ = f"edx.forum.{self.random.choice(('thread', 'response', 'comment'))}.created"
        return "server", type_, {"body": "A question.", "commentable_id": "general"}, {}

    def enrollment(self, course: str, user: int) -> Made:
        """Return a change of an enrollment."""
        name = self.random.choice(("activated", "activated", "activated", "deactivated", "mode_changed"))
        data = {"course_id": course, "user_id": user, "mode": self.random.choice(MODES)}
        return "server", f"edx.course.enrollment.{name}", data, {}


def lines(number: int, *, days: int = 1, users: int = 50_000, seed: int = 1) -> Iterator[bytes]:
    """Yield the lines of a log in the order of time.

    Args:
        number: How many.
        days: Over how many days they are spread, from 2025-09-01.
        users: How many users they are of; their ids begin with 1.
        seed: Another one makes other events.
    """
    events = Events(seed, users)
    step = timedelta(days=days) / number
    for position in range(number):
        yield events.line(BEGIN + position * step)


def write(path: Path, number: int, **options: int) -> None:
    """Write a gzipped log, the same bytes for the same arguments of :func:`lines`."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
        for line in lines(number, **options):
            packed.write(line)


def main() -> None:
    """Write the log that the command line describes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write(arguments.path, arguments.number, days=arguments.days, users=arguments.users, seed=arguments.seed)


if __name__ == "__main__":
    main()
