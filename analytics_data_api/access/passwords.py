"""Authentication by name and password, for a key or a session."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from analytics_data_api.access.throttling.clients import client_network
from analytics_data_api.access.throttling.policies import PASSWORDS


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
            TooManyRequests: The client's network has reached the limit; this password was not checked.
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
