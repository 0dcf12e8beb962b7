"""Reading files whose rows go into a table: CSV, TSV, NDJSON and Parquet.

DuckDB reads and checks the rows of CSV, TSV and Parquet. What it cannot read (line ends of two kinds, say), and NDJSON,
of which it would lose lines that are none, is read here, and handed to DuckDB to check. Where a file has faults, it is
read here once more, since a message names the line as an editor counts it.
"""

import csv
import gzip
import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import duckdb
import orjson
import pyarrow

from analytics_data_api.loading.batches import Lines
from analytics_data_api.loading.columns import Column, literal, named, quoted
from analytics_data_api.loading.errors import LoadError

FORMATS: Final = ("csv", "tsv", "ndjson", "parquet")
ENDINGS: Final = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
DELIMITERS: Final = {"csv": ",", "tsv": "\t"}

GENERATED: Final = "id"
CREATED: Final = "created"

BATCH_ROWS: Final = 50_000
# Of rows that are read here, where a text may be long.
SMALL_BATCH_ROWS: Final = 10_000
LONGEST_LINE: Final = 16 * 2**20
# Of DuckDB, several of which are in use; longer than the longest line that it takes, of 2 MB.
BUFFER_BYTES: Final = 4 * 2**20
BLOCK_BYTES: Final = 2**20
BOM: Final = "\ufeff"
# The types of DuckDB whose values are lists or objects.
NESTED: Final = re.compile(r"\]$|^(?:STRUCT|MAP|UNION|VARIANT)\b")

MAX_FAULTS: Final = 10
INTERRUPTED: Final = "Query interrupted"
SETTINGS: Final = (
    "SET memory_limit = '100MB'",
    "SET preserve_insertion_order = true",
    "SET autoinstall_known_extensions = false",
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
)


class Fault(NamedTuple):
    """Something wrong in a file.

    Attributes:
        path: The file.
        line: The line, counted from 1, in which the row begins; of a Parquet file, the row.
        column: The column; None where the line as a whole is wrong.
        reason: What is wrong, quoting the value.
    """

    path: str
    line: int
    column: str | None
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}, line {self.line}" + (f", column {self.column}" if self.column else "")
        return f"{place}: {self.reason}"


