"""The service as `make serve` starts it, over databases in a folder."""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.service import APPLICATION, Answer, Service
from analyticsdataserver.tests.served import environment

# Long enough for a busy machine.
PATIENCE = 30.0

KEY = "a-key-that-nobody-logs"


def await_that(condition: Callable[[], Any], what: str) -> Any:
    """Return what a condition returns as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def variables(folder: Path, **others: str) -> dict[str, str]:
    """Return the environment of a process that takes the databases in a folder, and keeps its own files there."""
    urls = {
        "DATABASE_URL": f"sqlite:///{folder}/default.db",
        "ANALYTICS_DATABASE_URL": f"sqlite:///{folder}/analytics.db",
    }
    return environment("local", TMPDIR=str(folder), LOG_FORMAT="json", **urls, **others)


def manage(folder: Path, *command: str) -> None:
    """Run a command of ``manage.py`` on the databases in a folder."""
    subprocess.run([sys.executable, "manage.py", *command], cwd=BASE_DIR, env=variables(folder), check=True)


class Server(Service):
    """The service over the databases in a folder.

    Args:
        folder: The folder.
        application: What serves.
        others: Further environment variables.
    """

    def __init__(self, folder: Path, application: str = APPLICATION, **others: str) -> None:
        super().__init__(variables(folder, **others), application=application)
        self.folder = folder

    def ask(self, path: str, **headers: str) -> Answer:
        """Return the answer to a request; an underscore in a header's name stands for a hyphen."""
        return self.get(path, {name.replace("_", "-"): value for name, value in headers.items()})

    @contextmanager
    def asked(self, path: str, **headers: str) -> Iterator[socket.socket]:
        """Ask for an address; yield the connection, which holds little of an answer that nobody takes."""
        named = (f"{name.replace('_', '-')}: {value}" for name, value in headers.items())
        with socket.socket() as connection:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
            connection.connect(("127.0.0.1", self.port))
            lines = [f"GET {path} HTTP/1.1", "Host: localhost", *named, ""]
            connection.sendall("".join(f"{line}\r\n" for line in lines).encode())
            yield connection

    def send(self, request: bytes) -> bytes:
        """Send bytes as they are, and nothing more; return the beginning of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1 << 16)

    def lines(self) -> list[Any]:
        """Return the lines of the log, each of which has to be JSON."""
        # The last one may not be whole yet.
        return [json.loads(line) for line in re.findall(".*\n", self.logged())]

    def entry(self, request_id: str) -> Any:
        """Return the only line about a request, when there is one."""

        def entries() -> list[Any]:
            return [line for line in self.lines() if line["request_id"] == request_id and "route" in line]

        (entry,) = await_that(entries, f"There is no line about {request_id}.")
        return entry
