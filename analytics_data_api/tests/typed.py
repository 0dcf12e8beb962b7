"""What the cases are in formats with a line for each item, or with typed columns."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import orjson
import pyarrow as pa
from pyarrow import ipc, parquet

from analytics_data_api.tests.cases import Case

TYPED: Final = ("parquet", "arrow")

# The contract's type of each column; text where it has none here.
TIMES: Final = ("created", "interval_start", "interval_end", "start_date", "end_date", "loaded")
DATES: Final = ("date", "first_date", "last_date")
LISTS: Final = ("part_ids", "programs", "course_ids", "tables", "endpoints")
NUMBERS: Final = ("grade", "max_grade", "answer_value_numeric")
FLAGS: Final = ("correct", "consolidated_variant")
MODES: Final = ("audit", "credit", "honor", "professional", "verified", "masters")
COUNTS_OF_MODE: Final = ("count", "cumulative_count", "count_change_7_days", "passing_users")
COUNTS: Final = (
    *("count", "cumulative_count", "birth_year", "honor", "professional", "verified", "female", "male", "other"),
    *("unknown", "any", "attempted_problem", "played_video", "posted_forum", "duration", "segment_length"),
    *("users_at_start", "users_at_end", "total_submissions", "correct_submissions", "variant"),
    *("first_response_count", "last_response_count", "segment", "num_users", "num_views"),
    *("audit", "credit", "masters", "count_change_7_days", "recent_count_change", "passing_users"),
    *(f"enrollment_modes.{mode}.{count}" for mode in MODES for count in COUNTS_OF_MODE),
)
TYPES: Final[dict[str, pa.DataType]] = {
    **dict.fromkeys(DATES, pa.date32()),
    **dict.fromkeys(LISTS, pa.list_(pa.string())),
    **dict.fromkeys(TIMES, pa.timestamp("us", tz="UTC")),
    **dict.fromkeys(NUMBERS, pa.float64()),
    **dict.fromkeys(FLAGS, pa.bool_()),
    **dict.fromkeys(COUNTS, pa.int64()),
}
READ: Final[dict[pa.DataType, Callable[[str], Any]]] = {
    pa.string(): str,
    pa.date32(): date.fromisoformat,
    # Version 0's form, and ISO 8601.
    pa.timestamp("us", tz="UTC"): lambda text: datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC),
    pa.float64(): float,
    pa.bool_(): {"True": True, "False": False}.__getitem__,
    pa.int64(): int,
    pa.list_(pa.string()): lambda text: text.split(", "),
}


def expected_table(case: Case) -> pa.Table:
    """Return the table that a case's CSV is, with the contract's types."""
    header, *rows = csv.reader(io.StringIO(case.csv))
    schema = pa.schema([(name, TYPES.get(name, pa.string())) for name in header])
    columns = [
        [READ[field.type](value) if value else None for value in values]
        for field, values in zip(schema, zip(*rows, strict=True), strict=True)
    ]
    return pa.table(columns, schema=schema)


def lines(case: Case) -> bytes:
    """Return the items of a case's JSON as lines."""
    return b"".join(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE) for item in orjson.loads(case.json))


def read(format_: str, body: bytes) -> pa.Table:
    """Return the table that a body is."""
    if format_ == "arrow":
        return ipc.open_stream(body).read_all()
    return parquet.read_table(io.BytesIO(body))
