"""What the settings take from the environment, or from a ``.env`` file beside ``manage.py``.

Each variable is listed, with what it means, in ``.env.example``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environ

INSECURE_PREFIX = "insecure-"
SHORTEST_SECRET_KEY = 50
BASE_DIR = Path(__file__).resolve().parent.parent

# MySQL 8 tells of a table's last change what it knew a day ago, unless told otherwise; to MariaDB, this is a comment.
INIT_COMMAND = "SET time_zone = '+00:00' /*!80000 , information_schema_stats_expiry = 0 */"

env = environ.Env()
env.read_env(BASE_DIR / ".env")


def database(variable: str, default: str = "") -> dict[str, Any]:
    """Return Django's settings of the database that the URL in an environment variable names.

    A MySQL URL needs nothing besides: text is utf8mb4, the session's time is UTC (TIMESTAMP columns are converted to
    it), each statement reads what is committed, and a server that does not answer is given up after a few seconds.
    The URL's query string may say otherwise.

    Args:
        variable: Its name; ``sqlite:///path`` and ``mysql://user:password@host:port/name`` are what it may hold.
        default: The URL to take where the variable is empty or not set; without one, that is an error.

    Raises:
        environ.ImproperlyConfigured: There is neither a value nor a default, or the URL is not one of the two kinds.
    """
    url = env.str(variable, "") or default
    # No message quotes the URL: it holds a password.
    if not url.startswith(("sqlite://", "mysql://")):
        raise environ.ImproperlyConfigured(
            f"{variable} {'names a database of another kind' if url else 'is not set'}: "
            "give it sqlite:////path/to/file.db or mysql://user:password@host:3306/name."
        )
    try:
        settings: dict[str, Any] = env.db_url_config(url)
    except ValueError:
        raise environ.ImproperlyConfigured(
            f"{variable} cannot be read as mysql://user:password@host:3306/name. "
            "Characters such as / ? % in the user's name or password have to be percent-encoded."
        ) from None
    options = settings.setdefault("OPTIONS", {})
    settings["CONN_MAX_AGE"] = env.int("DATABASE_CONNECTION_MAX_AGE", 600)
    settings["CONN_HEALTH_CHECKS"] = True
    if url.startswith("mysql://"):
        settings["ENGINE"] = "analyticsdataserver.databases.mysql"
        options.setdefault("charset", "utf8mb4")
        options.setdefault("init_command", INIT_COMMAND)
        options.setdefault("isolation_level", "read committed")
        options.setdefault("connect_timeout", env.int("DATABASE_TIMEOUT", 5))
        settings["TEST"] = {"CHARSET": "utf8mb4"}
    else:
        settings["ENGINE"] = "analyticsdataserver.databases.sqlite"
        options.setdefault("transaction_mode", "IMMEDIATE")
    return settings


def hosts(variable: str, default: Sequence[str] = ()) -> list[str]:
    """Return the host names that requests may name, from an environment variable that separates them by commas.

    Args:
        variable: Its name.
        default: The names to take where the variable is empty or not set; without any, that is an error.

    Raises:
        environ.ImproperlyConfigured: There is neither a name nor a default.
    """
    given = [name.strip() for name in env.list(variable, default=[]) if name.strip()]
    if not given and not default:
        raise environ.ImproperlyConfigured(
            f"{variable} is not set: list the host names that requests will name, separated by commas, "
            f"for example {variable}=analytics.example.com"
        )
    return given or list(default)


def secret_key(variable: str) -> str:
    """Return the key that signs sessions, from an environment variable that has to hold a good one.

    Raises:
        environ.ImproperlyConfigured: It is missing, too short to be secret, or the local settings' public one.
    """
    key: str = env.str(variable, "")
    if len(key) < SHORTEST_SECRET_KEY or key.startswith(INSECURE_PREFIX):
        raise environ.ImproperlyConfigured(
            f"{variable} is missing, shorter than {SHORTEST_SECRET_KEY} characters, or the public default of the "
            'local settings. Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return key
