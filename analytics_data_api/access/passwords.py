"""Authentication by name and password, for a key or a session."""

from threading import BoundedSemaphore
from typing import Any, Final

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest
from rest_framework.exceptions import APIException

from analytics_data_api.access.throttling.clients import client_network
from analytics_data_api.access.throttling.policies import PASSWORDS

# How many passwords a process checks at the same time: hashing one takes most of a second of a processor.
checks: Final = BoundedSemaphore(2)
# Seconds that a further check waits for one of them to end. It holds a thread, so that it may not be long.
PATIENCE: Final = 2.0


class PasswordChecksBusy(APIException):
    """The process checks as many passwords as it may."""

    status_code = 503
    default_code = "service_busy"
    default_detail = "The service is checking other passwords at the moment. Try again a little later."
    # Other requests are served meanwhile: HAProxy takes RETRY_BUSY for a server that is full, docs/cluster/haproxy.cfg.
    wait = 2


class LimitedBackend(ModelBackend):
    """Django's backend, with a limit on wrong names and passwords by the network of the client.

    An attempt is counted before the password is checked, because a check takes time, in which other attempts could
    pass; a right password takes the count back.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user, None where the name or the password is wrong.

        Raises:
            PasswordChecksBusy: Other passwords were being checked for PATIENCE seconds.
            TooManyRequests: The network of the client has reached the limit; this password was not checked.
            django.db.Error: The database does not answer.
        """
        if request is None:
            return super().authenticate(request, username, password, **kwargs)
        network = client_network(request)
        PASSWORDS.hit(request, network)
        if not checks.acquire(timeout=PATIENCE):
            PASSWORDS.refund(request, network)
            raise PasswordChecksBusy
        try:
            user = super().authenticate(request, username, password, **kwargs)
        finally:
            checks.release()
        if user is not None:
            PASSWORDS.refund(request, network)
        return user
