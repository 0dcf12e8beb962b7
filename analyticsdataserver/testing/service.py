"""The service as ``make serve`` starts it, as a process of its own."""

import http.client
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NamedTuple, Self

from analyticsdataserver.config import BASE_DIR

SERVER: Final = "analyticsdataserver.serving"
APPLICATION: Final = "analyticsdataserver.serving.wsgi:application"
START_SECONDS: Final = 180
STOP_SECONDS: Final = 40
# A worker that is replaced may wait for clients until they are disconnected.
RENEW_SECONDS: Final = 120
# The server ends if a worker dies within 5.5 s of having replaced another (docs/deployment.rst). The last to be started
# is 5 s old when the server begins to end the one before it.
SETTLE_SECONDS: Final = 1
TIMEOUT_SECONDS: Final = 60


class ServiceUnavailableError(Exception):
    """The server did not start, or not do what it was told; the message holds what it logged."""


class Answer(NamedTuple):
    """An answer that was received whole.

    Attributes:
        status: The status.
        headers: The headers.
        body: The body.
        seconds: How long it took.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    seconds: float


def get(port: int, path: str, headers: Mapping[str, str]) -> Answer:
    """Return the answer to a request on a connection of its own.

    Raises:
        OSError: There was none.
        http.client.HTTPException: It broke off.
    """
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    with closing(connection):
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        body = response.read()
    return Answer(response.status, response.headers, body, time.monotonic() - began)


def serve_options() -> list[str]:
    """Return the options of the server in the recipe of ``make serve``, without address and number of workers.

    Raises:
        ServiceUnavailableError: The recipe does not start the server.
    """
    quiet = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    command = ["make", "--dry-run", "--no-print-directory", "serve"]
    recipe = subprocess.run(command, cwd=BASE_DIR, env=quiet, capture_output=True, text=True, check=True).stdout
    found = re.search(rf"-m {re.escape(SERVER)} (.*)", recipe)
    if found is None:
        raise ServiceUnavailableError(f"The recipe of `make serve` does not start {SERVER}.")
    options = shlex.split(found[1])
    for name in ("--bind", "--port", "--workers"):
        at = options.index(name)
        del options[at : at + 2]
    return options


def command_line(process: int) -> bytes:
    """Return the command line of a process, nothing if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


class Service:
    """An application under the server, on a port of its own; as a context manager it runs until the way out.

    Args:
        environment: The environment of its processes.
        options: The server's options; those of ``make serve`` where none are given.
        application: The application, ``module:name``.
        workers: How many processes serve.
        project: The folder with the project's code.

    Raises:
        ServiceUnavailableError: On the way in: it did not start.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        options: Sequence[str] | None = None,
        application: str = APPLICATION,
        workers: int = 2,
        project: Path = BASE_DIR,
    ) -> None:
        self.environment = environment
        self.options = serve_options() if options is None else options
        self.application = application
        self.count = workers
        self.project = project
        self.port = free_port()

    @cached_property
    def log(self) -> IO[bytes]:
        """What it writes; opened when it starts, closed on the way out."""
        return tempfile.TemporaryFile()

    def __enter__(self) -> Self:
        own = ("--port", str(self.port), "--workers", str(self.count), "--application", self.application)
        self.process = subprocess.Popen(
            [sys.executable, "-m", SERVER, *self.options, *own],
            env=self.environment,
            cwd=self.project,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            # Ctrl-C in a terminal is meant for the command, which ends the server afterwards.
            process_group=0,
        )
        try:
            self.await_workers()
        except BaseException:
            self.stop()
            self.log.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.log.close()

    def await_workers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while len(self.workers()) < self.count or self.listeners() < self.count:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServiceUnavailableError(f"{self.application} did not start:\n{self.logged()}")
            time.sleep(0.05)

    def renew_workers(self) -> None:
        """Have the server replace its workers, and wait until the old ones are gone and any new one may be ended."""
        before = set(self.workers())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + RENEW_SECONDS
        while before & (now := set(self.workers())) or len(now) < self.count:
            if time.monotonic() > deadline:
                raise ServiceUnavailableError(f"{self.application} did not replace its workers:\n{self.logged()}")
            time.sleep(0.05)
        self.await_workers()
        time.sleep(SETTLE_SECONDS)

    def stop(self) -> None:
        """End it, as an operator would; where it does not end in time, like ``kill``."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # The workers, too, which are of the same group.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def listeners(self) -> int:
        """Return how many sockets listen on the port; each worker has one."""
        # https://docs.kernel.org/networking/proc_net_tcp.html: address and state, in hexadecimal.
        lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines())
        return sum(line[1].endswith(f":{self.port:04X}") and line[3] == "0A" for line in lines)

    def logged(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        found = []
        # Any of the threads starts them.
        for children in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            with suppress(OSError):
                found += [int(child) for child in children.read_text().split()]
        # Python has another child besides them, which keeps track of resources that processes share.
        return sorted(child for child in found if b"spawn_main" in command_line(child))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer to a request on a connection of its own.

        Raises:
            OSError: There was none.
            http.client.HTTPException: It broke off.
        """
        return get(self.port, path, headers or {})
