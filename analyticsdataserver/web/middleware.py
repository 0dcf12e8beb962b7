"""What is done with every request."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote_to_bytes

from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
)

from analytics_data_api.access.throttling.policies import HEADERS, TooManyRequests
from analytics_data_api.http.problems import of_exception, problem, quote_value
from analyticsdataserver.paths import PROBES

# Django percent-encodes the bytes of a path that are not UTF-8 again, in capitals, instead of decoding them.
UNDECODED: Final = re.compile("%[89A-F][0-9A-F]")

IS_PROBE: Final = re.compile(f"/{PROBES}")

# Hosts whose being served is looked up once; a pattern in the settings may let in any number of them.
REMEMBERED_HOSTS: Final = 100


class AddressMiddleware:
    """Refuses an address that is no text, and hosts that are not served.

    Django would replace bytes that are not UTF-8, so that the service would look for, and tell of, something nobody has
    asked for. A probe may name any host: a balancer names an address, or what it likes, and what answers it does not
    use the host. Of what else Django's ``CommonMiddleware`` does, only the length of an answer is of use here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        # As requests name them, with a port.
        self.served: set[str] = set()

    def check_host(self, request: HttpRequest) -> None:
        """Refuse a host that is not served.

        Raises:
            django.core.exceptions.DisallowedHost: It is none of those in the settings, or not even the name of a host.
        """
        host = request.META.get("HTTP_HOST")
        if host is not None and host in self.served:
            return
        if not IS_PROBE.match(request.path_info):
            request.get_host()
            if host is not None and len(self.served) < REMEMBERED_HOSTS:
                self.served.add(host)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        fault = fault_of_path(request.path) or fault_of_query(request.META.get("QUERY_STRING", ""))
        if fault is not None:
            return problem(HTTPStatus.BAD_REQUEST, fault, "invalid_text")
        self.check_host(request)
        response = self.get_response(request)
        # In a 304 it would be taken for that of the answer (RFC 9110, section 8.6).
        if isinstance(response, HttpResponse) and response.status_code != HTTPStatus.NOT_MODIFIED:
            response.headers["Content-Length"] = str(len(response.content))
        return response


class RefusedMethodMiddleware:
    """Tells of a method that a page of Django's own does not take as every other error is told."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed):
            return response
        allowed = response["Allow"]
        detail = f"The method is {quote_value(request.method or '')}; this address takes {allowed}."
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, "method_not_allowed", {"Allow": allowed})


class RateLimitMiddleware:
    """Tells how much of a limit is left, wherever a request has been counted."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in request.META.get(HEADERS, {}).items():
            response[name] = value
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer for a view of Django's own kind, as REST framework does for its views."""
        return of_exception(exception) if isinstance(exception, TooManyRequests) else None


def fault_of_path(path: str) -> str | None:
    """Return why a path is no text, None where it is."""
    if "\0" in path:
        return f"The path {quote_value(path)} holds a NUL character, which no id has."
    if "%" in path and UNDECODED.search(path):
        return f"The path {quote_value(path)} holds bytes that are not UTF-8."
    return None


def fault_of_query(query: str) -> str | None:
    """Return why a query string, still percent-encoded, is no text, None where it is."""
    if "%" not in query and "\0" not in query and query.isascii():
        return None
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        # WSGI (PEP 3333) hands over bytes as Latin-1 characters.
        raw = unquote_to_bytes(pair.encode("latin-1"))
        if b"\0" in raw:
            shown = f"The parameter {quote_value(name)} is {quote_value(value)}"
            return f"{shown}, which holds a NUL character; it takes text."
        try:
            raw.decode()
        except UnicodeDecodeError:
            return f"The parameter {quote_value(name)} is {quote_value(value)}, which holds bytes that are not UTF-8."
    return None
