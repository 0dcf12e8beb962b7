"""The description's address, ``/api/schema/``."""

import hashlib
from functools import cache
from typing import Any, Final, NamedTuple

import orjson
from django.http import HttpResponse
from django.utils.cache import patch_cache_control
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer2
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from analytics_data_api.http.conditional import validate


@cache
def document() -> dict[str, Any]:
    """Return the description, which does not change while the service runs."""
    description: dict[str, Any] = SchemaGenerator().get_schema(public=True)
    return description


class JSONRenderer(BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, *context: Any) -> bytes:
        return orjson.dumps(data)


class YAMLRenderer(OpenApiYamlRenderer2):
    media_type = "application/yaml"
    charset = None


RENDERERS: Final[dict[str, type[Any]]] = {renderer.format: renderer for renderer in (JSONRenderer, YAMLRenderer)}


class Written(NamedTuple):
    """The description's bytes in a format, and what identifies them."""

    content: bytes
    etag: str


@cache
def written(format_: str) -> Written:
    content: bytes = RENDERERS[format_]().render(document())
    return Written(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


class SchemaView(APIView):
    """The description of the service in OpenAPI 3.1, as JSON or YAML; needs no key."""

    # It does not describe itself.
    schema = None
    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = tuple(RENDERERS.values())

    def get(self, request: Request) -> HttpResponse:
        content, etag = written(request.accepted_renderer.format)
        headers, not_modified = validate(request, etag)
        response = not_modified or HttpResponse(content, content_type=request.accepted_media_type, headers=headers)
        # Any cache may store it, with a conditional request before each use: the next release can have another one.
        patch_cache_control(response, public=True, no_cache=True)
        return response
