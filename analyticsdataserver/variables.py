"""Values of some kinds that environment variables hold, and what is said where one holds something else.

As everywhere in the settings, a variable that is empty counts as not set.
"""

import re
from collections.abc import Collection
from typing import Final

from environ import ImproperlyConfigured

from analytics_data_api.access.throttling import rates
from analytics_data_api.access.throttling.rates import Rate
from analyticsdataserver.environment import env

# What turns something on, and off.
SWITCH: Final = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(("false", "no", "off", "0"), False)
# Turns a limit off.
OFF: Final = "off"
# A host, or an address, with or without a port. Browsers write it in small letters, and it is compared as it stands.
ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?")
HEADER: Final = re.compile(r"([A-Za-z0-9-]+)(?:\s*:\s*([\x21-\x7e]+))?", re.ASCII)


def switch(variable: str, *, default: bool) -> bool:
    """Return whether an environment variable is on; empty or not set, it is as the default says.

    Raises:
        ImproperlyConfigured: It holds something else than true or false, yes or no, on or off, 1 or 0.
    """
    given: str = env.str(variable, "").strip().lower()
    if not given:
        return default
    if given not in SWITCH:
        raise ImproperlyConfigured(f"{variable} is neither true nor false: set it to one of the two.")
    return SWITCH[given]


def number(variable: str, default: int) -> int:
    """Return the number from 0 on that an environment variable holds, the default where it is empty or not set.

    Raises:
        ImproperlyConfigured: It holds something else.
    """
    given: str = env.str(variable, "").strip()
    if given and not re.fullmatch(r"\d{1,9}", given, re.ASCII):
        raise ImproperlyConfigured(f"{variable} takes a whole number from 0 on, for example {default}.")
    return int(given or default)


def rate(variable: str, default: str) -> Rate | None:
    """Return the rate that an environment variable holds, as ``100/minute``; None for ``off``.

    Args:
        variable: Its name.
        default: What it is where it is empty or not set.

    Raises:
        ImproperlyConfigured: It holds neither.
    """
    given = env.str(variable, "").strip().lower() or default
    if given == OFF:
        return None
    try:
        return rates.read(given)
    except ValueError:
        raise ImproperlyConfigured(
            f"{variable} takes a rate, such as 100/minute (or second, hour, day), from 1 on; or {OFF}."
        ) from None


def choice(variable: str, default: str, choices: Collection[str]) -> str:
    """Return the one of several words that an environment variable holds, the default where it is empty or not set.

    Raises:
        ImproperlyConfigured: It holds something else.
    """
    given: str = env.str(variable, "").strip().lower() or default
    if given not in choices:
        raise ImproperlyConfigured(f"{variable} takes one of: {', '.join(choices)}.")
    return given


def origins(variable: str, *, wildcards: bool = False) -> list[str]:
    """Return the origins (RFC 6454) that an environment variable lists with commas between them.

    Args:
        variable: Its name.
        wildcards: Whether ``https://*.example.com`` may stand for every host of a domain.

    Raises:
        ImproperlyConfigured: One of them is no origin.
    """
    given = [origin.strip() for origin in env.list(variable, default=[]) if origin.strip()]
    for origin in given:
        if not ORIGIN.fullmatch(origin.replace("://*.", "://", 1) if wildcards else origin):
            raise ImproperlyConfigured(
                f"{variable} takes origins, separated by commas: https://, a host in small letters, and its port if "
                "that is not the usual one, for example https://dashboard.example.com. There is no slash at the end."
            )
    return given


def header(variable: str) -> tuple[str, str] | None:
    """Return the header by which a proxy says that a request came by HTTPS, as Django's setting takes it.

    Args:
        variable: An environment variable that holds its name, and its value where that is not ``https``, behind a
            colon; None where it is empty or not set.

    Raises:
        ImproperlyConfigured: It holds something else.
    """
    given = env.str(variable, "").strip()
    if not given:
        return None
    found = HEADER.fullmatch(given)
    if found is None:
        raise ImproperlyConfigured(
            f"{variable} takes the name of a header, such as X-Forwarded-Proto, or a header with its value, "
            "such as Front-End-Https: on."
        )
    return f"HTTP_{found[1].upper().replace('-', '_')}", found[2] or "https"
