"""Error responses: ``application/problem+json`` (RFC 9457), whatever refused the request."""

from http import HTTPStatus
from typing import Any, Final

import orjson
from django.core.exceptions import PermissionDenied
from django.db import Error
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from analytics_data_api.http import database_errors

CONTENT_TYPE: Final = "application/problem+json"

# Seconds after which a client may try again, unless the reason for the refusal says otherwise.
RETRY_AFTER: Final = 5
# The same where the service itself is at its limit, which passes sooner than that a database answers again. HAProxy
# recognizes these refusals by it: docs/cluster/haproxy.cfg.
RETRY_BUSY: Final = 1

# RFC 9110's; Python has older ones before 3.13.
TITLES: Final[dict[int, str]] = {413: "Content Too Large"}


class BadRequest(exceptions.APIException):
    """A value that the request may not have; ``code`` says which kind of mistake it is."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "bad_request"


class NoData(exceptions.NotFound):
    """No row matches the request; ``code`` says whether the entity itself is unknown."""


class Unavailable(exceptions.APIException):
    """The service cannot serve the request at the moment; ``code`` says why."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "service_busy"
    default_detail = "The service is at work on as many requests as it can."


class ProblemResponse(HttpResponse):
    """An error response.

    Attributes:
        members: The members of the problem document, for a page that shows the same.
        error_code: The one of the members, for the access log.
    """

    def __init__(self, members: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(orjson.dumps(members), status=members["status"], content_type=CONTENT_TYPE, headers=headers)
        self.members = members
        self.error_code: str = members["error_code"]


def problem(status: int, detail: str, code: str, headers: dict[str, str] | None = None) -> ProblemResponse:
    """Return the response to a request that cannot be served.

    Args:
        status: The HTTP status.
        detail: What is wrong, in a sentence or two that name the parameter, its value and what it would take.
        code: A stable word in snake_case that identifies the kind of error for programs.
        headers: Further headers.
    """
    members = {
        "type": "about:blank",
        "title": TITLES.get(int(status)) or HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "error_code": code,
        # The original's clients read this name.
        "developer_message": detail,
    }
    return ProblemResponse(members, headers)


def sentences(detail: Any) -> str:
    """Return REST framework's details, which may be nested by field, as text."""
    if isinstance(detail, dict):
        return " ".join(f"{field}: {sentences(errors)}" for field, errors in detail.items())
    if isinstance(detail, list):
        return " ".join(map(sentences, detail))
    return str(detail)


def first_code(codes: Any) -> str:
    """Return one of REST framework's error codes, which may be nested by field."""
    while not isinstance(codes, str):
        codes = next(iter(codes.values() if isinstance(codes, dict) else codes))
    return codes


def detail_of(exc: exceptions.APIException) -> str:
    """Return the detail of an exception, with what the request would take where REST framework leaves that out."""
    if isinstance(exc, exceptions.NotAuthenticated):
        return "No key was sent; this address takes one in the header Authorization: Token <key>."
    return sentences(exc.detail)


def of_exception(exc: BaseException | None) -> ProblemResponse | None:
    """Return the response to a request that raised an exception; None for a fault of this service, which is a 500."""
    if isinstance(exc, exceptions.APIException):
        headers = {}
        if auth_header := getattr(exc, "auth_header", None):
            headers["WWW-Authenticate"] = auth_header
        if exc.status_code in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
            wait = getattr(exc, "wait", None)
            headers["Retry-After"] = str(RETRY_AFTER if wait is None else wait)
        return problem(exc.status_code, detail_of(exc), first_code(exc.get_codes()), headers)
    if isinstance(exc, Http404):
        return problem(HTTPStatus.NOT_FOUND, str(exc) or "There is nothing at this address.", "not_found")
    if isinstance(exc, PermissionDenied):
        return problem(HTTPStatus.FORBIDDEN, str(exc) or "This is not allowed.", "permission_denied")
    if isinstance(exc, Error) and (explained := database_errors.explain(exc)):
        code, detail = explained
        return unavailable(code, detail)
    return None


def unavailable(code: str, detail: str, wait: int = RETRY_AFTER) -> ProblemResponse:
    """Return a 503 whose detail says what is wrong and that the client may try again after some seconds."""
    headers = {"Retry-After": str(wait)}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{detail} Try again a little later.", code, headers)


def database_unavailable() -> ProblemResponse:
    return unavailable("database_unavailable", "A database does not answer at the moment.")


def service_busy() -> ProblemResponse:
    """Return the response of a service that is at its own limit."""
    return unavailable(Unavailable.default_code, Unavailable.default_detail, RETRY_BUSY)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Return the response for a view that raised: REST framework's ``EXCEPTION_HANDLER``."""
    return of_exception(exc)
