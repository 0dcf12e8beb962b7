"""How gunicorn serves: ``gunicorn --config analyticsdataserver/gunicorn_conf.py analyticsdataserver.wsgi:application``.

What differs between sites, such as the address and the number of workers, is for the command line, which goes first.
"""

from typing import Any

# The application is loaded once, by the process that starts the others: where the settings refuse to start, the reason
# is what is printed last.
preload_app = True
# Somebody who reads a long answer slowly does not keep others waiting, nor is cut off for taking long.
worker_class = "analyticsdataserver.worker.Worker"
threads = 4
# Longer than proxies keep an idle connection (nginx: 60 s), so that they do not lose one in use.
keepalive = 75
# Twice the usual, because ids of 255 characters grow when they are percent-encoded.
limit_request_line = 8190
# It would be one for all servers of a user.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    # Not before the settings are there.
    from analyticsdataserver.gate import keep_one_free

    keep_one_free(worker.cfg.threads)
