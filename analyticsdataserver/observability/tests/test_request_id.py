"""Each request has an id, in a header of its response and in every line of the log about it."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.views.generic import RedirectView

from analyticsdataserver.observability.middleware import RequestLogMiddleware
from analyticsdataserver.observability.request_context import HEADER, current_request
from analyticsdataserver.observability.tests.conftest import Log
from conftest import KEY

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

MADE = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize(
    "given",
    ["a", "0f8fad5b-d9cb-469f-a165-70867728950e", "Root=1-67891233-abcdef012345678912345678;x", '"\\/~!', "x" * 128],
)
def test_one_that_is_sane_is_taken(log: Log, given: str) -> None:
    response = Client(headers={"x-request-id": given}).get("/nowhere")
    assert response[HEADER] == log.entry["request_id"] == given


@pytest.mark.parametrize("given", ["", " ", "a b", "a\tb", "x" * 129, "é", "a\x7f", "a\r\nX-Evil: 1", "a\n", "\0"])
def test_one_that_is_not_is_replaced(log: Log, given: str) -> None:
    response = Client(headers={"x-request-id": given}).get("/nowhere")
    assert MADE.fullmatch(response[HEADER])
    assert log.entry["request_id"] == response[HEADER]


def test_a_key_in_the_wrong_header_is_replaced(log: Log) -> None:
    response = Client(headers={"x-request-id": KEY, "authorization": f"Token {KEY}"}).get("/nowhere")
    assert MADE.fullmatch(response[HEADER])
    assert KEY not in log.text


def test_each_request_has_another_one() -> None:
    assert len({Client().get("/status/")[HEADER] for _ in range(20)}) == 20


def test_every_answer_has_it(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    def fail(*args: Any) -> None:
        raise OperationalError(2013, "Lost connection")

    anonymous = Client(raise_request_exception=False)
    enrollment = "/api/v0/courses/a/b/c/enrollment/"
    moved = anonymous.get("/api/v0/status/")
    monkeypatch.setattr(RedirectView, "get", get)
    with connections["analytics"].execute_wrapper(fail):
        unavailable = client.get(enrollment)
    answers = {
        200: anonymous.get("/status/"),
        301: moved,
        400: anonymous.get("/?x=%ff"),
        401: anonymous.get(enrollment),
        403: Client(enforce_csrf_checks=True).post("/api-auth/login/"),
        404: client.get(enrollment),
        405: client.put(enrollment),
        406: client.get(f"{enrollment}?format=xml"),
        415: client.post("/api-token-auth/", "x", content_type="text/plain"),
        500: anonymous.get("/"),
        503: unavailable,
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    assert all(MADE.fullmatch(answer[HEADER]) for answer in answers.values())
    with closing(anonymous.get("/static/docs_page/page.css")) as file:
        assert MADE.fullmatch(file[HEADER])
    assert MADE.fullmatch(Client(headers={"host": "evil.example.com"}).get("/docs/")[HEADER])


def test_lines_have_it_while_a_request_is_handled_and_no_longer(log: Log) -> None:
    logger = logging.getLogger("somewhere.else")

    def get_response(request: Any) -> HttpResponse:
        logger.warning("during")
        return HttpResponse()

    request = RequestFactory(headers={"x-request-id": "mine"}).get("/x")
    response = RequestLogMiddleware(get_response)(request)
    response.close()
    logger.warning("after")
    assert [(line["message"], line["request_id"]) for line in log.lines] == [
        ("during", "mine"),
        ("GET none 200", "mine"),
        ("after", None),
    ]


def test_threads_do_not_mix_them_up(log: Log) -> None:
    together = Barrier(4)
    logger = logging.getLogger("somewhere.else")

    def get_response(request: Any) -> HttpResponse:
        together.wait(10)
        logger.warning(request.path)
        together.wait(10)
        return HttpResponse()

    def ask(name: str) -> None:
        request = RequestFactory(headers={"x-request-id": name}).get(f"/{name}")
        RequestLogMiddleware(get_response)(request).close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(ask, ["one", "two", "three", "four"]))
    during = [line for line in log.lines if line["logger"] == logger.name]
    assert {line["message"]: line["request_id"] for line in during} == {
        f"/{name}": name for name in ("one", "two", "three", "four")
    }
    assert current_request.get() is None
