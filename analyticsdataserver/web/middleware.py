"""What every request passes, beside Django's own middleware."""

import re
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.signals import request_started
from django.db import Error
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from rest_framework.exceptions import APIException, ParseError

from analytics_data_api.access.throttling.policies import HEADERS
from analytics_data_api.http.problems import ProblemResponse, of_exception, problem
from analytics_data_api.text import quote_value, require_text
from analyticsdataserver.paths import PROBES
from analyticsdataserver.web import errors
from analyticsdataserver.web.security import NOTHING_ALLOWED

# A key of the environment of a request whose path is not UTF-8.
UNDECODABLE: Final = "analyticsdataserver.undecodable_path"

IS_PROBE: Final = re.compile(f"/{PROBES}")

FORM: Final = "application/x-www-form-urlencoded"


class RequestMiddleware(CommonMiddleware):
    """Django's ``CommonMiddleware``, which checks the host and sets ``Content-Length``, and what all responses share.

    A path that is no text is refused first, as Django would replace bytes that are not UTF-8. A method that the view
    does not have is refused before the view, and CSRF protection, are called; so is a query string that is no text,
    unless the view needs a key, which it checks before the query string. Errors become problem documents, or pages for
    browsers.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:  # type: ignore[override]  # not only redirects
        if "\0" in request.path:
            detail = f"The path {quote_value(request.path)} holds a NUL character, which no id has."
            return problem(HTTPStatus.BAD_REQUEST, detail, "invalid_text")
        if UNDECODABLE in request.META:
            detail = f"The path {quote_value(request.path)} holds bytes that are not UTF-8."
            return problem(HTTPStatus.BAD_REQUEST, detail, "invalid_text")
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
        # A view that needs a key checks the key first, and then the query string itself.
        if (query := request.META.get("QUERY_STRING")) and not getattr(view_class, "authentication_classes", ()):
            try:
                require_text(query)
            except ParseError as error:
                return of_exception(error)
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


@receiver(request_started)
def note_undecodable_path(environ: dict[str, Any] | None = None, **kwargs: Any) -> None:
    """Mark the environment of a request whose path is not UTF-8.

    Django then writes the path anew, with what it cannot decode percent-encoded: like a path that has percent signs.
    """
    if environ is not None and not (path := environ.get("PATH_INFO", "")).isascii():
        try:
            # WSGI (PEP 3333) passes bytes as Latin-1 characters.
            path.encode("latin-1").decode()
        except UnicodeDecodeError:
            environ[UNDECODABLE] = True


@cache
def allowed_methods(view_class: type[Any]) -> tuple[str, ...]:
    """Return the methods of a class-based view; Django makes HEAD of GET for each."""
    return tuple(
        name.upper() for name in view_class.http_method_names if hasattr(view_class, "get" if name == "head" else name)
    )
