"""The request that a thread is handling, and the id that lines of the log about it share."""

import re
from contextvars import ContextVar
from typing import Final, NamedTuple

from django.http import HttpRequest

HEADER: Final = "X-Request-ID"

# The ids that are taken from a client or a proxy: visible ASCII has no line ends and no spaces, so that a line of the
# log stays one line with the same number of words.
SANE: Final = re.compile(r"[\x21-\x7e]{1,128}")


class CurrentRequest(NamedTuple):
    """A request that is being handled, with its id."""

    id: str
    request: HttpRequest


# None between requests.
current_request: ContextVar[CurrentRequest | None] = ContextVar("current_request", default=None)
