"""Responses to what the URL router and Django refuse, and pages for errors."""

import re
import sys
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from analytics_data_api import NAME
from analytics_data_api.access.bodies import BodyTooLarge
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY
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
    mends = reads and status in (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
    return {
        "service": NAME,
        "title": members["title"],
        "problem": members,
        "path": request.path,
        "parameters": list(parameters_of(request).items())[:SHOWN_PARAMETERS] if mends else [],
        "login": reverse("rest_framework:login") if status == HTTPStatus.UNAUTHORIZED and reads else None,
        "full_path": request.get_full_path(),
        "retry": reads and status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE),
        "form": request.path if status == HTTPStatus.FORBIDDEN and request.method == "POST" else None,
    }
