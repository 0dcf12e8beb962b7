"""Descriptions that drf-spectacular cannot derive: how values are written, and how requests are authenticated."""

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema


class WrittenFieldExtension(OpenApiSerializerFieldExtension):
    """Fields that describe their own output."""

    target_class = "analytics_data_api.formats.fields.WrittenField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        return dict(self.target.written)


class KeyExtension(OpenApiAuthenticationExtension):
    target_class = "analytics_data_api.access.authentication.KeyAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"The word `{self.target.keyword}`, a space, and a key, such as `oda_…`. A key may be "
            "limited to courses; `/api/v1/key/` says to which.",
        }


class SessionExtension(OpenApiAuthenticationExtension):
    target_class = "analytics_data_api.access.authentication.KeySessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": settings.SESSION_COOKIE_NAME,
            "description": "The cookie of a session, which logging in sets.",
        }
