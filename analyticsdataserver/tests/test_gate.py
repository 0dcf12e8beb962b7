"""The gate: it lets in what there is room for, and turns away only while nobody gets anywhere."""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from analyticsdataserver.serving import gate as module
from analyticsdataserver.serving.gate import Gate, GateMiddleware, gate, keep_one_free
from analyticsdataserver.serving.health import HealthView, StatusView


@pytest.fixture
def hold() -> Iterator[Callable[[Gate], Callable[[], None]]]:
    """Have a thread of its own go in, and come out when told, or at the end."""
    outs: list[Callable[[], None]] = []

    def hold(gate: Gate) -> Callable[[], None]:
        is_in, out = Event(), Event()

        def visit() -> None:
            assert gate.enter()
            is_in.set()
            out.wait(10)
            gate.leave()

        thread = Thread(target=visit)
        thread.start()
        assert is_in.wait(10)

        def leave() -> None:
            out.set()
            thread.join()

        outs.append(leave)
        return leave

    yield hold
    for leave in outs:
        leave()


def test_any_number_is_let_in_where_there_are_no_places(hold: Any) -> None:
    gate = Gate()
    for _ in range(10):
        hold(gate)
    assert gate.enter()


def test_who_finds_no_place_waits_for_one(hold: Any) -> None:
    gate = Gate(2)
    hold(gate)
    leave = hold(gate)
    entered = []
    waiting = Thread(target=lambda: entered.append(gate.enter()))
    waiting.start()
    waiting.join(0.05)
    assert not entered
    leave()
    waiting.join()
    assert entered == [True]


def test_nobody_is_left_waiting_while_nobody_gets_anywhere(hold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    gate = Gate(1)
    leave = hold(gate)
    began = time.monotonic()
    assert not gate.enter()
    assert time.monotonic() - began < 1
    # By now it is known.
    monkeypatch.setattr(gate.changed, "wait", None)
    assert not gate.enter()
    leave()
    assert gate.enter()


def test_nobody_is_left_waiting_after_one_has_waited_in_vain(hold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(1)
    assert gate.enter()
    gate.inside = dict.fromkeys(gate.inside, time.monotonic() - module.PATIENCE)
    gate.leave(in_vain=True)
    leave = hold(gate)
    monkeypatch.setattr(gate.changed, "wait", None)
    assert not gate.enter()
    leave()
    assert gate.enter()


def test_who_is_told_no_at_once_says_nothing_about_others(hold: Any) -> None:
    gate = Gate(1)
    assert gate.enter()
    gate.leave(in_vain=True)
    leave = hold(gate)
    entered = []
    waiting = Thread(target=lambda: entered.append(gate.enter()))
    waiting.start()
    waiting.join(0.05)
    leave()
    waiting.join()
    assert entered == [True]


@pytest.mark.parametrize(("status", "in_vain"), [(200, False), (404, False), (500, False), (503, True)])
def test_a_request_is_in_vain_where_a_database_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, status: int, *, in_vain: bool
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0)
    monkeypatch.setattr(gate, "in_vain", not in_vain)

    def answer(request: HttpRequest) -> HttpResponse:
        assert middleware.process_view(request, None, (), {}) is None
        return HttpResponse(status=status)

    middleware = GateMiddleware(answer)
    middleware(HttpRequest())
    assert gate.in_vain is in_vain


def test_who_was_not_let_in_leaves_nothing(hold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    gate = Gate(1)
    hold(gate)
    assert not gate.enter()
    gate.leave()
    assert len(gate.inside) == 1


@pytest.mark.parametrize(("threads", "places"), [(1, 0), (2, 1), (4, 3)])
def test_one_thread_is_kept_free_where_there_are_several(
    monkeypatch: pytest.MonkeyPatch, threads: int, places: int
) -> None:
    monkeypatch.setattr(gate, "places", 0)
    keep_one_free(threads)
    assert gate.places == places


class TestRequests:
    @pytest.fixture(autouse=True)
    def _full(self, hold: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "PATIENCE", 0.01)
        monkeypatch.setattr(gate, "places", 1)
        hold(gate)

    @pytest.mark.parametrize("path", ["/authenticated/", "/api/v0/courses/a/b/c/enrollment/", "/api-auth/login/"])
    def test_one_that_needs_a_database_is_turned_away(self, path: str) -> None:
        response = Client().get(path)
        problem_of(response, 503, "database_unavailable")
        assert int(response["Retry-After"]) > 0

    @pytest.mark.parametrize("path", ["/status/", "/api/v0/status/"])
    def test_one_that_needs_none_is_not(self, path: str) -> None:
        assert Client().get(path).status_code in {200, 301}

    def test_what_is_told_in_case_of_trouble_needs_none(self) -> None:
        assert StatusView.needs_no_database
        assert HealthView.needs_no_database


def test_a_request_leaves_however_it_ends() -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        assert middleware.process_view(request, None, (), {}) is None
        raise ValueError("broken")

    middleware = GateMiddleware(fail)
    with pytest.raises(ValueError, match="broken"):
        middleware(HttpRequest())
    assert not gate.inside
