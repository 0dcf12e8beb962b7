"""Removing events from an event store: old ones, and those of a user."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.store import ANSWERS, ENROLLMENT, KINDS, EventStore, Kind, parts_of

# What an enrollment is at the end of a day depends on all its events from the first.
KEPT_FOREVER: Final = frozenset({ENROLLMENT.name})


@dataclass(frozen=True)
class Removed:
    """Rows of a kind that were removed.

    Attributes:
        kind: The name of the kind.
        rows: How many they were.
    """

    kind: str
    rows: int


def prune(store: EventStore, before: date) -> list[Removed]:
    """Remove the rows of the days before a date, but those of enrollments.

    Args:
        store: The store.
        before: The first day of which the rows stay.

    Returns:
        How many rows of each kind were removed.

    Raises:
        StoreError: The store is in use.
    """
    rows = dict.fromkeys((name for name in KINDS if name not in KEPT_FOREVER), 0)
    with store.lock("prune_store"):
        store.clear()
        for record in store.records():
            old: list[str] = []
            for name in rows:
                days = record.days.get(name, {})
                for day in [day for day in days if day < before.isoformat()]:
                    for part in parts_of(record, KINDS[name], day):
                        with store.place.open(part) as file:
                            rows[name] += pq.read_metadata(file).num_rows
                        old.append(part)
                    del days[day]
            if old:
                # The record first: what it does not list, no reader takes, and the next run removes.
                store.write_record(record)
                store.place.remove(old)
        store.clear()
    return [Removed(name, number) for name, number in rows.items()]


def forget_user(store: EventStore, user_id: int, username: str | None = None) -> list[Removed]:
    """Remove the rows of a user, now and of what is read later.

    The rows of answers are those with the user's id, and those with a user name that occurs with it.

    Args:
        store: The store.
        user_id: The id.
        username: The user's name, for the answers of a user who has none with an id.

    Returns:
        How many rows of each kind were removed.

    Raises:
        StoreError: The store is in use, or has no key and there is a name.
    """
    with store.lock("forget_user"):
        store.clear()
        names = set[str]()
        if username is not None:
            if store.name_key is None:
                raise StoreError("A user name takes the key of the store.")
            names.add(store.name_key.hash(username))
        for _, table in tables(store, ANSWERS):
            found = table.filter(pc.field("user_id") == user_id).column("username_hash")
            names.update(found.to_pylist())
        # Before the rows: a run that is ended here has left nothing that comes back.
        store.forget({user_id}, names)
        return [Removed(kind.name, remove(store, kind, user_id, names)) for kind in KINDS.values()]


def tables(store: EventStore, kind: Kind) -> Iterator[tuple[str, pa.Table]]:
    """Yield the name and the rows of each part of a kind."""
    for name in store.parts(kind):
        yield name, pq.ParquetFile(pa.BufferReader(store.place.read(name))).read()


def remove(store: EventStore, kind: Kind, user_id: int, names: set[str]) -> int:
    """Remove the rows of a user from each part of a kind that has any, and return how many they were."""
    theirs = pc.field("user_id") == user_id
    if kind is ANSWERS:
        theirs |= pc.field("username_hash").isin(pa.array(sorted(names), pa.string()))
    removed = 0
    for name, table in tables(store, kind):
        kept = table.filter(~pc.if_else(pc.is_null(theirs), False, theirs))
        if kept.num_rows < table.num_rows:
            store.replace_part(name, kind, kept)
            removed += table.num_rows - kept.num_rows
    return removed
