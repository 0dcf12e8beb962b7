"""What a query hands over to be written: plain rows and the names of their columns."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Row = tuple[Any, ...]

# Stands in a row for a value that the item leaves out altogether, where None would be written as null.
ABSENT: Any = object()


class Rows(NamedTuple):
    """What a report consists of.

    Attributes:
        columns: The names of what each row holds, in its order.
        rows: The rows, read while they are taken.
        constants: Columns that have the same value in every row.
    """

    columns: tuple[str, ...]
    rows: Iterable[Row]
    constants: Mapping[str, Any] = {}
