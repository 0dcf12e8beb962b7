"""How gunicorn serves.

``gunicorn --config analyticsdataserver/serving/gunicorn_conf.py analyticsdataserver.serving.wsgi:application``.

What differs between sites, such as the address and the number of workers, is for the command line, which goes first.
"""

import os
from typing import Any

# The settings first: where they refuse to start, the reason is what is printed last.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.production")
from django.conf import settings

from analyticsdataserver.observability import background, shared_counts
from analyticsdataserver.observability.request_context import current_request

# The application is loaded once, by the process that starts the others.
preload_app = True
# Somebody who reads a long answer slowly does not keep others waiting, nor is cut off for taking long.
worker_class = "analyticsdataserver.serving.worker.Worker"
threads = 4
# Longer than proxies keep an idle connection (nginx: 60 s), so that they do not lose one in use.
keepalive = 75
# Twice the usual, because ids of 255 characters grow when they are percent-encoded.
limit_request_line = 8190
# It would be one for all servers of a user.
control_socket_disable = True

# Its own lines go where the application's go, in the same form. Each request has its line from the application.
logger_class = "analyticsdataserver.observability.server.ServerLogger"
errorlog = None
loglevel = settings.LOGGING["root"]["level"]

if settings.METRICS:
    shared_counts.begin()


def post_worker_init(worker: Any) -> None:
    # Not before the application is there.
    from analyticsdataserver.serving.gate import keep_one_free

    keep_one_free(worker.cfg.threads)
    background.begin()


def post_request(worker: Any, request: Any, environ: Any, response: Any) -> None:
    # Also behind one that broke off, of which gunicorn has told by now.
    current_request.set(None)


def worker_exit(server: Any, worker: Any) -> None:
    background.end()


def child_exit(server: Any, worker: Any) -> None:
    shared_counts.forget(worker.pid)


def on_exit(server: Any) -> None:
    shared_counts.end()
