"""Removes a user's events from the event store."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from analytics_data_api.computing.forgetting import forget_user
from analytics_data_api.computing.store import EventStore
from analytics_data_api.management.stores import add_store, key_file, removed_rows, reported


class Command(BaseCommand):
    help = (
        "Remove a user's events from the event store, and keep none of logs that are read later. The tables have them "
        "until compute_tables runs again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user_id", type=int, metavar="ID", help="the user's id in the LMS")
        parser.add_argument(
            "--username", metavar="NAME", help="the user's name, for a user of whom no answer has the id"
        )
        add_store(parser)

    def handle(self, *, user_id: int, username: str | None, store: str, **options: Any) -> None:
        with reported():
            opened = EventStore.open(store, key_file(), needs_key=username is not None)
            self.stdout.write(removed_rows(forget_user(opened, user_id, username)))
