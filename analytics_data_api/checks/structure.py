"""Whether a table has the columns, types, collations and indexes that the service needs."""

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Final

from django.core.checks import CheckMessage

from analytics_data_api.checks.messages import message
from analytics_data_api.checks.required_indexes import Search
from analytics_data_api.checks.table import Table, index_columns

Columns = tuple[str | None, ...]

COURSE_ID: Final = "course_id"
# How the courses of a table are found.
BY_COURSE: Final = Search(frozenset({COURSE_ID}), None)

TEXTS: Final = {
    "missing_column": "It lacks {}: requests that read this get 503.",
    "layout_without_column": "It is of an older layout, without {}, which no answer needs.",
    "unknown_column": "It has columns that the service does not know: {}. No answer reads them.",
    "case_insensitive": "Its ids compare without regard to case ({}). The service compares their bytes itself.",
    "wrong_collation": "Its ids compare by {}, so that requests for one id get the rows of another that is alike.",
    "missing_index": "No index begins with {0.entity}: each request has the whole table read. Make one:",
    "short_index": (
        "No index leads from {0.entity} to {0.latest}: a request without dates reads and sorts all rows of its "
        "course. Where a course has very many, this helps:"
    ),
    "unlisted_courses": (
        "No index begins with course_id: each request for the list of courses has the whole table read. Make one:"
    ),
}


def column_findings(table: Table) -> Iterator[CheckMessage]:
    """Yield the findings about a table's columns, their types and collations."""
    present = table.columns.keys()
    unlike_models = {
        "missing_column": table.read_columns - present,
        "layout_without_column": table.fields.keys() - table.read_columns - present,
        "unknown_column": present - table.known_columns,
    }
    for code, found in unlike_models.items():
        if found:
            yield message(code, TEXTS[code].format(", ".join(sorted(found))), sorted(found))
    for name in sorted(table.read_columns & present):
        if expected := table.expected_type(name):
            text = f"The column {name} is of the type {table.columns[name].type}, where answers take {expected}."
            yield message("wrong_type", text, [name])
    compared = {name for search in table.searches for name in search.equal} & present
    for code in ("case_insensitive", "wrong_collation"):
        if names := [n for n in sorted(compared) if table.engine.collation_code(table.columns[n].collation) == code]:
            used = sorted({str(table.columns[name].collation) for name in names})
            yield message(code, TEXTS[code].format(", ".join(used)), names)


def index_findings(table: Table) -> Iterator[CheckMessage]:
    """Yield the findings about a table's indexes: each index that would help once."""
    if table.view:
        yield message("not_checked", "It is a view; the indexes that its queries use are not known.")
        return
    found: dict[str | None, CheckMessage] = {}
    for search in table.searches:
        serving = [index for index in table.indexes if serves(index, search)]
        if not serving:
            finding = missing("missing_index", table, search, serves)
        elif not any(leads_to_latest(index, search) for index in serving):
            finding = missing("short_index", table, search, leads_to_latest)
        else:
            continue
        found.setdefault(finding.hint, finding)
    yield from found.values()
    if is_unlisted(table):
        yield missing("unlisted_courses", table, BY_COURSE, serves)


def is_unlisted(table: Table) -> bool:
    """Return whether no index leads from one course to the next, which requests about no course need."""
    is_searched = any(COURSE_ID in search.equal for search in table.searches)
    return COURSE_ID in table.columns and not is_searched and not table.has_index(COURSE_ID)


def serves(index: Columns, search: Search) -> bool:
    """Return whether an index leads to the rows about an id, and not only to those of some date or label."""
    return search.entity in takewhile(search.equal.__contains__, index)


def leads_to_latest(index: Columns, search: Search) -> bool:
    """Return whether an index also leads to the latest date of an id, without which all rows of the id are read."""
    used = set(takewhile(lambda column: column in search.equal or column == search.latest, index))
    return search.latest is None or {search.entity, search.latest} <= used


def missing(code: str, table: Table, search: Search, fits: Callable[[Columns, Search], bool]) -> CheckMessage:
    """Return a finding with the index that the models declare for a search."""
    # Not entered as a context manager, which would begin a transaction.
    editor = table.connection.schema_editor(collect_sql=True)
    return next(
        message(code, TEXTS[code].format(search), columns, hint=f"{index.create_sql(model, editor)};")
        for model in table.models
        for index in model._meta.indexes
        if fits(columns := index_columns(model, index), search) and leads_to_latest(columns, search)
    )
