"""SQLite."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from analytics_data_api.checks.databases import Column

# By affinity, https://www.sqlite.org/datatype3.html#determination_of_column_affinity: text is stored as text in a
# column of type DATE or DATETIME, too.
TYPES: Final = {
    "text": r"(?!.*int).*(char|clob|text|blob).*|",
    "a whole number": r".*int.*|(?!.*(char|clob|text|real|floa|doub)).*",
    "a number": r".*int.*|(?!.*(char|clob|text)).*",
    "a date": r"(?!.*(int|real|floa|doub)).*",
    "a date and time": r"(?!.*(int|real|floa|doub)).*",
}


def columns(connection: Any, cursor: Any, table: str) -> dict[str, Column]:
    described = connection.introspection.get_table_description(cursor, table)
    return {each.name: Column(each.type_code.partition("(")[0].strip().lower(), each.collation) for each in described}


def indexes(connection: Any, cursor: Any, table: str) -> list[tuple[str | None, ...]]:
    # Django does not show which indexes are partial, or in the order of another collation: queries by id use neither.
    cursor.execute(
        "SELECT indexes.name, CASE WHEN parts.coll = 'BINARY' THEN parts.name END "
        "FROM pragma_index_list(%s) AS indexes, pragma_index_xinfo(indexes.name) AS parts "
        "WHERE NOT indexes.partial AND parts.key ORDER BY indexes.seq, parts.seqno",
        [table],
    )
    found = defaultdict(list)
    for name, column in cursor.fetchall():
        found[name].append(column)
    # A primary key that is a number has no index: the table is in its order.
    return [*map(tuple, found.values()), tuple(connection.introspection.get_primary_key_columns(cursor, table))]


def collation_code(collation: str | None) -> str | None:
    # Unlike on MySQL, the service's queries compare by the column's collation.
    return None if (collation or "BINARY").upper() == "BINARY" else "wrong_collation"


def folding(collation: str | None) -> None:
    return None


def denied(connection: Any, cursor: Any, table: str, error: Exception) -> None:
    return None


def absence(connection: Any) -> str | None:
    # Connecting would create a missing file.
    path = Path(connection.settings_dict["NAME"])
    if connection.is_in_memory_db() or str(path).startswith("file:") or (path.exists() and path.stat().st_size):
        return None
    found = f"the file {path.name!r} is empty" if path.exists() else f"there is no file {path.name!r}"
    return f"{found}; `./manage.py migrate --database {connection.alias}` makes the tables"
