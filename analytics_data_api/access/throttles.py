"""The limit on requests for data."""

from typing import TYPE_CHECKING, cast

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

if TYPE_CHECKING:
    from analytics_data_api.http.views import ReportView


class UserThrottle(BaseThrottle):
    """Counts what a user asks for, with a key or a session; makes no query where nothing is limited."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return that a request may go on.

        Raises:
            TooManyRequests: The user has reached the limit.
            django.db.Error: The database does not answer.
        """
        policy = cast("ReportView", view).policy
        if policy.rate is not None:
            policy.hit(request, str(request.user.pk))
        return True
