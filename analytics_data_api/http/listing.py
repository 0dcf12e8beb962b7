"""Lists of what the API has: its versions, and the endpoints of a version."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics_data_api.http.negotiation import available_formats

if TYPE_CHECKING:
    from analytics_data_api.http.views import ReportView


class ListingView(APIView):
    """A list that needs neither a key nor a database."""

    # OpenAPI describes the endpoints themselves.
    schema = None
    authentication_classes = ()
    permission_classes = (AllowAny,)
    http_method_names = ["get", "head", "options"]


class VersionsView(ListingView):
    """The versions of the API."""

    versions: Sequence[str] = ()

    def get(self, request: Request) -> Response:
        above = request.path.rstrip("/")
        return Response([{"name": name, "path": f"{above}/{name}/"} for name in self.versions])


class EndpointsView(ListingView):
    """The endpoints of a version; a path is a URI template (RFC 6570)."""

    endpoints: Mapping[str, type["ReportView"]] = {}

    def get(self, request: Request) -> Response:
        above = request.path.rstrip("/")
        return Response([listed(f"{above}/{path}/", view) for path, view in self.endpoints.items()])


def listed(path: str, view: type["ReportView"]) -> dict[str, Any]:
    words = path.rpartition("}")[2].strip("/").split("/")
    return {
        # That of the operation in the OpenAPI description, without the method.
        "name": "_by_".join(words),
        "path": path,
        "methods": [method.upper() for method in view.http_method_names],
        "formats": available_formats(view.renderer_classes),
    }
