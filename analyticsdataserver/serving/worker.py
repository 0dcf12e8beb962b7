"""What each worker of the server runs."""

import asyncio
import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyticsdataserver.serving.asgi import ASGIAdapter

logger = logging.getLogger(__name__)


def load(application: str, threads: int, workers: int) -> "ASGIAdapter":
    """Return the ASGI application; the server calls this in the worker, before the event loop runs.

    Nothing of the service is imported before, so that each new worker has the present code and settings.

    Args:
        application: The WSGI application, ``module:name``.
        threads: How many threads run it when none is blocked.
        workers: How many workers there are.
    """
    from django.conf import settings

    from analyticsdataserver.observability.background import background_logging

    # Django configures logging by this, before anything that may log: a line to a pipe that is not read would block.
    settings.LOGGING = background_logging(settings.LOGGING)
    logging.captureWarnings(True)
    module, _, name = application.partition(":")
    wsgi = getattr(import_module(module), name)

    from django.core.files.storage import storages

    from analyticsdataserver.serving import asgi, busy
    from analyticsdataserver.serving.listeners import limit_unacknowledged
    from analyticsdataserver.serving.processors import take_processor

    # Otherwise the first request would wait for the views to be imported.
    import_module(settings.ROOT_URLCONF)
    if not getattr(storages["staticfiles"], "is_in_place", True):
        logger.warning("The pages' files are not in place: run ./manage.py collectstatic --no-input.")
    loop = asyncio.get_event_loop()
    loop.call_soon(limit_unacknowledged, asgi.CLIENT_TIMEOUT)
    loop.call_soon(take_processor, workers)
    return asgi.ASGIAdapter(wsgi, busy.application, threads)
