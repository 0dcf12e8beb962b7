"""Endpoints for those who run the service: is it up, do its databases answer."""

from http import HTTPStatus
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

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


class StatusView(APIView):
    """Report that the service is up.

    Uses no database and needs no key.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    error_statuses = (406, 500)

    @extend_schema(responses={200: NOTHING})
    def get(self, request: Request) -> Response:
        return Response({})


class HealthView(APIView):
    """Report whether the databases can be read.

    The status is 503 if one of them cannot, or if the users' tables are missing. Needs no key, and answers within a
    second whatever hangs.
    """

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
        readable = probes.readable(("default", ANALYTICS_DATABASE))
        default, analytics = (OK if readable[alias] else UNAVAILABLE for alias in readable)
        healthy = all(readable.values())
        body = {
            "overall_status": OK if healthy else UNAVAILABLE,
            "detailed_status": {
                "database_connection": analytics,
                "default_db_status": default,
                "analytics_db_status": analytics,
            },
        }
        return Response(body, status=HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)
