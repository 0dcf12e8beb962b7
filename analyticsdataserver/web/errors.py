"""Responses to what the URL router and Django refuse, and pages for errors."""

import re
import sys
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.encoding import escape_uri_path, iri_to_uri

from analytics_data_api import NAME
from analytics_data_api.access.bodies import BodyTooLarge
from analytics_data_api.formats import page
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY, Crumb
from analytics_data_api.http import problems
from analytics_data_api.http.negotiation import ANY, PAGE, preferred, program_formats
from analytics_data_api.http.problems import ProblemResponse, of_exception, problem
from analytics_data_api.http.views import ReportView
from analytics_data_api.text import quote_value

# Of equals a problem document, as programs that accept anything get one.
MEDIA_TYPES: Final = (problems.CONTENT_TYPE, *dict.fromkeys(each.media_type for each in ReportView.renderer_classes))
SUFFIX: Final = re.compile(rf"\.(?:{'|'.join(program_formats(ReportView.renderer_classes))})/?\Z")

# How many parameters the form of an error page repeats.
SHOWN_PARAMETERS: Final = 20
# The statuses whose page has a form: other values may have an answer.
FORM_STATUSES: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> ProblemResponse:
    if isinstance(exception, DisallowedHost):
        host = request.META.get("HTTP_HOST", "")
        detail = f"The header Host, {quote_value(host)}, names none of the hosts that are served here (ALLOWED_HOSTS)."
        return problem(HTTPStatus.BAD_REQUEST, detail, "unknown_host")
    if isinstance(exception, RequestDataTooBig):
        return problem(BodyTooLarge.status_code, BodyTooLarge.default_detail, BodyTooLarge.default_code)
    return problem(HTTPStatus.BAD_REQUEST, "The request cannot be read.", "bad_request")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> ProblemResponse:
    return problem(HTTPStatus.FORBIDDEN, "This is not allowed.", "permission_denied")


def csrf_failure(request: HttpRequest, reason: str = "") -> ProblemResponse:
    detail = f"The form was not sent from a page of this service: {reason}"
    return problem(HTTPStatus.FORBIDDEN, detail, "csrf_failed")


def method_not_allowed(request: HttpRequest, allowed: Sequence[str]) -> ProblemResponse:
    *others, last = allowed
    takes = f"{', '.join(others)} and {last}" if others else last
    detail = f"The method is {quote_value(request.method or '')}; this address takes {takes}."
    headers = {"Allow": ", ".join(allowed)}
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, "method_not_allowed", headers)


def page_not_found(request: HttpRequest, exception: Exception | None = None, **captured: Any) -> ProblemResponse:
    detail = f"There is nothing at {quote_value(request.path)}."
    if request.path_info.startswith("/api/"):
        above = "/api/v1" if request.path_info.startswith("/api/v1/") else "/api/v0"
        detail += (
            f" Endpoints are {above}/courses/<course_id>/…, {above}/problems/<module_id>/… and"
            f" {above}/videos/<video_id>/timeline/; a course_id is org/course/run or course-v1:org+course+run."
        )
    return problem(HTTPStatus.NOT_FOUND, detail, "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the response for code that raised; Django calls this while it handles the exception."""
    detail = "Something went wrong here. It has been logged."
    return of_exception(sys.exception()) or problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "server_error")


def negotiate(request: HttpRequest, response: ProblemResponse) -> None:
    """Make an error response a page where the client prefers one; status and headers stay."""
    if names_format(request):
        return
    patch_vary_headers(response, ["Accept"])
    if preferred(request.META.get("HTTP_ACCEPT", ANY), MEDIA_TYPES) != PAGE:
        return
    response.content = render_to_string("analyticsdataserver/error.html", page_context(request, response.members))
    response.headers["Content-Type"] = f"{PAGE}; charset=utf-8"
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY


def names_format(request: HttpRequest) -> bool:
    """Return whether a suffix or ``format`` requests a format for programs."""
    if SUFFIX.search(request.path_info):
        return True
    return bool(parameters_of(request).get("format"))


def parameters_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of the query string; none where they are more than Django reads."""
    try:
        return request.GET.dict()
    except SuspiciousOperation:
        return {}


def page_context(request: HttpRequest, members: dict[str, Any]) -> dict[str, Any]:
    """Return what the page of an error shows: the members of the problem document, and where to go on."""
    status = members["status"]
    reads = request.method in ("GET", "HEAD")
    given = parameters_of(request)
    of_endpoint = endpoint_context(request, members, given) if reads and status in FORM_STATUSES else {}
    mends = reads and status in FORM_STATUSES and not of_endpoint
    return {
        "service": NAME,
        "title": members["title"],
        "problem": members,
        "path": request.path,
        "parameters": list(given.items())[:SHOWN_PARAMETERS] if mends else [],
        "links": list(ways_on(request, members, reads=reads)),
        **of_endpoint,
    }


def endpoint_context(request: HttpRequest, members: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """Return what the page of an error has of its endpoint: the way to it, and its form; nothing of other addresses."""
    match = request.resolver_match
    view_class = getattr(match and match.func, "cls", None)
    if match is None or view_class is None or not issubclass(view_class, ReportView):
        return {}
    view = view_class(**getattr(match.func, "initkwargs", {}))
    place = page.address(view, request)
    schema = page.described(view, place)
    inputs = list(page.inputs(schema.read_parameters(view), given, members["detail"]))
    return {
        "crumbs": list(page.crumbs(place, view, request, page.course_of(None, place))),
        "siblings": list(page.siblings(place, view, request, given)),
        # A range that has no data, or a value that is refused; another value of a parameter finds no unknown course.
        "inputs": inputs if members["status"] == HTTPStatus.BAD_REQUEST or given else [],
        "action": escape_uri_path(request.path),
        "docs": page.documentation(schema),
    }


def ways_on(request: HttpRequest, members: dict[str, Any], *, reads: bool) -> Iterator[Crumb]:
    """Yield links to what helps after an error: the nearest first."""
    status, code = members["status"], members["error_code"]
    if status == HTTPStatus.UNAUTHORIZED and reads:
        yield Crumb("Log in", login_address(request))
    if status == HTTPStatus.FORBIDDEN and request.method == "POST":
        yield Crumb("Back to the form", iri_to_uri(request.path))
    if reads and status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        yield Crumb("Try again", request.get_full_path())
    if code in ("no_data_in_range", "no_activity_of_type", "unknown_parameter"):
        yield Crumb("Without any parameter", escape_uri_path(request.path))
    if status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND) and reads:
        yield Crumb("Courses", page.page_of("courses") or f"{reverse('v1:CoursesView')}/")
    if code == "course_not_allowed":
        yield Crumb("What this key may see", f"{reverse('v1:KeyView')}/")
        if reads:
            yield Crumb("Log in with another key", login_address(request))
    if status == HTTPStatus.METHOD_NOT_ALLOWED and is_readable(request):
        yield Crumb("Open it with GET", escape_uri_path(request.path))


def login_address(request: HttpRequest) -> str:
    """Return the address of the login page, which comes back to the request's."""
    return f"{reverse('rest_framework:login')}?next={quote(request.get_full_path(), safe='')}"


def is_readable(request: HttpRequest) -> bool:
    """Return whether the address takes GET, where it does not take the request's method."""
    func = getattr(request.resolver_match, "func", None)
    view_class = getattr(func, "cls", None) or getattr(func, "view_class", None)
    return hasattr(view_class, "get")
