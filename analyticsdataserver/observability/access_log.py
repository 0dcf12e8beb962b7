"""What the log says of each request: one entry, when the last byte of its answer has been handed over."""

import logging
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from analytics_data_api.access.throttling.networks import client_address

logger = logging.getLogger("analyticsdataserver.request")

# How an answer ended: all of it was handed over, the client went away before that, or something failed here.
COMPLETE: Final = "complete"
ABORTED: Final = "aborted"
FAILED: Final = "failed"

# Stand for the route of a request that was answered before its address was looked at.
STATIC: Final = "static"
NO_ROUTE: Final = "none"

# Asked so often, and so seldom of interest, that they would fill the log.
PROBES: Final = frozenset({"status", "health", "metrics"})

# How much of a path is logged: the longest ids fit in.
PATH_LENGTH: Final = 400
METHOD_LENGTH: Final = 20
ADDRESS_LENGTH: Final = 64


class AccessLogRecord(dict[str, Any]):
    """The fields of a line about a request; as text, a line to be read by people."""

    def __str__(self) -> str:
        size = f"{self['bytes']:,} bytes" if self["rows"] is None else f"{self['rows']:,} rows {self['bytes']:,} bytes"
        text = (
            f"{self['message']} {self['duration_ms']:.1f} ms {size} "
            f"{self['user'] or '-'} {self['client'] or '-'} {self['path']!r}"
        )
        return text if self["outcome"] == COMPLETE else f"{text} {self['outcome']}"


def write(entry: AccessLogRecord) -> None:
    """Write an entry in the log, at the level that tells how much it matters."""
    if entry["outcome"] == FAILED or entry["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        level = logging.ERROR
    else:
        level = logging.DEBUG if entry["route"] in PROBES else logging.INFO
    if logger.isEnabledFor(level):
        # Without looking for the line of code that it comes from, as logger.log() would.
        logger.handle(logger.makeRecord(logger.name, level, "", 0, entry, (), None))


def route_of(request: HttpRequest, status: int) -> str:
    """Return the name of the route that answered a request: one of a few dozen, whatever clients ask for."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name
    served = status < HTTPStatus.BAD_REQUEST and request.path.startswith(str(settings.STATIC_URL))
    return STATIC if served else NO_ROUTE


def path_of(request: HttpRequest) -> str:
    """Return the beginning of a request's path, without the query string, which may hold what is not to be logged."""
    path = request.path if len(request.path) <= PATH_LENGTH else f"{request.path[: PATH_LENGTH - 1]}…"
    return path if path.isascii() else path.encode(errors="backslashreplace").decode()


def user_of(request: HttpRequest) -> str | None:
    """Return the name of the user who sent a request, None where nobody asked who that is, or it is nobody."""
    user = vars(request).get("user")
    if isinstance(user, SimpleLazyObject):
        # Looked up only where somebody needed it; a line of the log is no reason for a query.
        user = vars(request).get("_cached_user")
    return (user.get_username() or None) if user is not None else None


def client_of(request: HttpRequest) -> str | None:
    """Return the address that a request comes from, None where it is not known, as behind a Unix socket."""
    return client_address(request)[:ADDRESS_LENGTH] or None
