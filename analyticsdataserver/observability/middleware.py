"""The outermost middleware: an id, a line in the access log and, with ``METRICS``, a count for each request."""

import logging
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject

from analytics_data_api.access.credentials import credentials
from analytics_data_api.access.keys import PREFIX
from analytics_data_api.access.throttling.clients import client_address
from analytics_data_api.http.conditional import ARRIVED
from analyticsdataserver.observability.access_log import (
    ABORTED,
    ADDRESS_LENGTH,
    COMPLETE,
    FAILED,
    METHOD_LENGTH,
    NO_ROUTE,
    PATH_LENGTH,
    PROBES,
    STATIC,
    AccessLogRecord,
    logger,
)
from analyticsdataserver.observability.database_errors import databases_in_error
from analyticsdataserver.observability.request_context import HEADER, SANE, CurrentRequest, current_request
from analyticsdataserver.observability.secrets import LONG
from analyticsdataserver.serving.asgi import BodyRequired

if TYPE_CHECKING:
    from analyticsdataserver.observability.metrics import Metrics

# What a server raises where a client closed the connection, or reads nothing.
CLIENT_ERRORS: Final = (ConnectionError, TimeoutError)


class RequestLogMiddleware:
    """Gives each request an id, and logs and counts it when the server closes the response.

    It has to be the first of the middleware, so that it sees every response.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.metrics = None
        if settings.METRICS:
            # prometheus_client opens the files with the counts of all processes when it is imported.
            from analyticsdataserver.observability.metrics import metrics

            self.metrics = metrics()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        log = RequestLog(request, self.metrics)
        current_request.set(CurrentRequest(log.request_id, request))
        try:
            response = self.get_response(request)
        except BodyRequired:
            # The server handles the request again, with its body.
            if self.metrics is not None:
                self.metrics.in_progress.dec()
            raise
        except BaseException:
            log.emit(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED, 0)
            raise
        finally:
            # A server may close the response in another thread.
            current_request.set(None)
        log.watch(response)
        return response


class RequestLog:
    """The record of one request.

    Args:
        request: The request, which has just arrived.
        metrics: What counts it, or None.
    """

    def __init__(self, request: HttpRequest, metrics: "Metrics | None") -> None:
        # The time for which it has waited for a thread counts.
        self.started = request.META.get(ARRIVED) or perf_counter()
        self.request = request
        self.metrics = metrics
        self.request_id = request_id(request.META)
        self.response: HttpResponseBase | None = None
        self.failed_databases: Sequence[str] = ()
        if metrics is not None:
            metrics.in_progress.inc()

    def watch(self, response: HttpResponseBase) -> None:
        """Give the response its id, and have its ``close()`` write the record.

        A WSGI server calls ``close()`` exactly when it has taken the whole body, or gives up (PEP 3333).
        """
        response[HEADER] = self.request_id
        self.response = response
        self.close_response = response.close
        response.close = self.close  # type: ignore[method-assign]  # as Django does with the file of a FileResponse
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and self.metrics is not None:
            # Closing the response resets what Django knows of failed connections.
            self.failed_databases = databases_in_error()

    def close(self) -> None:
        """Write the record, the first time, and close the response."""
        response, self.response = self.response, None
        if response is None:
            self.close_response()
            return
        # Otherwise the response would refer to itself until the garbage collector runs.
        del response.close
        try:
            if self.request.method == "HEAD":
                length = size = 0
            elif isinstance(response, HttpResponse):
                length = size = len(response.content)
            else:
                length, size = file_sizes(response, self.request.META)
            error = sys.exception()
            if error is None:
                outcome = COMPLETE if size == length else ABORTED
            else:
                # The server closes the response early.
                outcome = ABORTED if isinstance(error, CLIENT_ERRORS) else FAILED
            rows, code = getattr(response, "rows_written", None), getattr(response, "error_code", None)
            self.emit(response.status_code, outcome, size, rows, code)
        finally:
            self.close_response()

    def emit(self, status: int, outcome: str, size: int, rows: int | None = None, error: str | None = None) -> None:
        """Write the record of the request, and count it.

        Args:
            status: The HTTP status.
            outcome: COMPLETE, ABORTED or FAILED.
            size: The bytes of the body that the server took.
            rows: The rows of data in the response; None for a response that has none.
            error: The error code of a problem response.
        """
        request = self.request
        method = (request.method or "")[:METHOD_LENGTH]
        path = request.path if len(request.path) <= PATH_LENGTH else f"{request.path[: PATH_LENGTH - 1]}…"
        if request.resolver_match is not None:
            route = request.resolver_match.view_name
        else:
            is_static = status < HTTPStatus.BAD_REQUEST and path.startswith(str(settings.STATIC_URL))
            route = STATIC if is_static else NO_ROUTE
        user: Any = getattr(request, "user", None)
        if isinstance(user, SimpleLazyObject):
            user = evaluated(user)
        record = AccessLogRecord(
            request_id=self.request_id,
            message=f"{method} {route} {status:d}",
            method=method,
            route=route,
            # Without the query string, which may hold a key.
            path=path if path.isascii() else path.encode(errors="backslashreplace").decode(),
            status=int(status),
            duration_ms=round((perf_counter() - self.started) * 1000, 3),
            rows=rows,
            bytes=size,
            user=(user.get_username() or None) if user is not None else None,
            # What REST framework's authentication has found; a session without a key has none.
            key=getattr(getattr(request, "auth", None), "key_id", None),
            client=client_address(request)[:ADDRESS_LENGTH] or None,
            outcome=outcome,
        )
        if error is not None:
            record["error"] = error
        if self.metrics is not None:
            self.metrics.count(record, self.failed_databases)
        if outcome == FAILED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            level = logging.ERROR
        else:
            level = logging.DEBUG if route in PROBES else logging.INFO
        if logger.isEnabledFor(level):
            # logger.log() would look for the line of code that calls it.
            logger.handle(logger.makeRecord(logger.name, level, "", 0, record, (), None))


def file_sizes(response: HttpResponseBase, meta: Mapping[str, Any]) -> tuple[int, int]:
    """Return the length of a response from a file in bytes, and how many of them the server has read."""
    length = int(response.headers.get("Content-Length", 0))
    file = response.file_to_stream if isinstance(response, FileResponse) else None
    # A server with a file wrapper of its own may read past Python's position in the file.
    if file is None or not hasattr(file, "tell") or "wsgi.file_wrapper" in meta or file.closed:
        return length, length
    return length, file.tell()


def request_id(meta: Mapping[str, Any]) -> str:
    """Return the id that a request came with, or a new one where it has none that can be logged.

    Args:
        meta: The WSGI environment of the request.
    """
    given: str | None = meta.get("HTTP_X_REQUEST_ID")
    # A client may have sent its key in the wrong header.
    if given and SANE.fullmatch(given) and PREFIX not in given:
        elsewhere = f"{meta.get('HTTP_COOKIE', '')} {meta.get('QUERY_STRING', '')}" if len(given) >= LONG else ""
        if given not in credentials(meta.get("HTTP_AUTHORIZATION", "")) and given not in elsewhere:
            return given
    # It need not be unpredictable.
    return f"{random.getrandbits(128):032x}"


def evaluated(user: SimpleLazyObject) -> Any:
    """Return the user of a session; None where it has not been read: evaluating it for the log would cost a query."""
    # A copy of one that has been evaluated is the user.
    found = copy(user)
    return None if type(found) is SimpleLazyObject else found
