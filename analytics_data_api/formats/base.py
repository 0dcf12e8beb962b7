"""What the formats for programs share."""

from abc import abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import renderers

from analytics_data_api.formats.row_set import RowSet


class RowRenderer(renderers.BaseRenderer):
    """A format that rows are written in while they are read.

    Attributes:
        extension: The extension of the file that an answer is saved as; None where it is not saved as a file.
        describes: Whether it can write the description of an endpoint, the answer to OPTIONS, which has no rows.
    """

    extension: ClassVar[str | None] = None
    describes: ClassVar[bool] = False

    @abstractmethod
    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        """Yield the bytes of an answer, a batch of rows at a time."""


def number(value: Any) -> int | float:
    """Return a DECIMAL as a number that JSON has, a whole one as an integer; orjson's ``default``.

    Raises:
        TypeError: The value is not a DECIMAL.
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
