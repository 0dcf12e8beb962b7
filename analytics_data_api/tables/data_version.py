"""The version of the data that an answer is made from, and of the code that makes it."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache, partial
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.db import DatabaseError, connections
from django.db.models import Model

from analytics_data_api.tables import introspection
from analytics_data_api.tables.retry import LOST, number_of
from analytics_data_api.tables.statements import database_of

# The packages whose own data and habits show in answers.
PACKAGES: Final = ("Django", "djangorestframework", "django-countries", "orjson", "pyarrow")

# Seconds after a change before a time of whole seconds, or of a file, separates it from the next change.
SETTLED_SECONDS: Final = 2


class DataVersion(NamedTuple):
    """Identifies a state of the data.

    Attributes:
        text: The version; any change of the data makes it another one, which no earlier state had.
        modified: When the data last changed, in UTC; None where that is not known.
    """

    text: str
    modified: datetime | None


@cache
def code_version() -> str:
    """Return a digest of all code that may write an answer differently."""
    package = Path(__file__).resolve().parent.parent
    digest = blake2b(digest_size=8)
    for source in sorted(package.rglob("*.py")):
        digest.update(str(source.relative_to(package)).encode())
        digest.update(source.read_bytes())
    for name in PACKAGES:
        # pyarrow is optional.
        with suppress(PackageNotFoundError):
            digest.update(f"{name} {version(name)}".encode())
    return digest.hexdigest()


def data_version(*models: type[Model], since: float | None = None) -> DataVersion | None:
    """Return the version of the data of several tables together; None where one of them has none.

    It has to be read before the rows: then an answer may be newer than its version, which costs one more transfer, but
    never older.

    Args:
        models: The tables, at least one, all of one database.
        since: When the request arrived, by ``perf_counter()``: a version that was read since then may be returned
            again; None for one that is read now.

    Raises:
        django.db.Error: The database does not answer.
    """
    texts: list[str] = []
    times: list[Any] = []
    for table, found in table_versions(models, since).items():
        if found is None:
            return None
        texts.append(f"{table} {found.text}")
        times.append(found.modified)
    return DataVersion("\n".join(texts), max(times) if all(times) else None)


def table_version(model: type[Model]) -> DataVersion | None:
    """Return the version of a table's data; None where the database does not know it for certain.

    Args:
        model: The table.

    Raises:
        django.db.Error: The database does not answer.
    """
    (found,) = table_versions((model,)).values()
    return found


def table_versions(models: Sequence[type[Model]], since: float | None = None) -> dict[str, DataVersion | None]:
    """Return the version of the data of each table, by its name; None where the database does not know it for certain.

    Args:
        models: The tables, at least one, all of one database.
        since: As of :func:`data_version`.

    Raises:
        django.db.Error: The database does not answer.
    """
    alias = database_of(models[0])
    connection: Any = connections[alias]
    tables = {}
    for model in models:
        tables[model._meta.db_table] = partial(lasting_columns, model, alias)
    found: dict[str, DataVersion | None] = {}
    for is_last in (False, True):
        notes = bool(introspection.columns(alias, introspection.NOTES_TABLE))
        try:
            found = connection.table_versions(tables, notes, since)
            break
        except DatabaseError as error:
            if is_last or connection.connection is None or number_of(error) in LOST:
                raise
            # A table may have another layout, or the notes may be gone, since their columns were looked up.
            introspection.columns.cache_clear()
    return found


def lasting_columns(model: type[Model], alias: str) -> tuple[str, ...]:
    """Return the columns that a table has for certain, whatever its layout."""
    rows: Any = model._default_manager.using(alias)
    columns: tuple[str, ...] = rows.lasting_columns()
    return columns
