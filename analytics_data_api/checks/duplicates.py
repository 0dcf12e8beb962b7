"""Rows that are there more than once, and ids that are alike.

Keys are read in the order of the table's own index, part by part, and compared here, where they compare as they do in
answers. The database neither sorts nor groups more than a part, and nobody holds more than that.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from tqdm import tqdm

from analytics_data_api.checks.findings import Finding, Kind
from analytics_data_api.checks.table import Table
from analytics_data_api.tables.querysets import ReportQuerySet
from analytics_data_api.tables.rows import Row

# Rows in a part, but for one id that has more than these.
PART_SIZE: Final = 50_000
# Rows that a database may be asked to sort where the table has no index to read them by.
SORTED_ROWS: Final = 1_000_000
# Seconds after which a progress bar is worth showing.
PATIENCE: Final = 1


def findings(table: Table, rows: int) -> Iterator[Finding]:
    """Yield what is to be said about rows that are there twice and ids that are alike.

    Args:
        table: The table.
        rows: How many it has.
    """
    if not table.suits(*table.rows.natural_key):
        # There is an error to be told, which is enough.
        return
    indexed = table.structure.leads(table.column(table.entity))
    if not indexed and rows > SORTED_ROWS:
        yield Finding(
            Kind.NOT_CHECKED,
            f"Duplicates were not looked for: without an index over {table.column(table.entity)}, all rows would "
            "have to be sorted.",
        )
        return
    search = Search(table)
    with tqdm(
        desc=table.name, total=rows, unit=" rows", unit_scale=True, leave=False, disable=None, delay=PATIENCE
    ) as progress:
        for part in parts(table.rows, table.entity) if indexed else [table.rows]:
            search.go_through(part, progress.update)
    yield from search.findings()


def parts(rows: ReportQuerySet, entity: str) -> Iterator[ReportQuerySet]:
    """Yield the rows of a table in parts, each with all rows of every id that is in it.

    Ids that the column's collation takes for equal are in the same part.
    """
    last: str | None = None
    while True:
        rest = rows if last is None else rows.filter(**{f"{entity}__gt": last})
        last = rest.order_by(entity).values_list(entity, flat=True)[PART_SIZE - 1 : PART_SIZE].first()
        if last is None:
            yield rest
            return
        yield rest.filter(**{f"{entity}__lte": last})


class Search:
    """A search through a table, part by part.

    Attributes:
        surplus: How many rows have a newer one with the same key.
        example: The key of some of them, with the number of rows that have it.
        spellings: How many ids are there in several spellings.
        alike: Those of one of them.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.fold = table.database.folding(table.structure.columns[table.column(table.entity)])
        self.surplus = 0
        self.example: tuple[Row, int] | None = None
        self.spellings = 0
        self.alike: tuple[str, ...] = ()

    def go_through(self, part: ReportQuerySet, advance: Callable[[float], object]) -> None:
        """Search a part of the table.

        Args:
            part: The rows.
            advance: Called with the number of rows done, again and again.
        """
        ids: set[str] = set()
        for keys in self.groups(part):
            distinct = set(keys)
            if len(distinct) < len(keys):
                self.surplus += len(keys) - len(distinct)
                self.example = self.example or Counter(keys).most_common(1)[0]
            ids.update(map(itemgetter(0), distinct))
            advance(len(keys))
        if self.fold is not None:
            self.compare(ids, self.fold)

    def groups(self, part: ReportQuerySet) -> Iterator[list[Row]]:
        """Yield the keys of a part's rows in groups; rows with the same key are in the same group."""
        entity, latest_by = self.table.entity, self.table.latest_by
        if latest_by is None:
            yield list(part.order_by(entity).row_keys())
            return
        place = part.natural_key.index(latest_by)
        for _, group in groupby(part.order_by(entity, latest_by).row_keys(), key=itemgetter(place)):
            yield list(group)

    def compare(self, ids: Iterable[str | None], fold: Callable[[str], str]) -> None:
        """Look for ids that are equal when they are folded."""
        by_folded = defaultdict(list)
        for each in ids:
            if each is not None:
                by_folded[fold(each)].append(each)
        for same in by_folded.values():
            if len(same) > 1:
                self.spellings += 1
                self.alike = self.alike or tuple(sorted(same))

    def findings(self) -> Iterator[Finding]:
        """Yield what was found."""
        natural_key = tuple(map(self.table.column, self.table.rows.natural_key))
        if self.example is not None:
            key, times = self.example
            example: dict[str, Any] = dict(zip(natural_key, key, strict=False))
            yield Finding(
                Kind.DUPLICATE_ROWS,
                f"A load ran twice: {self.surplus:,} rows have a newer one with the same key "
                f"({', '.join(natural_key)}). "
                "Answers are right, because only the newest one of a key counts; the others take room and time. "
                f"This key has {times} rows:",
                columns=natural_key,
                count=self.surplus,
                example=example,
            )
        if self.alike:
            yield Finding(
                Kind.SIMILAR_IDS,
                f"Ids in {natural_key[0]} that differ only in capitals, or spaces at the end, are {self.spellings:,} "
                "times there. The service answers for each by itself. For example:",
                columns=natural_key[:1],
                count=self.spellings,
                example={natural_key[0]: self.alike},
            )
