"""Keys: who sends a request."""

from functools import partial
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import router
from django.db.models import CharField, QuerySet
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed

from analytics_data_api.statements import Parameter, statement

INVALID_KEY: Final = "The key in the header Authorization is not valid; it takes one that set_api_key has made."

USER_COLUMNS: Final = tuple(field.attname for field in User._meta.concrete_fields)


def key_query(tokens: QuerySet[Token]) -> QuerySet[Token, Any]:
    owner = (f"user__{column}" for column in USER_COLUMNS)
    return tokens.filter(key=Parameter("key", CharField())).values_list("key", *owner)


class KeyAuthentication(TokenAuthentication):
    """``Authorization: Token <key>``, with a key that ``set_api_key`` has made or ``/api-token-auth/`` has given."""

    def authenticate_credentials(self, key: str) -> tuple[User, Any]:
        """Return the user who has a key, and the token; one query finds both.

        Raises:
            AuthenticationFailed: Nobody has this key, or somebody who is no longer active.
        """
        alias = router.db_for_read(Token)
        for held, *values in statement(Token, alias, key_query).rows({"key": key}):
            # A database whose collation ignores case finds other spellings of a key, too.
            if constant_time_compare(held, key):
                user = User.from_db(alias, USER_COLUMNS, values)
                if not user.is_active:
                    raise AuthenticationFailed("The user of this key is no longer active.")
                # Made when somebody asks for it, which hardly anybody does.
                return user, SimpleLazyObject(partial(Token, key=held, user=user))
        raise AuthenticationFailed(INVALID_KEY)
