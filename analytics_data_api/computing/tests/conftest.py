import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analytics_data_api.computing.ingest import Outcome, ingest
from analytics_data_api.computing.logs import find_logs
from analytics_data_api.computing.store import KINDS, EventStore
from analytics_data_api.tests.duck import connected

Lines = list[bytes | str | dict[str, Any]]
WriteLog = Callable[..., Path]
Ingest = Callable[..., list[Outcome]]
Rows = Callable[[str], list[Any]]


def path_of(store: EventStore) -> Path:
    """Return the folder of a store."""
    return Path(store.place.name)


@pytest.fixture(autouse=True)
def _no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk of the machine."""
    monkeypatch.setattr(os, "sync", lambda: None)


@pytest.fixture
def store(tmp_path: Path) -> EventStore:
    """A store without events."""
    return EventStore.create(tmp_path / "events")


@pytest.fixture
def write_log(tmp_path: Path) -> WriteLog:
    """Write a log of lines, gzipped if its name says so."""

    def write_log(name: str, *lines: bytes | str | dict[str, Any]) -> Path:
        encoded = (json.dumps(line) if isinstance(line, dict) else line for line in lines)
        data = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in encoded)
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_log


@pytest.fixture
def ingest_logs(store: EventStore) -> Ingest:
    """Read logs into the store, in this process."""

    def ingest_logs(*paths: Path | str, **options: Any) -> list[Outcome]:
        return list(ingest(store, find_logs([str(path) for path in paths]), processes=0, **options))

    return ingest_logs


@pytest.fixture
def rows(store: EventStore) -> Rows:
    """Return the rows of a kind in the store, sorted, with their dates at the end."""

    def rows(kind: str) -> list[Any]:
        with connected() as connection:
            store.create_view(connection, KINDS[kind])
            return connection.sql(f"SELECT * FROM {kind} ORDER BY ALL").fetchall()  # noqa: S608 A kind's own name.

    return rows
