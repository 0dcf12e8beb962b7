"""Keys: who sends a request."""

from functools import partial
from typing import Any, Final, NamedTuple

from django.contrib.auth.models import User
from django.db.models import CharField, Exists, FloatField, IntegerField, QuerySet, Value
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import TokenAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from analytics_data_api.access.models import Counter
from analytics_data_api.access.throttling import counters, trusted_clients
from analytics_data_api.access.throttling.networks import client_network
from analytics_data_api.access.throttling.policies import WRONG_KEYS
from analytics_data_api.tables.statements import BindParam, database_of, statement

INVALID_KEY: Final = "The key in the header Authorization is not valid; it takes one that set_api_key has made."

# What the header has to be, and what its first word is known by.
FORM: Final = ("Token", "<key>")
SCHEME: Final = b"token"

# The number of no user.
NOBODY: Final = 0

# What is not read of a user with each request, but when somebody asks for it: a secret, and what takes time to convert.
DEFERRED: Final = {"password", "last_login", "date_joined", "first_name", "last_name", "email"}
USER_COLUMNS: Final = tuple(field.attname for field in User._meta.concrete_fields if field.attname not in DEFERRED)


def key_query(tokens: QuerySet[Token], is_limited: bool) -> QuerySet[Token, Any]:
    """Select a key, whether the network that it comes from has used up its wrong keys, and the key's user."""
    owner = (f"user__{column}" for column in USER_COLUMNS)
    used_up = Counter.objects.filter(
        subject=BindParam("subject", CharField()),
        count__gte=BindParam("limit", IntegerField()),
        ends__gt=BindParam("now", FloatField()),
    )
    found = tokens.filter(key=BindParam("key", CharField()))
    return found.annotate(used_up=Exists(used_up) if is_limited else Value(0)).values_list("key", "used_up", *owner)


class KeyAuthentication(TokenAuthentication):
    """``Authorization: Token <key>``, with a key that ``set_api_key`` has made or ``/api-token-auth/`` has given.

    Wrong keys are counted by the network that they come from. Once there were too many, a key that is new there is
    refused whether it is valid or not, so that nobody learns which; one that has been used there is taken as ever.
    """

    def authenticate(self, request: Request) -> tuple[User, Any] | None:
        """Return the user who has the key that a request came with, and the token; None where it came with none.

        Raises:
            AuthenticationFailed: It is no key, nobody has it, or somebody who is no longer active.
            TooManyRequests: Too many wrong keys came from the same network.
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
        """Return the user who has a key, and the token; one query finds both."""
        network = client_network(request)
        client_key = trusted_clients.client_key(network, key)
        is_new = not trusted_clients.memory.has_lately(client_key)
        found = look_up(key, network if is_new else None)
        if found is None or found.is_used_up:
            # The same steps for a right key and a wrong one, so that the time they take does not tell which it is.
            is_trusted = trusted_clients.is_trusted(client_key, found.user.pk if found else NOBODY)
            if found is None or not is_trusted:
                WRONG_KEYS.hit(request, network)
        if found is None:
            raise AuthenticationFailed(INVALID_KEY)
        if not found.user.is_active:
            WRONG_KEYS.hit(request, network)
            raise AuthenticationFailed("The user of this key is no longer active.")
        if is_new:
            trusted_clients.memory.add(client_key)
        # Made when somebody asks for it, which hardly anybody does.
        return found.user, SimpleLazyObject(partial(Token, key=key, user=found.user))


class Found(NamedTuple):
    """What a key was found to be.

    Attributes:
        user: Whose it is.
        is_used_up: Whether the network that it came from has used up its wrong keys.
    """

    user: User
    is_used_up: bool


def look_up(key: str, network: str | None) -> Found | None:
    """Return what there is to a key, None where nobody has it.

    Args:
        key: The key.
        network: The network that it came from; None where nothing has to be known about it.
    """
    alias = database_of(Token)
    values: dict[str, Any] = {"key": key}
    rate = WRONG_KEYS.rate if network else None
    if rate and network:
        values |= {"subject": WRONG_KEYS.subject(rate, network), "limit": rate.limit, "now": counters.now()}
    for held, used_up, *columns in statement(Token, alias, key_query, rate is not None).fetch_small(values):
        # A database whose collation ignores case finds other spellings of a key, too.
        if constant_time_compare(held, key):
            return Found(User.from_db(alias, USER_COLUMNS, columns), bool(used_up))
    return None
