"""Which rows of a table a query reads, apart from the values that it compares them with."""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet

from analytics_data_api.tables.fields import OfPairs
from analytics_data_api.tables.statements import BindParam, BindParams

# Names of parameters with several values.
COURSES: Final = "courses"
DATES: Final = "dates"


class Filter(NamedTuple):
    """A condition that every row meets.

    Attributes:
        lookup: What is compared, as ``QuerySet.filter`` names it: ``course_id``, ``date__gte``, ``label__in``.
        param: The name of the parameter that it is compared with.
        size: How many values the parameter has, for a lookup that takes several (``__in``); None for a single value.
    """

    lookup: str
    param: str
    size: int | None = None


class Pairs(NamedTuple):
    """The condition that a row has one of several pairs of a course and a date: those of COURSES and DATES.

    Attributes:
        field: The field of the date.
        size: How many pairs there are.
        onwards: Whether a row may also have a later date.
    """

    field: str
    size: int
    onwards: bool = False


@dataclass(frozen=True)
class Selection:
    """The rows that meet all filters; hashable, so that a query is composed once for each.

    Attributes:
        filters: The conditions: on the course, or a set of them, and on anything else.
        latest_by: The field of whose values only the latest is selected, among the rows that meet the filters.
        order_by: The order of the rows.
        limit: How many rows are read at most.
        pairs: Pairs of a course and a date, one of which a row has.
    """

    filters: tuple[Filter, ...]
    latest_by: str | None = None
    order_by: tuple[Any, ...] = ("id",)
    limit: int | None = None
    pairs: Pairs | None = None

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the selected rows, of all rows of a table, in their order."""
        fields = {field.name: field for field in rows.model._meta.concrete_fields}
        for lookup, param, size in self.filters:
            field = fields[lookup.partition("__")[0]]
            bound = BindParam(param, field) if size is None else BindParams(param, field, size)
            rows = rows.filter(**{lookup: bound})
        if self.pairs is not None:
            name, size, onwards = self.pairs
            courses, dates = BindParams(COURSES, fields["course_id"], size), BindParams(DATES, fields[name], size)
            rows = rows.filter(OfPairs(rows.model, fields[name], courses, dates, onwards=onwards))
        if self.latest_by is not None:
            rows = rows.filter(**{self.latest_by: rows.order_by(f"-{self.latest_by}").values(self.latest_by)[:1]})
        rows = rows.order_by(*self.order_by)
        return rows if self.limit is None else rows[: self.limit]
