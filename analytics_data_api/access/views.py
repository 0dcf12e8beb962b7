"""Endpoints about keys: getting one, and checking one."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics_data_api.access import bodies, keys
from analytics_data_api.access.throttling.policies import PASSWORDS
from analytics_data_api.text import require_text


@extend_schema_field({"type": "string", "format": "password"})
class PasswordField(serializers.CharField):
    """A text that is not to be shown."""


class CredentialsSerializer(serializers.Serializer[Any]):
    """Who asks for a key."""

    username = serializers.CharField(min_length=1)
    password = PasswordField(min_length=1)


class KeySerializer(serializers.Serializer[Any]):
    """A user's key."""

    token = serializers.CharField(help_text="The key, for the header Authorization.")


class KeyView(ObtainAuthToken):
    """Get a key by user name and password.

    The key is a new one, without a limit. A user's newest ten of such keys stay valid. The setting
    ``KEYS_BY_PASSWORD`` can switch this off.
    """

    parser_classes = bodies.PARSERS
    # The client has no key yet; and a session, which a browser sends by itself, would need its CSRF token.
    authentication_classes = ()
    # Applied by the authentication backend that checks the password.
    policy = PASSWORDS
    error_statuses = (400, 403, 406, 413, 415, 429, 500, 503)

    @extend_schema(
        operation_id="obtain_key",
        auth=[],
        request=CredentialsSerializer,
        responses={200: OpenApiResponse(KeySerializer, "A new key of the user.")},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not settings.KEYS_BY_PASSWORD:
            raise PermissionDenied(
                "This service gives no keys by password; ask the people who run it for a key.", "keys_by_password_off"
            )
        serializer = self.get_serializer(data=bodies.data(request))
        serializer.is_valid(raise_exception=True)
        # Only here is it known; nothing may keep it.
        headers = {"Cache-Control": "no-store"}
        return Response({"token": keys.login_key(serializer.validated_data["user"])}, headers=headers)


class AuthenticatedView(APIView):
    """Check a key or a session."""

    error_statuses = (401, 406, 429, 500, 503)

    @extend_schema(responses={200: OpenApiResponse({"type": "object", "maxProperties": 0}, "An empty object.")})
    def get(self, request: Request) -> Response:
        return Response({})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_text(request.META.get("QUERY_STRING", ""))
