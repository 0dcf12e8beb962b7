"""Computes the tables from the event store and the LMS's tables."""

import re
from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.computing.errors import ComputeError
from analytics_data_api.loading.errors import LoadError
from analytics_data_api.loading.loader import loading_database
from analytics_data_api.management.reports import analytics_database
from analytics_data_api.management.stores import add_engine, add_store, reported

if TYPE_CHECKING:
    from analytics_data_api.computing.compute import Result

SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", re.IGNORECASE)
LEAST_MEMORY: Final = 10**8


def as_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"takes a date as YYYY-MM-DD, and {text!r} is none") from None


def as_size(text: str) -> int:
    """Return the bytes of a size such as 1GB (of thousands) or 1GiB (of 1024)."""
    found = SIZE.fullmatch(text.strip())
    if found is None:
        raise ArgumentTypeError(f"takes a size such as 2GB, and {text!r} is none")
    size = int(float(found[1]) * (1024 if found[3] else 1000) ** " KMGT".index(found[2].upper() or " "))
    if size < LEAST_MEMORY:
        raise ArgumentTypeError(f"takes at least 100MB, and {text!r} is less")
    return size


class Command(BaseCommand):
    help = (
        "Compute the tables from the event store, which ingest_logs fills, and from the LMS's tables, and replace each "
        "whole. A table whose source is not given is skipped. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_store(parser)
        add_engine(parser)
        parser.add_argument(
            "--from", dest="first", metavar="DATE", type=as_date, help="the first day (default: the store's first)"
        )
        parser.add_argument(
            "--to", dest="end", metavar="DATE", type=as_date, help="the day after the last (default: today, UTC)"
        )
        parser.add_argument("--tables", nargs="+", metavar="TABLE", help="only these (default: all)")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--lms", metavar="URL", help="the LMS's database (default: the setting LMS_DATABASE_URL)")
        source.add_argument(
            "--lms-files",
            metavar="DIR",
            type=Path,
            help="the LMS's tables as CSV, TSV or Parquet files, named as they are",
        )
        parser.add_argument(
            "--memory",
            metavar="SIZE",
            type=as_size,
            help="such as 2GB; the rest is on disk (default: half of the machine's)",
        )
        parser.add_argument(
            "--allow-narrower", action="store_true", help="let tables lose the days that the range or the store lacks"
        )

    def handle(
        self,
        *,
        store: str,
        engine: str,
        tables: list[str] | None,
        first: date | None,
        end: date | None,
        lms: str | None,
        lms_files: Path | None,
        memory: int | None,
        allow_narrower: bool,
        **options: Any,
    ) -> None:
        failed = []
        try:
            with reported() as end_if_interrupted, analytics_database(loading_database()):
                try:
                    from analytics_data_api.computing import compute
                except ImportError as error:
                    raise CommandError(f"{error}. Computing takes the packages of requirements/data.txt.") from None
                results = compute.run(
                    store,
                    tables,
                    first,
                    end,
                    lms_files=lms_files,
                    lms_url=None if lms_files else lms or settings.LMS_DATABASE_URL,
                    engine=engine,
                    memory=memory,
                    allow_narrower=allow_narrower,
                )
                for result in results:
                    if not self.report(result):
                        failed.append(result.table)
                    end_if_interrupted()
        except (ComputeError, LoadError) as error:
            raise CommandError(str(error)) from error
        if failed:
            raise CommandError(f"Left as they were: {', '.join(failed)}.")

    def report(self, result: "Result") -> bool:
        """Print what came of a table, and return whether that is as it should be."""
        if result.rows is None:
            self.stdout.write(f"{result.table}: {'left as it was' if result.failed else 'skipped'}: {result.reason}.")
        else:
            self.stdout.write(f"{result.table}: {result.rows:,} rows in {result.seconds:.1f} s")
        for reason, number in sorted(result.dropped.items(), key=lambda item: (-item[1], item[0])):
            self.stdout.write(f"  dropped {number:>12,}  {reason}")
        return not result.failed
