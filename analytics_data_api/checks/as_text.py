"""A report for people: a line for each table, then what was found, the worst first, and what to do at the end."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final, NamedTuple

from django.core.management.color import Style

from analytics_data_api.checks.findings import OK, Finding, Report, Severity, TableReport

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
    blocks = (
        [head],
        overview(report.tables, style),
        *(lines(block, style) for block in merged(report)),
        wrap(summary(report), WIDTH),
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


class Block(NamedTuple):
    """What is to be said of one table, or of several in the same words.

    Attributes:
        finding: One of the findings, all of which say the same.
        tables: The tables that it was made in.
        statements: What would mend it, in each table that something would.
    """

    finding: Finding
    tables: list[str]
    statements: list[str]


def merged(report: Report) -> list[Block]:
    """Return the findings, the worst first; what is the same in many tables is said once."""
    blocks: dict[Any, Block] = {}
    for table, finding in report.findings:
        block = blocks.setdefault((finding.kind, finding.message, str(finding.example)), Block(finding, [], []))
        block.tables.append(table.table)
        if finding.statement is not None:
            block.statements.append(finding.statement)
    return list(blocks.values())


def lines(block: Block, style: Style) -> Iterator[str]:
    """Yield the lines about a finding: in which tables, what it means, an example, what would mend it."""
    named = ", ".join(block.tables[:NAMED_TABLES])
    others = len(block.tables) - NAMED_TABLES
    first, *following = indented(f"{named} and {others} more" if others > 0 else named)
    yield colored(block.finding.kind.severity.word, style) + first[len(INDENT) :]
    yield from following
    yield from indented(block.finding.message)
    if block.finding.example is not None:
        yield from indented(quote_value(block.finding.example), first="  ", following="    ")
    for statement in block.statements:
        yield from indented(statement, first="  ", following="    ")


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


def quote_value(example: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {shortened(value)}" for name, value in example.items())


def shortened(value: Any) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(shortened, value))
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def summary(report: Report) -> str:
    """Return how many findings there are, each table's by itself, and what to do."""
    numbers = Counter(finding.kind.severity for _, finding in report.findings)
    counts = ", ".join(
        f"{numbers[severity]} {severity.word}{'' if numbers[severity] == 1 else 's'}"
        for severity in Severity
        if numbers[severity]
    )
    return f"{counts}. {TO_DO[report.status]}" if counts else TO_DO[report.status]
