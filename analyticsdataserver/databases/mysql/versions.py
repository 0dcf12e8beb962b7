"""The versions of the data of tables on MySQL and MariaDB, from facts that one short query returns.

docs/decisions/0015 explains the rule.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from analytics_data_api.tables.data_version import SETTLED_SECONDS, DataVersion

# How far a server's time of the last change and the time that the load wrote down may be apart to mean the same load:
# a commit, and its way to another node, take a while.
LOAD_TOLERANCE: Final = timedelta(seconds=30)
# A load has to be this old before its time may stand for a state: by then, any further change is later than the
# tolerance allows, also on a node whose clock is some seconds off.
LOAD_SETTLED: Final = 2 * LOAD_TOLERANCE
SETTLED: Final = timedelta(seconds=SETTLED_SECONDS)

# The newest rows whose contents are part of the version.
NEWEST_ROWS: Final = 50

NOTES: Final = """
    (SELECT CONCAT_WS('|', COALESCE(MAX(CAST(inserted AS CHAR)), ''), COUNT(*),
                      BIT_XOR(CRC32(CONCAT_WS('|', update_id, id, inserted))))
       FROM table_updates WHERE target_table IN (%s, %s) HAVING COUNT(*) > 0)
"""
# The server runs the queries in the first clause only for a row, so that nothing of a view is read.
FACTS: Final = """
    SELECT %s, CAST(UPDATE_TIME AS CHAR), CAST(NOW() AS CHAR),
           CONCAT_WS('|', UPDATE_TIME, CREATE_TIME, AUTO_INCREMENT),
           (SELECT CONCAT_WS('|', COALESCE(MAX(CAST(created AS CHAR)), ''), COUNT(*), MAX(id), BIT_XOR(digest))
              FROM (SELECT id, created, CAST(CONV(LEFT(SHA2({row}, 256), 16), 16, 10) AS UNSIGNED) AS digest
                      FROM {table} ORDER BY id DESC LIMIT {rows}) AS newest),
           {notes}
      FROM information_schema.TABLES
     WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND TABLE_TYPE = 'BASE TABLE' AND ENGINE = 'InnoDB'
           AND COALESCE(CREATE_OPTIONS, '') NOT LIKE '%%partitioned%%'
"""


class TableFacts(NamedTuple):
    """What the server knows of a table; times as text, UTC.

    Attributes:
        updated: When this server last changed the table; None where it does not remember.
        now: The server's time.
        local: What only this server knows: ``updated`` and others.
        newest: The time of the newest rows' load, and a digest of these rows; the same on every node.
        notes: The time of the newest note of a load, and a digest of all notes; None where there are none.
    """

    updated: str | None
    now: str
    local: str | None
    newest: str
    notes: str | None


class ReadVersion(NamedTuple):
    """The version of a table, and when reading it began, by ``perf_counter()``."""

    began: float
    version: DataVersion | None


# The versions that were read last, by the place of the database and the table.
_read: dict[tuple[str, ...], ReadVersion] = {}


def keep_versions(began: float, place: tuple[str, ...], versions: Mapping[str, DataVersion | None]) -> None:
    """Keep versions for other requests.

    Args:
        began: When reading them began, by ``perf_counter()``.
        place: Where they were read.
        versions: The versions, by table.
    """
    for table, version in versions.items():
        _read[*place, table] = ReadVersion(began, version)


def versions_read_since(
    since: float, place: tuple[str, ...], tables: Iterable[str]
) -> dict[str, DataVersion | None] | None:
    """Return the versions of tables; None if that of one of them was not read since a time.

    Args:
        since: The time, by ``perf_counter()``.
        place: Where the tables are.
        tables: The tables.
    """
    versions: dict[str, DataVersion | None] = {}
    for table in tables:
        read = _read.get((*place, table))
        if read is None or read.began <= since:
            return None
        versions[table] = read.version
    return versions


def version_of(facts: TableFacts, replicated: bool) -> DataVersion | None:
    """Return the version of a table's data; None where it is not known for certain.

    Args:
        facts: What the server knows of the table.
        replicated: Whether the server gets changes from other servers.
    """
    updated, now = moment(facts.updated), moment(facts.now)
    if updated is None or now is None or now - updated < SETTLED:
        return None
    load = moment((facts.notes or facts.newest).partition("|")[0])
    content = (facts.notes, facts.newest)
    if load is not None and abs(updated - load) <= LOAD_TOLERANCE and now - load >= LOAD_SETTLED:
        return DataVersion(repr(content), load if facts.notes else None)
    # The last change is none that a load has written down.
    return None if replicated else DataVersion(repr((*content, facts.local)), None)


def moment(text: str | None) -> datetime | None:
    """Return the time that a text stands for; None for none, and for a zero date."""
    try:
        return datetime.fromisoformat(text or "").replace(tzinfo=UTC)
    except ValueError:
        return None


@lru_cache(64)
def version_query(tables: tuple[tuple[str, tuple[str, ...]], ...], database: str, notes: bool) -> tuple[str, list[Any]]:
    """Return a query for the names and TableFacts of tables, without a row for one of another kind, and its parameters.

    Args:
        tables: The tables, each with those of its columns whose values are part of the version.
        database: The database's name, which the pipeline may write before the table's.
        notes: Whether there is a table ``table_updates``.
    """
    parts: list[str] = []
    params: list[Any] = []
    for table, columns in tables:
        values = ", ".join(f"QUOTE(CAST(`{column}` AS BINARY))" for column in columns)
        parts.append(
            FACTS.format(
                row=f"CONCAT_WS(',', {values})",
                table=f"`{table}`",
                rows=NEWEST_ROWS,
                notes=NOTES if notes else "NULL",
            )
        )
        names = [table, f"{database}.{table}"] if notes else []
        params += [table, *names, table]
    return " UNION ALL ".join(parts), params
