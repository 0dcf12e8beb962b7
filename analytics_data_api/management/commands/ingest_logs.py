"""Reads tracking logs into the event store."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.computing import ingest
from analytics_data_api.computing.blocks import Tally
from analytics_data_api.computing.engines import DUCKDB
from analytics_data_api.computing.ingest import Outcome
from analytics_data_api.computing.logs import find_logs
from analytics_data_api.computing.store import EventStore
from analytics_data_api.management.stores import add_engine, add_store, count_lines, key_file, reported


class Command(BaseCommand):
    help = (
        "Read tracking logs into the event store, from which compute_tables computes the tables. A file that was read "
        "before is skipped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "files", nargs="+", metavar="FILE", help="a log, plain or gzipped: a path, a URL such as s3://…, or a glob"
        )
        add_store(parser)
        add_engine(parser)
        parser.add_argument(
            "--geo",
            type=Path,
            metavar="FILE.mmdb",
            help="a database of the countries of addresses; without it, no countries are kept",
        )

    def handle(self, *, files: list[str], store: str, engine: str, geo: Path | None, **options: Any) -> None:
        total = Tally()
        read = skipped = failed = 0
        with reported():
            events, logs = EventStore.create(store, key_file()), find_logs(files)
            if engine == DUCKDB:
                outcomes = ingest.ingest(events, logs, geo=geo)
            else:
                from analytics_data_api.computing.spark import ingesting

                outcomes = ingesting.ingest(engine, events, logs, geo=geo)
            for outcome in outcomes:
                if outcome.tally is not None:
                    read += 1
                    total.add(outcome.tally)
                elif outcome.fault is not None:
                    failed += 1
                else:
                    skipped += 1
                self.report(outcome)
        self.stdout.write(f"Files: {read} read, {skipped} skipped, {failed} refused. {sentence(total)}")
        if failed:
            raise CommandError(f"{failed} of {read + skipped + failed} files could not be read.")

    def report(self, outcome: Outcome) -> None:
        """Print what became of a file."""
        if outcome.fault is not None:
            self.stderr.write(self.style.ERROR(outcome.fault))
        elif outcome.tally is None:
            self.stdout.write(f"{outcome.log.name}: skipped, was read before{as_other(outcome)}")
        else:
            self.stdout.write(f"{outcome.log.name}: {sentence(outcome.tally)}")
            for title, counts in (("of no use", outcome.tally.of_no_use), ("refused", outcome.tally.refused)):
                for line in count_lines(title, counts, outcome.tally.examples):
                    self.stdout.write(line)


def as_other(outcome: Outcome) -> str:
    """Return under which other name a file was read before; an empty text if under its own."""
    return "" if outcome.read_as == outcome.log.name else f" as {outcome.read_as}"


def sentence(tally: Tally) -> str:
    """Return what became of lines, which adds up to their number."""
    return (
        f"{tally.kept:,} kept + {tally.of_no_use.total():,} of no use + {tally.refused.total():,} refused = "
        f"{tally.lines:,} lines"
    )
