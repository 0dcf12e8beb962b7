"""Whether the service's queries find their rows by an index.

An index does by what it begins with, whatever its name and whatever follows.
"""

from collections.abc import Callable, Iterator
from itertools import takewhile

from analytics_data_api.checks.findings import Finding, Kind
from analytics_data_api.checks.required_indexes import Search
from analytics_data_api.checks.table import Table

Columns = tuple[str | None, ...]


def serves(index: Columns, search: Search) -> bool:
    """Tell whether an index leads to the rows about an id, and not only to those of some date or label."""
    return search.entity in takewhile(search.equal.__contains__, index)


def leads_to_latest(index: Columns, search: Search) -> bool:
    """Tell whether an index also leads to the latest date of an id; if not, all the id's rows have to be read."""
    used = set(takewhile(lambda column: column in search.equal or column == search.latest, index))
    return search.latest is None or {search.entity, search.latest} <= used


def findings(table: Table) -> Iterator[Finding]:
    """Yield what is to be said about a table's indexes: each index that would help once."""
    if table.structure.view:
        yield Finding(Kind.NOT_CHECKED, "It is a view; whether its queries find an index cannot be told.")
        return
    found: dict[str, Finding] = {}
    for search in table.searches:
        serving = [index for index in table.structure.indexes if serves(index, search)]
        if not serving:
            finding = lacking(table, search)
        elif not any(leads_to_latest(index, search) for index in serving):
            finding = short(table, search)
        else:
            continue
        found.setdefault(str(finding.statement), finding)
    yield from found.values()


def lacking(table: Table, search: Search) -> Finding:
    wanted, statement = declared(table, search, lambda columns: serves(columns, search))
    return Finding(
        Kind.MISSING_INDEX,
        f"No index begins with {search.entity}: each request has the whole table read. Make one:",
        columns=wanted,
        statement=statement,
    )


def short(table: Table, search: Search) -> Finding:
    wanted, statement = declared(table, search, lambda columns: leads_to_latest(columns, search))
    return Finding(
        Kind.SHORT_INDEX,
        f"No index leads from {search.entity} to {search.latest}: a request without dates reads and sorts all rows "
        "of its course. Where a course has very many, this helps:",
        columns=wanted,
        statement=statement,
    )


def declared(table: Table, search: Search, fits: Callable[[Columns], bool]) -> tuple[tuple[str, ...], str]:
    """Return the columns of the index that the models declare for a search, and the statement that makes it."""
    return next(
        (index.columns, index.statement)
        for index in table.declared_indexes
        if fits(index.columns) and leads_to_latest(index.columns, search)
    )
