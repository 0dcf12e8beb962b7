"""Which format an answer has."""

from collections.abc import Iterable
from operator import itemgetter

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from analytics_data_api.http.problems import shown


class FormatNegotiation(BaseContentNegotiation):
    """``?format=`` where it is given, else the header ``Accept`` with its preferences (RFC 9110, section 12.5.1)."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type; of formats that are equally welcome, the first that the view lists.

        Raises:
            NotAcceptable: None of the view's formats will do.
        """
        renderers = list(renderers)
        wanted = request.query_params.get("format")
        if wanted:
            by_format = {renderer.format: renderer for renderer in renderers}
            if wanted not in by_format:
                raise NotAcceptable(f"format is {shown(wanted)}; it takes one of: {', '.join(by_format)}.")
            return by_format[wanted], by_format[wanted].media_type
        # Python's max takes the first of equals, and the renderers are listed in the order the service prefers.
        preference, renderer = max(
            ((self.preference(request, renderer.media_type), renderer) for renderer in renderers), key=itemgetter(0)
        )
        if not preference:
            accept, types = shown(request.headers.get("Accept", "")), (each.media_type for each in renderers)
            raise NotAcceptable(f"The header Accept is {accept}; it takes one of: {', '.join(types)}.")
        return renderer, renderer.media_type

    def preference(self, request: Request, media_type: str) -> tuple[float, int] | tuple[()]:
        """Return how welcome a media type is: the quality of the most specific range that covers it, if any does.

        Parameters such as ``charset`` are passed over: clients send them, and they do not tell formats apart.
        """
        main, _, sub = media_type.partition("/")
        for accepted in request._request.accepted_types_by_precedence:
            if accepted.main_type in (main, "*") and accepted.sub_type in (sub, "*"):
                return accepted.quality, accepted.specificity
        return ()
