"""NDJSON: JSON texts, one a line."""

from collections.abc import Iterator

import orjson

from analytics_data_api.formats.base import RowRenderer, number
from analytics_data_api.formats.json import fixed_items, is_written_by_row
from analytics_data_api.formats.row_set import RowSet


class NDJSONRenderer(RowRenderer):
    """The items of the list in JSON, a line each."""

    media_type = "application/x-ndjson"
    format = "ndjson"
    charset = None
    extension = "ndjson"
    lists_only = True

    def stream(self, row_set: RowSet) -> Iterator[bytes]:
        if is_written_by_row(row_set):
            for item in row_set.records():
                yield orjson.dumps(item, number, orjson.OPT_APPEND_NEWLINE)
            return
        for batch in fixed_items(row_set, b"\n"):
            yield batch
            yield b"\n"
