"""Generates the data of a course."""

import re
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.loading.fake_data.course import FakeCourse, ImpossibleCourseError
from analytics_data_api.loading.fake_data.generation import generate
from analytics_data_api.loading.loader import loading_database
from analytics_data_api.loading.sample_data import GENERATED_COURSE
from analytics_data_api.management.reports import analytics_database, course_report


class Command(BaseCommand):
    help = (
        "Fill every analytics table with generated rows of one course, in place of those that it has; other courses "
        "keep theirs. The same options give the same rows."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        defaults = GENERATED_COURSE
        parser.add_argument(
            "--course-id",
            default=defaults.course_id,
            help="org/course/run or course-v1:org+course+run (default: %(default)s)",
        )
        parser.add_argument(
            "--start-date",
            default=defaults.start_date.isoformat(),
            metavar="YYYY-mm-dd",
            help="first day of enrollment (default: %(default)s)",
        )
        parser.add_argument(
            "--num-weeks",
            type=int,
            default=defaults.num_weeks,
            help="weeks of enrollment from that day on (default: %(default)s)",
        )
        parser.add_argument(
            "--seed", type=int, default=defaults.seed, help="another number gives other rows (default: %(default)s)"
        )
        parser.add_argument("--database", default=loading_database(), help="where to (default: %(default)s)")

    def handle(
        self, *, course_id: str, start_date: str, num_weeks: int, seed: int, database: str, **options: Any
    ) -> None:
        try:
            course = FakeCourse(course_id, parse_date(start_date), num_weeks, seed)
        except ImpossibleCourseError as error:
            raise CommandError(str(error)) from error
        with analytics_database(database):
            outcomes = generate(course, database)
        self.stdout.write(course_report(course.course_id, outcomes))


def parse_date(text: str) -> date:
    """Return the date that is written as YYYY-mm-dd.

    Raises:
        CommandError: It is written in another way, or no calendar has it.
    """
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise CommandError(f"The start date is {text!r}; it has to be a date that exists, as YYYY-mm-dd.")
