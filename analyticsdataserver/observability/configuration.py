"""What goes into the log, and in which form: Django's setting ``LOGGING``."""

import logging
from typing import Any, Final

# The forms of a line, by what LOG_FORMAT calls them.
FORMATTERS: Final = {
    "json": "analyticsdataserver.observability.formatting.JSONFormatter",
    "text": "analyticsdataserver.observability.formatting.TextFormatter",
}


# No line tells of them, and to find them out takes a third of the time of a record (Python's "Logging HOWTO").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def logging_settings(level: str, form: str) -> dict[str, Any]:
    """Return the configuration of logging, as ``logging.config.dictConfig`` takes it: lines on standard error.

    Args:
        level: The least that is logged: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or ``CRITICAL``.
        form: A key of FORMATTERS.
    """
    formatting = "analyticsdataserver.observability.formatting"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "request_id": {"()": f"{formatting}.RequestIdFilter"},
            "unanswered": {"()": f"{formatting}.UnansweredFilter"},
        },
        "formatters": {name: {"()": formatter} for name, formatter in FORMATTERS.items()},
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": form, "filters": ["request_id"]},
            "nowhere": {"class": "logging.NullHandler"},
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers print only with DEBUG, or mail administrators; the root's are meant instead.
            "django": {"handlers": [], "level": level},
            "django.request": {"filters": ["unanswered"]},
            # The line that runserver prints of each request, with its whole query string.
            "django.server": {"handlers": ["nowhere"], "propagate": False},
            # A warning for each HEAD, since Django leaves it to servers to send no body.
            "gunicorn.http.wsgi": {"level": "ERROR"},
            # With DEBUG, each statement with its parameters, keys among them.
            "django.db.backends": {"level": "INFO"},
        },
    }
