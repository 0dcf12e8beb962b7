"""The addresses below ``/docs/guides/``."""

from pathlib import PurePath
from typing import Any, Final

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.views.generic import TemplateView, View
from rest_framework.exceptions import NotFound

from analytics_data_api import NAME
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY, Crumb
from analytics_data_api.text import quote_value
from analyticsdataserver.docs.guides import rendered

# Not every system's list of types has all of them.
IMAGE_TYPES: Final = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}

NOT_BUILT: Final = "The guides are not built on this server; make docs builds them."


def address(name: str) -> str:
    route = reverse("guides") if name == rendered.INDEX else reverse("guide", kwargs={"name": name})
    return f"{route.rstrip('/')}/"


class GuideView(TemplateView):
    """A guide as a page."""

    template_name = "analyticsdataserver/guide.html"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return what the page has.

        Raises:
            NotFound: There is no such guide, or none is built.
        """
        name = kwargs.get("name", rendered.INDEX)
        guide = rendered.guide(name)
        if guide is None:
            raise NotFound(f"There is no guide {quote_value(name)}." if rendered.are_built() else NOT_BUILT)

        def link(to: tuple[str, str] | None) -> Crumb | None:
            return None if to is None else Crumb(to[1], address(to[0]))

        return super().get_context_data(
            service=NAME,
            title=guide.title,
            crumbs=[
                Crumb("Documentation", reverse("docs")),
                Crumb("Guides", address(rendered.INDEX)),
                Crumb(guide.title, None),
            ],
            body=mark_safe(guide.body),  # noqa: S308 - rendered by Sphinx from docs/
            guides=[Crumb(title, None if each == name else address(each)) for each, title in rendered.contents()],
            before=link(guide.previous),
            behind=link(guide.next),
            **kwargs,
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Links in the text are relative to the address with a slash at the end.
        if not request.path.endswith("/"):
            return HttpResponsePermanentRedirect(f"{request.path}/")
        response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


class GuideImageView(View):
    """An image of the guides."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, path: str) -> FileResponse:
        """Return the image.

        Raises:
            NotFound: There is none of this name.
        """
        try:
            return FileResponse((rendered.folder() / path).open("rb"), content_type=IMAGE_TYPES[PurePath(path).suffix])
        except OSError:
            raise NotFound(f"There is no image {quote_value(path)}.") from None
