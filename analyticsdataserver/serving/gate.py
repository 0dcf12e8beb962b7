"""What keeps a worker able to answer while a database hangs."""

import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Condition, get_ident
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from analytics_data_api.http.problems import database_unavailable

# Seconds for which a request waits for a place while none becomes free. Requests take milliseconds.
PATIENCE: Final = 1.0


class Gate:
    """Lets in as many requests at a time as there are places.

    While none of those inside gets anywhere, which is what a database that hangs looks like, no more are left waiting;
    nor after one of them has waited as long in vain, until another has not.

    Args:
        places: How many; 0 for any number.
    """

    def __init__(self, places: int = 0) -> None:
        self.places = places
        self.changed = Condition()
        # The threads inside, each with the time it came in.
        self.inside: dict[int, float] = {}
        # Whether the last one to come out had waited in vain.
        self.in_vain = False

    def enter(self) -> bool:
        """Let the present thread in, which may take a moment; tell whether it was."""
        with self.changed:
            while self.places and len(self.inside) >= self.places:
                patience = min(self.inside.values()) + PATIENCE - time.monotonic()
                if self.in_vain or patience <= 0:
                    return False
                self.changed.wait(patience)
            self.inside[get_ident()] = time.monotonic()
        return True

    def leave(self, *, in_vain: bool = False) -> None:
        """Let the present thread out, if it is inside.

        Args:
            in_vain: Whether it did not get what it went in for. Where it was told so at once, as of a table that is
                missing, that says nothing about others.
        """
        with self.changed:
            came = self.inside.pop(get_ident(), None)
            if came is not None:
                self.in_vain = in_vain and time.monotonic() - came >= PATIENCE
                self.changed.notify_all()


gate = Gate()


def keep_one_free(threads: int) -> None:
    """Have one of this process's threads kept for requests that need no database, where it has more than one."""
    gate.places = threads - 1


class GateMiddleware:
    """Has a request pass the gate before its view, unless the view ``needs_no_database``.

    An answer that is streamed is outside as soon as it begins: whoever reads it slowly keeps nobody out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        in_vain = False
        try:
            response = self.get_response(request)
            in_vain = response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
            return response
        finally:
            gate.leave(in_vain=in_vain)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        needs_none = getattr(getattr(view, "view_class", None), "needs_no_database", False)
        return None if needs_none or gate.enter() else database_unavailable()
