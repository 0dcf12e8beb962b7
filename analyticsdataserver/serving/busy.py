"""The response to a request that no thread became free for."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, cast

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from analytics_data_api.http.problems import RETRY_AFTER, problem
from analyticsdataserver.observability.middleware import RequestLogMiddleware


def service_busy(request: HttpRequest) -> HttpResponseBase:
    detail = "The service has more requests than it can handle at the moment. Try again a little later."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "service_busy", {"Retry-After": str(RETRY_AFTER)})


logged = RequestLogMiddleware(service_busy)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that refuses every request, and logs it."""
    response = logged(WSGIRequest(environ))
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return cast("Iterable[bytes]", response)
