"""Which version of the data, and of the code that makes answers of them, an answer is made from."""

from collections.abc import Hashable
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError, connections
from django.db.models import Model

from analytics_data_api.tables import introspection
from analytics_data_api.tables.changes import Mark
from analytics_data_api.tables.models import TableUpdate
from analytics_data_api.tables.querysets import TableUpdateQuerySet
from analytics_data_api.tables.rows import Row
from analytics_data_api.tables.statements import database_of, statement

DataVersion = Mark

# The packages whose own data and habits show in answers.
PACKAGES: Final = ("Django", "djangorestframework", "django-countries", "orjson")

# The version of each table, by database and name, with the state of the database that it belongs to. As long as that is
# the same, which some databases tell without a query, so is the version.
KNOWN: Final[dict[tuple[str, str], tuple[Hashable, Mark | None]]] = {}


@cache
def code_version() -> str:
    """Return what tells this code from any other that might write an answer differently."""
    package = Path(__file__).resolve().parent.parent
    digest = blake2b(digest_size=8)
    for source in sorted(package.rglob("*.py")):
        digest.update(str(source.relative_to(package)).encode())
        digest.update(source.read_bytes())
    for name in PACKAGES:
        digest.update(f"{name} {version(name)}".encode())
    return digest.hexdigest()


def table_version(model: type[Model]) -> Mark | None:
    """Return the version of a table's data; None where the database cannot tell it from others.

    Args:
        model: The table.

    Raises:
        django.db.Error: The database does not answer.
    """
    table = model._meta.db_table
    alias = database_of(model)
    connection: Any = connections[alias]
    state = connection.state()
    if state is None:
        return looked_up(alias, table)
    known = KNOWN.get((alias, table))
    if known is None or known[0] != state:
        # The state was there before the version is looked up, which can be newer than the state, but never older.
        known = KNOWN[alias, table] = (state, looked_up(alias, table))
    return known[1]


def data_version(*models: type[Model]) -> Mark | None:
    """Return the version of the data of several tables; None where that of one of them is not known.

    Args:
        models: The tables.

    Raises:
        django.db.Error: The database does not answer.
    """
    versions = [version for model in models if (version := table_version(model)) is not None]
    if len(versions) < len(models):
        return None
    if len(versions) == 1:
        return versions[0]
    times = [version.modified for version in versions if version.modified is not None]
    return Mark(repr([version.text for version in versions]), max(times, default=None))


def looked_up(alias: str, table: str) -> Mark | None:
    """Return what the pipeline has noted of a table's loads, or where it notes none, what the database knows."""
    version = noted(alias, table)
    if version is not None:
        return version
    connection: Any = connections[alias]
    mark: Mark | None = connection.change_mark(table)
    return mark


def noted(alias: str, table: str) -> Mark | None:
    """Return the version of a table's data by the pipeline's notes of it; None where it has made none."""
    if not introspection.columns(alias, TableUpdate._meta.db_table):
        return None
    names = {"table": table, "qualified": f"{connections[alias].settings_dict['NAME']}.{table}"}
    try:
        loads = tuple(statement(TableUpdate, alias, TableUpdateQuerySet.loads_query).fetch_small(names))
    except DatabaseError:
        # The notes may be gone, or not be for us to read; a database that is away is met again at the next query.
        introspection.columns.cache_clear()
        return None
    return mark_of(loads) if loads else None


@lru_cache(32)
def mark_of(loads: tuple[Row, ...]) -> Mark:
    """Return what tells loads from others, and the time of the newest, in UTC; None where it is no time."""
    try:
        modified = max(datetime.fromisoformat(newest or "") for *_, newest in loads).replace(tzinfo=UTC)
    except ValueError:
        modified = None
    return Mark(repr(loads), modified)
