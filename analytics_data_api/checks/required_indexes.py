"""The queries that the service makes of a table, found by composing them all and running none."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final, NamedTuple

from django.db.models.lookups import Exact, In
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, WhereNode

from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.fields import OfPairs

# A date that is a midnight makes another query than a time within a day.
ENDS: Final = (None, datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, 12, tzinfo=UTC))
RANGES: Final = (None, *(DateRange(*ends) for ends in product(ENDS, ENDS) if any(ends)))


# What the reports of many courses call, each with one course.
OF_MANY: Final[dict[str, tuple[Any, ...]]] = {
    "is_filled": (),
    "of_courses": ([""],),
    "programs_of": ([""],),
    "programs": (None,),
    "counts_on": ([""], ENDS[1]),
    "on_dates": ({"": ["2000-01-01"]},),
}


class Search(NamedTuple):
    """How a query finds rows: by columns equal to given values, and perhaps one equal to its latest on record."""

    equal: frozenset[str]
    latest: str | None

    @property
    def entity(self) -> str:
        """The column that is compared with the id in the request."""
        return next(column for column in self.equal if column.endswith("_id"))


def queries(rows: Any) -> list[Query]:
    """Return every query that the service makes of a table's rows."""
    composed: list[Query] = []

    def read(self: Any, compose: Any, *shape: Any, **values: Any) -> Iterator[Any]:
        composed.append(compose(self.model._default_manager.using(self.db), *shape).query)
        return iter(())

    for report in reports(type("ComposedOnly", (type(rows),), {"read": read})(rows.model, using=rows.db)):
        list(report)
    return composed


def reports(rows: Any) -> Iterator[Iterable[Any]]:
    """Yield the rows of every report that a table has, about an id or about many."""
    if hasattr(rows, "span"):
        for dates in RANGES:
            yield rows.report("", dates).rows
        rows.span("")
    elif hasattr(rows, "report"):
        yield rows.report("").rows
    if hasattr(rows, "recent"):
        for name in activity_types.NAMES:
            yield rows.recent("", name).rows
    if hasattr(rows, "by_problem"):
        yield rows.by_problem("").rows
    for name, arguments in OF_MANY.items():
        if hasattr(rows, name):
            yield getattr(rows, name)(*arguments) or ()


def columns(queries: Iterable[Query], known: Iterable[str], connection: Any) -> set[str]:
    """Return which of the known columns the queries read: select, compare or order by."""
    sql = " ".join(query.get_compiler(connection=connection).as_sql()[0] for query in queries)
    return {column for column in known if f".{connection.ops.quote_name(column)}" in sql}


def searches(query: Query) -> Iterator[Search]:
    """Yield how a query, and each query within it, finds its rows."""
    equal: set[str] = set()
    latest = None
    for lookup in lookups(query.where):
        if isinstance(lookup, OfPairs):
            equal.update(lookup.columns)
        elif isinstance(lookup.rhs, Query):
            yield from searches(lookup.rhs)
            latest = lookup.lhs.target.column
        elif isinstance(lookup, Exact | In):
            equal.add(lookup.lhs.target.column)
    yield Search(frozenset(equal), latest)


def lookups(where: WhereNode) -> Iterator[Any]:
    """Yield the conditions that every row of a query meets; raises TypeError if a row need not meet all of them."""
    if where.connector != AND or where.negated:
        raise TypeError("A query joins its conditions by something else than AND.")
    for child in where.children:
        yield from lookups(child) if isinstance(child, WhereNode) else (child,)
