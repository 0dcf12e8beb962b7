"""Makes a link that logs in a person on this machine, once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.access import keys
from analytics_data_api.access.models import Key
from analytics_data_api.management.refusals import reported
from analyticsdataserver.web import login_links


class Command(BaseCommand):
    help = (
        "Print a link that logs a user in, once, within five minutes, in a browser on the machine that runs the "
        "service with LOGIN_LINKS."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the user's name")
        parser.add_argument("--key", metavar="ID", help="the id of a key of the user, whose scope the session has")
        parser.add_argument(
            "--url", default="http://localhost:8000", help="where the service is (default: %(default)s)"
        )

    def handle(self, *, username: str, key: str | None, url: str, **options: Any) -> None:
        with reported():
            path = login_links.make_path(*self.visitor(username, key))
        self.stdout.write(f"{url.rstrip('/')}{path}")

    def visitor(self, username: str, key_id: str | None) -> tuple[Any, Key | None]:
        """Return the user, and the key whose scope the session has.

        Raises:
            CommandError: There is no such user, or key, or the session would see more than the user's keys.
        """
        user = keys.existing_user(username)
        if user is None or not user.is_active:
            raise CommandError(f"There is no active user {username!r}.")
        usable = list(keys.usable(Key.objects.filter(user=user)))
        if key_id is None:
            if usable and all(key.is_limited or key.min_count for key in usable):
                raise CommandError(
                    f"The keys of {username} are limited: name one of them with --key; list_keys lists them."
                )
            return user, None
        for key in usable:
            if key.key_id == key_id:
                return user, key
        raise CommandError(f"{username} has no usable key with this id; list_keys lists them.")
