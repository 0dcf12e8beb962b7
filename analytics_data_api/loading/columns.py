"""What the columns of a table take, and what of a file's values they take: by rule in Python, and the same in SQL.

DuckDB looks at all rows with the SQL; the rules in Python say what is wrong with a single value.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final, Literal

Kind = Literal["text", "integer", "number", "boolean", "date", "datetime"]

# How a file writes NULL in any column, and in those that are not text.
NULL: Final = r"\N"
NULLS: Final = ("", NULL, "None", "NaN", "nan", "inf", "-inf")

# Of a TIMESTAMP of MySQL.
FIRST_TIMESTAMP: Final = "1970-01-01 00:00:01"
LAST_TIMESTAMP: Final = "2038-01-19 03:14:07"

# For Python and for RE2 alike.
INTEGER: Final = r"([+-]?[0-9]+)(?:\.0*)?"
NUMBER: Final = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
UTC: Final = r"(?:Z|\+00(?::?00)?)?"
DATE: Final = rf"{DAY}(?:[T ]00:00:00(?:\.0+)?{UTC})?"
CLOCK: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
DATETIME: Final = rf"{DAY}(?:[T ]{CLOCK}(?:\.0+)?{UTC})?"
TRUE: Final = ("1", "true", "True", "TRUE", "1.0")
FALSE: Final = ("0", "false", "False", "FALSE", "0.0")

# The longest text that a message quotes.
QUOTED: Final = 60

# What MySQL calls latin1 has these in place of control characters.
CP1252: Final = bytes(range(0x80, 0xA0)).decode("cp1252", "ignore")
# Which characters a character set of MySQL lacks, where that is not every other one.
UNKNOWN_CHARACTERS: Final = {
    "utf8": r"[\x{10000}-\x{10FFFF}]",
    "utf8mb3": r"[\x{10000}-\x{10FFFF}]",
    "latin1": rf"[^\x00-\x7F\x{{A0}}-\x{{FF}}{CP1252}]",
    "ascii": r"[^\x00-\x7F]",
}


@dataclass(frozen=True)
class Column:
    """A column of a table in the database.

    Attributes:
        name: Its name.
        kind: What it holds.
        nullable: Whether it takes NULL.
        has_default: Whether rows may leave it out.
        low: The lowest integer.
        high: The highest integer.
        max_chars: The most characters of a text.
        max_bytes: The most bytes of a text.
        charset: The character set of a text, as MySQL names it.
        is_timestamp: Whether times are those of MySQL's TIMESTAMP.
    """

    name: str
    kind: Kind
    nullable: bool = True
    has_default: bool = True
    low: int = -(2**63)
    high: int = 2**63 - 1
    max_chars: int | None = None
    max_bytes: int | None = None
    charset: str = "utf8mb4"
    is_timestamp: bool = False

    @property
    def takes(self) -> str:
        """What it takes, for a message."""
        match self.kind:
            case "integer":
                return f"an integer from {self.low} to {self.high}"
            case "number":
                return "a number"
            case "boolean":
                return "0 or 1, true or false"
            case "date":
                return "a date that exists, as YYYY-MM-DD"
            case "datetime":
                last = f", from {FIRST_TIMESTAMP} to {LAST_TIMESTAMP}" if self.is_timestamp else ""
                return f"a time in UTC that exists, of whole seconds, as YYYY-MM-DD HH:MM:SS{last}"
        return f"text of at most {self.max_chars} characters" if self.max_chars else "text"

    @property
    def unknown_characters(self) -> str | None:
        return UNKNOWN_CHARACTERS.get(self.charset)

    def value(self, text: str | None) -> str | None:
        """Return the text of a value, or None for NULL."""
        if text is None or text == NULL:
            return None
        if self.kind == "text":
            return text
        stripped = text.strip(" ")
        return None if stripped in NULLS else stripped

    def fault(self, text: str | None) -> str | None:
        """Return what is wrong with a value of a file; None for nothing."""
        value = self.value(text)
        if value is None:
            return None if self.nullable else f"{quoted(text)} is NULL, which this column does not take."
        if self.kind == "text":
            return self.fault_of_text(value)
        return None if fits(self, value) else f"{quoted(text)} does not fit. The column takes {self.takes}."

    def fault_of_text(self, value: str) -> str | None:
        if self.max_chars is not None and len(value) > self.max_chars:
            return f"{quoted(value)} has {len(value)} characters. The column takes at most {self.max_chars}."
        size = len(value.encode("utf-8", "replace"))
        if self.max_bytes is not None and size > self.max_bytes:
            return f"{quoted(value)} has {size} bytes. The column takes at most {self.max_bytes}."
        pattern = self.unknown_characters
        if pattern and (found := re.search(python_pattern(pattern), value)):
            return f"{quoted(value)} has the character {found[0]!r}, which the column's {self.charset} lacks."
        return None

    def value_sql(self, expression: str) -> str:
        """Return, as DuckDB's SQL, the text of a value that a file has, or NULL."""
        if self.kind == "text":
            return f"nullif({expression}, {literal(NULL)})"
        return f"CASE WHEN trim({expression}) NOT IN ({', '.join(map(literal, NULLS))}) THEN trim({expression}) END"

    def plain_sql(self, expression: str) -> str:
        """Return, as DuckDB's SQL, whether a text fits and is stored as it is; false or NULL for one that may be.

        It is fast, and most values are plain.
        """
        match self.kind:
            case "text":
                return f"{expression} <> {literal(NULL)} AND NOT ({self.fault_of_text_sql(expression)})"
            case "integer":
                number = f"TRY_CAST({expression} AS BIGINT)"
                return f"CAST({number} AS VARCHAR) = {expression} AND {number} BETWEEN {self.low} AND {self.high}"
            case "date":
                day = f"TRY_CAST({expression} AS DATE)"
                # Years of five digits, and those before Christ, are longer; so is no infinity.
                return f"CAST({day} AS VARCHAR) = {expression} AND strlen({expression}) = 10 AND {expression} >= '0001'"
            case "number":
                number = f"TRY_CAST({expression} AS DOUBLE)"
                return f"CAST({number} AS VARCHAR) = {expression} AND isfinite({number})"
            case "boolean":
                return f"{expression} IN ('0', '1')"
        first, last = (FIRST_TIMESTAMP, LAST_TIMESTAMP) if self.is_timestamp else ("0001", "9999-12-31 23:59:59")
        moment = f"CAST(TRY_CAST({expression} AS TIMESTAMP) AS VARCHAR) = {expression}"
        return f"{moment} AND strlen({expression}) = 19 AND {expression} BETWEEN '{first}' AND '{last}'"

    def fault_sql(self, expression: str) -> str:
        """Return, as DuckDB's SQL, whether something is wrong with the text of a value, never NULL."""
        value = f"({self.value_sql(expression)})"
        if self.kind == "text":
            faulty = self.fault_of_text_sql(value)
        else:
            faulty = f"NOT coalesce({fits_sql(self, value)}, false)"
        return (
            f"CASE WHEN {self.plain_sql(expression)} THEN false "
            f"WHEN {value} IS NULL THEN {str(not self.nullable).lower()} ELSE {faulty} END"
        )

    def fault_of_text_sql(self, value: str) -> str:
        checks = []
        if self.max_chars is not None:
            checks.append(
                f"CASE WHEN strlen({value}) <= {self.max_chars} THEN false ELSE length({value}) > {self.max_chars} END"
            )
        if self.max_bytes is not None:
            checks.append(f"strlen({value}) > {self.max_bytes}")
        if self.unknown_characters:
            checks.append(f"regexp_matches({value}, {literal(self.unknown_characters)})")
        return " OR ".join(checks) or "false"

    def stored_sql(self, expression: str) -> str:
        """Return, as DuckDB's SQL, the text by which a value without a fault is stored, or NULL."""
        value = f"({self.value_sql(expression)})"
        if self.kind == "text":
            return value
        return f"CASE WHEN {self.plain_sql(expression)} THEN {expression} ELSE {self.converted_sql(value)} END"

    def converted_sql(self, value: str) -> str:
        match self.kind:
            case "integer":
                return f"CAST(CAST({value} AS BIGINT) AS VARCHAR)"
            case "number":
                return f"CAST(CAST({value} AS DOUBLE) AS VARCHAR)"
            case "boolean":
                return f"CAST(CAST({value} IN ({', '.join(map(literal, TRUE))}) AS TINYINT) AS VARCHAR)"
            case "date":
                return f"substr({value}, 1, 10)"
            case "datetime":
                return f"substr({value}, 1, 10) || ' ' || coalesce(nullif(substr({value}, 12, 8), ''), '00:00:00')"
        return value


