"""What the service asks of a table, found out by composing its queries and running none of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet
from django.db.models.expressions import Col
from django.db.models.lookups import Exact, In
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, WhereNode

from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.querysets import (
    COURSE_ID,
    ENTITY_ID,
    ActivityQuerySet,
    AnswerDistributionQuerySet,
    DatedQuerySet,
    EntityQuerySet,
    ReportQuerySet,
)
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.tables.statements import BindParam

# Ids that callers name.
ENTITIES: Final = {COURSE_ID.name, ENTITY_ID.name}

# A date that is a midnight makes another query than a time within a day.
ENDS: Final = (None, datetime(2000, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, 12, tzinfo=UTC))
RANGES: Final = tuple(DateRange(*ends) for ends in product(ENDS, ENDS))


class Search(NamedTuple):
    """How a query finds its rows.

    Attributes:
        entity: The column that it compares with the id a caller names; None where it names none.
        equal: The columns that it compares with values that are given, the entity's among them.
        latest: The column that it compares with the latest date on record; None where it does not.
    """

    entity: str | None
    equal: frozenset[str]
    latest: str | None


class Composing(ReportQuerySet):
    """Rows whose reports are empty: each query that one would make is kept, and not run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.composed: list[QuerySet[Any, Any]] = []

    def read(self, compose: Callable[..., QuerySet[Any, Any]], *shape: Any, **values: Any) -> Iterator[Row]:
        model: Any = self.model
        self.composed.append(compose(model._default_manager.using(self.db), *shape))
        return iter(())


def queries(rows: ReportQuerySet) -> list[Query]:
    """Return every query that the service makes of a table.

    Args:
        rows: The table's rows, in the database in question: where its layout makes a difference, it is looked up.
    """
    composing: Any = type(f"Composing{type(rows).__name__}", (Composing, type(rows)), {})(rows.model, using=rows.db)
    for report in reports(composing):
        list(report.rows)
    return [queryset.query for queryset in composing.composed]


def reports(rows: ReportQuerySet) -> Iterator[Rows]:
    """Yield every report about an id that there is of a table."""
    if isinstance(rows, DatedQuerySet):
        for dates in RANGES:
            yield rows.report("", dates)
        rows.span("")
    if isinstance(rows, ActivityQuerySet):
        for name in activity_types.NAMES:
            yield rows.recent("", name)
    if isinstance(rows, EntityQuerySet):
        yield rows.report("")
    if isinstance(rows, AnswerDistributionQuerySet):
        yield rows.by_problem("")


def columns(query: Query, alias: str) -> set[str]:
    """Return the columns that a query reads, whether it hands them out, compares them or orders by them."""
    compiler = query.get_compiler(alias)
    _, order, _ = compiler.pre_sql_setup()
    expressions: list[Any] = [expression for expression, *_ in (*compiler.select, *order)]
    for lookup in lookups(query.where):
        expressions += [lookup.lhs, lookup.rhs]
    found = set()
    for expression in expressions:
        if isinstance(expression, Query):
            found |= columns(expression, alias)
        elif hasattr(expression, "flatten"):
            found |= {str(part.target.column) for part in expression.flatten() if isinstance(part, Col)}
    return found


def searches(query: Query) -> Iterator[Search]:
    """Yield how a query finds its rows, and how those within it do."""
    equal, entity, latest = set(), None, None
    for lookup in lookups(query.where):
        if isinstance(lookup.rhs, Query):
            yield from searches(lookup.rhs)
            latest = lookup.lhs.target.column
        elif isinstance(lookup, Exact | In):
            equal.add(lookup.lhs.target.column)
            if isinstance(lookup.rhs, BindParam) and lookup.rhs.name in ENTITIES:
                entity = lookup.lhs.target.column
    yield Search(entity, frozenset(equal), latest)


def lookups(where: WhereNode) -> Iterator[Any]:
    """Yield the comparisons that every row of a query meets.

    Raises:
        TypeError: A row need not meet all of them, of which nothing is known here.
    """
    if where.connector != AND or where.negated:
        raise TypeError("A query joins its conditions by something else than AND.")
    for child in where.children:
        if isinstance(child, WhereNode):
            yield from lookups(child)
        else:
            yield child
