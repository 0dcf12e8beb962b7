"""What every request passes, beside Django's own middleware."""

import re
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from rest_framework.exceptions import APIException

from analytics_data_api.access.throttling.policies import HEADERS
from analytics_data_api.http.problems import ProblemResponse, of_exception, problem, quote_value
from analyticsdataserver.paths import PROBES
from analyticsdataserver.web import errors
from analyticsdataserver.web.security import NOTHING_ALLOWED

# Django percent-encodes the bytes of a path that are not UTF-8 again, in capitals, instead of decoding them.
UNDECODED: Final = re.compile("%[89A-F][0-9A-F]")

IS_PROBE: Final = re.compile(f"/{PROBES}")

FORM: Final = "application/x-www-form-urlencoded"


class RequestMiddleware(CommonMiddleware):
    """Django's ``CommonMiddleware``, which checks the host and sets ``Content-Length``, and what all responses share.

    A request whose path or query string is no text is refused, as Django would replace bytes that are not UTF-8. A
    method that the view does not have is refused before the view, and CSRF protection, are called. Errors become
    problem documents, or pages for browsers.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]  # not only redirects
        fault = fault_of_text(request)
        if fault is not None:
            return problem(HTTPStatus.BAD_REQUEST, fault, "invalid_text")
        # A load balancer may send any Host to a probe, and no probe uses it.
        if IS_PROBE.match(request.path_info):
            return None
        try:
            return super().process_request(request)
        except DisallowedHost as error:
            return errors.bad_request(request, error)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        view_class = getattr(view, "view_class", None)
        if view_class is not None and request.method not in (methods := allowed_methods(view_class)):
            return errors.method_not_allowed(request, methods)
        is_form = request.method == "POST" and not getattr(view, "csrf_exempt", False)
        # Before CSRF protection reads the form of a client that has its cookie: Django would write the files of a
        # multipart body to the disk.
        if is_form and request.content_type not in ("", FORM) and settings.CSRF_COOKIE_NAME in request.COOKIES:
            detail = f"The body is {quote_value(request.content_type or '')}; this address takes {FORM}."
            return problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, "unsupported_media_type")
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the response for a view of Django's own kind that raised, as REST framework does for its views."""
        return of_exception(exception) if isinstance(exception, (APIException, Error)) else None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        for name, value in request.META.get(HEADERS, {}).items():
            response.headers[name] = value
        if isinstance(response, ProblemResponse):
            errors.negotiate(request, response)
        response.headers.setdefault("Content-Security-Policy", NOTHING_ALLOWED)
        # In a 304 the length would be that of the whole response (RFC 9110, section 8.6).
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return response
        return super().process_response(request, response)


@cache
def allowed_methods(view_class: type[Any]) -> tuple[str, ...]:
    """Return the methods of a class-based view; Django makes HEAD of GET for each."""
    return tuple(
        name.upper() for name in view_class.http_method_names if hasattr(view_class, "get" if name == "head" else name)
    )


def fault_of_text(request: HttpRequest) -> str | None:
    """Return why the path or the query string, which is still percent-encoded, is no text; None where both are."""
    path, query = request.path, request.META.get("QUERY_STRING", "")
    if "\0" in path:
        return f"The path {quote_value(path)} holds a NUL character, which no id has."
    if "%" in path and UNDECODED.search(path):
        return f"The path {quote_value(path)} holds bytes that are not UTF-8."
    if "%" not in query and "\0" not in query and query.isascii():
        return None
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        # WSGI (PEP 3333) passes bytes as Latin-1 characters.
        raw = unquote_to_bytes(pair.encode("latin-1"))
        if b"\0" in raw:
            shown = f"The parameter {quote_value(name)} is {quote_value(value)}"
            return f"{shown}, which holds a NUL character; it takes text."
        try:
            raw.decode()
        except UnicodeDecodeError:
            return f"The parameter {quote_value(name)} is {quote_value(value)}, which holds bytes that are not UTF-8."
    return None
