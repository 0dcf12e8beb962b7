"""The made-up log of the contract: each table has the rows that another implementation of the rules computes."""

import gzip
from collections import Counter
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from analytics_data_api.computing.tables import RULES

FOLDER = Path(__file__).parents[4] / "shared" / "data" / "tracking"
RANGE = ("--from", "2025-09-01", "--to", "2025-09-22")
# Computed from users' countries, of which the log's addresses have none.
TABLES = [table for table in RULES if table != "course_enrollment_location_current"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(databases=["default", "analytics"], transaction=True),
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the log lies beside the checkout, in ../shared/data/tracking"),
]


def read(path: Path) -> Iterator[list[str]]:
    """Yield the lines of a file as lists of cells, that of the columns first."""
    for line in path.read_text(encoding="utf-8").rstrip("\n").split("\n"):
        yield line.split("\t")


def comparable(value: Any) -> Any:
    """Return a number as a number, and any other value as its text."""
    if value is None or value == r"\N":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def compare(table: str) -> None:
    (columns, *lines) = read(FOLDER / f"expected_{table}.tsv")
    with connections["analytics"].cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 Names of the contract.
        found = Counter(tuple(map(str, map(comparable, row))) for row in cursor.fetchall())
    assert found == Counter(tuple(map(str, map(comparable, line))) for line in lines), table


def ingest(store: Path | str, *files: Path) -> None:
    call_command("ingest_logs", *map(str, files), "--store", str(store), stdout=StringIO())


def compute(store: Path | str) -> None:
    call_command(
        "compute_tables",
        *RANGE,
        "--store",
        str(store),
        "--lms-files",
        str(FOLDER),
        "--memory",
        "500MB",
        stdout=StringIO(),
    )


def test_the_tables_of_the_log(tmp_path: Path) -> None:
    ingest(tmp_path / "events", *sorted(FOLDER.glob("*.log.gz")))
    compute(tmp_path / "events")
    for table in TABLES:
        compare(table)


def test_in_another_order_and_split_and_read_twice(tmp_path: Path) -> None:
    """Files from the last to the first, in two runs, each read again, and one with the events of two once more."""
    first, second, third = sorted(FOLDER.glob("*.log.gz"))
    again = tmp_path / "again.log"
    again.write_bytes(b"\n" + gzip.decompress(second.read_bytes()) + b"\n" + gzip.decompress(third.read_bytes()))
    store = tmp_path / "events"
    ingest(store, third, again)
    compute(store)
    ingest(store, third, second, first)
    ingest(store, first, second)
    compute(store)
    for table in TABLES:
        compare(table)
