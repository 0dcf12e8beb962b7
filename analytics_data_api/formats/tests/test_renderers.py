"""The bytes of an answer."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from analytics_data_api.formats import registry
from analytics_data_api.formats.csv import CSVRenderer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.row_set import BATCH_SIZE, RowSet
from analytics_data_api.http.views import ReportView
from analytics_data_api.tables.rows import ABSENT, Row, Rows


class LineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    text = serializers.CharField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    good = serializers.BooleanField()


COLUMNS = ("number", "text", "tags", "good")
LONG = "ä" * 100
# Some 3 MB, more than what is kept in memory.
MANY = 12_000


def lines(rows: Iterable[Row], *, single: bool = False) -> RowSet:
    return RowSet(LineSerializer, Rows(COLUMNS, rows), single=single)


def many(count: int = MANY) -> Iterator[Row]:
    return ((number, LONG, ["a", "b"], True) for number in range(count))


class Counted:
    """Rows that count how many of them have been taken, and may fail.

    Args:
        fails_at: Before which row reading fails, None for never.
    """

    def __init__(self, fails_at: int | None = None) -> None:
        self.taken = 0
        self.fails_at = fails_at

    def __iter__(self) -> Iterator[Row]:
        for row in many():
            if self.taken == self.fails_at:
                raise ConnectionError("The database has gone away.")
            self.taken += 1
            yield row


class TestJSON:
    @pytest.mark.parametrize("count", [0, 1, 2, 999, 1000, 1001, 2000, 2001])
    def test_is_one_list_however_many_batches_it_is_written_in(self, count: int) -> None:
        body = b"".join(JSONRenderer().stream(lines(many(count))))
        assert [item["number"] for item in json.loads(body)] == list(range(count))

    def test_is_compact_utf_8_in_the_shapes_order(self) -> None:
        body = b"".join(JSONRenderer().stream(lines([(1, 'ä"\n', ["ü", "b"], True), (2, None, [], False)])))
        first = r'{"number":1,"text":"ä\"\n","tags":["ü","b"],"good":true}'
        assert body.decode() == f'[{first},{{"number":2,"text":null,"tags":[],"good":false}}]'

    def test_leaves_out_what_is_absent(self) -> None:
        assert (
            b"".join(JSONRenderer().stream(lines([(1, ABSENT, [], True)]))) == b'[{"number":1,"tags":[],"good":true}]'
        )

    def test_of_a_single_item_is_the_object_itself(self) -> None:
        body = b"".join(JSONRenderer().stream(lines([(1, "a", [], True)], single=True)))
        assert body == b'{"number":1,"text":"a","tags":[],"good":true}'

    @pytest.mark.parametrize(("data", "body"), [(None, b""), ({}, b"{}"), ({"token": "é"}, '{"token":"é"}'.encode())])
    def test_of_anything_but_rows(self, data: Any, body: bytes) -> None:
        assert JSONRenderer().render(data) == body


class TestCSV:
    @pytest.mark.parametrize(
        ("row", "line"),
        [
            ((1, "plain", ["a"], True), "True,1,a,plain"),
            ((1, None, [], False), "False,1,,"),
            ((1, "", ["a", "b"], False), 'False,1,"a, b",'),
            ((1, ABSENT, ["a"], False), "False,1,a,"),
            ((1, "with, comma", ["a"], True), 'True,1,a,"with, comma"'),
            ((1, 'with "quotes"', ["a"], True), 'True,1,a,"with ""quotes"""'),
            ((1, "two\nlines", ["a"], True), 'True,1,a,"two\nlines"'),
            ((1, "two\r\nlines", ["a"], True), 'True,1,a,"two\r\nlines"'),
            ((1, " ä 北 \U0001f393 ", ["é"], True), "True,1,é, ä 北 \U0001f393 "),
        ],
    )
    def test_is_a_header_and_a_line_an_item_each_ended_by_crlf(self, row: Row, line: str) -> None:
        body = b"".join(CSVRenderer().stream(lines([row, row])))
        assert body.decode() == f"good,number,tags,text\r\n{line}\r\n{line}\r\n"

    @pytest.mark.parametrize("count", [0, 1, 998, 999, 1000, 1001, 2001])
    def test_has_one_header_however_many_batches_it_is_written_in(self, count: int) -> None:
        body = b"".join(CSVRenderer().stream(lines(many(count))))
        header, *rows = csv.reader(body.decode().splitlines())
        assert header == ["good", "number", "tags", "text"]
        assert [row[1] for row in rows] == [str(number) for number in range(count)]

    @given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
    def test_any_text_can_be_read_back(self, texts: list[str]) -> None:
        body = b"".join(CSVRenderer().stream(lines((0, text, [], True) for text in texts)))
        _, *rows = csv.reader(io.StringIO(body.decode(), newline=""))
        assert [row[3] for row in rows] == texts


class TestDecimals:
    """What a column of a view holds, such as a sum: a DECIMAL."""

    rows = Rows(COLUMNS, [(Decimal("3.00"), Decimal("2.50"), [], False)])

    @pytest.mark.parametrize("times", [1, BATCH_SIZE])
    def test_in_json(self, times: int) -> None:
        rows = Rows(COLUMNS, list(self.rows.rows) * times)
        body = b"".join(JSONRenderer().stream(RowSet(LineSerializer, rows)))
        assert json.loads(body) == [{"number": 3, "text": 2.5, "tags": [], "good": False}] * times
        assert b'"number":3,' in body

    def test_in_csv(self) -> None:
        body = b"".join(CSVRenderer().stream(RowSet(LineSerializer, self.rows)))
        assert body == b"good,number,tags,text\r\nFalse,3,,2.5\r\n"

    def test_what_json_has_no_value_for_is_a_fault(self) -> None:
        with pytest.raises(TypeError):
            JSONRenderer().render({"x": object()})


def test_a_new_format_is_a_line_in_the_registry() -> None:
    assert ReportView.renderer_classes is registry.FORMATS
    assert [renderer.format for renderer in registry.FORMATS] == [*("json", "csv", "ndjson", "parquet", "arrow", "api")]
