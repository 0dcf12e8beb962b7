"""A server as `make serve` starts it, with a database of its own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import requests

from analyticsdataserver.environment import BASE_DIR

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


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """Return the environment of a process that serves the databases in a folder."""
    return {
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
        "DATABASE_URL": f"sqlite:///{folder}/default.db",
        "ANALYTICS_DATABASE_URL": f"sqlite:///{folder}/analytics.db",
        "LOG_FORMAT": "json",
        **variables,
    }


def manage(folder: Path, *command: str) -> None:
    """Run a command of ``manage.py`` on the databases in a folder."""
    subprocess.run([sys.executable, "manage.py", *command], cwd=BASE_DIR, env=environment(folder), check=True)


class Server:
    """Gunicorn with two workers; as a context manager it runs until the way out.

    Args:
        folder: Where the databases lie, and whatever the server makes.
        options: Options of gunicorn.
        stderr: Where its log goes; a file in the folder, unless it is something else.
        variables: Environment variables.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), stderr: Any = None, **variables: str) -> None:
        self.folder = folder
        self.options = options
        self.variables = variables
        self.log = folder / "log"
        self.stderr = stderr
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        configuration = ("--config", "analyticsdataserver/gunicorn_conf.py", "analyticsdataserver.wsgi:application")
        bound = ("--bind", f"127.0.0.1:{self.port}", "--workers", "2")
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *bound, *self.options, *configuration],
                cwd=BASE_DIR,
                env=environment(self.folder, **self.variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.stderr or log,
                process_group=0,
            )
        try:
            await_that(self.answers, "The server did not start.")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            # The workers, too.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.get("/status/").ok
        except requests.ConnectionError:
            return False

    def get(self, path: str, **headers: str) -> requests.Response:
        """Get an address, over a connection of its own."""
        return requests.get(f"{self.url}{path}", headers=headers, timeout=PATIENCE)

    @contextmanager
    def asked(self, path: str, **headers: str) -> Iterator[socket.socket]:
        """Ask for an address; yield the connection, which holds little of an answer that nobody takes."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
        with socket.socket() as connection:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
            connection.connect(("127.0.0.1", self.port))
            connection.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
            yield connection

    def send(self, request: bytes) -> bytes:
        """Send bytes as they are, and nothing more; return the beginning of what comes back."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(1 << 16)

    def lines(self) -> list[Any]:
        """Return the lines of the log, each of which has to be JSON."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def entry(self, request_id: str) -> Any:
        """Return the only line about a request, when there is one."""

        def entries() -> list[Any]:
            # The last line may not be whole yet.
            found = re.findall(rf'^.*"request_id":"{re.escape(request_id)}".*\n', self.log.read_text(), re.MULTILINE)
            return [line for line in map(json.loads, found) if "route" in line]

        (entry,) = await_that(entries, f"There is no line about {request_id}.")
        return entry

    def workers(self) -> set[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(child) for child in children.read_text().split()}