class FaultsError(LoadError):
    """Files have faults; the message names the first ones, and nothing was loaded."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = f"\nThese are the first {MAX_FAULTS}." if len(faults) == MAX_FAULTS else ""
        super().__init__("\n".join(["The files have faults, and nothing was loaded:", *map(str, faults)]) + more)


class Count(NamedTuple):
    """What the rows of a file are.

    Attributes:
        rows: How many there are.
        faulty: How many have a fault.
        escapes: How many have a backslash in a text.
        plain: The columns whose values are all stored as they are.
    """

    rows: int
    faulty: int
    escapes: int
    plain: Collection[str]


class LineError(Exception):
    """A line that holds no row; the message gives the reason."""


# The line in which a row begins, and its values, or why it has none.
Line = tuple[int, list[str | None] | LineError]


class Source:
    """A file with rows of a table.

    Args:
        path: The file.
        form: Its format, one of FORMATS.
        columns: The columns of the table.
        names: The names of the file's columns; None where it names them itself, or has those of the table in its order
            without ``id`` and ``created``.

    Attributes:
        read: The columns that are read, in the file's order; None for one that is left out.

    Raises:
        LoadError: The file cannot be read, or its columns are not those of the table.
    """

    def __init__(self, path: Path, form: str, columns: Sequence[Column], names: Sequence[str] | None) -> None:
        self.path = path
        self.form = form
        self.gzipped = path.suffix.lower() == ".gz"
        self.columns = columns
        self.has_header = False
        self.fast = form != "ndjson"
        # The columns whose values ``check`` has found to be stored as they are: these need no conversion.
        self.plain: Collection[str] = ()
        # Whether its lines go to the database as they are.
        self.verbatim = False
        with reported(path):
            self.stat = self.path.stat()
            self.names = self.names_of(names)
        self.read = self.matched()

    def names_of(self, names: Sequence[str] | None) -> list[str]:
        if self.form == "parquet":
            found = self.parquet_names()
            if names is not None and len(names) != len(found):
                raise LoadError(f"{self.path} has {len(found)} columns, and --columns names {len(names)}.")
            return list(names or found)
        if self.form == "ndjson":
            return list(names) if names is not None else self.keys()
        first = next((values for _, values in self.lines() if not isinstance(values, LineError)), None)
        fields = [(value or "").strip() for value in first or []]
        if names is not None:
            self.has_header = [field.lower() for field in fields] == [name.lower() for name in names]
            return list(names)
        self.has_header = any(named(self.columns, field) for field in fields)
        return fields if self.has_header else self.default_names()

    def default_names(self) -> list[str]:
        return [column.name for column in self.columns if column.name not in (GENERATED, CREATED)]

    def keys(self) -> list[str]:
        """Return the names that the objects of an NDJSON file may have, in the table's order.

        They are those of the first object, and those that any object may lack; ``created`` all have or none.
        """
        with self.opened() as file:
            texts = (text for _, text in physical_lines(file) if isinstance(text, str) and text.strip())
            first = next(texts, "")
        try:
            found = orjson.loads(first)
        except ValueError:
            found = None
        has = found if isinstance(found, dict) else {}
        return [
            column.name
            for column in self.columns
            if column.name in has
            or (column.name not in (GENERATED, CREATED) and (column.nullable or not column.has_default))
        ]

    def matched(self) -> list[Column | None]:
        """Return the column of each name.

        Raises:
            LoadError: A name is none, or is there twice, or one that rows need is missing.
        """
        unknown = [name for name in self.names if named(self.columns, name) is None]
        if unknown:
            known = ", ".join(column.name for column in self.columns)
            raise LoadError(f"{self.path} has columns that the table has not: {', '.join(unknown)}. It has {known}.")
        found = [named(self.columns, name) for name in self.names]
        if len(set(found)) < len(found):
            raise LoadError(f"{self.path} names a column twice: {', '.join(self.names)}.")
        missing = [column.name for column in self.columns if not column.has_default and column not in found]
        if missing:
            raise LoadError(f"{self.path} lacks columns that every row needs: {', '.join(missing)}.")
        # Rows get ids in the order of the file.
        return [None if column is None or column.name == GENERATED else column for column in found]

    @property
    def loaded(self) -> list[Column]:
        """The columns that are loaded."""
        return [column for column in self.read if column is not None]

    @property
    def parquet(self) -> str:
        return f"read_parquet({literal(pattern(self.path))}, binary_as_string = true, hive_partitioning = false)"

    def parquet_names(self) -> list[str]:
        with connected() as duck:
            described = duck.execute(f"DESCRIBE FROM {self.parquet}").fetchall()
        for name, kind, *_ in described:
            if NESTED.search(kind):
                raise LoadError(f"{self.path}, column {name}: values of the type {kind} are no text, number or time.")
        return [name for name, *_ in described]

    @property
    def relation(self) -> str:
        """The rows as a table of DuckDB, whose columns c0, c1 … are text."""
        if self.form == "parquet":
            names = enumerate(self.parquet_names())
            texts = ", ".join(f"CAST({identifier(name)} AS VARCHAR) AS c{place}" for place, name in names)
            return f"(SELECT {texts} FROM {self.parquet})"  # noqa: S608  # quoted names
        types = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(len(self.names)))
        quote = '"' if self.form == "csv" else ""
        line_end = "" if self.ends_with_cr() else ", new_line = '\\n'"
        return (
            f"read_csv({literal(pattern(self.path))}, auto_detect = false, hive_partitioning = false, "
            f"columns = {{{types}}}, "
            f"delim = '{DELIMITERS[self.form]}', quote = '{quote}', escape = '{quote}', header = {self.has_header}, "
            f"nullstr = '\\N', strict_mode = true, buffer_size = {BUFFER_BYTES}, "
            f"compression = '{'gzip' if self.gzipped else 'none'}'{line_end})"
        )

    def ends_with_cr(self) -> bool:
        with self.opened() as file:
            return file.readline(LONGEST_LINE).endswith(b"\r\n")

    @property
    def by_name(self) -> dict[str, Column]:
        """The columns that are loaded, by their names in ``relation``."""
        return {f"c{place}": column for place, column in enumerate(self.read) if column is not None}

    def select(self, relation: str) -> str:
        """Return the query for what is stored of the rows of a relation: a table of DuckDB with columns as by_name."""
        stored = (name if name in self.plain else column.stored_sql(name) for name, column in self.by_name.items())
        return f"SELECT {', '.join(stored)} FROM {relation}"  # noqa: S608  # generated names

    def faulty_sql(self, plain: Collection[str] = ()) -> str:
        """Return the condition of rows with a fault, where the values of some columns have none."""
        found = (column.fault_sql(name) for name, column in self.by_name.items() if name not in plain)
        return " OR ".join(found) or "false"

    def check(self, faults: list[Fault]) -> int:
        """Check every row; return how many there are.

        Args:
            faults: Gets what is wrong, up to MAX_FAULTS.

        Raises:
            LoadError: The file cannot be read.
        """
        with reported(self.path):
            self.check_compression()
            if self.fast:
                try:
                    found = self.count()
                except duckdb.Error as error:
                    if self.form == "parquet":
                        raise LoadError(f"{self.path} cannot be read as Parquet: {error}") from error
                    # It is no CSV as DuckDB understands it; the following reads it, or says what is wrong.
                    self.fast = False
                else:
                    if not found.faulty:
                        self.plain = found.plain
                        self.verbatim = self.is_verbatim(found)
                        return found.rows
                    if self.form == "parquet":
                        self.find_in_parquet(faults)
                        return found.rows
                    # What DuckDB takes for a fault may be none, such as a header behind blank lines.
                    self.fast = False
            return self.check_lines(faults)

    def count(self) -> Count:
        with connected() as duck:
            texts = (f"contains({name}, '\\')" for name, column in self.by_name.items() if column.kind == "text")
            others = ", ".join(
                f"count(*) FILTER (NOT coalesce({column.plain_sql(name)}, {name} IS NULL AND {column.nullable}))"
                for name, column in self.by_name.items()
            )
            ((rows, escapes, *counts),) = duck.execute(
                f"SELECT count(*), count(*) FILTER ({' OR '.join(texts) or 'false'}), {others} FROM {self.relation}"  # noqa: S608  # generated names
            ).fetchall()
            plain = {name for name, number in zip(self.by_name, counts, strict=True) if not number}
            faulty = 0 if len(plain) == len(counts) else faulty_rows(duck, self.relation, self.faulty_sql(plain))
            return Count(rows, faulty, escapes, plain)

    def is_verbatim(self, found: Count) -> bool:
        """Return whether the lines of a faultless file are those that ``lines_of`` would return of its rows."""
        if self.form != "tsv" or self.gzipped or found.escapes or len(found.plain) < len(self.read):
            return False
        if len(self.read) == 1:
            # A blank line may be a row.
            return False
        lines = 0
        for block in self.line_blocks():
            if block.startswith(BOM.encode()) or b"\r" in block or b"\0" in block:
                return False
            lines += block.count(b"\n")
        return lines == found.rows

    def line_blocks(self) -> Iterator[bytes]:
        """Yield whole lines behind the header."""
        with self.opened() as file:
            if self.has_header:
                file.readline()
            while block := file.read(BUFFER_BYTES):
                block += file.readline()
                yield block if block.endswith(b"\n") else block + b"\n"

    def check_compression(self) -> None:
        """Read a compressed file to its end, whose length and checksum DuckDB does not compare."""
        if self.gzipped:
            with gzip.open(self.path) as file:
                while file.read(BLOCK_BYTES):
                    pass

    def check_lines(self, faults: list[Fault]) -> int:
        rows = 0
        with connected() as duck:
            lines = self.content_lines()
            while batch := list(islice(lines, SMALL_BATCH_ROWS)):
                rows += len(batch)
                whole = [values for _, values in batch if not isinstance(values, LineError)]
                if len(whole) == len(batch) and not self.faulty(duck, whole):
                    continue
                for line, values in batch:
                    for fault in self.faults_of(line, values):
                        if len(faults) < MAX_FAULTS:
                            faults.append(fault)
                if len(faults) >= MAX_FAULTS:
                    break
        return rows

    def faulty(self, duck: Any, rows: list[list[str | None]]) -> bool:
        try:
            duck.register("batch", self.table_of(rows))
        except UnicodeEncodeError:
            return True
        return faulty_rows(duck, "batch", self.faulty_sql()) > 0

    def table_of(self, rows: list[list[str | None]]) -> Any:
        """Return rows as a table of pyarrow, as ``relation`` has them."""
        columns = zip(*rows, strict=True)
        return pyarrow.table({f"c{n}": pyarrow.array(values, pyarrow.string()) for n, values in enumerate(columns)})

    def faults_of(self, line: int, values: list[str | None] | LineError) -> Iterator[Fault]:
        if isinstance(values, LineError):
            yield Fault(str(self.path), line, None, str(values))
            return
        for column, value in zip(self.read, values, strict=True):
            if column is None:
                continue
            if value is not None and not is_unicode(value):
                yield Fault(str(self.path), line, column.name, f"{quoted(escaped(value))} is not UTF-8.")
            elif reason := column.fault(value):
                yield Fault(str(self.path), line, column.name, reason)

    def find_in_parquet(self, faults: list[Fault]) -> None:
        numbered = f"(SELECT *, row_number() OVER () AS line FROM {self.relation})"  # noqa: S608  # generated names
        condition = self.faulty_sql()
        with connected() as duck:
            query = f"SELECT line, COLUMNS('c[0-9]+') FROM {numbered} WHERE {condition} LIMIT {MAX_FAULTS}"  # noqa: S608  # generated names
            found = duck.execute(query)
            for line, *values in found.fetchall():
                faults.extend(islice(self.faults_of(line, values), MAX_FAULTS - len(faults)))

    def batches(self) -> Iterator[Any]:
        """Yield what is stored of the rows of a file that ``check`` has found faultless.

        They are ``pyarrow.RecordBatch``, or ``Lines`` where these are verbatim.

        Raises:
            LoadError: The file has changed since.
        """
        with reported(self.path), connected() as duck:
            if self.verbatim:
                yield from (Lines(block, block.count(b"\n")) for block in self.line_blocks())
            elif self.fast:
                yield from duck.sql(self.select(self.relation)).to_arrow_reader(BATCH_ROWS)
            else:
                lines = self.content_lines()
                while batch := list(islice(lines, SMALL_BATCH_ROWS)):
                    duck.register("batch", self.table_of([self.whole(values) for _, values in batch]))
                    yield from duck.sql(self.select("batch")).to_arrow_reader(BATCH_ROWS)
            now = self.path.stat()
            if (now.st_size, now.st_mtime_ns, now.st_ino) != (
                self.stat.st_size,
                self.stat.st_mtime_ns,
                self.stat.st_ino,
            ):
                raise LoadError(f"{self.path} was changed while it was loaded. Nothing was loaded: start again.")

    def whole(self, values: list[str | None] | LineError) -> list[str | None]:
        if isinstance(values, LineError):
            raise LoadError(f"{self.path} was changed while it was loaded. Nothing was loaded: start again.")
        return values

    @contextmanager
    def opened(self) -> Iterator[BinaryIO]:
        with gzip.open(self.path) if self.gzipped else self.path.open("rb") as file:
            yield file  # type: ignore[misc]  # GzipFile has what is used of BinaryIO

    def content_lines(self) -> Iterator[Line]:
        """Yield the lines with rows, without the header."""
        return islice(self.lines(), int(self.has_header), None)

    def lines(self) -> Iterator[Line]:
        """Yield each line that is not blank: where it begins, and its values, or why it holds none."""
        with self.opened() as file:
            lines = physical_lines(file)
            if self.form == "csv":
                yield from self.counted(csv_lines(lines))
            elif self.form == "tsv":
                yield from self.counted(tsv_lines(lines))
            else:
                yield from self.json_lines(lines)

    def counted(self, lines: Iterable[Line]) -> Iterator[Line]:
        """Yield lines, and an error in place of those that have another number of values than the file has columns."""
        expected = len(getattr(self, "names", ()))
        for line, values in lines:
            if expected and not isinstance(values, LineError) and len(values) != expected:
                yield (
                    line,
                    LineError(
                        f"it has {counted(len(values), 'value')} in place of {expected}: {', '.join(self.names)}."
                    ),
                )
            else:
                yield line, values

    def json_lines(self, lines: Iterable[tuple[int, str | LineError]]) -> Iterator[Line]:
        names = {name: place for place, name in enumerate(getattr(self, "names", ()))}
        for line, text in lines:
            if isinstance(text, LineError):
                yield line, text
            elif text.strip():
                try:
                    yield line, json_values(text, names)
                except LineError as error:
                    yield line, error


def source_of(path: Path, form: str | None, columns: Sequence[Column], names: Sequence[str] | None) -> Source:
    """Return a file as a source of rows; see ``Source``.

    Args:
        path: The file.
        form: Its format; None for the one that its name ends in, before ``.gz``.
        columns: The columns of the table.
        names: The names of the file's columns.

    Raises:
        LoadError: The format is not known, or the file does not fit the table.
    """
    inner = Path(path.stem) if path.suffix.lower() == ".gz" else path
    form = form or ENDINGS.get(inner.suffix.lower())
    if form is None:
        endings = ", ".join(ENDINGS)
        raise LoadError(f"The name of {path} does not say its format (it ends in none of {endings}): use --format.")
    if form == "parquet" and path.suffix.lower() == ".gz":
        raise LoadError(f"{path}: a Parquet file is compressed within; gunzip it first.")
    return Source(path, form, columns, names)


@contextmanager
def connected() -> Iterator[Any]:
    """Yield a connection of DuckDB, which loads nothing from elsewhere and keeps within its memory.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed during a query, which DuckDB reports by an error of its own.
    """
    with duckdb.connect(":memory:") as duck:
        for setting in SETTINGS:
            duck.execute(setting)
        try:
            yield duck
        except RuntimeError as error:
            if str(error) == INTERRUPTED:
                raise KeyboardInterrupt from error
            raise


def faulty_rows(duck: Any, relation: str, condition: str) -> int:
    """Return of how many rows of a relation a condition is true."""
    ((rows,),) = duck.execute(f"SELECT count(*) FROM {relation} WHERE {condition}").fetchall()  # noqa: S608  # generated names
    return int(rows)


@contextmanager
def reported(path: Path) -> Iterator[None]:
    """Report that a file cannot be read.

    Raises:
        LoadError: It cannot.
    """
    try:
        yield
    except (EOFError, gzip.BadGzipFile) as error:
        raise LoadError(f"{path} is cut off or damaged: {error}") from error
    except OSError as error:
        raise LoadError(f"{path} cannot be read: {error.strerror or error}.") from error
    except duckdb.Error as error:
        raise LoadError(f"{path} cannot be read: {error}") from error


def physical_lines(file: BinaryIO) -> Iterator[tuple[int, str | LineError]]:
    """Yield each line's number and its text with its end; bytes that are not UTF-8 become surrogates."""
    number = 0
    while content := file.readline(LONGEST_LINE):
        number += 1
        if len(content) == LONGEST_LINE and not content.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            yield number, LineError(f"it is longer than {LONGEST_LINE // 2**20} MB.")
            continue
        text = content.decode("utf-8", "surrogateescape")
        yield number, text.removeprefix(BOM) if number == 1 else text


