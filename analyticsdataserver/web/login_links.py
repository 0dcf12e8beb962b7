"""Links that log in a person on this machine, once, within five minutes: how ``make demo`` lets its visitor in.

A link holds 256 random bits. What the database holds of it is a digest, as the key of a row of Django's sessions, which
has the same end and is removed by ``clearsessions``; as a session cookie, the digest opens no session. Using a link
deletes that row, so that of two requests with it one succeeds.

A link works where the setting ``LOGIN_LINKS`` is on, and only for a client on the machine itself. A proxy in front of
the service may make any client look like one, so that a request that passed a proxy is refused.
"""

import secrets
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from analytics_data_api.access.models import Key

ROUTE: Final = "rest_framework:link"
PARAMETER: Final = "token"
LIFETIME: Final = timedelta(minutes=5)
TOKEN_BYTES: Final = 32
# The length of the key of a session.
DIGEST_SIZE: Final = 40

# What the row of a link holds.
USER: Final = "login_link_user"
KEY: Final = "login_link_key"

# What proxies add to a request.
PROXY_HEADERS: Final = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
    "HTTP_VIA",
)
# The names by which a machine calls itself: another site's name may lead here, too.
LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()[:DIGEST_SIZE]


def make_path(user: User, key: Key | None = None) -> str:
    """Return the path of a new link that logs a user in.

    Args:
        user: The user.
        key: The key whose scope and end the session has; None for a session that sees everything.

    Raises:
        django.db.Error: The database does not answer.
    """
    token = secrets.token_urlsafe(TOKEN_BYTES)
    data = {USER: user.pk, KEY: key.key_id if key else None}
    Session.objects.create(
        session_key=digest(token), session_data=SessionStore().encode(data), expire_date=timezone.now() + LIFETIME
    )
    return f"{reverse(ROUTE)}?{PARAMETER}={token}"


class Visitor(NamedTuple):
    """Whom a link lets in: a user, and the id of the key whose scope the session has, if it has one."""

    user: User
    key_id: str | None


def redeem(token: str) -> Visitor | None:
    """Return whom a link lets in that has not been used, and use it up; None for any other.

    Raises:
        django.db.Error: The database does not answer.
    """
    rows = Session.objects.filter(session_key=digest(token), expire_date__gt=timezone.now())
    found = rows.first()
    data: dict[str, Any] = found.get_decoded() if found else {}
    if USER not in data:
        return None
    deleted, _ = rows.delete()
    user = User.objects.filter(pk=data[USER], is_active=True).first() if deleted else None
    return Visitor(user, data[KEY]) if user else None


def is_local(request: HttpRequest) -> bool:
    """Return whether a request comes from the machine itself, without a proxy in between."""
    if any(name in request.META for name in PROXY_HEADERS):
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR") or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback and urlsplit(f"//{request.get_host()}").hostname in LOCAL_NAMES
