"""Sets or removes the API key of a user, one that was chosen and sees everything."""

import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.access import keys
from analytics_data_api.management.refusals import reported


class DiscreetParser(CommandParser):
    """Reports wrong arguments without showing them: any of them may be a key."""

    def error(self, message: str) -> NoReturn:
        takes = (
            "set_api_key takes a username, then a token or --delete-key. Quote a token that the shell would split or "
            "change; write -- before the username where the token begins with a dash."
        )
        if self.called_from_command_line:
            self.print_usage(sys.stderr)
            self.exit(1, f"CommandError: {takes}\n")
        raise CommandError(takes)


class Command(BaseCommand):
    help = "Set the key with which a user calls the API, or remove it. A user who does not exist is created."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, add_help=False, **kwargs)
        return DiscreetParser(
            prog=parser.prog,
            description=parser.description,
            formatter_class=parser.formatter_class,
            called_from_command_line=parser.called_from_command_line,
            parents=[parser],
        )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the user's name")
        parser.add_argument(
            "token",
            nargs="?",
            help=f"the key: up to {keys.MAX_KEY_LENGTH} visible ASCII characters; replaces the one that was set before",
        )
        parser.add_argument("--delete-key", action="store_true", help="remove the key that was set; others stay")

    def handle(self, *, username: str, token: str | None, delete_key: bool, **options: Any) -> None:
        if delete_key == (token is not None):
            raise CommandError("Give either a token or --delete-key.")
        with reported():
            if token is None:
                self.delete(username)
            else:
                created = keys.set_key(username, token)
                self.stdout.write(f"Set the API key of {'the new user ' if created else ''}{username}.")

    def delete(self, username: str) -> None:
        deleted = keys.delete_key(username)
        said = f"Removed the API key of {username}." if deleted.was_there else f"{username!r} has no API key to remove."
        if deleted.others:
            others = "1 other key remains" if deleted.others == 1 else f"{deleted.others} other keys remain"
            said += f" {others}, made by create_key or by a login: see list_keys and revoke_key."
        self.stdout.write(said)
