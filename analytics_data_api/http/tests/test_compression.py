"""Compressed answers: for clients that accept them, with the same bytes inside."""

import gzip
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from analytics_data_api.http import conditional, spool
from analytics_data_api.http.spool import GZipMiddleware, accepts_gzip, compress
from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.tables.tests.factories import EnrollmentFactory

TEXT = b"some numbers, and some more; " * 100
PATH = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("deflate, gzip;q=0.5", True),
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
def test_clients_that_accept_gzip(header: str, accepted: bool) -> None:
    request = RequestFactory().get("/", headers={"accept-encoding": header})
    assert accepts_gzip(request) is accepted
    response: Any = GZipMiddleware(lambda request: HttpResponse(TEXT, headers={"ETag": '"a"'}))(request)
    assert response["Vary"] == "Accept-Encoding"
    if accepted:
        assert gzip.decompress(response.content) == TEXT
        assert (response["Content-Encoding"], response["ETag"]) == ("gzip", 'W/"a"')
        assert response["Content-Length"] == str(len(response.content))
    else:
        assert response.content == TEXT
        assert response["ETag"] == '"a"'
        assert "Content-Encoding" not in response


def test_an_answer_without_a_body_only_says_what_it_depends_on() -> None:
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip"})
    response: Any = GZipMiddleware(lambda request: HttpResponse(status=304, headers={"ETag": '"a"'}))(request)
    assert (response.content, response["ETag"], response["Vary"]) == (b"", '"a"', "Accept-Encoding")
    assert "Content-Encoding" not in response


def test_chunks_are_compressed_into_one_stream() -> None:
    assert gzip.decompress(b"".join(compress([TEXT, b"", TEXT]))) == TEXT + TEXT
    assert gzip.decompress(b"".join(compress([]))) == b""


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("spooled", [True, False])
@pytest.mark.parametrize("format_", ["json", "csv"])
def test_an_endpoint_sends_the_same_compressed(
    client: Client, monkeypatch: pytest.MonkeyPatch, format_: str, spooled: bool
) -> None:
    if spooled:
        monkeypatch.setattr(spool, "MEMORY", 100)
    monkeypatch.setattr(conditional, "data_version", lambda *models, since: DataVersion("1", None))
    for day in range(1, 30):
        EnrollmentFactory(date=f"2014-11-{day:02d}")
    parameters = {"start_date": "2014-01-01", "format": format_}

    def get(**headers: str) -> Any:
        response = client.get(PATH, parameters, headers=headers)
        assert response.streaming is (spooled and response.status_code == 200)
        return response, response.getvalue()

    plain, whole = get()
    small, compressed = get(**{"accept-encoding": "gzip, br"})
    assert small["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed) == whole
    assert int(plain["Content-Length"]) == len(whole)
    assert int(small["Content-Length"]) == len(compressed) < len(whole)
    assert {"Accept", "Accept-Encoding"} == set(plain["Vary"].split(", ")) == set(small["Vary"].split(", "))
    assert small["ETag"] == f"W/{plain['ETag']}"
    for tag in (small["ETag"], plain["ETag"]):
        again, body = get(**{"accept-encoding": "gzip", "if-none-match": tag})
        assert (again.status_code, again["ETag"], body) == (304, plain["ETag"], b"")
    head = client.head(PATH, parameters)
    assert head.getvalue() == b""
    assert (head["ETag"], head["Content-Length"]) == (plain["ETag"], plain["Content-Length"])


@pytest.mark.django_db(databases=["default", "analytics"])
def test_a_page_is_compressed_too(browser: Client) -> None:
    response = browser.get("/docs/", headers={"accept-encoding": "gzip"})
    assert b"<html" in gzip.decompress(response.content)
