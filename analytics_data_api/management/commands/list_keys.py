"""Lists API keys: their ids, users, scopes and ends, never a key."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from analytics_data_api.access import keys
from analytics_data_api.access.models import Key
from analytics_data_api.management.refusals import reported

COLUMNS: Final = ("prefix", "name", "user", "courses", "orgs", "created", "expires", "last_used", "revoked")
# A longer list of courses is shown as their number.
SHOWN_COURSES: Final = 3


class Command(BaseCommand):
    help = "List keys, by user and age."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?", help="only this user's")
        parser.add_argument("--expiring", metavar="14d", help="only those that end within so many days")
        parser.add_argument("--format", choices=("text", "json"), default="text", help="text by default")

    def handle(self, *, username: str | None, expiring: str | None, format: str, **options: Any) -> None:
        with reported():
            within = None if expiring is None else keys.seconds(expiring)
            rows = [row(key) for key in keys.listed(username, within)]
        if format == "json":
            self.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False))
        else:
            self.stdout.write("\n".join(lines([COLUMNS, *([text(each[name]) for name in COLUMNS] for each in rows)])))


def row(key: Key) -> dict[str, Any]:
    """Return what the list has of a key."""
    limits = keys.limits_of(key)
    return {
        "prefix": key.key_id,
        "name": key.name,
        "user": key.user.username,
        "courses": sorted(limits.courses),
        "orgs": sorted(limits.orgs),
        "created": keys.shown_time(key.created),
        "expires": keys.shown_time(key.expires),
        "last_used": keys.shown_day(key.last_used),
        "revoked": keys.shown_time(key.revoked),
        "rate": key.rate or None,
        "reports": key.reports or not key.is_limited,
        "min_count": key.min_count,
    }


def text(value: Any) -> str:
    """Return a value as the list for people has it."""
    if isinstance(value, list):
        return ", ".join(value) if len(value) <= SHOWN_COURSES else f"{len(value)} of them"
    return str(value or "")


def lines(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Yield rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for each in rows:
        yield "  ".join(value.ljust(width) for value, width in zip(each, widths, strict=True)).rstrip()
