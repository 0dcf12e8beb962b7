"""Asks the service for the examples; nothing that serves requests needs this."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, unquote

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import override_settings
from django.urls import resolve
from rest_framework.test import APIRequestFactory, force_authenticate

from analytics_data_api.access.scope import WHOLE
from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.http import parameters
from analytics_data_api.http.views import ReportView
from analytics_data_api.loading import sample_data
from analytics_data_api.versions import ENDPOINTS
from analyticsdataserver.docs.examples.ids import SAMPLE_IDS

# An example shows this many items, and leaves out the others.
SHOWN_ITEMS: Final = 3

UNKNOWN_IDS: Final = {
    "course_id": "edX/DemoX/Unknown",
    "problem_id": "i4x://edX/DemoX/Demo_Course/problem/unknown",
    "module_id": "i4x://edX/DemoX/Demo_Course/sequential/unknown",
    "video_id": "edX/DemoX/Demo_Course|unknown",
    "report_name": "unknown",
}

# What is on record nowhere, for endpoints without an id in the path.
UNKNOWN: Final = {"course_ids": "edX/DemoX/Unknown", "program_ids": "unknown"}

# Each is put to the endpoints that read its parameters, and is refused.
REFUSED: Final = (
    {parameters.START_DATE: "yesterday"},
    {parameters.START_DATE: "2014-12-10", parameters.END_DATE: "2014-12-01"},
    {parameters.START_DATE: "2001-01-01", parameters.END_DATE: "2001-02-01"},
    {"activity_type": "slept"},
    {parameters.FIELDS: "everything"},
    {"course_ids": "edX"},
    {"recent_date": "2999-12-31"},
    {"last": "0"},
    {"interval": "year"},
    {"country": "Canada"},
    {"mode": "free"},
    {"gender": "f"},
    {"birth_year": "young"},
    {"sort": "title"},
    {"limit": "0"},
    {"limit": "1", "cursor": "x"},
    {"format": "xml"},
)


def make() -> dict[str, Any]:
    """Return an example for each endpoint, as ``load`` does, from a database that holds the sample data."""
    # Each endpoint is asked with a wrong key, too, and from one address.
    reports = {"reports": {"BACKEND": "analyticsdataserver.testing.reports.ReportStorage"}}
    with override_settings(THROTTLE_WRONG_KEYS=None, STORAGES=settings.STORAGES | reports):
        sample_data.load_reports()
        return {f"/api/{endpoint}/": example(endpoint, view) for endpoint, view in ENDPOINTS.items()}


def example(endpoint: str, view: type[ReportView]) -> dict[str, Any]:
    body = json.loads(ask(address(endpoint)).content)
    problems: dict[str, dict[str, Any]] = {}
    refused = (
        response for response in error_statuses(endpoint, view) if response.status_code >= HTTPStatus.BAD_REQUEST
    )
    for refusal in refused:
        problem = json.loads(refusal.content)
        problems.setdefault(str(refusal.status_code), {})[problem["error_code"]] = problem
    return {
        "address": address(endpoint),
        "json": body[:SHOWN_ITEMS] if isinstance(body, list) else body,
        **dict(texts(endpoint, view)),
        "problems": dict(sorted(problems.items())),
    }


def texts(endpoint: str, view: type[ReportView]) -> Iterator[tuple[str, str]]:
    """Yield the name of each format that is text, except JSON, with the first items of an answer in it."""
    for renderer in view.renderer_classes:
        if issubclass(renderer, RowRenderer) and not renderer.binary and renderer is not JSONRenderer:
            lines = ask(address(endpoint), {"format": renderer.format}).content.decode().splitlines(keepends=True)
            yield renderer.format, "".join(lines[: renderer.header_lines + SHOWN_ITEMS])


def error_statuses(endpoint: str, view: type[ReportView]) -> Iterator[HttpResponse]:
    """Yield answers to requests that cannot be served."""
    yield ask(address(endpoint), key=None)
    yield ask(address(endpoint), key="no-such-key")
    yield ask(address(endpoint, **UNKNOWN_IDS), {} if "{" in endpoint else UNKNOWN)
    known = {parameters.FIELDS, "format", *(parameter.name for parameter in view.query)}
    for query in REFUSED:
        if known.issuperset(query):
            yield ask(address(endpoint), query)


def address(endpoint: str, **ids: str) -> str:
    """Return an endpoint's address for the sample ids, or others, percent-encoded where it has to be."""
    return quote(f"/api/{endpoint.format(**(SAMPLE_IDS | ids))}/", safe="/:@+")


def ask(path: str, query: dict[str, str] | None = None, *, key: str | None = "") -> HttpResponse:
    """Return the answer to a request.

    Args:
        path: The address.
        query: The parameters.
        key: The key that is sent, None for no key; left out, the request has a key that may ask.
    """
    headers = {"authorization": f"Token {key}"} if key else {}
    request = APIRequestFactory().get(path, query or {}, headers=headers)
    if key == "":
        whole: Any = WHOLE
        force_authenticate(request, User(username="reader"), whole)
    match = resolve(unquote(path))
    response: HttpResponse = match.func(request, *match.args, **match.kwargs)
    return response
