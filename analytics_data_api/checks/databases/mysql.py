"""MySQL and MariaDB."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from analytics_data_api.checks.databases import Column

# "SELECT command denied to user … for table …" and "… for column …".
DENIED: Final = {1142, 1143}
# Types of indexes that are not in the order of their columns.
UNORDERED: Final = {"FULLTEXT", "SPATIAL", "RTREE", "HASH", "VECTOR"}
TYPES: Final = {
    "text": r"(var)?char|(tiny|medium|long)?text|enum",
    "a whole number": r"(tiny|small|medium|big)?int|year|decimal",
    "a number": r"(tiny|small|medium|big)?int|year|decimal|float|double",
    "a date": r"date",
    "a date and time": r"datetime|timestamp",
}


def columns(connection: Any, cursor: Any, table: str) -> dict[str, Column]:
    described = connection.introspection.get_table_description(cursor, table)
    # Django leaves out a collation that is the table's default.
    cursor.execute(
        "SELECT column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name = %s",
        [table],
    )
    collations = dict(cursor.fetchall())
    return {each.name: Column(each.data_type, collations[each.name]) for each in described}


def indexes(connection: Any, cursor: Any, table: str) -> list[tuple[str | None, ...]]:
    # Django does not show which indexes are off: MySQL calls them invisible, MariaDB ignored.
    cursor.execute(f"SHOW INDEX FROM {connection.ops.quote_name(table)}")
    names = [description[0].lower() for description in cursor.description]
    found = defaultdict(list)
    for values in cursor.fetchall():
        part = dict(zip(names, values, strict=True))
        off = part.get("visible") == "NO" or part.get("ignored") == "YES"
        if part["index_type"] not in UNORDERED and not off:
            found[part["key_name"]].append(part["column_name"])
    return list(map(tuple, found.values()))


def collation_code(collation: str | None) -> str | None:
    # As in utf8mb4_general_ci, utf8mb4_0900_ai_ci and utf8mb4_uca1400_ai_ci.
    return "case_insensitive" if "ci" in (collation or "").split("_") else None


def folding(collation: str | None) -> Callable[[str], str]:
    # Most collations ignore spaces at the end, also those that are case-sensitive.
    return (lambda text: text.rstrip(" ").casefold()) if collation_code(collation) else (lambda text: text.rstrip(" "))


def denied(connection: Any, cursor: Any, table: str, error: Exception) -> tuple[str, str] | None:
    if error.args[0] not in DENIED:
        return None
    cursor.execute("SELECT DATABASE(), CURRENT_USER()")
    database, account = cursor.fetchone()
    user = "@".join("'{}'".format(part.replace("'", "''")) for part in account.rsplit("@", 1))
    quote = connection.ops.quote_name
    return user, f"GRANT SELECT ON {quote(database)}.{quote(table)} TO {user};"


def absence(connection: Any) -> None:
    return None
