"""Starts the server: ``python -m analyticsdataserver.serving``."""

import argparse
import errno
import multiprocessing
import os
import resource
import socket
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.production")

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from analyticsdataserver.observability import shared_counts
from analyticsdataserver.observability.background import background_logging
from analyticsdataserver.serving import worker

APPLICATION: Final = "analyticsdataserver.serving.wsgi:application"

# Seconds after which a client that has not sent a whole head of a request is disconnected, also between two requests.
HEADER_TIMEOUT: Final = 30
# Bytes that the head of a request may have, with an id of 255 characters that is percent-encoded.
MAX_HEAD_SIZE: Final = 64 * 1024
# Seconds after which a worker that is to stop is killed: a client that takes nothing is disconnected before that.
STOP_TIMEOUT: Final = 35
# Seconds from the start of a worker to the end of the one that it replaces: the server does not ask whether it listens.
REPLACE_TIME: Final = 5.0
# Connections that a worker holds at most; beyond these, others wait to be accepted.
MAX_CONNECTIONS: Final = 8192
BACKLOG: Final = 2048


def check_address(host: str, port: int) -> None:
    """End the process if no server can listen on an address.

    The server itself would share the port with another one of the same user.

    Raises:
        SystemExit: It cannot; the message says why.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is in use: stop what uses it, or choose another one: make serve PORT={port + 1}")
        sys.exit(f"The service cannot listen on {host}, port {port}: {error.strerror}")


def raise_descriptor_limit() -> None:
    """Allow this process and its workers as many open connections as the system lets them have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def parse(arguments: list[str] | None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m analyticsdataserver.serving", description=__doc__)
    parser.add_argument("--bind", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="the port to listen on (default: %(default)s)")
    parser.add_argument("--uds", type=Path, help="a Unix socket to listen on, instead of an address and a port")
    parser.add_argument("--workers", type=int, default=2, help="how many processes serve (default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=4, help="threads of a worker if none is blocked (default: %(default)s)"
    )
    parser.add_argument("--check", action="store_true", help="only check that the address is free")
    parser.add_argument("--application", default=APPLICATION, help="the WSGI application (default: %(default)s)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    if options.uds is None:
        check_address(options.bind, options.port)
    if options.check:
        return
    try:
        is_measured = settings.METRICS
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    raise_descriptor_limit()
    # A worker that is started by a fork would have the code and the settings of this process, also after a reload.
    multiprocessing.set_start_method("spawn")
    if is_measured:
        shared_counts.begin()
    server = Granian(
        options.application,
        address=options.bind,
        port=options.port,
        uds=options.uds,
        interface=Interfaces.ASGINL,
        workers=options.workers,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=BACKLOG,
        backpressure=MAX_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT * 1000, max_buffer_size=MAX_HEAD_SIZE),
        log_dictconfig=background_logging(settings.LOGGING),
        respawn_failed_workers=True,
        respawn_interval=REPLACE_TIME,
        workers_kill_timeout=STOP_TIMEOUT,
    )
    try:
        load = partial(worker.load, options.application, options.threads, options.workers)
        server.serve(target_loader=load, wrap_loader=False)
    finally:
        shared_counts.end()


if __name__ == "__main__":
    main()
