"""The service as a WSGI application, with the production settings unless the environment names others."""

import os
import re
from typing import Any, Final

from django.conf import settings
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connections, reset_queries

# Seconds. The server waits at least one for a lock, and reports it before the client gives up.
SHORTEST_TIMEOUT: Final = 2
SET: Final = re.compile(r"\s*SET\s+", re.IGNORECASE)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.production")


def limited(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a MySQL connection with limits on waiting for the server, and for a locked table.

    The server reports a lock at least a second before the client would take the server for one that hangs. A timeout of
    0 is none. Options that set a limit themselves keep it.
    """
    seconds = options["connect_timeout"]
    seconds = max(seconds, SHORTEST_TIMEOUT) if seconds else 0
    options = {"read_timeout": seconds, "write_timeout": seconds} | options
    if options["read_timeout"]:
        wait = max(options["read_timeout"] - 1, 1)
        limits = f"SET lock_wait_timeout = {wait}, innodb_lock_wait_timeout = {wait}"
        command = options.get("init_command")
        if not command:
            options["init_command"] = limits
        elif found := SET.match(command):
            options["init_command"] = f"{limits}, {command[found.end() :]}"
    return options


def limit_waiting() -> None:
    """Give up a MySQL server that stops answering in the middle of a request, or a table that stays locked.

    Statements that a node of a cluster has not done are repeated, on another one. Here and not in the settings, because
    commands may wait, as a migration's statement takes as long as it takes, and may have set up their session.
    """
    for connection in connections.all():
        if connection.vendor == "mysql":
            connection.settings_dict["OPTIONS"] = limited(connection.settings_dict["OPTIONS"])
            connection.settings_dict["REPEAT"] = True


def skip_idle_steps() -> None:
    """Disconnect what Django does before and after each request where there is nothing to do.

    Connections that failed or grew old are closed when the next request begins; doing it at the end as well is for
    connections that are not kept. Statements are only recorded with DEBUG, and nothing is kept in Django's caches. Each
    request begins by setting the URL configuration, which is the same for all. This saves about a tenth of a small
    request; docs/decisions/0022 has the figures.
    """
    if all(connection.settings_dict["CONN_MAX_AGE"] != 0 for connection in connections.all()):
        request_finished.disconnect(close_old_connections)
    if not settings.DEBUG:
        request_started.disconnect(reset_queries)
    request_finished.disconnect(close_caches)
    request_finished.disconnect(reset_urlconf)


application = get_wsgi_application()
limit_waiting()
skip_idle_steps()
