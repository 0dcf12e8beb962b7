"""Whether a table has the columns that answers are made of, in types that can be read."""

from collections.abc import Iterable, Iterator
from typing import Final

from analytics_data_api.checks.databases.base import Family
from analytics_data_api.checks.findings import Finding, Kind
from analytics_data_api.checks.table import Table

FAMILIES: Final = {
    Family.TEXT: "text",
    Family.INTEGER: "a whole number",
    Family.NUMBER: "a number",
    Family.DATE: "a date",
    Family.TIME: "a date and time",
}
COLLATIONS: Final = {
    Kind.CASE_INSENSITIVE: "Its ids compare without regard to case ({}). The service compares their bytes itself.",
    Kind.WRONG_COLLATION: "Its ids compare by {}, so that requests for one id get the rows of another that is alike.",
}


def findings(table: Table) -> Iterator[Finding]:
    """Yield what is to be said about a table's columns."""
    present = table.structure.columns
    if missing := table.read_columns - present.keys():
        yield Finding(
            Kind.MISSING_COLUMN,
            f"It lacks {listed(missing)}: requests that read this get 503.",
            columns=tuple(sorted(missing)),
        )
    if spared := table.fields.keys() - table.read_columns - present.keys():
        yield Finding(
            Kind.LAYOUT_WITHOUT_COLUMN,
            f"It is of an older layout, without {listed(spared)}, which no answer needs.",
            columns=tuple(sorted(spared)),
        )
    if unknown := present.keys() - table.known_columns:
        yield Finding(
            Kind.UNKNOWN_COLUMN,
            f"It has what nobody here knows: {listed(unknown)}. No answer reads that.",
            columns=tuple(sorted(unknown)),
        )
    yield from wrong_types(table)
    yield from collations(table)


def wrong_types(table: Table) -> Iterator[Finding]:
    for name in sorted(table.read_columns & table.structure.columns.keys()):
        if family := table.wrong_family(name):
            kind = table.structure.columns[name].type
            yield Finding(
                Kind.WRONG_TYPE,
                f"The column {name} is of the type {kind}, where answers take {FAMILIES[family]}.",
                columns=(name,),
            )


def collations(table: Table) -> Iterator[Finding]:
    """Yield what is to be said about how ids compare that callers name, and labels."""
    compared = {name for search in table.searches for name in search.equal} & table.structure.columns.keys()
    kinds = {name: table.database.collation_kind(table.structure.columns[name]) for name in sorted(compared)}
    for kind, message in COLLATIONS.items():
        if columns := tuple(name for name, of_column in kinds.items() if of_column is kind):
            used = sorted({str(table.structure.columns[name].collation) for name in columns})
            yield Finding(kind, message.format(", ".join(used)), columns=columns)


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
