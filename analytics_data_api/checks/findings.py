"""What the checks find out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any, Final

# The status of what has no finding, or none that matters more than a note.
OK: Final = "ok"


class Severity(IntEnum):
    """How much a finding matters, the worst first."""

    ERROR = 0
    WARNING = 1
    NOTE = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Kind(Enum):
    """The kinds of findings: what monitoring knows each by, and how much it matters.

    Whatever makes an answer fail, wrong, or cost the reading of a whole table is an error.
    """

    MISSING_TABLE = ("missing_table", Severity.ERROR)
    FORBIDDEN_TABLE = ("forbidden_table", Severity.ERROR)
    UNREADABLE_TABLE = ("unreadable_table", Severity.ERROR)
    MISSING_COLUMN = ("missing_column", Severity.ERROR)
    WRONG_TYPE = ("wrong_type", Severity.ERROR)
    WRONG_COLLATION = ("wrong_collation", Severity.ERROR)
    MISSING_INDEX = ("missing_index", Severity.ERROR)
    DUPLICATE_ROWS = ("duplicate_rows", Severity.WARNING)
    LAYOUT_WITHOUT_COLUMN = ("layout_without_column", Severity.NOTE)
    UNKNOWN_COLUMN = ("unknown_column", Severity.NOTE)
    SHORT_INDEX = ("short_index", Severity.NOTE)
    CASE_INSENSITIVE = ("case_insensitive", Severity.NOTE)
    SIMILAR_IDS = ("similar_ids", Severity.NOTE)
    NOT_CHECKED = ("not_checked", Severity.NOTE)

    def __init__(self, code: str, severity: Severity) -> None:
        self.code = code
        self.severity = severity


@dataclass(frozen=True)
class Finding:
    """Something about a table that is not as it should be, or worth knowing.

    Attributes:
        kind: What it is.
        message: What it means and what to do, in sentences that do not name the table.
        columns: The columns it is about.
        count: How many rows or ids it is about; None where that is no question of a number.
        example: One of them: the values of a row, or several spellings of an id.
        statement: The SQL that would mend it, quoted for the database in question.
    """

    kind: Kind
    message: str
    columns: tuple[str, ...] = ()
    count: int | None = None
    example: Mapping[str, Any] | None = None
    statement: str | None = None


@dataclass(frozen=True)
class TableReport:
    """What was found out about a table.

    Attributes:
        table: Its name.
        findings: In the order of their severity.
        rows: How many it has; None where they were not counted.
        newest_date: The latest date (end of a week) of a row, ``YYYY-mm-dd``; None for a table without dates, or where
            it was not looked for.
        newest_load: The latest ``created`` of a row, ``YYYY-mm-dd HH:MM:SS``, UTC.
        noted_load: The latest load that the pipeline has noted in ``table_updates``, in the same form.
    """

    table: str
    findings: tuple[Finding, ...] = ()
    rows: int | None = None
    newest_date: str | None = None
    newest_load: str | None = None
    noted_load: str | None = None

    @property
    def status(self) -> str:
        """The severity of the worst finding, in a word; ``ok`` where nothing has to be done."""
        return status(self.findings)


@dataclass(frozen=True)
class Report:
    """What was found out about a database.

    Attributes:
        database: Its key in the setting ``DATABASES``.
        vendor: ``sqlite`` or ``mysql``.
        quick: Whether everything was left out that takes a pass over a table.
        tables: The tables of the contract, and ``table_updates`` where there is one.
    """

    database: str
    vendor: str
    quick: bool
    tables: tuple[TableReport, ...]

    @property
    def findings(self) -> list[tuple[TableReport, Finding]]:
        """Each finding with its table, the worst first."""
        found = [(table, finding) for table in self.tables for finding in table.findings]
        return sorted(found, key=lambda pair: pair[1].kind.severity)

    @property
    def status(self) -> str:
        """As that of a table."""
        return status(finding for _, finding in self.findings)

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return self.status == Severity.ERROR.word


def status(findings: Iterable[Finding]) -> str:
    worst = min((finding.kind.severity for finding in findings), default=Severity.NOTE)
    return OK if worst is Severity.NOTE else worst.word
