"""Removes old events from the event store."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from analytics_data_api.computing.forgetting import prune
from analytics_data_api.computing.store import EventStore
from analytics_data_api.management.stores import add_store, read_day, removed_rows, reported


class Command(BaseCommand):
    help = (
        "Remove the events of the days before a date from the event store, but those of enrollments, which tables of "
        "later days need from the first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", required=True, type=read_day, metavar="DATE", help="the first day of which events stay"
        )
        add_store(parser)

    def handle(self, *, before: date, store: str, **options: Any) -> None:
        with reported():
            self.stdout.write(removed_rows(prune(EventStore.open(store), before)))
