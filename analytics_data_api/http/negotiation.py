"""Which format an answer has."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Final, NamedTuple

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from analytics_data_api.http.parameters import query_params
from analytics_data_api.http.problems import quote_value

# The parameter of a media range that tells how welcome it is: RFC 9110, section 12.4.2.
QUALITY: Final = re.compile(r"\s*q\s*=\s*(0(\.\d*)?|1(\.0*)?)\s*", re.ASCII | re.IGNORECASE)


class MediaRange(NamedTuple):
    """Media types that a caller accepts, more (1) or less gladly, or not at all (0); ``*`` stands for any."""

    main: str
    sub: str
    quality: float

    @property
    def specificity(self) -> int:
        return (self.main != "*") + (self.sub != "*")


def media_ranges(accept: str) -> Iterator[MediaRange]:
    """Yield what a header ``Accept`` lists.

    Parameters such as ``charset`` are passed over: clients send them, and they do not tell formats apart. A quality
    that is none counts as left out.
    """
    for listed in accept.split(","):
        media_type, *parameters = listed.split(";")
        main, _, sub = media_type.strip().lower().partition("/")
        qualities = (float(match[1]) for parameter in parameters if (match := QUALITY.fullmatch(parameter)))
        yield MediaRange(main, sub, next(qualities, 1.0))


@lru_cache(256)
def preferred(accept: str, media_types: tuple[str, ...]) -> int | None:
    """Return which of some media types a header ``Accept`` likes best, by its place; None where it takes none of them.

    Of those that are equally welcome it is the first.
    """
    # The most specific ranges first: they say more than the others.
    accepted = sorted(media_ranges(accept), key=attrgetter("specificity", "quality"), reverse=True)
    welcome = [preference(accepted, media_type) for media_type in media_types]
    best = max(welcome)
    return welcome.index(best) if best[0] else None


def preference(accepted: Iterable[MediaRange], media_type: str) -> tuple[float, int]:
    """Return how welcome a media type is: the quality, and the specificity, of the first range that covers it.

    Args:
        accepted: What the caller accepts, the most specific ranges first.
        media_type: The media type.
    """
    main, _, sub = media_type.partition("/")
    for each in accepted:
        if each.main in (main, "*") and each.sub in (sub, "*"):
            return each.quality, each.specificity
    return 0.0, 0


class FormatNegotiation(DefaultContentNegotiation):
    """``?format=`` where it is given, else the header ``Accept`` with its preferences (RFC 9110, section 12.5.1)."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type; of formats that are equally welcome, the first that the view lists.

        Raises:
            NotAcceptable: None of the view's formats will do.
        """
        renderers = list(renderers)
        meta = request.META
        wanted = query_params(request).get("format")
        if wanted:
            by_format = {renderer.format: renderer for renderer in renderers}
            if wanted not in by_format:
                raise NotAcceptable(f"format is {quote_value(wanted)}; it takes one of: {', '.join(by_format)}.")
            return by_format[wanted], by_format[wanted].media_type
        accept = meta.get("HTTP_ACCEPT", "*/*")
        media_types = tuple(renderer.media_type for renderer in renderers)
        place = preferred(accept, media_types)
        if place is None:
            raise NotAcceptable(
                f"The header Accept is {quote_value(accept)}; it takes one of: {', '.join(media_types)}."
            )
        return renderers[place], media_types[place]
