"""Checks that the tables of a pipeline are what the service's answers need."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.checks import as_json, as_text
from analytics_data_api.checks.checks import DatabaseUnavailableError, check
from analytics_data_api.management.reports import require_database
from analytics_data_api.tables import ANALYTICS_DATABASE


class Command(BaseCommand):
    help = (
        "Check that the tables of a pipeline are what answers need: columns, types, indexes, rights, duplicates. Only "
        "reads. Exit status 1 where answers fail, are wrong or take long."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=ANALYTICS_DATABASE, help="which one (default: %(default)s)")
        parser.add_argument(
            "--format", choices=["text", "json"], default="text", help="for people or programs (default: %(default)s)"
        )
        parser.add_argument(
            "--quick", action="store_true", help="leave out what takes a pass over a table: counting, duplicates"
        )

    def handle(self, *, database: str, format: str, quick: bool, **options: Any) -> None:
        require_database(database)
        try:
            report = check(database, quick=quick)
        except DatabaseUnavailableError as error:
            if format == "json":
                self.stdout.write(as_json.unavailable(database, str(error), quick=quick))
            raise CommandError(f"The database {database!r} does not answer: {error}.") from None
        self.stdout.write(as_json.written(report) if format == "json" else as_text.written(report, self.style))
        if report.failed:
            sys.exit(1)
