"""Authentication by key."""

from functools import partial
from hashlib import blake2b
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import CharField, Exists, FloatField, IntegerField, QuerySet, Value
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from analytics_data_api.access.models import Counter
from analytics_data_api.access.throttling import clients, counters
from analytics_data_api.access.throttling.clients import ClientKey, client_network, memory
from analytics_data_api.access.throttling.policies import WRONG_KEYS
from analytics_data_api.tables.statements import BindParam, database_of, statement

INVALID_KEY: Final = "The key in the header Authorization is not valid; it takes one that set_api_key has made."

# The form of the header, and its first word as it is compared.
FORM: Final = ("Token", "<key>")
SCHEME: Final = b"token"

# The primary key of no user.
NO_USER: Final = 0

# Columns of a user that are read only where code uses them: a secret, and what takes time to convert.
DEFERRED: Final = {"password", "last_login", "date_joined", "first_name", "last_name", "email"}
USER_COLUMNS: Final = tuple(field.attname for field in User._meta.concrete_fields if field.attname not in DEFERRED)


def key_query(tokens: QuerySet[Token], is_limited: bool) -> QuerySet[Token, Any]:
    """Select a key, whether its client's network has reached the limit of wrong keys, and the key's user."""
    user = (f"user__{column}" for column in USER_COLUMNS)
    is_exhausted = Counter.objects.filter(
        subject=BindParam("subject", CharField()),
        count__gte=BindParam("limit", IntegerField()),
        ends__gt=BindParam("now", FloatField()),
    )
    found = tokens.filter(key=BindParam("key", CharField()))
    exhausted = Exists(is_exhausted) if is_limited else Value(0)
    return found.annotate(exhausted=exhausted).values_list("key", "exhausted", *user)


class KeyAuthentication(TokenAuthentication):
    """``Authorization: Token <key>``, with a key that ``set_api_key`` or ``/api-token-auth/`` has made.

    Wrong keys are counted by the network of the client. Above the limit, a key that is new in that network is refused
    whether it is valid or not, so that the response does not show which; a key that was used there before is accepted.
    """

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        """Return the user of the request's key, and the token; None for a request without a key.

        Raises:
            AuthenticationFailed: The header is malformed, no user has the key, or its user is no longer active.
            TooManyRequests: Too many wrong keys came from the client's network.
            django.db.Error: The database does not answer.
        """
        # WSGI (PEP 3333) hands over bytes as Latin-1 characters.
        words = request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1").split()
        if not words or words[0].lower() != SCHEME:
            return None
        if len(words) != len(FORM):
            raise AuthenticationFailed(f"The header Authorization has {len(words)} words; it takes {' '.join(FORM)}.")
        try:
            key = words[1].decode()
        except UnicodeDecodeError:
            raise AuthenticationFailed("The key in the header Authorization holds bytes that are not UTF-8.") from None
        return self.authenticate_key(request, key)

    def authenticate_key(self, request: Request, key: str) -> tuple[User, Any]:
        """Return the user of a key, and the token; one query reads both."""
        network = client_network(request)
        client_key = ClientKey(network, blake2b(key.encode(), digest_size=16).digest())
        is_recent = memory.is_recent(client_key)
        user, is_exhausted = find_user(key, None if is_recent else network)
        if user is None or is_exhausted:
            # The same steps for a right key and a wrong one, so that the time they take does not show which it is.
            is_trusted = clients.is_trusted(client_key, NO_USER if user is None else user.pk)
            if user is None or not is_trusted:
                WRONG_KEYS.hit(request, network)
        if user is None:
            raise AuthenticationFailed(INVALID_KEY)
        if not user.is_active:
            WRONG_KEYS.hit(request, network)
            raise AuthenticationFailed("The user of this key is no longer active.")
        if not is_recent:
            memory.add(client_key)
        # Few views use the token.
        return user, SimpleLazyObject(partial(Token, key=key, user=user))


def find_user(key: str, network: str | None) -> tuple[User | None, bool]:
    """Return the user of a key, None where no user has it, and whether a network has reached its limit of wrong keys.

    Args:
        key: The key.
        network: The network of the client; None to leave its limit out.
    """
    alias = database_of(Token)
    values: dict[str, Any] = {"key": key}
    rate = WRONG_KEYS.rate if network else None
    if rate and network:
        values |= {"subject": WRONG_KEYS.subject(rate, network), "limit": rate.limit, "now": counters.now()}
    for stored, is_exhausted, *columns in statement(Token, alias, key_query, rate is not None).fetch_small(values):
        # A database whose collation ignores case finds other spellings of a key, too.
        if constant_time_compare(stored, key):
            return User.from_db(alias, USER_COLUMNS, columns), bool(is_exhausted)
    return None, False
