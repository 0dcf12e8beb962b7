"""A report for people: a line for each table, then what was found, the worst first, and what to do at the end."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

from django.core.management.color import Style

from analytics_data_api.table_checks.findings import OK, Finding, Report, Severity, TableReport

WIDTH: Final = 100
# Wide enough for the longest word that a line can begin with.
INDENT: Final = " " * len("warning  ")
# Tables that are named where many have the same to be said of them.
NAMED_TABLES: Final = 3
# Characters of a value that are shown.
SHOWN_CHARACTERS: Final = 120

STYLES: Final = {
    OK: "SUCCESS",
    Severity.ERROR.word: "ERROR",
    Severity.WARNING.word: "WARNING",
    Severity.NOTE.word: "NOTICE",
}
TO_DO: Final = {
    Severity.ERROR.word: (
        "Mend the errors, with the SQL above where there is some, and run this again: until then, answers fail, are "
        "wrong or take long."
    ),
    Severity.WARNING.word: "Every answer is right; the warnings can wait until somebody has time.",
    OK: "Every table is as answers need it; there is nothing to do.",
}


def written(report: Report, style: Style) -> str:
    """Return a report in lines of up to 100 characters, but for what cannot be broken.

    Args:
        report: The report.
        style: Colors for a terminal, as Django's commands have them.
    """
    head = f"Database {report.database} ({report.vendor})"
    if report.quick:
        head += ", at a glance: no rows counted, no duplicates looked for"
    found = merged(report)
    blocks = (
        [head],
        overview(report.tables, style),
        *(lines(finding, tables, style) for finding, tables in found),
        wrap(summary(report, [finding for finding, _ in found]), WIDTH),
    )
    return "\n\n".join("\n".join(block) for block in blocks)


def overview(tables: Sequence[TableReport], style: Style) -> Iterator[str]:
    """Yield a line for each table, below the names of the columns."""
    header = ["table", "rows", "newest", "loaded (UTC)", "noted"]
    rows = [cells(each) for each in tables]
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    yield INDENT + aligned(header, widths)
    for each, row in zip(tables, rows, strict=True):
        yield colored(each.status, style) + aligned(row, widths)


def cells(table: TableReport) -> list[str]:
    return [
        table.table,
        "" if table.rows is None else f"{table.rows:,}",
        (table.newest_date or "")[: len("YYYY-mm-dd")],
        (table.newest_load or "")[: len("YYYY-mm-dd HH:MM")],
        (table.noted_load or "")[: len("YYYY-mm-dd")],
    ]


def aligned(row: list[str], widths: list[int]) -> str:
    """Return the cells of a row side by side, the number of rows to the right."""
    padded = [
        cell.rjust(width) if place == 1 else cell.ljust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(padded).rstrip()


def colored(word: str, style: Style) -> str:
    """Return the word that a line begins with, in its color and with the space behind it."""
    return str(getattr(style, STYLES[word])(word)) + " " * (len(INDENT) - len(word))


def merged(report: Report) -> list[tuple[Finding, list[str]]]:
    """Return each finding with the tables that it was made in: what is the same in many of them is said once."""
    tables: dict[Any, tuple[Finding, list[str]]] = {}
    for table, finding in report.findings:
        said = (finding.kind, finding.message, finding.statement, str(finding.example))
        tables.setdefault(said, (finding, []))[1].append(table.table)
    return list(tables.values())


def lines(finding: Finding, tables: list[str], style: Style) -> Iterator[str]:
    """Yield the lines about a finding: in which tables, what it means, an example, what would mend it."""
    named = ", ".join(tables[:NAMED_TABLES])
    others = len(tables) - NAMED_TABLES
    first, *following = indented(f"{named} and {others} more" if others > 0 else named)
    yield colored(finding.kind.severity.word, style) + first[len(INDENT) :]
    yield from following
    yield from indented(finding.message)
    if finding.example is not None:
        yield from indented(shown(finding.example), first="  ", following="    ")
    if finding.statement is not None:
        yield from indented(finding.statement, first="  ", following="    ")


def indented(text: str, first: str = "", following: str = "") -> list[str]:
    """Return the lines of a text below a word; what stands before the first one, and before the others, in addition."""
    return wrap(
        text,
        WIDTH,
        initial_indent=INDENT + first,
        subsequent_indent=INDENT + following,
        break_long_words=False,
        break_on_hyphens=False,
    )


def shown(example: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shortened(value)}" for name, value in example.items())


def shortened(value: Any) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(shortened, value))
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def summary(report: Report, findings: Sequence[Finding]) -> str:
    """Return how many findings there are, and what to do."""
    numbers = Counter(finding.kind.severity for finding in findings)
    counts = ", ".join(
        f"{numbers[severity]} {severity.word}{'' if numbers[severity] == 1 else 's'}"
        for severity in Severity
        if numbers[severity]
    )
    return f"{counts}. {TO_DO[report.status]}" if counts else TO_DO[report.status]
