"""What is known of the tables computed from a store: of which range and when, into which database.

It lies in the store, as ``computed.json``, and is read without the packages that computing takes.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.db import connections

from analytics_data_api.computing.places import Place

FILE: Final = "computed.json"


@dataclass(frozen=True)
class TableRecord:
    """How a table was computed last.

    Attributes:
        first: The first day of its events, as ``YYYY-mm-dd``: that of the range, or of the store, whichever is later.
        end: The day after the last.
        time: When it was in the database, UTC.
        logs: The number of logs that the store had.
        digest: A digest of which logs these were.
    """

    first: str
    end: str
    time: str
    logs: int
    digest: str

    @property
    def last(self) -> str:
        """The last day, as ``YYYY-mm-dd``."""
        return str(date.fromisoformat(self.end) - timedelta(days=1))


@dataclass(frozen=True)
class Freshness:
    """How a table compares with the store.

    Attributes:
        record: How it was computed last.
        logs: The number of logs that the store has now.
        is_current: Whether these are the logs that it was computed from.
    """

    record: TableRecord
    logs: int
    is_current: bool


def database_key(alias: str) -> str:
    """Return what tells databases apart that are computed from one store."""
    settings = connections[alias].settings_dict
    place = f"{settings['HOST']}:{settings['PORT']}/" if settings["HOST"] else ""
    return f"{connections[alias].vendor} {place}{settings['NAME']}"


def logs_of(place: Place) -> tuple[int, str]:
    """Return the number of logs in a store, and a digest of what it has of them."""
    digest = hashlib.blake2b(digest_size=16)
    records = place.read_all("files")
    for record in records:
        digest.update(record)
    return len(records), digest.hexdigest()


def read(place: Place) -> dict[str, dict[str, Any]]:
    """Return what is known of the tables of each database; nothing where the file is missing or damaged."""
    try:
        document = json.loads(place.read(FILE))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def records(place: Place, alias: str) -> dict[str, TableRecord]:
    """Return how each table of a database was computed last."""
    tables = read(place).get(database_key(alias), {})
    return {name: TableRecord(**record) for name, record in tables.items()}


def note(place: Place, alias: str, table: str, record: TableRecord) -> None:
    """Note that a table was computed."""
    document = read(place)
    document.setdefault(database_key(alias), {})[table] = asdict(record)
    place.write(FILE, json.dumps(document, indent=1, sort_keys=True).encode())


def freshness(place: Place, alias: str) -> dict[str, Freshness]:
    """Return how the tables of a database that were computed from a store compare with it."""
    known = records(place, alias)
    logs, digest = logs_of(place) if known else (0, "")
    return {table: Freshness(record, logs, record.digest == digest) for table, record in known.items()}
