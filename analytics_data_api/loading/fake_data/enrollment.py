"""Enrollment and activity of a generated course, counted over generated learners so that all tables agree."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from operator import attrgetter
from typing import Any, Final, NamedTuple

from django.db.models import Model

from analytics_data_api.loading.course_tables import CourseTable
from analytics_data_api.loading.fake_data import populations
from analytics_data_api.loading.fake_data.chance import Chance
from analytics_data_api.loading.fake_data.course import FakeCourse, load_time
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Row

SATURDAY: Final = 5

# New learners a day: a steady number, and further ones at the opening of a term, fewer every day.
STEADY_NEWCOMERS: Final = 18
OPENING_NEWCOMERS: Final = 90
HALVED_AFTER_DAYS: Final = 20
TERM_DAYS: Final = 182

# Of 1000 learners, how many leave again, and within how many days.
LEAVERS: Final = 90
LEAVE_WITHIN_DAYS: Final = 60

# The tables that group enrolled learners, by the column that does; a learner's attribute has the same name.
DIMENSIONS: Final[dict[str, type[Model]]] = {
    "mode": models.CourseEnrollmentModeDaily,
    "gender": models.CourseEnrollmentByGender,
    "birth_year": models.CourseEnrollmentByBirthYear,
    "education_level": models.CourseEnrollmentByEducation,
    "country_code": models.CourseEnrollmentByCountry,
}


class Learner(NamedTuple):
    """One enrollment of a learner.

    Attributes:
        enrolled: The number of the day of enrollment, from 0.
        left: The number of the day of unenrollment; the number of days of the course where there was none.
        mode: The enrollment mode.
        gender: The gender's code.
        birth_year: The year of birth.
        education_level: The highest level of education.
        country_code: The country of the learner.
    """

    enrolled: int
    left: int
    mode: str
    gender: str | None
    birth_year: int | None
    education_level: str | None
    country_code: str | None


def learners(course: FakeCourse) -> list[Learner]:
    """Generate the learners of a course, in the order of enrollment."""
    chance = course.chance("enrollment")
    enrolled = [day for day, newcomers in enumerate(daily_newcomers(course, chance)) for _ in range(newcomers)]
    never = len(course.days)
    left = [
        day + chance.randrange(1, LEAVE_WITHIN_DAYS) if chance.randrange(1000) < LEAVERS else never for day in enrolled
    ]
    number = len(enrolled)
    ages = chance.draw(populations.AGES, number)
    return list(
        map(
            Learner,
            enrolled,
            left,
            chance.draw(populations.MODES, number),
            chance.draw(populations.GENDERS, number),
            [None if age is None else course.start_date.year - age for age in ages],
            chance.draw(populations.EDUCATION_LEVELS, number),
            chance.draw(populations.COUNTRIES, number),
        )
    )


def daily_newcomers(course: FakeCourse, chance: Chance) -> Iterator[int]:
    """Yield how many learners enroll on each day: many when a term opens, fewer at weekends, one at least."""
    for number, day in enumerate(course.days):
        opening = OPENING_NEWCOMERS * 0.5 ** (number % TERM_DAYS / HALVED_AFTER_DAYS)
        weekday = 70 if day.weekday() >= SATURDAY else 100
        yield int((STEADY_NEWCOMERS + opening) * weekday * chance.randrange(75, 126)) // 10_000


def enrollment_tables(course: FakeCourse, enrolled: list[Learner]) -> Iterator[CourseTable]:
    """Yield the rows of the tables that count the enrolled learners of a course by day."""
    yield CourseTable(
        models.CourseEnrollmentDaily,
        ("date", "course_id", "count", "cumulative_count", "created"),
        [
            (course.days[day], course.course_id, count, ever, load_time(course.days[day], 0))
            for day, _, count, ever in counts(enrolled, len(course.days), lambda learner: None)
        ],
    )
    for seconds, (column, model) in enumerate(DIMENSIONS.items(), start=1):
        # Locations have the date of the load, everything else that of the day before.
        delay = timedelta(days=1 if model is models.CourseEnrollmentByCountry else 0)
        yield CourseTable(
            model,
            ("date", "course_id", column, "count", "cumulative_count", "created"),
            [
                (course.days[day] + delay, course.course_id, value, count, ever, load_time(course.days[day], seconds))
                for day, value, count, ever in counts(enrolled, len(course.days), attrgetter(column))
            ],
        )


def counts(
    enrolled: list[Learner], days: int, characteristic: Callable[[Learner], Any]
) -> Iterator[tuple[int, Any, int, int]]:
    """Count learners by day and characteristic.

    Args:
        enrolled: The learners.
        days: How many days to count.
        characteristic: Returns the value that learners are grouped by; null is a value of its own.

    Yields:
        The day's number, the value, how many learners are enrolled at the end of the day, and how many ever were; for
        each value that any learner has had so far, null first.
    """
    joined: list[Counter[Any]] = [Counter() for _ in range(days)]
    gone: list[Counter[Any]] = [Counter() for _ in range(days)]
    for learner in enrolled:
        value = characteristic(learner)
        joined[learner.enrolled][value] += 1
        if learner.left < days:
            gone[learner.left][value] += 1
    values = sorted({characteristic(learner) for learner in enrolled}, key=lambda value: (value is not None, value))
    now: Counter[Any] = Counter()
    ever: Counter[Any] = Counter()
    for day in range(days):
        now.update(joined[day])
        ever.update(joined[day])
        now.subtract(gone[day])
        yield from ((day, value, now[value], ever[value]) for value in values if value in ever)


def activity_table(course: FakeCourse, enrolled: list[Learner]) -> CourseTable:
    """Return the rows of the table that counts the active learners of a course by week."""
    chance = course.chance("activity")
    rows: list[Row] = []
    for start, end in course.weeks:
        first_day, days_until = ((time.date() - course.start_date).days for time in (start, end))
        known = [learner for learner in enrolled if learner.enrolled < days_until and learner.left >= first_day]
        newcomers = sum(learner.enrolled >= first_day for learner in known)
        active = chance.share(newcomers, 80, 96) + chance.share(len(known) - newcomers, 4, 8)
        done = {
            "ACTIVE": active,
            "ATTEMPTED_PROBLEM": chance.share(active, 25, 40),
            "PLAYED_VIDEO": chance.share(active, 50, 70),
            "POSTED_FORUM": chance.share(active, 3, 8),
        }
        loaded = load_time(end.date() - timedelta(days=1), 30)
        rows.extend((course.course_id, start, end, label, count, loaded) for label, count in done.items())
    return CourseTable(
        models.CourseActivityWeekly,
        ("course_id", "interval_start", "interval_end", "activity_type", "count", "created"),
        rows,
    )
