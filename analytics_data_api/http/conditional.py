"""Conditional requests (RFC 9110, section 13): an answer that the client has already is not sent again."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, NamedTuple

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from rest_framework.exceptions import APIException

from analytics_data_api.tables.data_version import code_version, data_version

# What makes a request conditional.
CONDITIONS: Final = frozenset(
    {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE"}
)

# Where the WSGI environment has the time at which the head of the request had arrived, of perf_counter(), from a server
# that notes it.
ARRIVED: Final = "analytics_data_api.arrived"

# A second change within the same second has the same Last-Modified, which is therefore left out until it has passed.
SETTLED: Final = timedelta(seconds=2)


class PreconditionFailed(APIException):
    """``If-Match`` or ``If-Unmodified-Since`` names a version that is not the present one."""

    status_code = HTTPStatus.PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "The answer is not of the version that If-Match or If-Unmodified-Since names."


class Validation(NamedTuple):
    """What a conditional request is compared with, and the result.

    Attributes:
        headers: ``ETag``, and ``Last-Modified`` where the time of the last change is known for sure.
        not_modified: The response 304 if the client has this version, else None.
    """

    headers: Mapping[str, str]
    not_modified: HttpResponse | None


def validate(request: HttpRequest, etag: str, modified: datetime | None = None) -> Validation:
    """Compare the version that a client has with the present one.

    Args:
        request: The request.
        etag: The strong ``ETag`` of the present version.
        modified: When it was made.

    Raises:
        PreconditionFailed: The request is for another version only.
    """
    headers = {"ETag": etag}
    timestamp = None
    if modified is not None:
        timestamp = int(modified.timestamp())
        headers["Last-Modified"] = last_modified(timestamp)
    if CONDITIONS.isdisjoint(request.META):
        return Validation(headers, None)
    not_modified = get_conditional_response(request, etag, timestamp)
    if not_modified is not None:
        if not_modified.status_code == HTTPStatus.PRECONDITION_FAILED:
            raise PreconditionFailed
        for name, value in headers.items():
            not_modified.headers[name] = value
    return Validation(headers, not_modified)


# Of the same few tables, again and again.
last_modified: Final = lru_cache(256)(http_date)


def validate_report(request: HttpRequest, models: tuple[type[Model], ...], *representation: str) -> Validation | None:
    """Compare the version of an answer that a client has with the present one.

    This has to be called before the rows are read: then an answer may be newer than its ``ETag`` says, which costs one
    more request, but never older, which would be cached for good.

    Args:
        request: The request.
        models: The tables that the answer is read from; it has no version where there are none.
        representation: Whatever else makes one answer differ from another: format, path, query string.

    Returns:
        The result; None where the database cannot distinguish versions of the data.

    Raises:
        PreconditionFailed: The request is for another version only.
        django.db.Error: The database does not answer.
    """
    # The answer to a POST has no version, as no cache keeps it.
    version = data_version(*models, since=request.META.get(ARRIVED)) if models and request.method != "POST" else None
    if version is None:
        return None
    digest = blake2b("\0".join((code_version(), version.text, *representation)).encode(), digest_size=12)
    modified = version.modified
    settled = modified is not None and datetime.now(UTC) - modified >= SETTLED
    return validate(request, f'"{digest.hexdigest()}"', modified if settled else None)
