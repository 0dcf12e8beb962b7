"""Replaces an API key by a new one that may see the same."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from analytics_data_api.access import keys
from analytics_data_api.management.refusals import reported


class Command(BaseCommand):
    help = "Make a new key that may see the same as another one, which ends after a grace. The new key is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="the id of the key to replace, such as oda_1a2B3c4D; never the key itself")
        parser.add_argument(
            "--grace", default="7d", metavar="7d", help="how long the old key stays valid; 0d ends it at once"
        )
        parser.add_argument(
            "--expires", metavar="DATE|90d", help="the end of the new key; without it, the one of the old key"
        )

    def handle(self, *, id: str, grace: str, expires: str | None, **options: Any) -> None:
        with reported():
            ends = None if expires is None else keys.end(expires)
            made = keys.rotate_key(id, keys.seconds(grace), ends)
        self.stdout.write(made.text)
