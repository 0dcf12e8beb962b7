"""Checks that the tables of a pipeline are what the service's answers need."""

import sys
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from analytics_data_api.checks import output
from analytics_data_api.checks.messages import TableReport, message
from analytics_data_api.checks.runner import DatabaseUnavailableError, check
from analytics_data_api.computing import computed
from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.places import Place, find_place
from analytics_data_api.loading.loader import loading_database
from analytics_data_api.management.reports import require_database
from analytics_data_api.tables import ANALYTICS_DATABASE


def with_freshness(tables: list[TableReport], store: Place, database: str) -> list[TableReport]:
    """Return the reports with a note on each table that was computed from the event store: how fresh it is."""
    known = computed.freshness(store, database) | computed.freshness(store, loading_database())
    return [
        table._replace(findings=[*table.findings, freshness_note(known[table.table])])
        if table.table in known
        else table
        for table in tables
    ]


def freshness_note(found: computed.Freshness) -> CheckMessage:
    text = f"Computed from the event store, of the days from {found.record.first} to {found.record.last}"
    if found.is_current:
        return message("computed", f"{text}. The store has read no log since.")
    return message("behind_store", f"{text}. The store has changed since: run `./manage.py compute_tables`.")


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
            store = find_place(settings.EVENT_STORE)
        except StoreError as error:
            raise CommandError(str(error)) from None
        try:
            tables = with_freshness(check(database, quick=quick), store, database)
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