def fits(column: Column, value: str) -> bool:
    """Return whether a column that is not text takes a value, by its text."""
    match column.kind:
        case "integer":
            found = re.fullmatch(INTEGER, value)
            # Longer ones are out of range, and slow to read.
            return found is not None and len(value) < 40 and column.low <= int(found[1]) <= column.high  # noqa: PLR2004 - digits
        case "number":
            return re.fullmatch(NUMBER, value) is not None and isfinite(float(value))
        case "boolean":
            return value in TRUE or value in FALSE
        case "date":
            return re.fullmatch(DATE, value) is not None and is_date(value[:10])
    moment = f"{value[:10]} {value[11:19] or '00:00:00'}"
    in_range = not column.is_timestamp or FIRST_TIMESTAMP <= moment <= LAST_TIMESTAMP
    return re.fullmatch(DATETIME, value) is not None and is_date(value[:10]) and in_range


def fits_sql(column: Column, value: str) -> str:
    """Return the same as ``fits`` as DuckDB's SQL, which may be NULL for false."""
    match column.kind:
        case "integer":
            # A cast would round a fraction; there is none left but zeros.
            in_range = f"TRY_CAST({value} AS BIGINT) BETWEEN {column.low} AND {column.high}"
            return f"regexp_full_match({value}, {literal(INTEGER)}) AND strlen({value}) < 40 AND {in_range}"
        case "number":
            return f"regexp_full_match({value}, {literal(NUMBER)}) AND isfinite(TRY_CAST({value} AS DOUBLE))"
        case "boolean":
            return f"{value} IN ({', '.join(map(literal, TRUE + FALSE))})"
    day = f"{value} >= '0001' AND TRY_CAST(substr({value}, 1, 10) AS DATE) IS NOT NULL"
    if column.kind == "date":
        return f"regexp_full_match({value}, {literal(DATE)}) AND {day}"
    times = f" AND {column.converted_sql(value)} BETWEEN '{FIRST_TIMESTAMP}' AND '{LAST_TIMESTAMP}'"
    return f"regexp_full_match({value}, {literal(DATETIME)}) AND {day}{times if column.is_timestamp else ''}"


def is_date(text: str) -> bool:
    with suppress(ValueError):
        date.fromisoformat(text)
        return True
    return False


def quoted(text: str | None) -> str:
    """Return a value as a message quotes it: on one line, and shortened."""
    if text is None:
        return "The value"
    shown = text if len(text) <= QUOTED else f"{text[:QUOTED]}…"
    return f'"{shown}"' if shown.isprintable() else repr(shown)


def literal(text: str) -> str:
    """Return a text as SQL has it."""
    return "'{}'".format(text.replace("'", "''"))


def python_pattern(pattern: str) -> str:
    r"""Return a pattern of RE2 in Python's form: ``\x{10000}`` is ``\U00010000``."""
    return re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: f"\\U{int(found[1], 16):08x}", pattern)


def named(columns: Iterable[Column], name: str) -> Column | None:
    """Return the column of a name, which may be written in capitals; None for none."""
    wanted = name.strip().lower()
    return next((column for column in columns if column.name.lower() == wanted), None)
