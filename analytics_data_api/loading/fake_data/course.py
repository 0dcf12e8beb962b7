"""The id of a generated course, the time that it runs, and the ids of its blocks."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Final

from analytics_data_api.loading.fake_data.chance import Chance

NAME: Final = r"[\w.~-]+"
SLASHES_ID: Final = re.compile(rf"{NAME}/{NAME}/{NAME}")
COURSE_V1_ID: Final = re.compile(rf"course-v1:{NAME}\+{NAME}\+{NAME}")

# A video's id holds the course's id twice and has to fit into 255 characters.
MAX_COURSE_ID_LENGTH: Final = 100

# The years that a TIMESTAMP column holds in full.
YEARS: Final = range(1971, 2038)

# The time of the nightly load: on the day after that of its data, UTC.
LOAD_DELAY: Final = timedelta(days=1, hours=4)


class ImpossibleCourseError(ValueError):
    """The options describe no course that can be generated; the message gives the reason."""


@dataclass(frozen=True)
class FakeCourse:
    """A course to generate data for.

    Attributes:
        course_id: ``org/course/run`` or ``course-v1:org+course+run``.
        start_date: The first day of its enrollment.
        num_weeks: How many weeks of enrollment it has, 7 days each from the first one on.
        seed: Another number gives other rows.

    Raises:
        ImpossibleCourseError: One of them is out of bounds.
    """

    course_id: str
    start_date: date
    num_weeks: int
    seed: int

    def __post_init__(self) -> None:
        if not (SLASHES_ID.fullmatch(self.course_id) or COURSE_V1_ID.fullmatch(self.course_id)):
            raise ImpossibleCourseError(
                f"The course id {self.course_id!r} has neither the form org/course/run nor course-v1:org+course+run "
                "(of letters, digits and the characters . _ ~ -)."
            )
        if len(self.course_id) > MAX_COURSE_ID_LENGTH:
            raise ImpossibleCourseError(
                f"The course id has {len(self.course_id)} characters; it may have up to {MAX_COURSE_ID_LENGTH}."
            )
        if self.num_weeks < 1:
            raise ImpossibleCourseError(f"The number of weeks is {self.num_weeks}; it has to be 1 at least.")
        try:
            last_year = (self.start_date + timedelta(weeks=self.num_weeks, days=-1)).year
        except OverflowError:
            last_year = YEARS.stop
        if self.start_date.year not in YEARS or last_year not in YEARS:
            raise ImpossibleCourseError(
                f"{self.num_weeks} weeks from {self.start_date} on are not within the years "
                f"{YEARS.start} to {YEARS.stop - 1}."
            )

    @property
    def parts(self) -> list[str]:
        """The organization, the course and the run in the id."""
        return re.split(r"[/+]", self.course_id.removeprefix("course-v1:"))

    @property
    def org(self) -> str:
        """The organization."""
        return self.parts[0]

    @property
    def catalog_course(self) -> str:
        """The course of the catalog that this is a run of."""
        return "+".join(self.parts[:2])

    @cached_property
    def days(self) -> list[date]:
        """The days of enrollment, in order."""
        return [self.start_date + timedelta(days=day) for day in range(7 * self.num_weeks)]

    @cached_property
    def weeks(self) -> list[tuple[datetime, datetime]]:
        """The weeks of activity, Monday 00:00 to Monday 00:00 UTC, from the one that the course starts in.

        There are ``num_weeks`` of them, and each is over by the end of the last day, also where the course does not
        start on a Monday.
        """
        monday = self.start_date - timedelta(days=self.start_date.weekday())
        first = datetime(monday.year, monday.month, monday.day, tzinfo=UTC)
        starts = [first + timedelta(weeks=week) for week in range(self.num_weeks)]
        return [(start, start + timedelta(weeks=1)) for start in starts]

    def chance(self, subject: str) -> Chance:
        """Return the random numbers for a subject; those of other subjects do not depend on how many are used."""
        return Chance(f"{self.course_id} {self.seed} {subject}")

    def usage_id(self, category: str, block: str) -> str:
        """Return the id of a block of the course, which the pipeline calls its module id.

        Args:
            category: ``problem``, ``sequential`` or ``video``.
            block: Its id among the blocks of its category.
        """
        if COURSE_V1_ID.fullmatch(self.course_id):
            return f"{self.course_id.replace('course-v1:', 'block-v1:')}+type@{category}+block@{block}"
        return f"i4x://{self.course_id}/{category}/{block}"

    def html_id(self, category: str, block: str) -> str:
        """Return the id of a block in a page of the course, which part ids and video ids contain."""
        if COURSE_V1_ID.fullmatch(self.course_id):
            return block
        return re.sub(r"\W+", "-", self.usage_id(category, block).replace(".", "_"))


def load_time(day: date, seconds: int) -> datetime:
    """Return when the load of the night after a day wrote a row.

    Args:
        day: The day that the row is about.
        seconds: How far into the load.
    """
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + LOAD_DELAY + timedelta(seconds=seconds)
