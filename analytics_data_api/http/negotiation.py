"""Which format a response has."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.text import quote_value

Renderers = Iterable[type[BaseRenderer] | BaseRenderer]

PAGE: Final = "text/html"
ANY: Final = "*/*"


def program_formats(renderers: Renderers) -> list[str]:
    """Return the names of formats that a suffix or ``format`` can request: all but the page, which only Accept does."""
    return [str(renderer.format) for renderer in renderers if renderer.media_type != PAGE]


def is_available(renderer: type[BaseRenderer] | BaseRenderer) -> bool:
    """Return whether the packages that a format needs are installed."""
    available: bool = getattr(renderer, "available", True)
    return available


def available_formats(renderers: Renderers) -> list[str]:
    """Return the names of formats that a suffix or ``format`` can request, and that this service can write."""
    return program_formats(filter(is_available, renderers))


class FormatNotInstalled(NotAcceptable):
    """A format that this service could write if a package were installed."""

    default_code = "format_not_installed"

    def __init__(self, renderer: RowRenderer) -> None:
        super().__init__(f"The format {renderer.format} needs {renderer.requirement}, which this service lacks.")


def media_ranges(accept: str) -> Iterator[MediaType]:
    """Yield the media ranges of a header ``Accept``; those that Django cannot parse are left out."""
    for listed in accept.split(","):
        try:
            media_range = MediaType(listed)
            # Read here, since it is parsed when it is first read.
            _ = media_range.quality
        except (LookupError, TypeError, ValueError):
            continue
        # Old Java clients send "*".
        if media_range.main_type == "*" and not media_range.sub_type:
            media_range.sub_type = "*"
        yield media_range


MEDIA_TYPE: Final = attrgetter("media_type")


@lru_cache(256)
def preferred(accept: str, media_types: tuple[str, ...]) -> str | None:
    """Return the media type that a header ``Accept`` prefers, the first of several; None where it accepts none of them.

    ``HttpRequest.get_preferred_type`` is not used: it drops the ranges with ``q=0``, so that ``text/csv;q=0, */*``
    accepts CSV.
    """
    # The most specific range that matches has the say (RFC 9110, section 12.5.1).
    ranges = sorted(media_ranges(accept.strip(" \t,") or ANY), key=attrgetter("specificity", "quality"), reverse=True)
    matches = {name: next((each for each in ranges if each.match(name)), None) for name in media_types}
    accepted = {name: (each.quality, each.specificity) for name, each in matches.items() if each and each.quality}
    return max(accepted, key=accepted.__getitem__, default=None)


class FormatNegotiation(DefaultContentNegotiation):
    """A suffix of the path, else ``?format=``, else the header ``Accept`` (RFC 9110, section 12.5.1)."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type; of formats that are equally preferred, the first that the view lists.

        Raises:
            NotAcceptable: The view has no such format.
        """
        renderers = list(renderers)
        by_type: dict[str, BaseRenderer] = dict(zip(map(MEDIA_TYPE, renderers), renderers, strict=True))
        if wanted := format_suffix or request.query_params.get("format"):
            for media_type, renderer in by_type.items():
                if renderer.format == wanted and media_type != PAGE:
                    if isinstance(renderer, RowRenderer) and not renderer.available:
                        raise FormatNotInstalled(renderer)
                    return renderer, media_type
            takes = ", ".join(available_formats(renderers))
            raise NotAcceptable(f"format is {quote_value(wanted)}; it takes one of: {takes}.")
        accept = request.META.get("HTTP_ACCEPT", ANY)
        best = preferred(accept, tuple(by_type))
        if best is None:
            takes = ", ".join(renderer.media_type for renderer in filter(is_available, renderers))
            raise NotAcceptable(f"The header Accept is {quote_value(accept)}; it takes one of: {takes}.")
        chosen: Any = by_type[best]
        if isinstance(chosen, RowRenderer) and not chosen.available:
            others = list(filter(is_available, renderers))
            best = preferred(accept, tuple(map(MEDIA_TYPE, others)))
            if best is None:
                raise FormatNotInstalled(chosen)
            chosen = by_type[best]
        return chosen, best
