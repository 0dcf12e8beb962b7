"""The limits, the settings that hold their rates, and the headers that describe them."""

import logging
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from analytics_data_api.access.throttling import counters
from analytics_data_api.access.throttling.counters import LimitStatus
from analytics_data_api.access.throttling.rates import Rate

logger = logging.getLogger(__name__)

# The key of the WSGI environment under which a middleware finds the headers for the response.
HEADERS: Final = "analytics_data_api.rate_limit_headers"


class TooManyRequests(Throttled):
    """A client has reached a limit.

    Args:
        wait: After how many seconds to try again.
        detail: Which limit that is.
    """

    extra_detail_singular = "Try again in {wait} second."
    extra_detail_plural = "Try again in {wait} seconds."

    def __init__(self, wait: int, detail: str) -> None:
        super().__init__(wait, detail)


@dataclass(frozen=True)
class Policy:
    """A limit.

    Attributes:
        name: Its name in headers, in the log and in the table of counts.
        setting: The name of the setting that holds its rate; None there means no limit.
        reason: The detail of the response to a refused request.
    """

    name: str
    setting: str
    reason: str

    @property
    def rate(self) -> Rate | None:
        rate: Rate | None = getattr(settings, self.setting)
        return rate

    def subject(self, rate: Rate, client: str) -> str:
        """Return the primary key of a client's count; with another rate, counting starts again."""
        return f"{self.name} {rate.limit}/{rate.seconds} {client}"

    def hit(
        self, request: HttpRequest | Request, client: str, rate: Rate | None = None, shown: str | None = None
    ) -> None:
        """Count a request, and set the headers of its response.

        Args:
            request: The request.
            client: The network, the key or the user that is counted.
            rate: A rate in place of the setting's.
            shown: What the log calls the client, if not ``client``.

        Raises:
            TooManyRequests: The limit was reached before.
            django.db.Error: The database does not answer.
        """
        if rate := rate or self.rate:
            status = counters.hit(self.subject(rate, client), rate)
            self.set_headers(request, rate, status)
            if status.admitted and not status.remaining:
                # Once in a window.
                logger.warning("The limit %s is reached by %s.", self.name, shown or client)
            if not status.admitted:
                raise TooManyRequests(status.seconds, self.reason)

    def refund(self, request: HttpRequest | Request, client: str) -> None:
        """Take back the count of this request.

        Raises:
            django.db.Error: The database does not answer.
        """
        if rate := self.rate:
            self.set_headers(request, rate, counters.refund(self.subject(rate, client), rate))

    def set_headers(self, request: HttpRequest | Request, rate: Rate, status: LimitStatus) -> None:
        """Leave the headers that describe the limit in the request's environment.

        In the form of draft-ietf-httpapi-ratelimit-headers: lists of strings with parameters (RFC 9651).
        """
        meta: dict[str, Any] = request.META
        meta[HEADERS] = meta.get(HEADERS, {}) | {
            "RateLimit-Policy": f'"{self.name}";q={rate.limit};w={rate.seconds}',
            "RateLimit": f'"{self.name}";r={status.remaining};t={status.seconds}',
        }


PASSWORDS: Final = Policy(
    "passwords", "THROTTLE_PASSWORDS", "Your address has sent too many names and passwords that were wrong."
)
WRONG_KEYS: Final = Policy("wrong-keys", "THROTTLE_WRONG_KEYS", "Your address has sent too many keys that were wrong.")
DATA: Final = Policy("data", "THROTTLE_DATA", "Your key has asked for data too often.")
# Applies to a key that was made with a rate of its own.
KEY: Final = Policy("key", "THROTTLE_DATA", DATA.reason)
# Applies in place of DATA to the users whom the setting THROTTLE_SERVICE_USERS names.
SERVICE: Final = Policy("service", "THROTTLE_SERVICE", "Your service has asked for data too often.")
