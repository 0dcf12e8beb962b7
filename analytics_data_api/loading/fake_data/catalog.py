"""What the catalog says of a generated course, and its enrollment by mode at the end."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from operator import attrgetter
from typing import Final
from uuid import UUID

from analytics_data_api.loading.course_tables import CourseTable
from analytics_data_api.loading.fake_data.course import FakeCourse, load_time
from analytics_data_api.loading.fake_data.enrollment import Learner, counts
from analytics_data_api.tables import models

TITLE: Final = "Generated Course"
PROGRAM: Final = ("acb243a0-1234-5abe-099e-ffcae2a340d4", "MicroMasters", "Demonstrations")
OWN_PROGRAM: Final = ("XSeries", "Generated Program")

# How many percent of the learners of any mode pass.
PASSING_PERCENT: Final = (2, 9)


def catalog_tables(course: FakeCourse, enrolled: list[Learner]) -> Iterator[CourseTable]:
    """Yield the rows of the tables of summaries and programs."""
    chance = course.chance("catalog")
    last = len(course.days) - 1
    of_day = {(day, mode): (count, ever) for day, mode, count, ever in counts(enrolled, last + 1, attrgetter("mode"))}
    loaded = load_time(course.days[last], 50)
    start, end = (
        datetime.combine(day, time(), UTC) for day in (course.start_date, course.days[last] + timedelta(days=1))
    )
    described = (TITLE, course.catalog_course, start, end, "instructor_paced", "Current")
    yield CourseTable(
        models.CourseMetaSummaryEnrollment,
        (
            "course_id",
            "catalog_course_title",
            "catalog_course",
            "start_time",
            "end_time",
            "pacing_type",
            "availability",
            "enrollment_mode",
            "count",
            "count_change_7_days",
            "cumulative_count",
            "passing_users",
            "created",
        ),
        [
            (
                course.course_id,
                *described,
                mode,
                count,
                count - of_day.get((last - 7, mode), (0, 0))[0],
                ever,
                chance.share(count, *PASSING_PERCENT),
                loaded,
            )
            for (day, mode), (count, ever) in of_day.items()
            if day == last
        ],
    )
    yield CourseTable(
        models.CourseProgramMetadata,
        ("course_id", "program_id", "program_type", "program_title", "created"),
        [
            (course.course_id, *PROGRAM, loaded),
            (course.course_id, str(UUID(int=chance.getrandbits(128), version=4)), *OWN_PROGRAM, loaded),
        ],
    )
