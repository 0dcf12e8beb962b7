"""Keys: who sends a request."""

from typing import Any, Final

from django.utils.crypto import constant_time_compare
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

INVALID_KEY: Final = "The key in the header Authorization is not valid; it takes one that set_api_key has made."


class KeyAuthentication(TokenAuthentication):
    """``Authorization: Token <key>``, with a key that ``set_api_key`` has made or ``/api-token-auth/`` has given."""

    def authenticate_credentials(self, key: str) -> tuple[Any, Token]:
        token = Token.objects.select_related("user").filter(key=key).first()
        # A database whose collation ignores case finds other spellings of a key, too.
        if token is None or not constant_time_compare(token.key, key):
            raise AuthenticationFailed(INVALID_KEY)
        if not token.user.is_active:
            raise AuthenticationFailed("The user of this key is no longer active.")
        return token.user, token
