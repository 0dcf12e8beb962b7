"""Conditional requests (RFC 9110, section 13): an answer that the caller has already is not sent again."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from django.db.models import Model
from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.utils.http import http_date, parse_etags, parse_http_date_safe

from analytics_data_api.http.headers import put
from analytics_data_api.tables.data_version import SETTLED_SECONDS, code_version, data_version

# A second change within the same second has the same Last-Modified, which is therefore not told before this has passed.
SETTLED: Final = timedelta(seconds=SETTLED_SECONDS)

IF_NONE_MATCH: Final = "HTTP_IF_NONE_MATCH"
IF_MODIFIED_SINCE: Final = "HTTP_IF_MODIFIED_SINCE"

# What the tag of an answer ends in when the answer is compressed: it is made of other bytes then (section 8.8.3).
COMPRESSED: Final = "-gzip"


class Validators(NamedTuple):
    """What tells one version of an answer from another.

    Attributes:
        tag: The strong ``ETag`` of the answer as it is, uncompressed.
        modified: Since when the answer has been like this, in UTC; None where that is not known for sure.
    """

    tag: str
    modified: datetime | None

    def apply(self, response: HttpResponse | StreamingHttpResponse, tag: str | None = None) -> None:
        """Have an answer tell its version.

        Args:
            response: The answer.
            tag: What to call the version; that of the uncompressed answer where nothing is given.
        """
        put(response, "ETag", tag or self.tag)
        if self.modified is not None:
            put(response, "Last-Modified", written_date(self.modified))

    def not_modified(self, tag: str | None = None) -> HttpResponse:
        """Return the answer for a caller who has the present version, under a tag."""
        response = HttpResponseNotModified()
        self.apply(response, tag)
        return response

    def if_none_match(self, meta: Mapping[str, Any]) -> HttpResponse | None:
        """Return the answer for a caller who names the present version by its tag; None for any other.

        A tag is made of the address, too: who has it has got an answer from there. So nothing has to be looked up.

        Args:
            meta: That of the request (PEP 3333), with its headers.
        """
        given = meta.get(IF_NONE_MATCH)
        # Mostly it is this one, alone.
        named = (given,) if given == self.tag else tags(given)
        held = next((tag for tag in (self.tag, compressed(self.tag)) if tag in named), None)
        return None if held is None else self.not_modified(held)

    def if_modified_since(self, meta: Mapping[str, Any]) -> HttpResponse | None:
        """Return the answer for a caller who has any version, or one from after the last change; None for any other.

        Good only where there is something to answer at all.

        Args:
            meta: That of the request (PEP 3333), with its headers.
        """
        has_it = False
        if (given := meta.get(IF_NONE_MATCH)) is not None:
            has_it = "*" in tags(given)
        elif self.modified is not None and (date := meta.get(IF_MODIFIED_SINCE)):
            since = parse_http_date_safe(date)
            has_it = since is not None and int(self.modified.timestamp()) <= since
        return self.not_modified() if has_it else None


def validators(model: type[Model], *representation: str) -> Validators | None:
    """Return what tells the present version of an answer from others; None where the database cannot tell.

    They have to be asked for before the rows are read: then an answer may be newer than its tag says, which costs one
    more answer, but never older, which would have it kept for good.

    Args:
        model: The table that the answer is made from.
        representation: What else makes one answer differ from another: address, format.

    Raises:
        django.db.Error: The database does not answer.
    """
    version = data_version(model)
    if version is None:
        return None
    digest = blake2b("\0".join((code_version(), version.text, *representation)).encode(), digest_size=12)
    modified = version.modified
    settled = modified is not None and datetime.now(UTC) - modified >= SETTLED
    return Validators(f'"{digest.hexdigest()}"', modified if settled else None)


@lru_cache(32)
def written_date(time: datetime) -> str:
    """Return a time as headers tell it."""
    return http_date(time.timestamp())


def tags(header: str | None) -> Collection[str]:
    """Return the entity tags that ``If-None-Match`` lists, without the mark of weak ones, which are as good there."""
    return {tag.removeprefix("W/") for tag in parse_etags(header)} if header else ()


def compressed(tag: str) -> str:
    """Return the tag of an answer's compressed form."""
    return f'{tag[:-1]}{COMPRESSED}"'
