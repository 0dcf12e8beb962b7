"""Formats of an answer: JSON, CSV, and an HTML page around the JSON."""

import csv
import io
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import orjson
from rest_framework import renderers

from analytics_data_api.http.tables import Table

T = TypeVar("T")

# Rows written at a time.
BATCH_SIZE = 1000

# Items that a page shows of a longer answer.
SHOWN_ITEMS = 100


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield lists of a fixed number of items, the last one shorter."""
    items = iter(items)
    while batch := list(islice(items, BATCH_SIZE)):
        yield batch


class RowRenderer(renderers.BaseRenderer):
    """A format that rows are written in while they are read."""

    @abstractmethod
    def stream(self, table: Table) -> Iterator[bytes]:
        """Yield the bytes of a table."""


class JSONRenderer(RowRenderer):
    """A list of objects, or one object."""

    media_type = "application/json"
    format = "json"
    charset = None

    def stream(self, table: Table) -> Iterator[bytes]:
        records = table.records()
        if table.single:
            yield from map(orjson.dumps, records)
            return
        separator = b"["
        for batch in batches(records):
            yield separator
            yield orjson.dumps(batch)[1:-1]
            separator = b","
        yield b"]" if separator == b"," else b"[]"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of anything but a table, which streams; of a table, what a page shows of it."""
        if isinstance(data, Table):
            return preview(data)
        return b"" if data is None else orjson.dumps(data)


def preview(table: Table) -> bytes:
    """Return the first items of a table, indented for people to read, and a line that says so where there are more."""
    records = table.records()
    items: Any = list(islice(records, SHOWN_ITEMS))
    text = orjson.dumps(items[0] if table.single else items, option=orjson.OPT_INDENT_2)
    if next(records, None) is not None:
        text += f"\n… the first {SHOWN_ITEMS} items; ?format=json and ?format=csv give all of them.".encode()
    return text


class CSVRenderer(RowRenderer):
    """A header line, then a line an item (RFC 4180)."""

    media_type = "text/csv"
    format = "csv"

    def stream(self, table: Table) -> Iterator[bytes]:
        for batch in batches(table.cells()):
            text = io.StringIO(newline="")
            csv.writer(text).writerows(batch)
            yield text.getvalue().encode()


class PageRenderer(renderers.BrowsableAPIRenderer):
    """The page that a browser shows."""

    def get_default_renderer(self, view: Any) -> JSONRenderer:
        return JSONRenderer()
