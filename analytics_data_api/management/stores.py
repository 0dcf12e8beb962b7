"""What the commands about the event store share: its options, its errors, and how they print what became of lines."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from analytics_data_api.computing.engines import DUCKDB
from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.events import is_date
from analytics_data_api.computing.forgetting import Removed
from analytics_data_api.management.interrupts import INTERRUPTED, interruptible


def add_store(parser: CommandParser) -> None:
    """Add the option that names the store."""
    parser.add_argument(
        "--store",
        default=settings.EVENT_STORE,
        metavar="DIR",
        help="the event store: a folder, or s3://bucket/prefix (setting EVENT_STORE; %(default)s)",
    )


def add_engine(parser: CommandParser) -> None:
    """Add the option that names the engine."""
    parser.add_argument(
        "--engine",
        default=DUCKDB,
        metavar="ENGINE",
        help="where the work is done: spark://host:port or sc://host:port of a cluster of Apache Spark; by default "
        "%(default)s, this machine",
    )


def key_file() -> Path | None:
    """Return the file of the key of the hash of user names; None for the one beside the store."""
    path: Path | None = settings.EVENT_STORE_KEY_FILE
    return path


@contextmanager
def reported() -> Iterator[Callable[[], None]]:
    """Raise CommandError, with a sentence for the operator, in place of what stops a command about the store.

    Yields:
        What ends the command if Ctrl-C was pressed before.
    """
    try:
        with interruptible() as check:
            yield check
            check()
    except StoreError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        raise CommandError("Interrupted. What was finished before is kept.", returncode=INTERRUPTED) from None


def count_lines(title: str, counts: Mapping[str, int], examples: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    """Yield a line for each reason, the most frequent first, with its first example."""
    for reason, number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        line, text = examples[reason]
        yield f"  {title:<10} {number:>10,}  {reason}; line {line:,}: {text}"


def read_day(text: str) -> date:
    """Return the date of an option, written as YYYY-MM-DD."""
    if is_date(text):
        return date.fromisoformat(text)
    raise ArgumentTypeError(f"{text!r} is not a date that exists, as YYYY-MM-DD")


def removed_rows(removed: Iterable[Removed]) -> str:
    """Return a sentence about rows that were removed."""
    return f"Removed: {', '.join(f'{part.rows:,} of {part.kind}' for part in removed)}."
