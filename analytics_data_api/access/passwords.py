"""Names and passwords: who asks for a key, or for a session."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from analytics_data_api.access.throttling.networks import client_network
from analytics_data_api.access.throttling.policies import PASSWORDS


class LimitedBackend(ModelBackend):
    """Django's, with a limit for wrong names and passwords by the network that they come from.

    One that is tried counts before it is looked at, because looking takes time, in which others could be tried; a right
    one is taken back.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user, None where the name or the password is wrong.

        Raises:
            TooManyRequests: Too many of them came from the same network, this one not looked at.
            django.db.Error: The database does not answer.
        """
        if request is None:
            return super().authenticate(request, username, password, **kwargs)
        network = client_network(request)
        PASSWORDS.hit(request, network)
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            PASSWORDS.refund(request, network)
        return user
