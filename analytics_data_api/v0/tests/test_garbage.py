"""A request, its view and its response are freed when the response is closed, without the garbage collector."""

import gc
import io
from collections.abc import Iterator
from typing import Any, cast
from urllib.parse import unquote
from weakref import ReferenceType, ref
from wsgiref.util import setup_testing_defaults

import pytest

from analytics_data_api.http import conditional, spool
from analytics_data_api.http.negotiation import program_formats
from analytics_data_api.http.views import ReportView
from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.tests.cases import CASES, Case, address
from analytics_data_api.versions import ENDPOINTS
from analyticsdataserver.serving.wsgi import application
from conftest import KEY

# A request begins by closing connections in the midst of a transaction, which a test without this would be in.
pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

every_endpoint = pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ReferenceType[Any]]]:
    """The view, the request and the response of each request, while the garbage collector does not run."""
    made: list[ReferenceType[Any]] = []
    finalize_response = ReportView.finalize_response

    def finalize(view: ReportView, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        made.extend(map(ref, (view, request, response)))
        return finalize_response(view, request, response, *args, **kwargs)

    monkeypatch.setattr(ReportView, "finalize_response", finalize)
    gc.disable()
    yield made
    gc.enable()


def send(path: str, query: str = "", **environ: str) -> dict[str, str]:
    """Send a request as a server does; returns the headers, with the status as ``status``."""
    answer: dict[str, str] = {}

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        answer.update(headers, status=status[:3])

    sent = {"PATH_INFO": unquote(f"/api/{path}/", "latin-1"), "QUERY_STRING": query, "wsgi.input": io.BytesIO()}
    sent |= {"HTTP_AUTHORIZATION": f"Token {KEY}", **environ}
    setup_testing_defaults(sent)
    body: Any = application(sent, cast("Any", start))
    assert sum(map(len, body)) or answer["status"] == "304"
    body.close()
    return answer


ENROLLMENT = "v0/courses/{course_id}/enrollment"


@every_endpoint
@pytest.mark.usefixtures("reader")
def test_an_answer(objects: list[ReferenceType[Any]], endpoint: str, case: Case) -> None:
    case.rows()
    for format_ in program_formats(ENDPOINTS[endpoint].renderer_classes):
        assert send(address(endpoint), f"format={format_}")["status"] == "200"
        assert [each() for each in objects] == [None] * 3, format_
        objects.clear()


@pytest.mark.usefixtures("reader")
def test_a_compressed_answer_in_a_file(objects: list[ReferenceType[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "MEMORY", 10)
    CASES[ENROLLMENT].rows()
    assert send(address(ENROLLMENT), HTTP_ACCEPT_ENCODING="gzip")["Content-Encoding"] == "gzip"
    assert [each() for each in objects] == [None] * 3


@pytest.mark.usefixtures("reader")
def test_not_modified(objects: list[ReferenceType[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    # MySQL has none so soon after a change.
    monkeypatch.setattr(conditional, "data_version", lambda *models, since: DataVersion("1", None))
    CASES[ENROLLMENT].rows()
    tag = send(address(ENROLLMENT))["ETag"]
    assert send(address(ENROLLMENT), HTTP_IF_NONE_MATCH=tag)["status"] == "304"
    assert [each() for each in objects] == [None] * 6


@pytest.mark.parametrize(
    ("query", "environ", "status"),
    [
        ("", {}, "404"),
        ("start_date=x", {}, "400"),
        ("", {"HTTP_AUTHORIZATION": "Token unknown"}, "401"),
        ("format=x", {}, "406"),
        ("", {"REQUEST_METHOD": "POST"}, "405"),
    ],
)
@pytest.mark.usefixtures("reader")
def test_an_error(objects: list[ReferenceType[Any]], query: str, environ: dict[str, str], status: str) -> None:
    assert send(address(ENROLLMENT), query, **environ)["status"] == status
    assert all(each() is None for each in objects)
