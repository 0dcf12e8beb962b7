"""Content negotiation."""

import pytest
from django.test import Client, RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import NotAcceptable
from rest_framework.request import Request

from analytics_data_api.formats.csv import CSVRenderer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.page import PageRenderer
from analytics_data_api.http.negotiation import FormatNegotiation
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import address

TIMELINE = f"/api/{address('v0/videos/{video_id}/timeline')}"


def chosen(accept: str | None = None, **query: str) -> str:
    """Return the media type of the response to a request."""
    headers = {} if accept is None else {"accept": accept}
    request = Request(RequestFactory().get("/", query_params=query, headers=headers))
    renderer, media_type = FormatNegotiation().select_renderer(request, [JSONRenderer(), CSVRenderer(), PageRenderer()])
    assert renderer.media_type == media_type
    return media_type


JSON, CSV, HTML = "application/json", "text/csv", "text/html"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        # JSON is the default.
        (None, JSON),
        ("", JSON),
        (" ", JSON),
        (",", JSON),
        (" , ,\t,", JSON),
        ("*", JSON),
        ("text/csv;q=0.1, *;q=.2", JSON),
        ("application/json;q=.1, text/csv;q=.2", CSV),
        ("*/*", JSON),
        ("application/*", JSON),
        # Clients of all kinds.
        (JSON, JSON),
        (CSV, CSV),
        (HTML, HTML),
        ("application/json, text/javascript, */*; q=0.01", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", HTML),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", HTML),
        ("text/csv, */*", CSV),
        ("application/xml, */*;q=0.1", JSON),
        # A range that Django cannot parse is passed over.
        ("application/json;charset*=nonsense'en'x, text/csv", CSV),
        # Parameters and capitals do not tell formats apart.
        ("application/json; charset=utf-8", JSON),
        ("text/csv;charset=utf-8;header=present", CSV),
        ("text/html;level=1;q=0.4, text/csv;charset=utf-8;q=0.7", CSV),
        ("Text/CSV", CSV),
        # The more welcome one, in whatever order and spacing.
        ("text/csv;q=0.5, application/json", JSON),
        ("text/csv, application/json;q=0.5", CSV),
        ("application/json;q=0.5, text/csv;q=0.51", CSV),
        ("application/json ;q=0.2 , text/csv ; Q=0.9", CSV),
        ("application/json;q=0.2,text/html;q=0.4,text/csv;q=0.3", HTML),
        # Of equals, the first of JSON, CSV, HTML.
        ("text/html, text/csv, application/json", JSON),
        ("text/html;q=0.5, text/csv;q=0.5, application/json;q=0.5", JSON),
        # What is said of a format itself goes before what is said of many.
        ("application/json;q=0.1, */*;q=0.9", CSV),
        ("text/*;q=0.9, text/csv;q=0.1, application/json;q=0.5", HTML),
        ("*/*, text/csv;q=0.4, text/html;q=0.3", JSON),
        # 0 is "not at all".
        ("application/json;q=0, */*", CSV),
        ("application/json;q=0.0, text/csv;q=0.000, */*", HTML),
        ("text/csv;q=0, text/*", HTML),
        # A quality that is none is passed over.
        ("text/csv;q=much", CSV),
        ("text/csv;q=", CSV),
        ("text/csv;q=2, application/json;q=0.9", CSV),
        ("text/csv;q", CSV),
        # So is what is nothing at all.
        (", ,text/csv,;,/,;q=1", CSV),
    ],
)
def test_the_most_welcome_format_is_given(accept: str | None, media_type: str) -> None:
    assert chosen(accept) == media_type


@pytest.mark.parametrize(
    "accept",
    ["application/xml", "text/plain, image/*", "text/csv;q=0", "*/*;q=0", "json", "csv", "text", "text/", "/json", ";"],
)
def test_where_none_will_do_nothing_is_given(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="application/json, text/csv, text/html"):
        chosen(accept)


@given(st.text(st.characters(max_codepoint=255)) | st.text("textcsvhml*/;,q=01. \"'%"))
def test_any_header_gets_a_format_or_is_refused(accept: str) -> None:
    try:
        media_type = chosen(accept)
    except NotAcceptable:
        return
    assert media_type in {JSON, CSV, HTML}


@pytest.mark.parametrize(("format_", "media_type"), [("json", JSON), ("csv", CSV)])
@pytest.mark.parametrize("accept", [None, "*/*", JSON, CSV, "text/html,*/*;q=0.8", "application/xml", "*/*;q=0"])
def test_the_query_string_goes_before_the_header(format_: str, media_type: str, accept: str | None) -> None:
    assert chosen(accept, format=format_) == media_type


@pytest.mark.parametrize("format_", ["xml", "JSON", "json ", "json,csv", "x" * 10_000, "\0", "./json"])
def test_an_unknown_format_is_refused_whatever_the_header_says(format_: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        chosen("*/*", format=format_)
    detail = str(caught.value.detail)
    assert detail.startswith(f"format is {format_[:50]!r}"[:-1])
    assert "json, csv" in detail
    assert len(detail) < 200


def test_a_page_cannot_be_requested_by_format() -> None:
    with pytest.raises(NotAcceptable) as caught:
        chosen("text/html", format="api")
    assert str(caught.value.detail) == "format is 'api'; it takes one of: json, csv."


@pytest.mark.parametrize("accept", [None, "text/html", "application/json", "image/png"])
@pytest.mark.parametrize("format_", [None, "json", "csv", "xml"])
def test_a_suffix_goes_before_both(accept: str | None, format_: str | None) -> None:
    query = {} if format_ is None else {"format": format_}
    headers = {} if accept is None else {"accept": accept}
    request = Request(RequestFactory().get("/", query_params=query, headers=headers))
    renderers = [JSONRenderer(), CSVRenderer(), PageRenderer()]
    assert FormatNegotiation().select_renderer(request, renderers, "csv")[1] == CSV


def test_an_empty_format_counts_as_not_given() -> None:
    assert chosen("text/csv", format="") == CSV


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("accept", ["application/json", "text/csv", "text/html"])
def test_caches_keep_the_formats_apart(client: Client, accept: str) -> None:
    make.TimelineFactory()
    assert "Accept" in client.get(TIMELINE, headers={"accept": accept})["Vary"]
