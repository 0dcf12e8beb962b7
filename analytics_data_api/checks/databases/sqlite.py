"""SQLite."""

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from analytics_data_api.checks.databases.base import Column, Database, Family, MissingTableError, Structure
from analytics_data_api.checks.findings import Kind

BINARY: Final = "BINARY"

# What a column does to the values that are put into it, by what its type's name holds, in the order in which the names
# are looked for: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
AFFINITIES: Final = {
    "int": "integer",
    "char": "text",
    "clob": "text",
    "text": "text",
    "blob": "blob",
    "real": "real",
    "floa": "real",
    "doub": "real",
}

# Dates and times are kept as text, which a column of type DATE or DATETIME (numeric) leaves as it is.
SUITABLE: Final = {
    Family.TEXT: {"text", "blob"},
    Family.INTEGER: {"integer", "numeric", "blob"},
    Family.NUMBER: {"integer", "numeric", "real", "blob"},
    Family.DATE: {"text", "numeric", "blob"},
    Family.TIME: {"text", "numeric", "blob"},
}


class SQLite(Database):
    def structure(self, table: str) -> Structure:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT type FROM sqlite_master WHERE name = %s AND type IN ('table', 'view')", [table])
            found = cursor.fetchone()
            if found is None:
                raise MissingTableError
            columns = {
                column.name: Column(column.name, column.type_code.partition("(")[0].strip().lower(), column.collation)
                for column in self.connection.introspection.get_table_description(cursor, table)
            }
            return Structure(columns, self.indexes(cursor, table), found == ("view",))

    def indexes(self, cursor: Any, table: str) -> tuple[tuple[str | None, ...], ...]:
        # An index over some of the rows, or in the order of another collation, is not used for what is asked here.
        cursor.execute(
            "SELECT indexes.name, CASE WHEN parts.coll = %s THEN parts.name END "
            "FROM pragma_index_list(%s) AS indexes, pragma_index_xinfo(indexes.name) AS parts "
            "WHERE NOT indexes.partial AND parts.key ORDER BY indexes.seq, parts.seqno",
            [BINARY, table],
        )
        indexes: dict[str, list[str | None]] = defaultdict(list)
        for name, column in cursor.fetchall():
            indexes[name].append(column)
        # A primary key that is a number is no index by itself: the table is in its order.
        primary_key = self.connection.introspection.get_primary_key_columns(cursor, table)
        return (*map(tuple, indexes.values()), tuple(primary_key or ()))

    def suits(self, family: Family, column: Column) -> bool:
        return affinity(column.type) in SUITABLE[family]

    def collation_kind(self, column: Column) -> Kind | None:
        # The service leaves it to SQLite to compare bytes, which is what it does unless it is told otherwise.
        return None if (column.collation or BINARY).upper() == BINARY else Kind.WRONG_COLLATION

    def absence(self) -> str | None:
        # SQLite would make an empty file.
        name = str(self.connection.settings_dict["NAME"])
        if self.connection.is_in_memory_db() or name.startswith("file:") or Path(name).exists():
            return None
        return f"there is no file {Path(name).name!r}"


def affinity(type_name: str) -> str:
    if not type_name:
        return "blob"
    return next((found for name, found in AFFINITIES.items() if name in type_name), "numeric")
