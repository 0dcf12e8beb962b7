"""Lists of what the API has: its versions, and the endpoints of a version."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.listing_page import ListingPageRenderer
from analytics_data_api.http.negotiation import available_formats

if TYPE_CHECKING:
    from analytics_data_api.http.views import ReportView


# What there is of one course and of many, and how the names of the latter end.
SERIES: Final = ("activity", "enrollment")
OF_COURSES: Final = "_of_courses"


class ListingView(APIView):
    """A list that needs neither a key nor a database.

    Attributes:
        listed: What is listed, by name or path.
    """

    listed: Mapping[str, Any] = {}

    # OpenAPI describes the endpoints themselves.
    schema = None
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JSONRenderer, ListingPageRenderer)
    http_method_names = ["get", "head", "options"]


class VersionsView(ListingView):
    """The versions of the API."""

    def get(self, request: Request) -> Response:
        above = request.path.rstrip("/")
        return Response([{"name": name, "path": f"{above}/{name}/"} for name in self.listed])


class EndpointsView(ListingView):
    """The endpoints of a version; a path is a URI template (RFC 6570)."""

    def get(self, request: Request) -> Response:
        above = request.path.rstrip("/")
        return Response([described(above, path, view) for path, view in self.listed.items()])


def described(above: str, path: str, view: type["ReportView"]) -> dict[str, Any]:
    return {
        "name": endpoint_name(path),
        "path": f"{above}/{path}/",
        "methods": [method.upper() for method in view.http_method_names],
        "formats": available_formats(view.renderer_classes),
    }


def endpoint_name(path: str) -> str:
    """Return the name of an endpoint within its version, which is also a part of a function's name.

    Behind the first id, each further word subdivides the first one: ``enrollment_by_gender``.

    Args:
        path: The path below the version, without slashes at its ends; the names of ids stand in braces.
    """
    words = [word for word in path.split("/") if not word.startswith("{")]
    if "{" in path:
        return "_by_".join(words[1:])
    return "_by_".join(words) + (OF_COURSES if words[0] in SERIES else "")
