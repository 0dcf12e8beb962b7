"""Authentication by key, and by a session that a key or a password has begun."""

import time
from hashlib import sha256
from time import monotonic
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import DatabaseError
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import (
    BinaryField,
    Case,
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    IntegerField,
    OuterRef,
    QuerySet,
    Value,
    When,
)
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.http import http_date
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.authtoken.models import Token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from analytics_data_api.access import last_use
from analytics_data_api.access.credentials import BASIC, decoded
from analytics_data_api.access.digests import course_digests
from analytics_data_api.access.models import Counter, Key, ScopeEntry, moment
from analytics_data_api.access.scope import Access
from analytics_data_api.access.throttling import clients, counters
from analytics_data_api.access.throttling.clients import ANY_COURSE, ClientKey, client_network, memory
from analytics_data_api.access.throttling.policies import HEADERS, WRONG_KEYS
from analytics_data_api.tables.rows import Row
from analytics_data_api.tables.statements import BindParam, database_of, statement

INVALID_KEY: Final = "The key in the header Authorization is not valid; it takes one that this service has made or set."

# The form of the header, and its first word as it is compared.
FORM: Final = ("Token", "<key>")
SCHEMES: Final = frozenset({b"token", b"bearer", b"basic"})

# What makes the tables of keys.
MIGRATION: Final = "0002_keys"
# MySQL's number of the error.
NO_SUCH_TABLE: Final = 1146

# The primary key of no key.
NO_KEY: Final = 0
# What stands for the course where the path has none.
NO_COURSE: Final = ("", "")

DAY: Final = 86_400
# How long before its end a key's answers say when that is.
NOTICE: Final = 14 * DAY

# The name in a session of the id of the key that has begun it.
SESSION_KEY_ID: Final = "api_key_id"

# Columns of a user that are read only where code uses them: a secret, and what takes time to convert.
DEFERRED: Final = {"password", "last_login", "date_joined", "first_name", "last_name", "email"}
USER_COLUMNS: Final = tuple(field.attname for field in User._meta.concrete_fields if field.attname not in DEFERRED)
# Columns whose values are used as the driver returns them: booleans as 0 and 1, text that this service writes.
PLAIN: Final = {
    *(
        "key_id",
        "name",
        "is_limited",
        "scope",
        "reports",
        "rate",
        "user__is_superuser",
        "user__is_staff",
        "user__is_active",
    ),
}
USER_PLACE: Final = 2 + len(Access.COLUMNS)


class Unconverted(ExpressionWrapper):
    """An expression whose value is what the driver returns: converting all of them takes as long as the query.

    Args:
        expression: The expression.
    """

    def __init__(self, expression: Any) -> None:
        # Of this field, no backend converts values.
        super().__init__(expression, BinaryField())


def key_query(keys: QuerySet[Key], column: str, is_throttled: bool) -> QuerySet[Key, Any]:
    """Select a key with its user, whether its network has sent too many wrong ones, and whether it may see a course."""
    is_exhausted = Counter.objects.filter(
        subject=BindParam("subject", CharField()),
        count__gte=BindParam("limit", IntegerField()),
        ends__gt=BindParam("now", FloatField()),
    )
    is_in_scope = ScopeEntry.objects.filter(
        key=OuterRef("pk"), digest__in=[BindParam("course", CharField()), BindParam("org", CharField())]
    )
    found = keys.filter(**{column: BindParam("value", CharField())})
    exhausted = Exists(is_exhausted) if is_throttled else Value(0)
    # Of a key without a limit, the database looks for no entry.
    in_scope = Case(When(is_limited=True, then=Exists(is_in_scope)), default=Value(False))
    user = [f"user__{name}" for name in USER_COLUMNS]
    columns = [Unconverted(F(name)) if name in PLAIN else name for name in (*Access.COLUMNS, *user)]
    return found.values_list(Unconverted(exhausted), Unconverted(in_scope), *columns)


def key_values(digest: str, course: str | None, network: str | None) -> dict[str, Any]:
    """Return the values of the query for a key.

    Args:
        digest: The digest of the key.
        course: The course of the request; None for none.
        network: The network whose wrong keys count; None where they do not.
    """
    values: dict[str, Any] = {"value": digest}
    values["course"], values["org"] = NO_COURSE if course is None else course_digests(course)
    if network is not None and (rate := WRONG_KEYS.rate) is not None:
        values |= {"subject": WRONG_KEYS.subject(rate, network), "limit": rate.limit, "now": counters.now()}
    return values


