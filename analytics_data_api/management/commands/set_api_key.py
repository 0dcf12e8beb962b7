"""Sets or removes the API key of a user."""

import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, Error

from analytics_data_api.access import keys
from analytics_data_api.http.database_errors import CANNOT_OPEN, NAMES, OTHER_ERROR, TABLE_MISSING, cause_of, sentence


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
            help=f"the key: up to {keys.MAX_KEY_LENGTH} visible ASCII characters; replaces the user's older one",
        )
        parser.add_argument("--delete-key", action="store_true", help="remove the user's key")

    def handle(self, *, username: str, token: str | None, delete_key: bool, **options: Any) -> None:
        if delete_key == (token is not None):
            raise CommandError("Give either a token or --delete-key.")
        try:
            if token is None:
                deleted = keys.delete_key(username)
                self.stdout.write(
                    f"Removed the API key of {username}." if deleted else f"{username!r} has no API key to remove."
                )
            else:
                created = keys.set_key(username, token)
                self.stdout.write(f"Set the API key of {'the new user ' if created else ''}{username}.")
        except keys.KeyRefusedError as error:
            raise CommandError(str(error)) from None
        except Error as error:
            raise CommandError(reason_of(error)) from None


def reason_of(error: Error) -> str:
    """Return why the database of users did not take a change; its own message is left out, which may quote the key."""
    cause = cause_of(error) or OTHER_ERROR
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    code = getattr(error.__cause__, "sqlite_errorname", number)
    reason = f"{sentence(cause, NAMES[DEFAULT_DB_ALIAS], error)} ({type(error).__name__}{f' {code}' if code else ''})"
    if cause in (TABLE_MISSING, CANNOT_OPEN):
        reason += " `./manage.py migrate` creates the tables, and a file of SQLite, where they are missing."
    return reason
