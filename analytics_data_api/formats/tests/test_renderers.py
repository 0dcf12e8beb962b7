"""The bytes of an answer, and that long answers are sent while their rows are read."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest
from django.http import StreamingHttpResponse
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from analytics_data_api.formats.renderers import CSVRenderer, JSONRenderer, RowRenderer
from analytics_data_api.formats.row_set import RowSet
from analytics_data_api.http import views
from analytics_data_api.tables.rows import ABSENT, Row, Rows


class LineSerializer(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    text = serializers.CharField(required=False, allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    good = serializers.BooleanField()


COLUMNS = ("number", "text", "tags", "good")
LONG = "ä" * 100
# Some 1.5 MiB, much more than what is sent in one piece.
MANY = 6000


def lines(rows: Iterable[Row], *, single: bool = False) -> RowSet:
    return RowSet(LineSerializer, Rows(COLUMNS, rows), single=single)


def many(count: int = MANY) -> Iterator[Row]:
    return ((number, LONG, ["a", "b"], True) for number in range(count))


class Counted:
    """Rows that know how many of them have been taken, and may fail.

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


both_formats = pytest.mark.parametrize("renderer", [JSONRenderer(), CSVRenderer()], ids=["json", "csv"])


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


class TestStreaming:
    @both_formats
    def test_a_long_answer_is_the_same_bytes_as_in_one_piece(
        self, renderer: RowRenderer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        streamed = views.render_response(renderer, lines(many()))
        assert isinstance(streamed, StreamingHttpResponse)
        body = b"".join(streamed)
        assert len(body) > 2 * 512 * 1024
        monkeypatch.setattr(views, "WHOLE_ANSWER_SIZE", len(body))
        whole = views.render_response(renderer, lines(many()))
        assert not whole.streaming
        assert whole.content == body
        assert streamed.headers == whole.headers

    @both_formats
    def test_a_short_one_is_sent_in_one_piece(self, renderer: RowRenderer) -> None:
        response = views.render_response(renderer, lines(many(1000)))
        assert not response.streaming
        assert 200_000 < len(response.content) < 512 * 1024

    @both_formats
    def test_rows_are_read_while_they_are_sent(self, renderer: RowRenderer) -> None:
        rows = Counted()
        response = views.render_response(renderer, lines(rows))
        assert isinstance(response, StreamingHttpResponse)
        progress = [rows.taken]
        sent = 0
        for chunk in response:
            sent += len(chunk)
            progress.append(rows.taken)
        # What was needed to know that it is long, and then as much as has been sent.
        assert progress[0] < MANY * 2 / 3
        assert len(set(progress)) > 2
        assert progress[-1] == MANY
        assert sent > 2 * 512 * 1024

    @both_formats
    @pytest.mark.parametrize("fails_at", [MANY * 2 // 3, MANY - 1])
    def test_one_that_breaks_off_does_not_look_complete(self, renderer: RowRenderer, fails_at: int) -> None:
        response = views.render_response(renderer, lines(Counted(fails_at)))
        assert isinstance(response, StreamingHttpResponse)
        sent: list[bytes] = []
        # The server, which gets it, then breaks the connection off without the mark of the end.
        with pytest.raises(ConnectionError, match="gone away"):
            sent.extend(response)
        assert "Content-Length" not in response
        if isinstance(renderer, JSONRenderer):
            with pytest.raises(orjson.JSONDecodeError):
                orjson.loads(b"".join(sent))

    @both_formats
    @pytest.mark.parametrize("fails_at", [0, 1, 1500])
    def test_what_breaks_before_anything_is_sent_can_still_be_told(self, renderer: RowRenderer, fails_at: int) -> None:
        with pytest.raises(ConnectionError, match="gone away"):
            views.render_response(renderer, lines(Counted(fails_at)))

    @pytest.mark.parametrize(
        ("renderer", "content_type"), [(JSONRenderer(), "application/json"), (CSVRenderer(), "text/csv; charset=utf-8")]
    )
    @pytest.mark.parametrize("count", [1, MANY])
    def test_it_says_what_it_is(self, renderer: RowRenderer, content_type: str, count: int) -> None:
        assert views.render_response(renderer, lines(many(count)))["Content-Type"] == content_type
