"""The page's address, ``/docs/``."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.generic import TemplateView

from analytics_data_api import NAME, TAG
from analytics_data_api.formats.page import page_of
from analytics_data_api.formats.registry import DATA_FORMATS
from analyticsdataserver.docs.examples import ids
from analyticsdataserver.docs.guides import rendered
from analyticsdataserver.docs.swagger import ui

# People type their key here: nothing but our own files is loaded, run, or asked, and no other site frames the page.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


# How many ids a field of the page offers.
OFFERED: Final = 1000


def address(route: str) -> str:
    """Return the address of a route in the form that documentation gives it: with a slash at the end."""
    return f"{reverse(route)}/"


class DocsPage(TemplateView):
    """Every endpoint, to read about and to try; asks for no key."""

    # django-rest-swagger's name for its template, which a project may override.
    template_name = "rest_framework_swagger/index.html"
    http_method_names = ["get", "head", "options"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        addresses = ui.session_addresses()
        user = getattr(self.request, "user", None) if addresses else None
        user_name = user.get_username() if user is not None and user.is_authenticated else None
        return super().get_context_data(
            name=NAME,
            schema_url=address("schema"),
            courses_url=page_of("courses"),
            guides_url=address("guides") if rendered.are_built() else None,
            session_addresses=addresses,
            user_name=user_name,
            # What the page's script reads.
            page={
                "schemaUrl": address("schema"),
                "authenticatedUrl": address("authenticated"),
                "coursesUrl": address("v1:CoursesView"),
                "offered": OFFERED,
                "tag": TAG,
                "sampleIds": ids.known(),
                "userName": user_name,
                "customHeaders": ui.custom_headers(),
                # By media type, the names of formats; and the media types of text with a value a line.
                "formats": {each.media_type: each.format for each in DATA_FORMATS},
                "lines": [each.media_type for each in DATA_FORMATS if each.lists_only and not each.binary],
                "options": ui.options(),
            },
            **kwargs,
        )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        patch_cache_control(response, private=True, no_cache=True)
        return response
