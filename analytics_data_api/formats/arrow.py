"""Arrow's stream format for interprocess communication (IPC)."""

from collections.abc import Iterator

from analytics_data_api.formats.base import TypedRenderer, typed_tables
from analytics_data_api.formats.row_set import RowSet


class ArrowRenderer(TypedRenderer):
    """The items of the list as record batches that are written while rows are read."""

    media_type = "application/vnd.apache.arrow.stream"
    format = "arrow"
    extension = "arrow"

    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        tables = typed_tables()
        chunks: Iterator[bytes] = tables.stream(row_set, tables.new_stream)
        return chunks
