"""Endpoints for those who run the service: is it up, do its databases answer, does a key fit."""

from http import HTTPStatus
from typing import Any

import orjson
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics_data_api.access.throttling.policies import PASSWORDS
from analytics_data_api.tables import ANALYTICS_DATABASE
from analyticsdataserver.serving import probes

OK = "OK"
UNAVAILABLE = "UNAVAILABLE"
STATUSES = (OK, UNAVAILABLE)

# What is answered where the HTTP status says it all.
NOTHING = OpenApiResponse({"type": "object", "maxProperties": 0}, "An empty object.")


class DatabaseStatusSerializer(serializers.Serializer[Any]):
    """Which databases answer."""

    # The name that the first release had for the only database it looked at.
    database_connection = serializers.ChoiceField(STATUSES, help_text="The same as `analytics_db_status`.")
    default_db_status = serializers.ChoiceField(STATUSES, help_text="The database of users and keys.")
    analytics_db_status = serializers.ChoiceField(STATUSES, help_text="The database that the pipeline fills.")


class HealthSerializer(serializers.Serializer[Any]):
    """Whether everything that the service needs is there."""

    overall_status = serializers.ChoiceField(STATUSES, help_text="`OK` where every database answers.")
    detailed_status = DatabaseStatusSerializer()


@extend_schema_field({"type": "string", "format": "password"})
class PasswordField(serializers.CharField):
    """A text that is not to be seen."""


class CredentialsSerializer(serializers.Serializer[Any]):
    """Who asks for a key."""

    username = serializers.CharField(min_length=1)
    password = PasswordField(min_length=1)


class KeySerializer(serializers.Serializer[Any]):
    """A user's key."""

    token = serializers.CharField(help_text="The key, for the header Authorization.")


class JSONParser(BaseParser):
    """A body in JSON; Python's own parser ends in a RecursionError where one is nested deeply."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


class KeyView(ObtainAuthToken):
    """Get the key of the user whose name and password are posted.

    A user who has no key gets a new one.
    """

    parser_classes = (FormParser, MultiPartParser, JSONParser)
    # Who asks has no key yet; and a session, which a browser sends by itself, would be asked for its CSRF token.
    authentication_classes = ()
    # Kept by the authentication backend that looks at the password.
    policy = PASSWORDS
    error_statuses = (400, 406, 415, 429, 500, 503)

    @extend_schema(
        operation_id="obtain_key",
        auth=[],
        request=CredentialsSerializer,
        responses={200: OpenApiResponse(KeySerializer, "The user's key.")},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().post(request, *args, **kwargs)
        return response


class StatusView(APIView):
    """Tell that the service is up.

    Touches no database and asks for no key.
    """

    needs_no_database = True
    authentication_classes = ()
    permission_classes = (AllowAny,)
    error_statuses = (406, 500)

    @extend_schema(responses={200: NOTHING})
    def get(self, request: Request) -> Response:
        return Response({})


class HealthView(APIView):
    """Tell whether the databases answer.

    The status is 503 where one of them doesn't. Asks for no key, and answers within a second whatever hangs.
    """

    # None that could keep it waiting.
    needs_no_database = True
    authentication_classes = ()
    permission_classes = (AllowAny,)
    error_statuses = (406, 500)

    @extend_schema(
        responses={
            200: OpenApiResponse(HealthSerializer, "Every database answers."),
            503: OpenApiResponse(HealthSerializer, "One of the databases does not answer."),
        }
    )
    def get(self, request: Request) -> Response:
        answers = probes.answering(("default", ANALYTICS_DATABASE))
        default, analytics = (OK if answers[alias] else UNAVAILABLE for alias in answers)
        healthy = all(answers.values())
        body = {
            "overall_status": OK if healthy else UNAVAILABLE,
            "detailed_status": {
                "database_connection": analytics,
                "default_db_status": default,
                "analytics_db_status": analytics,
            },
        }
        return Response(body, status=HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)


class AuthenticatedView(APIView):
    """Tell whether a key, or a session, is valid."""

    error_statuses = (401, 406, 429, 500, 503)

    @extend_schema(responses={200: NOTHING})
    def get(self, request: Request) -> Response:
        return Response({})
