"""What the production settings demand of environment variables, besides that they are set."""

from typing import Any

from environ import ImproperlyConfigured

from analyticsdataserver.environment import database, hosts
from analyticsdataserver.variables import switch


def known_hosts(variable: str) -> list[str]:
    """Return the host names that requests may name, where that is not any host.

    Raises:
        ImproperlyConfigured: There is no name, or one with an asterisk.
    """
    names = hosts(variable)
    if any("*" in name for name in names):
        raise ImproperlyConfigured(
            f"{variable} has an asterisk, so that anybody could have the service lead to a host of theirs: list the "
            "names that requests will use; .example.com stands for every host of example.com. "
            "Balancers that ask /status/ and /health/ by address need none."
        )
    return names


def no_debug(variable: str) -> bool:
    """Return False, which is what debugging has to be.

    Raises:
        ImproperlyConfigured: An environment variable turns it on.
    """
    if switch(variable, default=False):
        raise ImproperlyConfigured(
            f"{variable} is on, which shows source code and settings to anybody: set {variable}=false, or unset it."
        )
    return False


def users_database(variable: str, *, sqlite_allowed: bool) -> dict[str, Any]:
    """Return Django's settings of the database of users: one that every process and machine shares.

    Args:
        variable: As :func:`database` takes it.
        sqlite_allowed: Whether an SQLite file will do.

    Raises:
        ImproperlyConfigured: As by :func:`database`; or it is SQLite, and that is not allowed, or in memory.
    """
    found = database(variable)
    if found["ENGINE"].endswith("sqlite"):
        if ":memory:" in str(found["NAME"]) or "mode=memory" in str(found["NAME"]):
            raise ImproperlyConfigured(
                f"{variable} is a database in memory, of which every process would have its own: "
                "give it mysql://user:password@host:3306/name."
            )
        if not sqlite_allowed:
            raise ImproperlyConfigured(
                f"{variable} is an SQLite file, which one machine can use and one process at a time can write to: "
                f"give it mysql://user:password@host:3306/name, or set SQLITE_FOR_USERS=true if that will do."
            )
    return found
