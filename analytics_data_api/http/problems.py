"""Errors as their receivers see them: ``application/problem+json`` (RFC 9457), whatever refused the request."""

import logging
from http import HTTPStatus
from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpResponse
from rest_framework import exceptions

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

# Seconds after which a caller may try again, unless the reason for the refusal says otherwise.
RETRY_AFTER = 5

# How much of what a client sent is told back to it.
SHOWN_LENGTH = 60


class BadRequest(exceptions.APIException):
    """A value that the request may not have; ``code`` says which kind of mistake it is."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "bad_request"


class NoData(exceptions.NotFound):
    """Nothing is on record for what was asked; ``code`` says whether the entity itself is unknown."""


def quote_value(value: str) -> str:
    """Return what a client sent as a message may repeat it: quoted, printable, and shortened."""
    return repr(value if len(value) <= SHOWN_LENGTH else f"{value[: SHOWN_LENGTH - 1]}…")


def problem(status: int, detail: str, code: str, headers: dict[str, str] | None = None) -> HttpResponse:
    """Build the answer to a request that cannot be served.

    Args:
        status: The HTTP status.
        detail: What is wrong, in a sentence or two that name the parameter, its value and what it would take.
        code: A stable word in snake_case for programs to tell the kind of error by.
        headers: Further headers.
    """
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "error_code": code,
        # The original's clients read this name.
        "developer_message": detail,
    }
    return HttpResponse(orjson.dumps(body), status=status, content_type=CONTENT_TYPE, headers=headers)


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
    """Return what to tell of an exception, with what the request would take where REST framework leaves that out."""
    if isinstance(exc, exceptions.NotAuthenticated):
        return "No key was sent; this address takes one in the header Authorization: Token <key>."
    return sentences(exc.detail)


def of_exception(exc: BaseException | None) -> HttpResponse | None:
    """Return the answer to a request that raised an exception, None where that is nobody's fault but the service's."""
    if isinstance(exc, exceptions.APIException):
        headers = {}
        if auth_header := getattr(exc, "auth_header", None):
            headers["WWW-Authenticate"] = auth_header
        if isinstance(exc, exceptions.Throttled):
            wait = getattr(exc, "wait", None)
            headers["Retry-After"] = str(RETRY_AFTER if wait is None else wait)
        elif exc.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_AFTER)
        return problem(exc.status_code, detail_of(exc), first_code(exc.get_codes()), headers)
    if isinstance(exc, Http404):
        return problem(HTTPStatus.NOT_FOUND, str(exc) or "There is nothing at this address.", "not_found")
    if isinstance(exc, PermissionDenied):
        return problem(HTTPStatus.FORBIDDEN, str(exc) or "This is not allowed.", "permission_denied")
    if isinstance(exc, (DatabaseError, InterfaceError)):
        logger.error("A database did not answer.", exc_info=exc)
        return database_unavailable()
    return None


def database_unavailable() -> HttpResponse:
    detail = "A database does not answer at the moment. Try again a little later."
    headers = {"Retry-After": str(RETRY_AFTER)}
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, "database_unavailable", headers)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Answer for a view that raised: REST framework's ``EXCEPTION_HANDLER``."""
    return of_exception(exc)
