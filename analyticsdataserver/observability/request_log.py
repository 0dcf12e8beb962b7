"""Watching one request from its arrival until the last byte of its answer has been handed over."""

import sys
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, cast

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from analytics_data_api.http.spool import SpooledResponse
from analyticsdataserver.observability import access_log
from analyticsdataserver.observability.access_log import ABORTED, COMPLETE, FAILED, AccessLogRecord
from analyticsdataserver.observability.request_context import HEADER, Handled, current_request, request_id

if TYPE_CHECKING:
    from analyticsdataserver.observability.metrics import Metrics


class RequestLog:
    """What happens to a request.

    Args:
        request: The request, which has just arrived.
        metrics: What counts it, None where nothing does.
    """

    def __init__(self, request: HttpRequest, metrics: "Metrics | None") -> None:
        self.began = perf_counter()
        self.request = request
        self.metrics = metrics
        self.id = request_id(request)
        self.size = 0
        # None while a stream has neither ended nor failed.
        self.outcome: str | None = COMPLETE
        current_request.set(Handled(self.id, request))
        if metrics is not None:
            metrics.in_progress.inc()

    def follow(self, response: HttpResponseBase) -> None:
        """Watch the answer until the server closes it, as WSGI (PEP 3333) has it do in any case."""
        self.response = response
        response.headers[HEADER] = self.id
        if self.request.method == "HEAD":
            # The server leaves the body out, of which only the length is told.
            pass
        elif isinstance(response, FileResponse) and not isinstance(response, SpooledResponse):
            # The server may have the kernel send a file, so that its bytes never come by here.
            self.size = int(response.headers.get("Content-Length", 0))
        elif isinstance(response, StreamingHttpResponse):
            self.outcome = None
            response.streaming_content = self.counted(cast("Iterable[bytes]", response.streaming_content))
        elif isinstance(response, HttpResponse):
            self.size = len(response.content)
        vars(response)["_resource_closers"].append(self.end)

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the chunks of a stream, and note how it ends."""
        try:
            for chunk in chunks:
                self.size += len(chunk)
                yield chunk
        except Exception:
            self.outcome = FAILED
            raise
        self.outcome = COMPLETE

    def end(self) -> None:
        """Tell of the request: everything of its answer has been handed over, or nobody takes it any more."""
        # What has broken off the answer, if anything has, is on its way to the server at this moment.
        error = sys.exception()
        outcome = self.outcome or ABORTED
        if error is not None and outcome != FAILED:
            outcome = ABORTED if isinstance(error, OSError) else FAILED
        self.tell(self.response.status_code, outcome, getattr(self.response, "rows_written", None))
        if error is None:
            current_request.set(None)

    def fail(self) -> None:
        """Tell of a request that gets no answer, because its worker is being ended."""
        self.tell(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED, None)

    def tell(self, status: int, outcome: str, rows: int | None) -> None:
        """Write the entry in the log, and count the request."""
        method = (self.request.method or "")[: access_log.METHOD_LENGTH]
        route = access_log.route_of(self.request, status)
        entry = AccessLogRecord(
            message=f"{method} {route} {status:d}",
            method=method,
            route=route,
            path=access_log.path_of(self.request),
            status=int(status),
            duration_ms=round((perf_counter() - self.began) * 1000, 3),
            rows=rows,
            bytes=self.size,
            user=access_log.user_of(self.request),
            client=access_log.client_of(self.request),
            outcome=outcome,
        )
        if self.metrics is not None:
            self.metrics.count(entry)
        access_log.write(entry)
