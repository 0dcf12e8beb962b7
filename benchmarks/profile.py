"""One request, again and again, in one process: less noise than a server gives, and a profile of where time goes.

``python -m benchmarks.profile PATH`` prints requests per second, the fastest one's time, and what ``cProfile`` finds.
The databases are those of ``benchmarks.data``, or the ones that ``--connected`` takes from the environment.
"""

import argparse
import cProfile
import io
import os
import pstats
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from benchmarks import data

APPLICATIONS = {"service": "analyticsdataserver.serving.wsgi", "floor": "benchmarks.floor"}


def environ(path: str, headers: Iterable[str]) -> dict[str, Any]:
    """Return the WSGI environment of a GET request with the benchmark's key, as the server makes it.

    Args:
        path: The address, with its query string.
        headers: Further headers, each as ``Name: value``.
    """
    path, _, query = path.partition("?")
    made = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "iso-8859-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_AUTHORIZATION": f"Token {data.KEY}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for header in headers:
        name, _, value = header.partition(":")
        made[f"HTTP_{name.strip().upper().replace('-', '_')}"] = value.strip()
    return made


class Answer:
    """An answer of a WSGI application.

    Attributes:
        status: The status line.
        headers: The headers.
        size: The bytes of its body.
        first: Seconds until its first bytes.
    """

    def __init__(self, application: Callable[..., Any], environ: dict[str, Any]) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.size = 0
        self.first = 0.0
        began = time.perf_counter()
        body = application({**environ, "wsgi.input": io.BytesIO()}, self.start)
        try:
            for chunk in body:
                if not self.size:
                    self.first = time.perf_counter() - began
                self.size += len(chunk)
        finally:
            if hasattr(body, "close"):
                body.close()

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        self.status = status
        self.headers = headers


def timed(request: Callable[[], Answer], seconds: float) -> Iterator[float]:
    """Yield how long each request took, for as many as fit into some seconds."""
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        request()
        yield time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__.partition("\n")[0])
    parser.add_argument("path", help="for example /api/v0/courses/edX/BenchLong/2015/enrollment/")
    parser.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'", help="a further header")
    parser.add_argument("--application", choices=APPLICATIONS, default="service")
    parser.add_argument("--connected", action="store_true", help="read the databases that the environment names")
    parser.add_argument("--seconds", type=float, default=3, help="how long to repeat the request")
    parser.add_argument("--lines", type=int, default=30, help="how many functions to list; 0 for no profile")
    parser.add_argument("--sort", default="tottime", help="what to list functions by: tottime, cumtime, ncalls")
    parser.add_argument("--memory", action="store_true", help="the most memory that one request holds in Python")
    arguments = parser.parse_args()

    if arguments.connected:
        os.environ.update(data.environment(os.environ["DATABASE_URL"], os.environ["ANALYTICS_DATABASE_URL"]))
    else:
        os.environ.update(data.sqlite())
    data.place_static_files(os.environ)
    application = import_module(APPLICATIONS[arguments.application]).application
    asked = environ(arguments.path, arguments.header)

    def request() -> Answer:
        return Answer(application, asked)

    answer = request()
    print(answer.status, f"{answer.size:,} bytes")
    for name, value in answer.headers:
        print(f"{name}: {value}")
    request()
    times = sorted(timed(request, arguments.seconds))
    print(
        f"{len(times) / sum(times):,.1f} requests/s; fastest {times[0] * 1000:.3f} ms, median "
        f"{statistics.median(times) * 1000:.3f} ms; first byte {request().first * 1000:.3f} ms"
    )
    if arguments.memory:
        tracemalloc.start()
        request()
        print(f"{tracemalloc.get_traced_memory()[1] / 1e6:.1f} MB held at most")
        tracemalloc.stop()
    if arguments.lines:
        with cProfile.Profile() as profile:
            for _ in range(max(1, min(1000, len(times) // 3))):
                request()
        pstats.Stats(profile).sort_stats(arguments.sort).print_stats(arguments.lines)


if __name__ == "__main__":
    main()