def csv_lines(lines: Iterator[tuple[int, str | LineError]]) -> Iterator[Line]:
    # One value may be as long as a line may be.
    csv.field_size_limit(LONGEST_LINE)
    skipped: list[Line] = []

    def texts() -> Iterator[str]:
        for number, text in lines:
            if isinstance(text, LineError):
                skipped.append((number, text))
                yield "\n"
            else:
                yield text

    reader = csv.reader(texts(), strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield begin, LineError(f"it is no CSV: {error}.")
        else:
            if values:
                yield begin, list(values)
        yield from skipped
        skipped.clear()
    yield from skipped


def tsv_lines(lines: Iterable[tuple[int, str | LineError]]) -> Iterator[Line]:
    for number, text in lines:
        if isinstance(text, LineError):
            yield number, text
        elif content := text.removesuffix("\n").removesuffix("\r"):
            yield number, list(content.split("\t"))


def json_values(text: str, names: dict[str, int]) -> list[str | None]:
    """Return the values of an object of JSON as text.

    Raises:
        LineError: It is no object, has a name that is none of these, or a value that is an object or a list.
    """
    if not is_unicode(text):
        raise LineError("it is not UTF-8.")
    try:
        found = orjson.loads(text)
    except ValueError:
        try:
            # Takes NaN and Infinity, too, as some programs write them.
            found = json.loads(text, parse_float=finite)
        except (ValueError, RecursionError):
            raise LineError(f"it is no JSON: {quoted(text.strip())}.") from None
    if not isinstance(found, dict):
        raise LineError(f"it is no object: {quoted(text.strip())}.")
    values: list[str | None] = [None] * len(names)
    for name, value in found.items():
        if name == GENERATED:
            continue
        if name not in names:
            raise LineError(f"{quoted(name)} is no column that is loaded: {', '.join(names)}.")
        values[names[name]] = json_text(name, value)
    return values


def json_text(name: str, value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
    raise LineError(f"the value of {quoted(name)} is no text or number: {quoted(json.dumps(value))}.")


def finite(digits: str) -> float | str:
    """Return the value of a number, or its digits where that is too large: infinity would pass for NULL."""
    value = float(digits)
    return value if isfinite(value) else digits


def is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(text: str) -> str:
    """Return a text with what is not Unicode in it as escapes: bytes of a file, or what JSON writes as an escape."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def pattern(path: Path) -> str:
    """Return the pattern by which DuckDB finds this file alone."""
    return re.sub(r"[*?[]", r"[\g<0>]", str(path))


def identifier(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def load_columns(sources: Sequence[Source]) -> list[str]:
    """Return the names of the columns that files hold, which have to be the same.

    Raises:
        LoadError: They are not.
    """
    first = sources[0]
    for source in sources[1:]:
        if {column.name for column in source.loaded} != {column.name for column in first.loaded}:
            raise LoadError(f"{source.path} and {first.path} have different columns; load them one after the other.")
    return [column.name for column in first.loaded]


def rows_of(sources: Sequence[Source]) -> Iterator[Any]:
    """Yield the rows of files in batches, with the columns of ``load_columns``."""
    names = load_columns(sources)

    def ordered(source: Source) -> Iterator[Any]:
        own = [column.name for column in source.loaded]
        places = [own.index(name) for name in names]
        source.verbatim = source.verbatim and own == names
        for batch in source.batches():
            yield batch if own == names else batch.select(places)

    return chain.from_iterable(map(ordered, sources))
