"""Endpoints for those who run the service: is it up, do its databases answer, does a key fit."""

import logging
from http import HTTPStatus
from typing import Any

import orjson
from django.db import Error, connections
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser, FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analyticsdataserver.router import ANALYTICS_DATABASE

logger = logging.getLogger(__name__)

OK = "OK"
UNAVAILABLE = "UNAVAILABLE"


class JSONParser(BaseParser):
    """A body in JSON; Python's own parser ends in a RecursionError where one is nested deeply."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


class KeyView(ObtainAuthToken):
    """Give the key of the user whose name and password are posted."""

    parser_classes = (FormParser, MultiPartParser, JSONParser)


class StatusView(APIView):
    """Tell that the service is up. Touches no database and asks for no key."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response({})


class HealthView(APIView):
    """Tell whether the databases answer: 503 where one of them doesn't. Asks for no key."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        default, analytics = database_status("default"), database_status(ANALYTICS_DATABASE)
        healthy = default == analytics == OK
        body = {
            "overall_status": OK if healthy else UNAVAILABLE,
            "detailed_status": {
                # The name that the first release had for the only database it looked at.
                "database_connection": analytics,
                "default_db_status": default,
                "analytics_db_status": analytics,
            },
        }
        return Response(body, status=HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE)


class AuthenticatedView(APIView):
    """Tell whether a key, or a session, is valid."""

    def get(self, request: Request) -> Response:
        return Response({})


def database_status(alias: str) -> str:
    """Return whether a database answers the simplest of queries."""
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except Error:
        logger.exception("The database %s does not answer.", alias)
        return UNAVAILABLE
    return OK
