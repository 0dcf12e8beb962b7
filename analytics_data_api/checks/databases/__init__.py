"""How a table really is, as its database tells; each kind of database has a module of its own."""

from typing import Any, Final

from analytics_data_api.checks.databases.base import Database
from analytics_data_api.checks.databases.mysql import MySQL
from analytics_data_api.checks.databases.sqlite import SQLite

BY_VENDOR: Final[dict[str, type[Database]]] = {"mysql": MySQL, "sqlite": SQLite}


def database(connection: Any) -> Database:
    """Return what can be asked about the tables that one of Django's connections leads to."""
    return BY_VENDOR[connection.vendor](connection)
