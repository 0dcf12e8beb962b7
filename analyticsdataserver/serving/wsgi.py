"""The service as a WSGI application; a server that is told nothing else runs it with the production settings."""

import gc
import logging
import os
from importlib import import_module
from typing import Any

import django
from django.conf import settings
from django.core.cache import close_caches
from django.core.files.storage import storages
from django.core.handlers.base import reset_urlconf
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connections, reset_queries

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.production")


class Request(WSGIRequest):
    """A request whose header Content-Type may be anything; Django raises on some, before there is anybody to answer."""

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            super()._set_content_type_params(meta)  # type: ignore[misc]  # not in the stubs
        except (LookupError, TypeError, ValueError):
            meta["CONTENT_TYPE"] = ""
            super()._set_content_type_params(meta)  # type: ignore[misc]  # not in the stubs


class Handler(WSGIHandler):
    request_class = Request


def limit_waiting() -> None:
    """Give up a MySQL server that stops answering in the middle of a request.

    Here and not in the settings, because commands may wait: a migration's statement takes as long as it takes.
    """
    for connection in connections.all():
        if connection.vendor == "mysql":
            seconds = connection.settings_dict["OPTIONS"]["connect_timeout"]
            for option in ("read_timeout", "write_timeout"):
                connection.settings_dict["OPTIONS"].setdefault(option, seconds)


def skip_idle_steps() -> None:
    """Have Django do around each request only what there is to do.

    When one begins, connections that have failed or grown old are closed; when it ends, that would be for those that
    serve one request each. Statements are noted with DEBUG only, nothing is kept in caches, and every request has the
    same routes.
    """
    if all(connection.settings_dict["CONN_MAX_AGE"] != 0 for connection in connections.all()):
        request_finished.disconnect(close_old_connections)
    if not settings.DEBUG:
        request_started.disconnect(reset_queries)
    request_finished.disconnect(close_caches)
    request_finished.disconnect(reset_urlconf)


def tell_of_static_files() -> None:
    """Log it where the pages' files are served from their packages, which is slower, because nobody has placed them."""
    if not getattr(storages["staticfiles"], "is_in_place", True):
        logger.warning("The pages' files are not in place: run ./manage.py collectstatic --no-input.")


def spare_garbage_collector() -> None:
    """Have the garbage collector leave alone what is there for good: the code, the settings, the routes.

    It would go through all of that each time, and touch it, so that copies of this process could not share its memory.
    """
    gc.collect()
    gc.freeze()


django.setup(set_prefix=False)
# Before a server makes copies of this process, so that none of them has to import the views at its first request.
import_module(settings.ROOT_URLCONF)
limit_waiting()
skip_idle_steps()
tell_of_static_files()
application = Handler()
spare_garbage_collector()
