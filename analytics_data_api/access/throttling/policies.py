"""What is limited, by which setting, and how callers are told where they stand."""

import logging
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from analytics_data_api.access.throttling import counters
from analytics_data_api.access.throttling.counters import LimitStatus
from analytics_data_api.access.throttling.rates import Rate
from analytics_data_api.http.problems import TooManyRequests

logger = logging.getLogger(__name__)

# Where in a request's environment the headers wait for the answer that they go with.
HEADERS: Final = "analytics_data_api.rate_limit_headers"


@dataclass(frozen=True)
class Policy:
    """A limit.

    Attributes:
        name: What headers and counts call it.
        setting: The setting that holds its rate, or None where nothing is limited.
        reason: What is told to those who are refused.
    """

    name: str
    setting: str
    reason: str

    @property
    def rate(self) -> Rate | None:
        rate: Rate | None = getattr(settings, self.setting)
        return rate

    def subject(self, rate: Rate, who: str) -> str:
        """Return what somebody is counted as. With another rate, counting starts anew."""
        return f"{self.name} {rate.limit}/{rate.seconds} {who}"

    def hit(self, request: HttpRequest | Request, who: str) -> None:
        """Count a request of somebody, and have the answer tell what is left.

        Raises:
            TooManyRequests: The limit was reached before.
            django.db.Error: The database does not answer.
        """
        if rate := self.rate:
            status = counters.hit(self.subject(rate, who), rate)
            self.tell(request, rate, status)
            if status.admitted and not status.remaining:
                # Once in a window, by the one who takes the last.
                logger.warning("The limit %s is reached by %s.", self.name, who)
            if not status.admitted:
                raise TooManyRequests(status.seconds, self.reason)

    def refund(self, request: HttpRequest | Request, who: str) -> None:
        """Take back what was counted for this request.

        Raises:
            django.db.Error: The database does not answer.
        """
        if rate := self.rate:
            self.tell(request, rate, counters.refund(self.subject(rate, who), rate))

    def tell(self, request: HttpRequest | Request, rate: Rate, status: LimitStatus) -> None:
        """Have the answer to a request say how much the limit leaves.

        In the form of draft-ietf-httpapi-ratelimit-headers: lists of strings with parameters (RFC 9651).
        """
        environment: dict[str, Any] = request.META
        environment[HEADERS] = {
            "RateLimit-Policy": f'"{self.name}";q={rate.limit};w={rate.seconds}',
            "RateLimit": f'"{self.name}";r={status.remaining};t={status.seconds}',
        }


PASSWORDS: Final = Policy(
    "passwords", "THROTTLE_PASSWORDS", "Your address has sent too many names and passwords that were wrong."
)
WRONG_KEYS: Final = Policy("wrong-keys", "THROTTLE_WRONG_KEYS", "Your address has sent too many keys that were wrong.")
DATA: Final = Policy("data", "THROTTLE_DATA", "Your key has asked for data too often.")
