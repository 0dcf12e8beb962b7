"""What the formats for programs share."""

from abc import abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from importlib.util import find_spec
from threading import Lock
from typing import Any, ClassVar, Final

from rest_framework import renderers

from analytics_data_api.formats.row_set import RowSet

# Threads that import parts of pyarrow at the same time may find them half imported.
IMPORT: Final = Lock()


class RowRenderer(renderers.BaseRenderer):
    """A format that rows are written in while they are read.

    Attributes:
        extension: The extension of the file that an answer is saved as; None where it is not saved as a file.
        describes: Whether it can write the description of an endpoint, the answer to OPTIONS, which has no rows.
        lists_only: Whether an endpoint whose answer is one object does not have it.
        binary: Whether it is no text, so that pages offer it as a download only.
        compressed: Whether its bytes are compressed already, so that gzip would cost time and save nothing.
        header_lines: How many lines of a text come before the first item.
        available: Whether what it needs is installed; a service without it answers 406.
        requirement: What to install for it.
    """

    extension: ClassVar[str | None] = None
    describes: ClassVar[bool] = False
    lists_only: ClassVar[bool] = False
    binary: ClassVar[bool] = False
    compressed: ClassVar[bool] = False
    header_lines: ClassVar[int] = 0
    available: ClassVar[bool] = True
    requirement: ClassVar[str] = ""

    @abstractmethod
    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        """Yield the bytes of an answer, a batch of rows at a time."""


class TypedRenderer(RowRenderer):
    """A binary format of typed columns, which pyarrow writes. It is imported when the first such answer is written."""

    charset = None
    lists_only = True
    binary = True
    available = find_spec("pyarrow") is not None
    requirement = "the package pyarrow (pip install -r requirements/data.txt)"


def typed_tables() -> Any:
    """Return the module that writes typed columns; one thread imports it, and pyarrow with it, while others wait."""
    with IMPORT:
        from analytics_data_api.formats import tables

        return tables


def number(value: Any) -> int | float:
    """Return a DECIMAL as a number that JSON has, a whole one as an integer; orjson's ``default``.

    Raises:
        TypeError: The value is not a DECIMAL.
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
