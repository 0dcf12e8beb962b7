"""What a request leaves behind: nothing that waits for the garbage collector, least of all an answer."""

import gc
import io
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import unquote
from wsgiref.util import setup_testing_defaults

import pytest
from django.contrib.auth.models import User

from analytics_data_api.http import conditional
from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.v0.tests.cases import CASES, Case, address
from analyticsdataserver.serving.wsgi import application
from conftest import KEY

# A request begins by closing connections in the midst of a transaction, which a test without this would be in.
pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

every_endpoint = pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)

Ask = Callable[..., dict[str, str]]


@pytest.fixture
def ask(reader: User) -> Iterator[Ask]:
    """Ask for a path as a server does; returns the headers, with the status as ``status``."""

    def ask(path: str, query: str = "", **environ: str) -> dict[str, str]:
        answer: dict[str, str] = {}

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            answer.update(headers, status=status[:3])

        asked = {"PATH_INFO": unquote(f"/api/v0/{path}/", "latin-1"), "QUERY_STRING": query, "wsgi.input": io.BytesIO()}
        asked |= {"HTTP_AUTHORIZATION": f"Token {KEY}", **environ}
        setup_testing_defaults(asked)
        body: Any = application(asked, cast("Any", start))
        assert sum(map(len, body)) or answer["status"] == "304"
        body.close()
        return answer

    gc.collect()
    gc.disable()
    yield ask
    gc.enable()


def left_behind(ask: Ask, *args: str, **environ: str) -> tuple[str, int]:
    """Return the status of an answer, and how many objects hold each other after it."""
    ask(*args, **environ)
    gc.collect()
    status = ask(*args, **environ)["status"]
    return status, gc.collect()


@every_endpoint
@pytest.mark.parametrize("query", ["", "format=csv"])
def test_an_answer_leaves_nothing_behind(ask: Ask, endpoint: str, case: Case, query: str) -> None:
    case.rows()
    assert left_behind(ask, address(endpoint), query) == ("200", 0)


def test_nor_does_a_compressed_one(ask: Ask) -> None:
    case = CASES["courses/{course_id}/enrollment"]
    case.rows()
    assert left_behind(ask, address("courses/{course_id}/enrollment"), HTTP_ACCEPT_ENCODING="gzip") == ("200", 0)


def test_nor_does_one_that_says_nothing_has_changed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    # MySQL has none so soon after a change.
    monkeypatch.setattr(conditional, "data_version", lambda model: DataVersion("1", None))
    endpoint = "courses/{course_id}/enrollment"
    CASES[endpoint].rows()
    tag = ask(address(endpoint))["ETag"]
    assert left_behind(ask, address(endpoint), HTTP_IF_NONE_MATCH=tag) == ("304", 0)


@pytest.mark.parametrize(
    ("query", "environ", "status"),
    [
        ("", {}, "404"),
        ("start_date=x", {}, "400"),
        ("", {"HTTP_AUTHORIZATION": "Token nobodys"}, "401"),
        ("format=x", {}, "406"),
        ("", {"REQUEST_METHOD": "POST"}, "405"),
    ],
)
def test_nor_does_a_refusal(ask: Ask, query: str, environ: dict[str, str], status: str) -> None:
    found, count = left_behind(ask, address("courses/{course_id}/enrollment"), query, **environ)
    assert found == status
    assert count == 0
