"""Loads the sample courses."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from analytics_data_api.loading import sample_data
from analytics_data_api.loading.loader import loading_database
from analytics_data_api.management.reports import analytics_database, course_report


class Command(BaseCommand):
    help = (
        "Load the sample courses and the files of their reports, in place of any rows and files that these courses "
        "have; other courses keep theirs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=loading_database(), help="where to (default: %(default)s)")

    def handle(self, *, database: str, **options: Any) -> None:
        with analytics_database(database):
            for course_id, outcomes in sample_data.load(database):
                self.stdout.write(course_report(course_id, outcomes))
        self.stdout.write(f"Files of reports: {', '.join(sample_data.load_reports())}")
