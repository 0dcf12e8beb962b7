"""The address and the network of a client."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.settings import api_settings

# The smallest network that one subscriber gets (RFC 6177), with the choice of any address in it.
IPV6_PREFIX: Final = 64
# Some proxies put a port behind the address.
WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+", re.ASCII)

# With a zone and a port; a longer text is no address, and is not cached.
LONGEST_ADDRESS: Final = 100

# The network of every client whose address is not known, as behind a Unix socket.
UNKNOWN: Final = "unknown"


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
