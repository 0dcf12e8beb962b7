"""MySQL and MariaDB."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from django.db import DatabaseError

from analytics_data_api.checks.databases.base import (
    Column,
    Database,
    Family,
    ForbiddenTableError,
    MissingTableError,
    Structure,
)
from analytics_data_api.checks.findings import Kind

# "Table … doesn't exist".
NO_TABLE: Final = 1146
# "SELECT command denied to user … for table …" and "… for column …".
DENIED: Final = {1142, 1143}

INTEGERS: Final = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year"})
TYPES: Final = {
    Family.TEXT: frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum"}),
    Family.INTEGER: INTEGERS,
    Family.NUMBER: INTEGERS | {"float", "double"},
    Family.DATE: frozenset({"date"}),
    Family.TIME: frozenset({"datetime", "timestamp"}),
}

# Kinds of indexes that are not in the order of their columns.
UNORDERED: Final = {"FULLTEXT", "SPATIAL", "RTREE", "HASH", "VECTOR"}


class MySQL(Database):
    def structure(self, table: str) -> Structure:
        quoted = self.connection.ops.quote_name(table)
        with self.connection.cursor() as cursor:
            try:
                described = self.connection.introspection.get_table_description(cursor, table)
            except DatabaseError as error:
                if error.args[0] == NO_TABLE:
                    raise MissingTableError from None
                if error.args[0] in DENIED:
                    raise self.forbidden(cursor, quoted) from None
                raise
            cursor.execute(
                "SELECT column_name, collation_name FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = %s",
                [table],
            )
            collations = dict(cursor.fetchall())
            columns = {each.name: Column(each.name, each.data_type, collations[each.name]) for each in described}
            cursor.execute(
                "SELECT table_type FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
                [table],
            )
            view = cursor.fetchone() == ("VIEW",)
            return Structure(columns, () if view else self.indexes(cursor, quoted), view)

    def indexes(self, cursor: Any, quoted: str) -> tuple[tuple[str | None, ...], ...]:
        cursor.execute(f"SHOW INDEX FROM {quoted}")
        # Which columns there are differs between servers.
        names = [description[0].lower() for description in cursor.description]
        indexes: dict[str, list[str | None]] = defaultdict(list)
        for values in cursor.fetchall():
            part = dict(zip(names, values, strict=True))
            unused = part.get("visible") == "NO" or part.get("ignored") == "YES"
            if part["index_type"] not in UNORDERED and not unused:
                indexes[part["key_name"]].append(part["column_name"])
        return tuple(map(tuple, indexes.values()))

    def forbidden(self, cursor: Any, quoted: str) -> ForbiddenTableError:
        cursor.execute("SELECT DATABASE(), CURRENT_USER()")
        database, account = cursor.fetchone()
        name, _, host = account.rpartition("@")
        user = "@".join("'{}'".format(part.replace("'", "''")) for part in (name, host))
        database = self.connection.ops.quote_name(database)
        return ForbiddenTableError(user, f"GRANT SELECT ON {database}.{quoted} TO {user};")

    def suits(self, family: Family, column: Column) -> bool:
        return column.type in TYPES[family]

    def collation_kind(self, column: Column) -> Kind | None:
        return Kind.CASE_INSENSITIVE if self.ignores_case(column) else None

    def ignores_case(self, column: Column) -> bool:
        # How a collation compares stands in its name: utf8mb4_general_ci, utf8mb4_0900_ai_ci, utf8mb4_bin.
        return "ci" in (column.collation or "").split("_")

    def folding(self, column: Column) -> Callable[[str], str]:
        # Most collations pass over spaces at the end, also those that tell capitals apart.
        return casefolded if self.ignores_case(column) else unpadded


def unpadded(text: str) -> str:
    return text.rstrip(" ")


def casefolded(text: str) -> str:
    return unpadded(text).casefold()
