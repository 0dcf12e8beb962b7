"""Files into a table: every value is checked before the database gets the first row."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connections

from analytics_data_api.loading import loader
from analytics_data_api.loading.errors import LoadError
from analytics_data_api.loading.loader import Loaded
from analytics_data_api.loading.progress import Progress
from analytics_data_api.loading.reading import MAX_FAULTS, Fault, FaultsError, load_columns, rows_of, source_of


class Options(NamedTuple):
    """How files are loaded.

    Attributes:
        form: Their format; None for the one that each name ends in.
        columns: The names of their columns; None where they name them, or have those of the table.
        append: Whether their rows are added to those that there are.
        dry_run: Whether they are only checked.
        allow_empty: Whether all rows may be replaced by none.
        database: The database, by its key in the setting ``DATABASES``; None for the one that is loaded.
    """

    form: str | None = None
    columns: Sequence[str] | None = None
    append: bool = False
    dry_run: bool = False
    allow_empty: bool = False
    database: str | None = None


def load_files(table: str, paths: Sequence[Path], options: Options, progress: Progress) -> Loaded:
    """Check files, and load their rows into a table, in the order of the files and of their lines.

    Args:
        table: The table.
        paths: The files, at least one.
        options: How.
        progress: Shows how far it is.

    Returns:
        How many rows were loaded; of a dry run, how many would be.

    Raises:
        FaultsError: Values do not fit; the table has its old rows.
        LoadError: The files cannot be loaded for another reason; the table has its old rows.
        django.db.Error: The database failed; the table has its old rows.
    """
    start = time.monotonic()
    alias = options.database or loader.loading_database()
    loader.columns_of(table, alias)
    connection: Any = connections[alias]
    columns = connection.table_columns(table)
    sources = [source_of(path, options.form, columns, options.columns) for path in paths]
    names = load_columns(sources)
    faults: list[Fault] = []
    rows = 0
    for source in sources:
        progress.begin(f"Checking {source.path}")
        rows += source.check(faults)
        if len(faults) >= MAX_FAULTS:
            break
    if faults:
        raise FaultsError(faults)
    if not rows and not options.allow_empty:
        raise LoadError(loader.NO_ROWS.format(table))
    if options.dry_run:
        return Loaded(table, rows, time.monotonic() - start)
    progress.begin(f"Loading {table}", rows)
    described = f"load_table {', '.join(path.name for path in paths)}"
    loaded = loader.load_rows(
        table,
        names,
        rows_of(sources),
        append=options.append,
        allow_empty=options.allow_empty,
        database=alias,
        progress=progress.advance,
        description=described,
    )
    return Loaded(table, loaded.rows, time.monotonic() - start)
