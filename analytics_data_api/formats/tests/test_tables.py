"""Typed columns: what each type holds of whatever a database returns, and row groups."""

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc, parquet
from rest_framework import serializers

from analytics_data_api.formats import tables
from analytics_data_api.formats.arrow import ArrowRenderer
from analytics_data_api.formats.fields import TimeField, ValueType, WrittenField
from analytics_data_api.formats.ndjson import NDJSONRenderer
from analytics_data_api.formats.parquet import ParquetRenderer
from analytics_data_api.formats.row_set import BATCH_SIZE, RowSet, TypedValue
from analytics_data_api.tables.rows import ABSENT, Row, Rows

AT = "2014-12-10 19:31:46"
MOMENT = datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)


def held(type_: ValueType, *values: Any) -> list[Any]:
    """Return what a column of a type holds of values, whether they are converted together or apart."""
    together: list[Any] = tables.typed_array(TypedValue(type_), values).to_pylist()
    apart = [tables.typed_array(TypedValue(type_), (value,)).to_pylist()[0] for value in values]
    assert together == apart
    assert list(map(type, together)) == list(map(type, apart))
    return together


class TestIntegers:
    def test_are_64_bits_wide(self) -> None:
        values = [0, -1, 2**31, 2**63 - 1, -(2**63), None]
        assert held(ValueType.INTEGER, *values) == values

    @pytest.mark.parametrize(
        ("value", "found"),
        [
            # Sums of a view, and what SQLite stores in a column of integers.
            (Decimal("3.00"), 3),
            (3.0, 3),
            (True, 1),
            # Neither cut off nor wrapped around.
            (2.5, None),
            (Decimal("2.5"), None),
            (2**63, None),
            (-(2**63) - 1, None),
            (2**64, None),
            (Decimal(10) ** 40, None),
            (1e300, None),
            (float(2**63), None),
            (float("inf"), None),
            (float("nan"), None),
            ("12", None),
            ("many", None),
            (b"12", None),
        ],
    )
    def test_others_are_null_unless_they_are_whole(self, value: Any, found: int | None) -> None:
        assert held(ValueType.INTEGER, value) == [found]
        assert held(ValueType.INTEGER, 7, value, None) == [7, found, None]

    def test_whole_and_broken_numbers_together(self) -> None:
        assert held(ValueType.INTEGER, 1.0, 2.5, 3) == [1, None, 3]


class TestNumbers:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            (1, 1.0),
            (0.75, 0.75),
            (Decimal("0.75"), 0.75),
            # The nearest one, as any reader of JSON would have it.
            (2**53 + 1, 2.0**53),
            (2**64, 2.0**64),
            (10**400, None),
            (float("inf"), None),
            (float("-inf"), None),
            (float("nan"), None),
            ("0.75", None),
            (b"1", None),
        ],
    )
    def test_are_doubles_and_others_null(self, value: Any, found: float | None) -> None:
        assert held(ValueType.NUMBER, value) == [found]
        assert held(ValueType.NUMBER, 0.5, value, None) == [0.5, found, None]


class TestFlags:
    @pytest.mark.parametrize(
        ("value", "found"), [(True, True), (0, False), (1, True), (2, None), ("yes", None), (1.0, True)]
    )
    def test_are_true_false_or_null(self, value: Any, found: bool | None) -> None:
        assert held(ValueType.FLAG, False, value, None) == [False, found, None]


class TestDates:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("2014-12-10", date(2014, 12, 10)),
            ("0001-01-01", date(1, 1, 1)),
            ("9999-12-31", date(9999, 12, 31)),
            ("2016-02-29", date(2016, 2, 29)),
            # A column of times.
            (AT, date(2014, 12, 10)),
            ("0000-00-00", None),
            ("0000-01-01", None),
            ("2014-00-10", None),
            ("2014-12-00", None),
            ("2014-02-30", None),
            ("10000-01-01", None),
            ("yesterday", None),
            ("", None),
            (20141210, None),
        ],
    )
    def test_are_days_that_exist(self, value: Any, found: date | None) -> None:
        assert held(ValueType.DATE, value) == [found]
        assert held(ValueType.DATE, "2014-12-09", value, None) == [date(2014, 12, 9), found, None]

    @given(st.dates())
    def test_any_day(self, day: date) -> None:
        assert held(ValueType.DATE, day.isoformat()) == [day]

    @given(st.text(max_size=12) | st.text("0123456789-", max_size=12))
    def test_any_text(self, text: str) -> None:
        held(ValueType.DATE, text)


