"""Values of some kinds that environment variables hold, and what is said where one holds something else.

As everywhere in the settings, a variable that is empty counts as not set.
"""

import re
from typing import Final

from environ import ImproperlyConfigured

from analytics_data_api.throttling import rates
from analytics_data_api.throttling.rates import Rate
from analyticsdataserver.environment import env

# Turns a limit off.
OFF: Final = "off"


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
