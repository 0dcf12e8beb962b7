"""Reports as one JSON document for monitoring, whose keys stay as they are, and as text for people."""

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Final

import orjson
from django.core.checks import ERROR, INFO, WARNING, CheckMessage
from django.core.management.color import Style

from analytics_data_api.checks.messages import TableReport

SEVERITIES: Final = {ERROR: "error", WARNING: "warning", INFO: "note"}
OK: Final = "ok"
STYLES: Final = {OK: "SUCCESS", "error": "ERROR", "warning": "WARNING", "note": "NOTICE"}
SUMMARIES: Final = {
    "error": (
        "Mend the errors, with the SQL above where there is some, and run this again: until then, answers fail, are "
        "wrong or take long."
    ),
    "warning": "Every answer is right; the warnings can wait.",
    OK: "Every table is as answers need it; there is nothing to do.",
}

WIDTH: Final = 100
# As wide as the longest severity and two spaces.
INDENT: Final = " " * len("warning  ")
# Tables that are named where many have the same finding.
NAMED_TABLES: Final = 3
# Characters of a value that are shown.
SHOWN_CHARACTERS: Final = 120


def counts(*tables: TableReport) -> dict[str, int]:
    """Return the number of findings by severity."""
    levels = Counter(finding.level for table in tables for finding in table.findings)
    return {severity: levels[level] for level, severity in SEVERITIES.items()}


def status(*tables: TableReport) -> str:
    """Return the severity of the worst finding; ``ok`` if none is more than a note."""
    found = counts(*tables)
    return next((severity for severity in ("error", "warning") if found[severity]), OK)


def as_json(database: str, tables: list[TableReport], *, quick: bool, reason: str | None = None) -> str:
    """Return the document about a database; ``reason`` is why it does not answer, if it does not."""
    document = {
        "database": database,
        "quick": quick,
        "status": "unavailable" if reason else status(*tables),
        "reason": reason,
        **{f"{severity}s": number for severity, number in counts(*tables).items()},
        "tables": list(map(as_object, tables)),
    }
    # A SQLite file may hold anything in any column; an example of it is shown as it is written in Python.
    return orjson.dumps(document, default=repr, option=orjson.OPT_INDENT_2).decode()


def as_object(table: TableReport) -> dict[str, Any]:
    """Return the part of the document about a table."""
    values = table._asdict() | {"status": status(table), "newest_date": table.newest_date and table.newest_date[:10]}
    for name in ("newest_load", "noted_load"):
        values[name] = values[name] and f"{values[name][:10]}T{values[name][11:19]}Z"
    order = ("table", "status", "rows", "newest_date", "newest_load", "noted_load")
    findings = [
        {"code": each.id, "severity": SEVERITIES[each.level], "message": each.msg, **each.obj, "statement": each.hint}
        for each in table.findings
    ]
    return {name: values[name] for name in order} | {"findings": findings}


def as_text(head: str, tables: list[TableReport], style: Style) -> str:
    """Return reports below a first line, in lines of up to 100 characters, but for words that cannot be broken."""
    # The worst first; a finding that many tables have is shown once.
    merged: dict[Any, list[tuple[str, CheckMessage]]] = {}
    found = [(table.table, finding) for table in tables for finding in table.findings]
    for table, finding in sorted(found, key=lambda pair: -pair[1].level):
        same = (finding.id, finding.msg, str(finding.obj["example"]))
        merged.setdefault(same, []).append((table, finding))
    numbers = [f"{number} {word}{'s' * (number > 1)}" for word, number in counts(*tables).items() if number]
    summary = (f"{', '.join(numbers)}. " if numbers else "") + SUMMARIES[status(*tables)]
    blocks = ([head], overview(tables, style), *(block(each, style) for each in merged.values()), wrap(summary, WIDTH))
    return "\n\n".join("\n".join(lines) for lines in blocks)


def overview(tables: list[TableReport], style: Style) -> Iterator[str]:
    """Yield a line for each table, below the names of the columns; the pipeline's notes only if there are some."""
    rows = [["table", "rows", "newest", "loaded (UTC)", "noted"]]
    for table in tables:
        times = ((table.newest_date or "")[:10], (table.newest_load or "")[:16], (table.noted_load or "")[:10])
        rows.append([table.table, "" if table.rows is None else f"{table.rows:,}", *times])
    shown = 5 if any(row[4] for row in rows[1:]) else 4
    name, number, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    form = "  ".join([f"{{:<{name}}}", f"{{:>{number}}}", *(f"{{:<{width}}}" for width in widths)][:shown])
    starts = [INDENT, *(colored(status(table), style) for table in tables)]
    yield from (start + form.format(*row).rstrip() for start, row in zip(starts, rows, strict=True))


def block(found: list[tuple[str, CheckMessage]], style: Style) -> Iterator[str]:
    """Yield the lines about a finding: in which tables, what it means, an example, and the SQL that mends it."""
    finding = found[0][1]
    named = ", ".join(table for table, _ in found[:NAMED_TABLES])
    more = f" and {len(found) - NAMED_TABLES} more" if len(found) > NAMED_TABLES else ""
    first, *following = indented(named + more)
    yield colored(SEVERITIES[finding.level], style) + first.lstrip()
    yield from (*following, *indented(finding.msg))
    if example := finding.obj["example"]:
        yield from indented(", ".join(f"{name} {quote_value(value)}" for name, value in example.items()), 2)
    for _, each in found:
        yield from indented(each.hint or "", 2)


def indented(text: str, depth: int = 0) -> list[str]:
    """Return the lines of a text below a severity, and by some more spaces for an example or SQL."""
    start, following = INDENT + " " * depth, INDENT + " " * 2 * depth
    return wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=following, break_long_words=False, break_on_hyphens=False
    )


def colored(word: str, style: Style) -> str:
    """Return the word that a line begins with, in its color, and the spaces after it."""
    return str(getattr(style, STYLES[word])(word)) + " " * (len(INDENT) - len(word))


def quote_value(value: Any) -> str:
    """Return a value as it is shown, shortened; spellings side by side."""
    if isinstance(value, list):
        return " and ".join(map(quote_value, value))
    text = "NULL" if value is None else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