class TestTimes:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            (AT, MOMENT),
            ("2014-12-10T19:31:46", MOMENT),
            # Whole seconds, as in every other format.
            (f"{AT}.987654", MOMENT),
            ("2014-12-10", datetime(2014, 12, 10, tzinfo=UTC)),
            ("0001-01-01 00:00:00", datetime(1, 1, 1, tzinfo=UTC)),
            ("9999-12-31 23:59:59", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
            ("0000-00-00 00:00:00", None),
            ("0000-01-01 00:00:00", None),
            ("2014-00-10 00:00:00", None),
            ("2014-02-30 00:00:00", None),
            ("2014-12-10 24:00:00", None),
            ("2014-12-10 19:31:60", None),
            ("now", None),
            ("", None),
            (1418239906, None),
        ],
    )
    def test_are_moments_that_exist(self, value: Any, found: datetime | None) -> None:
        assert held(ValueType.TIME, value) == [found]
        assert held(ValueType.TIME, AT, value, None) == [MOMENT, found, None]

    @given(st.datetimes().map(lambda moment: moment.replace(microsecond=0, tzinfo=UTC)))
    def test_any_moment(self, moment: datetime) -> None:
        assert held(ValueType.TIME, moment.replace(tzinfo=None).isoformat(" ")) == [moment]

    @given(st.text(max_size=20) | st.text("0123456789-: T", max_size=20))
    def test_any_text(self, text: str) -> None:
        held(ValueType.TIME, text)


class TestTexts:
    @pytest.mark.parametrize(
        ("value", "found"),
        [
            ("ä 北 \U0001f393\n", "ä 北 \U0001f393\n"),
            ("", ""),
            ("n\ufffde", "n\ufffde"),
            # As JSON has it.
            (3, "3"),
            (2.5, "2.5"),
            (Decimal("3.00"), "3"),
            ({"tag": ["a", "b"]}, '{"tag":["a","b"]}'),
        ],
    )
    def test_are_what_json_has(self, value: Any, found: str) -> None:
        assert held(ValueType.TEXT, "a", value, None) == ["a", found, None]

    def test_lists(self) -> None:
        assert held(ValueType.LIST, ["a", "b"], [], None) == [["a", "b"], [], None]
        assert held(ValueType.LIST, ["a", 1, None]) == [["a", "1", None]]


class CodeField(WrittenField):
    """A text that is not written as the database has it."""

    written = {"type": "string"}

    def to_representation(self, value: str | None) -> str | None:
        return value and value.upper()


class PlaceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    rank = serializers.IntegerField()

    def to_representation(self, instance: str | None) -> dict[str, Any]:
        return {"name": instance or "nowhere", "rank": len(instance or "")}


class VisitSerializer(serializers.Serializer[Any]):
    who = serializers.CharField()
    place = PlaceSerializer(required=False)
    day = serializers.DateField()
    guests = serializers.ListField(child=serializers.CharField(), required=False)
    paid = serializers.DecimalField(6, 2, required=False)
    code = CodeField(required=False)
    at = TimeField(required=False)


COLUMNS = ("place", "day", "guests", "paid", "code", "at")
SCHEMA = pa.schema(
    [
        ("at", pa.timestamp("us", tz="UTC")),
        ("code", pa.string()),
        ("day", pa.date32()),
        ("guests", pa.list_(pa.string())),
        ("paid", pa.float64()),
        ("place.name", pa.string()),
        ("place.rank", pa.int64()),
        ("who", pa.string()),
    ]
)


def visits(*rows: Row) -> RowSet:
    return RowSet(VisitSerializer, Rows(COLUMNS, rows, {"who": "Ann"}))


def parquet_file(row_set: RowSet) -> Any:
    return parquet.ParquetFile(io.BytesIO(b"".join(ParquetRenderer().stream(row_set))))


