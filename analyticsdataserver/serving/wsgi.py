"""The service as a WSGI application, with the production settings unless the environment names others."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.production")


def limit_waiting() -> None:
    """Give up a MySQL server that stops answering in the middle of a request.

    Here and not in the settings, because commands may wait: a migration's statement takes as long as it takes.
    """
    for connection in connections.all():
        if connection.vendor == "mysql":
            seconds = connection.settings_dict["OPTIONS"]["connect_timeout"]
            for option in ("read_timeout", "write_timeout"):
                connection.settings_dict["OPTIONS"].setdefault(option, seconds)


application = get_wsgi_application()
limit_waiting()
