"""The response to a request that no thread became free for."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from analytics_data_api.http.problems import service_busy
from analyticsdataserver.observability.middleware import RequestLogMiddleware


def refuse(request: HttpRequest) -> HttpResponseBase:
    return service_busy()


logged = RequestLogMiddleware(refuse)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """A WSGI application that refuses every request, and logs it."""
    response = logged(WSGIRequest(environ))
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return cast("Iterable[bytes]", response)
