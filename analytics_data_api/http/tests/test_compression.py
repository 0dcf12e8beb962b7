"""Compressed answers: for whoever takes them, with the same bytes inside, each time the same outside."""

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory

from analytics_data_api.http import conditional, views
from analytics_data_api.http.compression import SMALLEST, GzipMiddleware, takes_gzip
from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.tables.tests.factories import EnrollmentFactory

TEXT = b"some numbers, and some more; " * 100
PATH = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("deflate, GZIP;q=0.5", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0.1", True),
        ("br;q=1.0, *;q=0", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("gzip;q=many", False),
        ("identity", False),
        ("deflate, br, zstd", False),
        ("gzipped", False),
        ("", False),
        (",;=*,", False),
    ],
)
def test_who_takes_gzip(header: str, taken: bool) -> None:
    assert takes_gzip(header) is taken


def answered(response: Any, accept_encoding: str = "gzip") -> Any:
    request = RequestFactory().get("/", headers={"accept-encoding": accept_encoding})
    return GzipMiddleware(lambda request: response)(request)


class TestMiddleware:
    def test_a_large_answer_is_compressed(self) -> None:
        response = answered(HttpResponse(TEXT, content_type="application/json", headers={"ETag": '"a"'}))
        assert gzip.decompress(response.content) == TEXT
        assert response["Content-Encoding"] == "gzip"
        assert response["Content-Length"] == str(len(response.content))
        assert response["Vary"] == "Accept-Encoding"
        assert response["ETag"] == '"a-gzip"'

    @pytest.mark.parametrize(("size", "encoding"), [(SMALLEST - 1, None), (SMALLEST, "gzip")])
    def test_a_small_one_is_not(self, size: int, encoding: str | None) -> None:
        response = answered(HttpResponse(b"x" * size, content_type="application/json", headers={"ETag": '"a"'}))
        assert response.get("Content-Encoding") == encoding
        assert response["Vary"] == "Accept-Encoding"
        assert response["ETag"] == ('"a"' if encoding is None else '"a-gzip"')

    def test_the_same_answer_has_the_same_bytes(self) -> None:
        first, second = (answered(HttpResponse(TEXT, content_type="text/csv")).content for _ in range(2))
        assert first == second
        # The time of its making, which a gzip header has a place for.
        assert first[4:8] == b"\0\0\0\0"

    def test_who_does_not_take_it_gets_it_as_it_is(self) -> None:
        response = answered(HttpResponse(TEXT, content_type="text/csv", headers={"ETag": '"a"'}), "identity")
        assert response.content == TEXT
        assert "Content-Encoding" not in response
        assert (response["Vary"], response["ETag"]) == ("Accept-Encoding", '"a"')

    @pytest.mark.parametrize(
        "response",
        [
            HttpResponse(TEXT, content_type="image/png"),
            HttpResponse(TEXT, content_type="font/woff2"),
            HttpResponse(TEXT, content_type="text/css", headers={"Content-Encoding": "br"}),
        ],
    )
    def test_what_is_compressed_already_is_left_alone(self, response: HttpResponse) -> None:
        assert answered(response).content == TEXT
        assert "Vary" not in response

    def test_an_answer_without_a_body_only_tells_what_it_depends_on(self) -> None:
        response = answered(HttpResponse(status=304, headers={"ETag": '"a"'}))
        assert (response.content, response["ETag"], response["Vary"]) == (b"", '"a"', "Accept-Encoding")
        assert "Content-Encoding" not in response

    def test_a_stream_is_compressed_chunk_by_chunk(self) -> None:
        given = []

        def chunks() -> Iterator[bytes]:
            for number in range(3):
                given.append(number)
                yield b"%d" % number * 1000

        response = answered(StreamingHttpResponse(chunks(), content_type="text/csv", headers={"ETag": '"a"'}))
        assert response["Content-Encoding"] == "gzip"
        assert response["ETag"] == '"a-gzip"'
        decompressor = zlib.decompressobj(zlib.MAX_WBITS + 16)
        sent = iter(response.streaming_content)
        for number in range(3):
            assert decompressor.decompress(next(sent)) == b"%d" % number * 1000
            assert given == list(range(number + 1))
        assert not decompressor.eof
        decompressor.decompress(b"".join(sent))
        assert decompressor.eof

    def test_a_stream_that_breaks_off_lacks_the_end(self) -> None:
        def chunks() -> Iterator[bytes]:
            yield TEXT
            raise OSError("the database has gone")

        response = answered(StreamingHttpResponse(chunks(), content_type="text/csv"))
        sent = iter(response.streaming_content)
        received = next(sent)
        with pytest.raises(OSError, match="gone"):
            next(sent)
        with pytest.raises(EOFError):
            gzip.decompress(received)

    # The end of a response is the end of a request, when Django looks after its connections.
    @pytest.mark.django_db(databases=["default", "analytics"])
    def test_what_a_stream_is_read_from_is_closed_with_it(self) -> None:
        closed = []

        def chunks() -> Iterator[bytes]:
            try:
                yield TEXT
                yield TEXT
            finally:
                closed.append(True)

        response = answered(StreamingHttpResponse(chunks(), content_type="text/csv"))
        next(iter(response.streaming_content))
        response.close()
        assert closed


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("format_", ["json", "csv"])
def test_an_endpoint_sends_the_same_compressed(
    client: Client, monkeypatch: pytest.MonkeyPatch, format_: str, whole: bool
) -> None:
    if not whole:
        monkeypatch.setattr(views, "WHOLE_ANSWER_SIZE", 100)
    monkeypatch.setattr(conditional, "data_version", lambda model: DataVersion("1", None))
    for day in range(1, 30):
        EnrollmentFactory(date=f"2014-11-{day:02d}")
    parameters = {"start_date": "2014-01-01", "format": format_}
    plain = client.get(PATH, parameters)
    small = client.get(PATH, parameters, headers={"accept-encoding": "gzip, br"})
    assert plain.streaming is small.streaming is not whole
    assert gzip.decompress(small.getvalue()) == plain.getvalue()
    tag = plain["ETag"].strip('"')
    assert small["ETag"] == f'"{tag}-gzip"'
    again = client.get(PATH, parameters, headers={"accept-encoding": "gzip", "if-none-match": small["ETag"]})
    assert (again.status_code, again["ETag"]) == (304, small["ETag"])
    head = client.head(PATH, parameters, headers={"accept-encoding": "gzip"})
    assert head["ETag"] == small["ETag"]
    assert head.get("Content-Length") == small.get("Content-Length")


@pytest.mark.django_db(databases=["default", "analytics"])
def test_a_page_is_compressed_too(browser: Client) -> None:
    response = browser.get("/docs/", headers={"accept-encoding": "gzip"})
    assert b"<html" in gzip.decompress(response.content)
