"""Checks that the tables of a pipeline are what the service's answers need."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from analytics_data_api.checks import output
from analytics_data_api.checks.runner import DatabaseUnavailableError, check
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
            "--quick", action="store_true", help="leave out what reads whole tables: counting, duplicates"
        )

    def handle(self, *, database: str, format: str, quick: bool, **options: Any) -> None:
        require_database(database)
        try:
            tables = check(database, quick=quick)
        except DatabaseUnavailableError as error:
            if format == "json":
                self.stdout.write(output.as_json(database, [], quick=quick, reason=str(error)))
            raise CommandError(f"The database {database!r} does not answer: {error}.") from None
        if format == "json":
            self.stdout.write(output.as_json(database, tables, quick=quick))
        else:
            head = f"Database {database} ({connections[database].vendor})"
            head += ", quick: no rows counted, no duplicates looked for" if quick else ""
            self.stdout.write(output.as_text(head, tables, self.style))
        if output.status(*tables) == "error":
            sys.exit(1)
