"""The LMS's tables that computing takes: from files, or from its database.

Either way all values are text, as a CSV file has them; the rules (``computing.tables``) say what they mean. Rows of a
database are read in parts of the primary key, each by a short statement that locks nothing, and kept in a Parquet file
while tables are computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import dj_database_url
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.utils import ConnectionHandler

from analytics_data_api.computing.errors import ComputeError
from analytics_data_api.computing.store import WILDCARDS


@dataclass(frozen=True)
class LmsTable:
    """A table of the LMS, with the columns that are read."""

    name: str
    columns: tuple[str, ...]


PROFILES: Final = LmsTable("auth_userprofile", ("user_id", "gender", "year_of_birth", "level_of_education"))
ENROLLMENTS: Final = LmsTable("student_courseenrollment", ("user_id", "course_id", "is_active"))
MODULES: Final = LmsTable("courseware_studentmodule", ("module_type", "module_id", "course_id", "grade", "max_grade"))

# How a file is read, by the end of its name; .gz may follow. A record of courseware_studentmodule has the state of the
# module, of up to 16 MB.
CSV_OPTIONS: Final = (
    "header = true, all_varchar = true, quote = '\"', escape = '\"', nullstr = ['', '\\N', 'NULL'], "
    "max_line_size = 16777216, buffer_size = 33554432"
)
READERS: Final = {
    ".csv": f"read_csv(?, delim = ',', {CSV_OPTIONS})",
    ".tsv": f"read_csv(?, delim = '\t', {CSV_OPTIONS})",
    ".parquet": "read_parquet(?)",
}
# Rows of a database that a statement reads.
PART_ROWS: Final = 50_000


class LmsSource(Protocol):
    """Where the LMS's tables are read.

    Attributes:
        lacks: What a table that it does not have lacks, for a message.
    """

    lacks: str

    def has(self, table: LmsTable) -> bool:
        """Return whether it has a table."""

    def create_view(self, connection: duckdb.DuckDBPyConnection, table: LmsTable, folder: Path) -> None:
        """Make a view of a table, named as the table, with all columns as text.

        Args:
            connection: The connection to DuckDB.
            table: The table.
            folder: Where temporary files may be written.

        Raises:
            ComputeError: The table cannot be read.
        """


def create_view(connection: duckdb.DuckDBPyConnection, table: LmsTable, reader: str, path: Path) -> None:
    """Make a view of the rows of a file."""
    source = reader.replace("?", "'" + str(path).replace("'", "''") + "'")
    try:
        present = {str(row[0]) for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}  # noqa: S608 - quoted above
        if missing := [column for column in table.columns if column not in present]:
            raise ComputeError(
                f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}: "
                "the first line names the columns, as the LMS does."
            )
        columns = ", ".join(f'CAST("{column}" AS VARCHAR) AS "{column}"' for column in table.columns)
        connection.execute(f"CREATE OR REPLACE VIEW {table.name} AS SELECT {columns} FROM {source}")  # noqa: S608 - names of ours
    except duckdb.Error as error:
        raise ComputeError(f"{path} cannot be read: {first_line(error)}") from error


class LmsFiles:
    """A folder of files, named as the tables: ``auth_userprofile.csv``, ``.tsv`` or ``.parquet``, also with ``.gz``.

    Raises:
        ComputeError: There is no such folder, or DuckDB would read its name as a pattern.
    """

    lacks = "of which the folder of --lms-files has no file"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise ComputeError(f"There is no folder {folder}.")
        if WILDCARDS & set(str(folder)):
            raise ComputeError(f"The path of a folder of files cannot contain * ? or [: {folder}.")

    def find(self, table: LmsTable) -> tuple[Path, str] | None:
        """Return the file of a table and how it is read."""
        for ending, reader in READERS.items():
            for name in (f"{table.name}{ending}", f"{table.name}{ending}.gz"):
                if (path := self.folder / name).is_file():
                    return path, reader
        return None

    def has(self, table: LmsTable) -> bool:
        return self.find(table) is not None

    def create_view(self, connection: duckdb.DuckDBPyConnection, table: LmsTable, folder: Path) -> None:
        found = self.find(table)
        if found is None:
            raise ComputeError(f"There is no file of {table.name} in {self.folder}.")
        create_view(connection, table, found[1], found[0])


class LmsDatabase:
    """The LMS's database, by its URL; ``SELECT`` on the tables is enough.

    Raises:
        ComputeError: It cannot be reached, or the URL cannot be read.
    """

    lacks = "which its database does not have, or does not show to this user: it takes SELECT on the table"

    def __init__(self, url: str) -> None:
        try:
            settings: dict[str, Any] = {**dj_database_url.parse(url)}
        except ValueError:
            # No message quotes the URL, because it holds a password.
            raise ComputeError(
                "The URL of the LMS's database cannot be read: mysql://user:password@host:3306/name."
            ) from None
        if settings["ENGINE"].endswith("sqlite3") and not Path(settings["NAME"]).is_file():
            raise ComputeError(f"The LMS's database {settings['NAME']} is not there.")
        if settings["ENGINE"].endswith("mysql"):
            settings["OPTIONS"] = {
                "charset": "utf8mb4",
                "isolation_level": "read committed",
                **settings.get("OPTIONS", {}),
            }
        try:
            self.connection: Any = ConnectionHandler({"default": {}, "lms": settings})["lms"]
            with self.connection.cursor() as cursor:
                self.tables = set(self.connection.introspection.table_names(cursor))
        except (Error, ImproperlyConfigured) as error:
            raise ComputeError(f"The LMS's database cannot be read: {first_line(error)}") from error

    def has(self, table: LmsTable) -> bool:
        return table.name in self.tables

    def create_view(self, connection: duckdb.DuckDBPyConnection, table: LmsTable, folder: Path) -> None:
        path = folder / f"{table.name}.parquet"
        schema = pa.schema([(column, pa.string()) for column in table.columns])
        try:
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for rows in self.parts(table):
                    columns = [pa.array(map(as_text, column), pa.string()) for column in zip(*rows, strict=True)]
                    writer.write_batch(pa.record_batch(columns, schema=schema))
        except Error as error:
            raise ComputeError(f"{table.name} of the LMS's database cannot be read: {first_line(error)}") from error
        finally:
            self.connection.close()
        create_view(connection, table, READERS[".parquet"], path)

    def parts(self, table: LmsTable) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows in the order of the primary key, some at a time."""
        quote = self.connection.ops.quote_name
        columns = ", ".join(map(quote, ("id", *table.columns)))
        statement = f"SELECT {columns} FROM {quote(table.name)} WHERE id > %s ORDER BY id LIMIT {PART_ROWS}"  # noqa: S608 - quoted
        last = -1
        while True:
            with self.connection.cursor() as cursor:
                cursor.execute(statement, [last])
                rows = cursor.fetchall()
            if not rows:
                return
            yield [row[1:] for row in rows]
            last = rows[-1][0]


def as_text(value: Any) -> str | None:
    return None if value is None else str(value)


def first_line(error: Exception) -> str:
    return str(error.args[-1] if error.args else error).strip().splitlines()[0]
