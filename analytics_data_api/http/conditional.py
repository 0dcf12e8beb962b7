"""Conditional requests (RFC 9110, section 13): an answer that the client has already is not sent again."""

from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from http import HTTPStatus
from typing import Final, NamedTuple

from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from rest_framework.exceptions import APIException

from analytics_data_api.tables.data_version import code_version, data_version

# A second change within the same second has the same Last-Modified, which is therefore left out until it has passed.
SETTLED: Final = timedelta(seconds=2)


class PreconditionFailed(APIException):
    """``If-Match`` or ``If-Unmodified-Since`` names a version that is not the present one."""

    status_code = HTTPStatus.PRECONDITION_FAILED
    default_code = "precondition_failed"
    default_detail = "The answer is not of the version that If-Match or If-Unmodified-Since names."


class Validators(NamedTuple):
    """What identifies a version of an answer.

    Attributes:
        etag: The ``ETag``, strong.
        modified: The time of the last change, in UTC; None where it is not known for sure.
    """

    etag: str
    modified: datetime | None = None

    def apply(self, response: HttpResponseBase) -> None:
        """Set the headers ``ETag`` and ``Last-Modified`` of a response."""
        response.headers["ETag"] = self.etag
        if self.modified is not None:
            response.headers["Last-Modified"] = http_date(self.modified.timestamp())

    def not_modified(self, request: HttpRequest) -> HttpResponseBase | None:
        """Return the response 304 if the client has this version, else None.

        Raises:
            PreconditionFailed: The request is for another version only.
        """
        modified = None if self.modified is None else int(self.modified.timestamp())
        response = get_conditional_response(request, etag=self.etag, last_modified=modified)
        if response is None:
            return None
        if response.status_code == HTTPStatus.PRECONDITION_FAILED:
            raise PreconditionFailed
        self.apply(response)
        return response


def validators(models: tuple[type[Model], ...], *representation: str) -> Validators | None:
    """Return what identifies the present version of an answer; None where the database cannot tell versions apart.

    It has to be called before the rows are read: then an answer may be newer than its ``ETag`` says, which costs one
    more request, but never older, which would be cached for good.

    Args:
        models: The tables that the answer is made from.
        representation: Whatever else makes one answer differ from another: format, path, query string.

    Raises:
        django.db.Error: The database does not answer.
    """
    version = data_version(*models)
    if version is None:
        return None
    digest = blake2b("\0".join((code_version(), version.text, *representation)).encode(), digest_size=12)
    modified = version.modified
    settled = modified is not None and datetime.now(UTC) - modified >= SETTLED
    return Validators(f'"{digest.hexdigest()}"', modified if settled else None)
