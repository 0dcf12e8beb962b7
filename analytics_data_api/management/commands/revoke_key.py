"""Ends API keys at once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.access import keys
from analytics_data_api.management.refusals import reported


class Command(BaseCommand):
    help = "End a key, or all keys of a user, at once. list_keys has the ids."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", nargs="?", help="the key's id, such as oda_1a2B3c4D; never the key itself")
        parser.add_argument("--user", metavar="NAME", help="end all keys of this user")

    def handle(self, *, id: str | None, user: str | None, **options: Any) -> None:
        if (id is None) == (user is None):
            raise CommandError("Give either the id of a key or --user NAME.")
        with reported():
            revoked = keys.revoke_key(id) if id is not None else keys.revoke_user(str(user))
        for key in revoked:
            self.stdout.write(f"Revoked {key.key_id} of {key.user.username}.")
        if not revoked:
            self.stdout.write(
                f"{id} was revoked before." if id is not None else f"{user} has no key that has not ended."
            )
