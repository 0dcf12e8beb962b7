"""What a table holds: how many rows, how new, which more than once, and similar ids.

Statements are short and lock nothing. Keys are read in the order of the table's own index, part by part, and compared
here, as answers compare them: the database sorts no more than a part, and no more than a part is held in memory.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.core.checks import CheckMessage
from django.db.models import Count, Max
from tqdm import tqdm

from analytics_data_api.checks.messages import message
from analytics_data_api.checks.table import Table
from analytics_data_api.tables.fields import AsText

# Rows that a statement counts: about a twentieth of a second's work.
SLICE_SIZE: Final = 100_000
# Rows in a part, but for one id that has more than these.
PART_SIZE: Final = 50_000
# Rows at most that a database sorts where the table has no index to read them by.
SORTED_ROWS: Final = 1_000_000
# Seconds after which the progress bar appears.
PROGRESS_DELAY: Final = 1

DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?")


def newest_fields(table: Table) -> dict[str, str]:
    """Return the fields of the newest load and date, of those that the table has."""
    fields = {"newest_load": "created", "newest_date": table.latest_by}
    return {name: field for name, field in fields.items() if field and table.has(field)}


def count(table: Table) -> dict[str, Any]:
    """Read a whole table, and return its number of ``rows``, its ``newest_date`` and ``newest_load``."""
    aggregates: dict[str, Any] = {name: AsText(Max(field)) for name, field in newest_fields(table).items()}
    if not table.has("id") or not table.has_index("id"):
        # A part of a view might take as long as all of it.
        return dict(table.rows.aggregate(rows=Count("*"), **aggregates))
    rows, newest, rest = 0, dict.fromkeys(aggregates), table.rows
    while True:
        part = rest.order_by("id")[:SLICE_SIZE].aggregate(id=Max("pk"), number=Count("*"), **aggregates)
        if part["id"] is None:
            return {"rows": rows, **newest}
        rows += part["number"]
        newest = {name: max(filter(None, (newest[name], part[name])), default=None) for name in newest}
        rest = table.rows.filter(id__gt=part["id"])


def peek(table: Table) -> dict[str, Any]:
    """Return the ``newest_date`` that indexes lead to at once, and the last row's load as ``newest_load``."""
    found, date = {}, table.latest_by
    if date and table.has(date):
        if table.has_index(table.column(date)):
            found["newest_date"] = table.rows.aggregate(newest=AsText(Max(date)))["newest"]
        elif table.has_index(table.entity_column, table.column(date)):
            # MySQL jumps from one course to the next.
            by_course = table.rows.values_list(table.entity).annotate(newest=AsText(Max(date)))
            found["newest_date"] = max(filter(None, (newest for _, newest in by_course.iterator())), default=None)
    if table.has("id", "created") and table.has_index("id"):
        found["newest_load"] = table.rows.order_by("-id").values_list(AsText("created"), flat=True).first()
    return found


def newest_findings(table: Table, contents: dict[str, Any]) -> Iterator[CheckMessage]:
    """Yield the findings about newest values that are no date or time, which a column of text may hold."""
    for name, field in newest_fields(table).items():
        form, expected = (DATE, "YYYY-mm-dd") if field == "date" else (TIME, "YYYY-mm-dd HH:MM:SS")
        value = contents.get(name)
        if value is not None and not form.fullmatch(value):
            text = f"The column {table.column(field)} holds {value[:40]!r}, where answers take {expected}."
            yield message("wrong_type", text, [table.column(field)], example={field: value})


def duplicate_findings(table: Table, rows: int) -> Iterator[CheckMessage]:
    """Yield the findings about rows that have a newer one with the same key, and about similar ids."""
    columns = [table.column(field) for field in table.rows.natural_key]
    if not table.columns.keys() >= set(columns) or any(map(table.expected_type, columns)):
        # That is an error already.
        return
    if not table.has_index(table.entity_column) and rows > SORTED_ROWS:
        text = f"without an index over {table.entity_column}, all rows would have to be sorted."
        yield message("not_checked", f"Duplicates were not looked for: {text}")
        return
    surplus, spellings, repeated, alike = 0, 0, None, None
    fold = table.engine.folding(table.columns[table.entity_column].collation)
    with tqdm(
        desc=table.name, total=rows, unit=" rows", unit_scale=True, leave=False, disable=None, delay=PROGRESS_DELAY
    ) as progress:
        for part in parts(table):
            by_folded = defaultdict(set)
            for keys in key_groups(table, part):
                distinct = set(keys)
                if len(distinct) < len(keys):
                    surplus += len(keys) - len(distinct)
                    repeated = repeated or Counter(keys).most_common(1)[0]
                for entity in {key[0] for key in distinct} if fold else ():
                    by_folded[fold(entity)].add(entity)
                progress.update(len(keys))
            similar = [sorted(ids) for ids in by_folded.values() if len(ids) > 1]
            spellings += len(similar)
            alike = alike or next(iter(similar), None)
    if repeated:
        text = (
            f"A load ran twice: {surplus:,} rows have a newer one with the same key ({', '.join(columns)}). Answers "
            "are right, because only the newest one of a key counts; the others take room and time. This key has "
            f"{repeated[1]} rows:"
        )
        example = dict(zip(columns, repeated[0], strict=False))
        yield message("duplicate_rows", text, columns, count=surplus, example=example)
    if alike:
        text = (
            f"Ids in {table.entity_column} that differ only in capitals, or spaces at the end, are {spellings:,} times "
            "there. The service answers for each by itself. For example:"
        )
        yield message("similar_ids", text, [table.entity_column], count=spellings, example={table.entity_column: alike})


def parts(table: Table) -> Iterator[Any]:
    """Yield a table's rows in parts, each with all rows of its ids and of those that the collation takes for equal."""
    rest = table.rows
    while table.has_index(table.entity_column):
        last = rest.order_by(table.entity).values_list(table.entity, flat=True)[PART_SIZE - 1 : PART_SIZE].first()
        if last is None:
            break
        yield rest.filter(**{f"{table.entity}__lte": last})
        rest = table.rows.filter(**{f"{table.entity}__gt": last})
    yield rest


def key_groups(table: Table, part: Any) -> Iterator[list[Any]]:
    """Yield the keys of a part's rows in groups; rows with the same key are in the same group."""
    if table.latest_by is None:
        yield list(part.order_by(table.entity).row_keys())
        return
    by_date = itemgetter(part.natural_key.index(table.latest_by))
    yield from (list(keys) for _, keys in groupby(part.order_by(table.entity, table.latest_by).row_keys(), by_date))
