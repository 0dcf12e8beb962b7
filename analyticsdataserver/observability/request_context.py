"""The request that is being handled, and the id that it is known by in the log and to its sender."""

import random
import re
from contextvars import ContextVar
from typing import Final, NamedTuple

from django.http import HttpRequest

HEADER: Final = "X-Request-ID"

# What a sender, or a proxy in front, may call a request. Visible ASCII has neither line ends nor spaces, so that a line
# of the log stays one line with as many words as it has.
SANE: Final = re.compile(r"[\x21-\x7e]{1,128}")


class Handled(NamedTuple):
    """A request that is being handled, with its id."""

    id: str
    request: HttpRequest


# The request that this thread is handling; None between requests.
current_request: ContextVar[Handled | None] = ContextVar("handled", default=None)


def request_id(request: HttpRequest) -> str:
    """Return the id that a request came with, or a new one where it has none, or one that is not fit to be logged."""
    given = request.META.get("HTTP_X_REQUEST_ID")
    if given is None or not SANE.fullmatch(given):
        return new_id()
    # Somebody may have put their key into the wrong header.
    key = request.META.get("HTTP_AUTHORIZATION", "").rpartition(" ")[2]
    return new_id() if given == key else str(given)


def new_id() -> str:
    """Return an id that no other request has; it is no secret, and the system need not be asked for randomness."""
    return f"{random.getrandbits(128):032x}"
