"""Where a request comes from, as throttling tells callers apart."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final, cast

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

# What one subscriber is given at the least (RFC 6177), and can take any address of.
IPV6_PREFIX: Final = 64
# Some proxies put a port behind the address.
WITH_PORT: Final = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+", re.ASCII)

# With a zone and a port; what is longer is none, and is not to be remembered.
LONGEST_ADDRESS: Final = 100

# Stands for every client whose address is not known, as behind a Unix socket.
UNKNOWN: Final = "unknown"


def client_network(request: HttpRequest | Request) -> str:
    """Return the network that a request comes from: an IPv4 address, an IPv6 network of 64 bits, or ``unknown``.

    The address is the one that connects; with the setting ``NUM_PROXIES``, the one that the outermost of so many
    proxies has written into ``X-Forwarded-For``.
    """
    address = BaseThrottle().get_ident(cast("Request", request)) or ""
    return network_of(address) if len(address) <= LONGEST_ADDRESS else UNKNOWN


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
