"""Django's setting ``LOGGING``: what is logged, and in which format."""

import logging
from typing import Any, Final

# The values of LOG_FORMAT.
FORMATTERS: Final = {
    "json": "analyticsdataserver.observability.formatting.JSONFormatter",
    "text": "analyticsdataserver.observability.formatting.TextFormatter",
}

# No line shows them, and looking them up takes a third of the time of a record (see Python's "Logging HOWTO").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def logging_settings(level: str, form: str) -> dict[str, Any]:
    """Return the configuration of logging for ``logging.config.dictConfig``: lines on standard error.

    Args:
        level: The lowest level that is logged: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        form: A key of FORMATTERS.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "only_errors": {"()": "analyticsdataserver.observability.formatting.OnlyErrorsFilter"},
        },
        "formatters": {name: {"()": formatter} for name, formatter in FORMATTERS.items()},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": form},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers print only with DEBUG, or send mail; the root's handler takes their place.
            "django": {"handlers": [], "level": level},
            "django.request": {"filters": ["only_errors"]},
            # Requests that Django refuses, each with a traceback; the access log has a line of each.
            "django.security": {"handlers": ["nowhere"], "propagate": False},
            # runserver's line about each request shows the whole query string.
            "django.server": {"handlers": ["nowhere"], "propagate": False},
            # With DEBUG, Django logs each statement with its parameters, keys among them.
            "django.db.backends": {"level": "INFO"},
        },
    }
