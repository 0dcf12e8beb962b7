"""The address and the network of a client, the keys that were used there, and the limit on a user's requests.

A client that guesses keys does not lock out the others of its network: a key that was used there before is trusted.
"""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from analytics_data_api.access.throttling import counters, rates
from analytics_data_api.access.throttling.policies import HEADERS, KEY, SERVICE, Policy
from analytics_data_api.tables.rows import Row

if TYPE_CHECKING:
    from rest_framework.views import APIView

# The smallest network that one subscriber gets (RFC 6177), with the choice of any address in it.
IPV6_PREFIX: Final = 64
# Some proxies put a port behind the address.
WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+", re.ASCII)

# With a zone and a port; a longer text is no address, and is not cached.
LONGEST_ADDRESS: Final = 100

# The network of every client whose address is not known, as behind a Unix socket.
UNKNOWN: Final = "unknown"

# Client keys that a process remembers, and seconds for which the database does.
MAX_CLIENT_KEYS: Final = 10_000
DATABASE_TTL: Final = 7 * 24 * 3600
# The key of the WSGI environment with the headers of a request that has been counted, for a server that hands a request
# over once more, with its body.
COUNTED: Final = "analytics_data_api.counted"
# Seconds for which the limit of a network is not read again for the same key.
RECENT: Final = 10.0
# Seconds for which a key is not read again: a change of it counts within one second in every process.
KNOWN: Final = 0.9


def client_network(request: HttpRequest | Request) -> str:
    """Return the network that a request comes from: an IPv4 address, an IPv6 network of 64 bits, or ``unknown``."""
    address = client_address(request)
    return network_of(address) if len(address) <= LONGEST_ADDRESS else UNKNOWN


def client_address(request: HttpRequest | Request) -> str:
    """Return the address that a request comes from, as the server or a proxy wrote it; empty where it is not known.

    It is the address of the connection; with the setting ``NUM_PROXIES``, the one that the outermost of so many proxies
    wrote into ``X-Forwarded-For``, as REST framework reads it.
    """
    proxies = api_settings.NUM_PROXIES or 0
    meta = request.META
    forwarded = meta.get("HTTP_X_FORWARDED_FOR") if proxies else None
    if forwarded is None:
        return meta.get("REMOTE_ADDR") or ""
    addresses = forwarded.split(",")
    address: str = addresses[-min(proxies, len(addresses))]
    return address.strip()


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the network of an address, which may have a port behind it and, in IPv6, a zone."""
    if with_port := WITH_PORT.fullmatch(address):
        address = with_port[1] or with_port[2]
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, IPV6_PREFIX), strict=False))


class ClientKey(NamedTuple):
    """A network, and the hash of a key that was used there; the key itself is not kept."""

    network: str
    digest: bytes


# Kept for any course; no course has this id.
ANY_COURSE: Final = ""
NOTHING: Final[tuple[float, Row]] = (float("-inf"), ())


class Memory:
    """The client keys that a process used last, up to a number of them, with the time of their last query.

    Those of the last moment are kept with what the query found, so that a client's many requests at once read its key
    once.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.queried: dict[ClientKey, float] = {}
        self.found: dict[tuple[ClientKey, str | None], tuple[float, Row]] = {}
        self.lock = Lock()

    def add(self, client_key: ClientKey) -> None:
        with self.lock:
            self.queried.pop(client_key, None)
            self.queried[client_key] = monotonic()
            if len(self.queried) > self.size:
                del self.queried[next(iter(self.queried))]

    def has(self, client_key: ClientKey) -> bool:
        return client_key in self.queried

    def is_recent(self, client_key: ClientKey) -> bool:
        """Return whether a client key was added within the last few seconds."""
        queried = self.queried.get(client_key)
        return queried is not None and monotonic() - queried < RECENT

    def keep(self, client_key: ClientKey, course: str | None, row: Row, began: float) -> None:
        """Keep what a query has found of a key.

        Args:
            client_key: The network and the key.
            course: The course that the query was about, None for none; ANY_COURSE if what it found holds for each.
            row: What it found.
            began: When it began, by the monotonic clock.
        """
        with self.lock:
            if len(self.found) >= self.size:
                self.found.clear()
            self.found[client_key, course] = (began, row)

    def kept(self, client_key: ClientKey, course: str | None) -> Row | None:
        """Return what a query within the last moment has found of a key, for a course or none; None without a query."""
        found = self.found.get((client_key, ANY_COURSE)) or self.found.get((client_key, course), NOTHING)
        began, row = found
        return row if monotonic() - began < KNOWN else None

    def clear(self) -> None:
        with self.lock:
            self.queried.clear()
            self.found.clear()


memory: Final = Memory(MAX_CLIENT_KEYS)


def is_trusted(client_key: ClientKey, key: int) -> bool:
    """Return whether a key was used in a network before; a process that remembers it notes it for the others.

    Args:
        client_key: The network and the key.
        key: The primary key of the key.

    Raises:
        django.db.Error: The database does not answer.
    """
    subject = f"trusted_clients {client_key.network} {key}"
    if memory.has(client_key):
        counters.note(subject, DATABASE_TTL)
        return True
    return counters.is_noted(subject)


class UserThrottle(BaseThrottle):
    """Counts the requests of a key, or of a user's sessions; without a limit, no query.

    The limit is the key's own, else that of services, else the ``policy`` of the view.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return True for a request within the limit.

        Raises:
            TooManyRequests: The key, or the user, has reached the limit.
            django.db.Error: The database does not answer.
        """
        policy: Policy = cast("Any", view).policy
        auth: Any = request.auth
        own = auth.rate
        if own:
            policy = KEY
        elif settings.THROTTLE_SERVICE_USERS and request.user.get_username() in settings.THROTTLE_SERVICE_USERS:
            policy = SERVICE
        if own or getattr(settings, policy.setting) is not None:
            meta = request.META
            if COUNTED in meta:
                meta[HEADERS] = meta[COUNTED]
            else:
                key = auth.pk
                client = f"user {request.user.pk}" if key is None else f"key {key}"
                policy.hit(request, client, parsed_rate(own) if own else None, auth.key_id)
                meta[COUNTED] = meta[HEADERS]
        return True


parsed_rate: Final = lru_cache(1024)(rates.read)