def read_key(alias: str, values: dict[str, Any]) -> Row:
    """Return the row of a key as ``key_query`` selects it, its user in one piece; an empty one if there is no such key.

    Raises:
        django.db.Error: The database does not answer.
    """
    rows = statement(Key, alias, key_query, "digest", "subject" in values).fetch_small(values)
    return next(((*row[:USER_PLACE], User.from_db(alias, USER_COLUMNS, row[USER_PLACE:])) for row in rows), ())


class KeyAuthentication(BaseAuthentication):
    """``Authorization: Token <key>``; ``Bearer`` and ``Basic`` are taken, too, but not asked for.

    Wrong keys are counted by the network of the client. Above the limit, a key that is new in that network is refused
    whether it is valid or not, so that the response does not show which; a key that was used there before is accepted.
    """

    keyword: Final = FORM[0]

    def authenticate_header(self, request: Request) -> str:
        # Only this one, so that no browser asks for a name and a password.
        return self.keyword

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        """Return the user of the request's key, and what it may see; None for a request without a key.

        Raises:
            AuthenticationFailed: The header is malformed, no user has the key, it has ended, or its user is no longer
                active.
            TooManyRequests: Too many wrong keys came from the client's network.
            django.db.Error: The database does not answer.
        """
        # WSGI (PEP 3333) hands over bytes as Latin-1 characters.
        words = request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1").split()
        if not words or (scheme := words[0].lower()) not in SCHEMES:
            return None
        if len(words) != len(FORM):
            raise AuthenticationFailed(f"The header Authorization has {len(words)} words; it takes {' '.join(FORM)}.")
        try:
            key = (words[1] if scheme != BASIC else basic_key(words[1])).decode()
        except UnicodeDecodeError:
            raise AuthenticationFailed("The key in the header Authorization holds bytes that are not UTF-8.") from None
        return self.authenticate_key(request, key)

    def authenticate_key(self, request: Request | HttpRequest, key: str) -> tuple[User, Access]:
        """Return the user of a key, and what it may see; one query reads both, unless one did within the last moment.

        Raises:
            AuthenticationFailed: No user has the key, it has ended, or its user is no longer active.
            TooManyRequests: Too many wrong keys came from the client's network.
            django.db.Error: The database does not answer.
        """
        network = client_network(request)
        digest = sha256(key.encode())
        client_key = ClientKey(network, digest.digest())
        is_recent = memory.is_recent(client_key)
        match = request.resolver_match
        course = match.kwargs.get("course_id") if match else None
        kept = memory.kept(client_key, course) if is_recent else None
        began = monotonic()
        alias = database_of(Key)
        values = {} if kept else key_values(digest.hexdigest(), course, None if is_recent else network)
        try:
            row = kept or read_key(alias, values)
        except DatabaseError as error:
            row = ()
            user, access, is_exhausted = find_unmigrated(error, alias, key, values)
        else:
            user = row[USER_PLACE] if row else None
            known = {course: bool(row[1])} if row and course is not None else {}
            access = Access._make((*row[2:USER_PLACE], False, known)) if row else None
            is_exhausted = bool(row) and row[0]
        if access is None or is_exhausted:
            # The same steps for a right key and a wrong one, so that the time they take does not show which it is.
            is_trusted = clients.is_trusted(client_key, NO_KEY if access is None else access.pk or NO_KEY)
            if access is None or not is_trusted:
                WRONG_KEYS.hit(request, network)
        if access is None or user is None:
            raise AuthenticationFailed(INVALID_KEY)
        if access.expires or access.revoked or not user.is_active:
            check_user(request, user)
            check_end(request, access)
        if not is_recent:
            memory.add(client_key)
        if row is not kept:
            memory.keep(client_key, course if access.is_limited else ANY_COURSE, row, began)
        if access.last_used != time.time() // DAY:
            last_use.note(access.pk)
        return user, access


