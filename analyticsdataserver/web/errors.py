"""What Django itself refuses, told as every other error is."""

import sys
from http import HTTPStatus
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse

from analytics_data_api.http.problems import of_exception, problem, quote_value


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, DisallowedHost):
        host = request.META.get("HTTP_HOST", "")
        detail = f"The header Host, {quote_value(host)}, names none of the hosts that are served here (ALLOWED_HOSTS)."
        return problem(HTTPStatus.BAD_REQUEST, detail, "unknown_host")
    return problem(HTTPStatus.BAD_REQUEST, "The request cannot be read.", "bad_request")


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return problem(HTTPStatus.FORBIDDEN, "This is not allowed.", "permission_denied")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    detail = f"The form was not sent from a page of this service: {reason}"
    return problem(HTTPStatus.FORBIDDEN, detail, "csrf_failed")


def page_not_found(request: HttpRequest, exception: Exception | None = None, **captured: Any) -> HttpResponse:
    detail = f"There is nothing at {quote_value(request.path)}."
    if request.path.startswith("/api/"):
        detail += (
            " Endpoints are /api/v0/courses/<course_id>/…, /api/v0/problems/<module_id>/… and"
            " /api/v0/videos/<video_id>/timeline/; a course_id is org/course/run or course-v1:org+course+run."
        )
    return problem(HTTPStatus.NOT_FOUND, detail, "not_found")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for code that raised; Django calls this while it handles the exception."""
    detail = "Something went wrong here. It has been logged."
    return of_exception(sys.exception()) or problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, "server_error")
