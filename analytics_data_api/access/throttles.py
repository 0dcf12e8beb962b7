"""The limit on requests for data."""

from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

if TYPE_CHECKING:
    from analytics_data_api.access.throttling.policies import Policy


class UserThrottle(BaseThrottle):
    """Counts a user's requests by the ``policy`` of the view; without a limit it makes no query."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Return True for a request within the limit.

        Raises:
            TooManyRequests: The user has reached the limit.
            django.db.Error: The database does not answer.
        """
        policy: Policy = cast("Any", view).policy
        if getattr(settings, policy.setting) is not None:
            policy.hit(request, str(request.user.pk))
        return True