class KeySessionAuthentication(SessionAuthentication):
    """A session: without a limit where a password has begun it, else with the scope and the end of the key."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        """Return the user of the session, and what they may see; None for a request without a session.

        Raises:
            AuthenticationFailed: The key that has begun it has ended.
            PermissionDenied: The request may come from another site.
            django.db.Error: The database does not answer.
        """
        found = super().authenticate(request)
        if found is None:
            return None
        session = request._request.session
        key_id = session.get(SESSION_KEY_ID)
        if key_id is None:
            return found[0], Access.without_key(is_session=True)
        course = request.resolver_match.kwargs.get("course_id") if request.resolver_match else None
        values = {"value": key_id}
        values["course"], values["org"] = NO_COURSE if course is None else course_digests(course)
        for _, in_scope, *columns in statement(Key, database_of(Key), key_query, "key_id", False).fetch_small(values):
            known = {} if course is None else {course: bool(in_scope)}
            access = Access._make((*columns[: len(Access.COLUMNS)], True, known))
            # A database whose collation ignores case finds other ids, too.
            if access.key_id == key_id and columns[len(Access.COLUMNS)] == found[0].pk:
                check_end(request, access)
                return found[0], access
        raise AuthenticationFailed("The key that has begun this session was removed.", "key_revoked")


def is_missing(error: DatabaseError) -> bool:
    """Return whether a query failed since there is no such table."""
    return error.args[:1] == (NO_SUCH_TABLE,) or str(error).startswith("no such table")


def is_migrated(alias: str) -> bool:
    """Return whether ``migrate`` has made the table of keys, which is then gone by mistake."""
    applied: Any = MigrationRecorder.Migration.objects.using(alias)
    return bool(applied.filter(app=Key._meta.app_label, name=MIGRATION).exists())


def find_unmigrated(
    error: DatabaseError, alias: str, key: str, values: dict[str, Any]
) -> tuple[User | None, Access | None, bool]:
    """Return the same where ``migrate`` has not run yet, and keys are as an earlier version has stored them.

    Args:
        error: What the query for the key has raised.
        alias: The database.
        key: The key.
        values: The values of that query's parameters.

    Raises:
        django.db.Error: The database does not answer; or that error, where there is another reason.
    """
    if not is_missing(error) or is_migrated(alias):
        raise error
    exhausted = "subject" in values and (
        Counter.objects.using(alias)
        .filter(subject=values["subject"], count__gte=values["limit"], ends__gt=values["now"])
        .exists()
    )
    for token in Token.objects.using(alias).filter(key=key).select_related("user"):
        # A database whose collation ignores case finds other spellings of a key, too.
        if constant_time_compare(token.key, key):
            return token.user, Access.without_key(is_session=False), bool(exhausted)
    return None, None, bool(exhausted)


def check_user(request: Request | HttpRequest, user: User) -> None:
    """Check that a key's user is active; one that is not counts as a wrong key.

    Raises:
        AuthenticationFailed: The user is not.
        TooManyRequests: Too many wrong keys came from the client's network.
    """
    if not user.is_active:
        WRONG_KEYS.hit(request, client_network(request))
        raise AuthenticationFailed("The user of this key is no longer active.")


def check_end(request: Request | HttpRequest, access: Access) -> None:
    """Check that a key has not ended; shortly before it does, have the response say when.

    Raises:
        AuthenticationFailed: It has.
    """
    now = time.time()
    if access.revoked:
        raise AuthenticationFailed("This key was revoked.", "key_revoked")
    if access.expires:
        if access.expires <= now:
            ended = f"{moment(access.expires):%Y-%m-%dT%H:%M:%SZ}"
            raise AuthenticationFailed(f"This key ended at {ended}.", "key_expired")
        if access.expires <= now + NOTICE:
            meta: dict[str, Any] = request.META
            meta[HEADERS] = meta.get(HEADERS, {}) | {"Sunset": http_date(access.expires)}


def basic_key(word: bytes) -> bytes:
    """Return the key in the header of HTTP Basic (RFC 7617): the password, or the user name where that is empty.

    Raises:
        AuthenticationFailed: The word is no Base64 of a user name, a colon and a password.
    """
    username, colon, password = decoded(word).partition(b":")
    if not colon:
        raise AuthenticationFailed(
            "The header Authorization has no user name and password that can be read; with Basic it takes the key as "
            "the password, or as the user name with an empty password."
        )
    return password or username