def record_batches(row_set: RowSet) -> list[Any]:
    return list(ipc.open_stream(b"".join(ArrowRenderer().stream(row_set))))


class TestColumns:
    def test_are_flat_and_hold_null_for_what_is_absent(self) -> None:
        row_set = visits(("fr", "2014-12-10", ["Bo"], Decimal("1.50"), "x", AT), (ABSENT, "2014-12-11", *[ABSENT] * 4))
        table = parquet_file(row_set).read()
        assert table.schema == SCHEMA
        first, second = table.to_pylist()
        assert first == {
            "at": MOMENT,
            "code": "X",
            "day": date(2014, 12, 10),
            "guests": ["Bo"],
            "paid": 1.5,
            "place.name": "fr",
            "place.rank": 2,
            "who": "Ann",
        }
        assert second == dict.fromkeys(first) | {"day": date(2014, 12, 11), "who": "Ann"}
        assert row_set.written == 2

    def test_are_there_without_a_row(self) -> None:
        assert parquet_file(visits()).read().schema == SCHEMA
        assert ipc.open_stream(b"".join(ArrowRenderer().stream(visits()))).read_all().schema == SCHEMA
        assert b"".join(NDJSONRenderer().stream(visits())) == b""


class CountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    text = serializers.CharField()


def counted(rows: int, text: str = "") -> tuple[RowSet, list[int]]:
    """Return so many rows, and a list of those that have been read."""
    taken: list[int] = []

    def read() -> Iterator[Row]:
        for number in range(rows):
            taken.append(number)
            yield number, text

    return RowSet(CountSerializer, Rows(("count", "text"), read())), taken


class TestRowGroups:
    @pytest.mark.parametrize("rows", [1, BATCH_SIZE, 2 * BATCH_SIZE, 2 * BATCH_SIZE + 1, 5 * BATCH_SIZE])
    def test_have_as_many_rows_as_they_may(self, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
        monkeypatch.setattr(tables, "ROWS", 2 * BATCH_SIZE)
        whole, rest = divmod(rows, 2 * BATCH_SIZE)
        sizes = [*[2 * BATCH_SIZE] * whole, *([rest] if rest else [])]
        file = parquet_file(counted(rows)[0])
        groups = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        batches = record_batches(counted(rows)[0])
        assert (groups, [batch.num_rows for batch in batches]) == (sizes, sizes)
        assert file.read().column("count").to_pylist() == list(range(rows))
        assert [number for batch in batches for number in batch.column("count").to_pylist()] == list(range(rows))

    def test_have_fewer_rows_where_these_are_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tables, "BYTES", 1)
        assert parquet_file(counted(3 * BATCH_SIZE, "long")[0]).metadata.num_row_groups == 3

    @pytest.mark.parametrize("renderer", [ParquetRenderer, ArrowRenderer])
    def test_are_written_while_rows_are_read(self, monkeypatch: pytest.MonkeyPatch, renderer: Any) -> None:
        monkeypatch.setattr(tables, "ROWS", BATCH_SIZE)
        row_set, taken = counted(10 * BATCH_SIZE)
        chunks = renderer().stream(row_set)
        for group in (1, 2, 3):
            assert next(chunks)
            assert len(taken) == group * BATCH_SIZE
        chunks.close()

    @pytest.mark.parametrize("renderer", [ParquetRenderer, ArrowRenderer])
    def test_an_error_while_reading_is_raised(self, renderer: Any) -> None:
        def fails() -> Iterator[Row]:
            yield 1, "a"
            raise ConnectionError("The database has gone away.")

        with pytest.raises(ConnectionError):
            list(renderer().stream(RowSet(CountSerializer, Rows(("count", "text"), fails()))))


@pytest.mark.parametrize("rows", [0, 1, 8, 9, 999, 1000, 1001, 2001])
def test_ndjson_has_a_line_for_each_item_however_many_batches_it_is_written_in(rows: int) -> None:
    body = b"".join(NDJSONRenderer().stream(counted(rows, 'ä"\n')[0]))
    assert body.decode() == "".join(f'{{"count":{number},"text":"ä\\"\\n"}}\n' for number in range(rows))
