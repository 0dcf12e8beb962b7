"""Loads files into a table."""

import sys
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics_data_api.loading import loader
from analytics_data_api.loading.progress import Progress
from analytics_data_api.management.interrupts import INTERRUPTED, interruptible
from analytics_data_api.management.reports import analytics_database, loadable_tables

FORMATS: Final = ("csv", "tsv", "ndjson", "parquet")


class Command(BaseCommand):
    # The system checks read the whole API, which takes as long as a small load; what a load needs it checks itself.
    requires_system_checks = ()
    help = (
        "Load files into an analytics table, in place of its rows or after them, in one step. Every value is checked "
        "before. Takes the packages of requirements/data.txt."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("table", help="the table, such as course_enrollment_daily")
        parser.add_argument("files", nargs="+", type=Path, metavar="file", help="CSV, TSV, NDJSON or Parquet; also .gz")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--replace", action="store_true", help="in place of the table's rows (default)")
        mode.add_argument(
            "--append", action="store_true", help="after the table's rows; the newest row of a key counts"
        )
        parser.add_argument("--format", choices=FORMATS, help="of files whose names do not end in it")
        parser.add_argument("--columns", metavar="NAME,NAME", help="the columns of files without a header")
        parser.add_argument("--dry-run", action="store_true", help="only check the files")
        parser.add_argument(
            "--allow-empty", action="store_true", help="replace the rows also where the files have none"
        )
        parser.add_argument(
            "--database", help="where to (default: that of LOAD_DATABASE_URL, or else of ANALYTICS_DATABASE_URL)"
        )

    def handle(
        self,
        *,
        table: str,
        files: list[Path],
        append: bool,
        format: str | None,
        columns: str | None,
        dry_run: bool,
        allow_empty: bool,
        database: str | None,
        **options: Any,
    ) -> None:
        try:
            from analytics_data_api.loading.files import Options, load_files
        except ModuleNotFoundError as error:
            raise CommandError(
                f"load_table needs the package {error.name}: pip install -r requirements/data.txt."
            ) from error
        if table not in loadable_tables():
            raise CommandError(f"There is no table {table!r}; there are {', '.join(loadable_tables())}.")
        names = [name.strip() for name in columns.split(",")] if columns else None
        how = Options(format, names, append, dry_run, allow_empty, database or loader.loading_database())
        is_loaded = False
        try:
            with interruptible() as check, analytics_database(str(how.database)), Progress(self.stderr) as progress:
                loaded = load_files(table, files, how, progress)
                is_loaded = not dry_run
                check()
        except KeyboardInterrupt as error:
            is_loaded = is_loaded or isinstance(error, loader.InterruptedAfterLoadError)
            self.stderr.write(f"Interrupted: {table} has its {'new' if is_loaded else 'old'} rows.")
            sys.exit(INTERRUPTED)
        speed = loaded.rows / max(loaded.seconds, 1e-3)
        done = "checked, none loaded" if dry_run else "added" if append else "loaded"
        self.stdout.write(f"{table}: {loaded.rows:,} rows {done} in {loaded.seconds:.1f} seconds ({speed:,.0f} rows/s)")
