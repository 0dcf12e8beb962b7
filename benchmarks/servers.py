"""What a benchmark starts and ends: the server, a MariaDB server, and ``wrk`` against them."""

import http.client
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from analyticsdataserver.testing import service
from analyticsdataserver.testing.mariadb import MariaDB
from benchmarks import data

WORKERS: Final = 2
TIMEOUT_SECONDS: Final = 120
READ_SIZE: Final = 1 << 20
# Bodies up to this size are kept, so that a difference can be shown.
KEPT_SIZE: Final = 1 << 20

# How much of a server's log is shown when something goes wrong.
LINES_SHOWN: Final = 20

HEADERS: Final = {"Authorization": f"Token {data.KEY}"}
MISSING_WRK: Final = "wrk, which makes the requests, is not installed (Debian: apt-get install wrk)."

# Each connection asks for the addresses in turn, so that no single one of them is answered over and over.
SCRIPT: Final = """
local requests = {}
local at = 0

function init(args)
  for number, asked in ipairs(asked_for) do
    requests[number] = wrk.format("GET", asked.path, asked.headers)
  end
  at = math.random(#requests)
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "\\nresult {\\"requests\\": %d, \\"duration\\": %d, \\"p50\\": %d, \\"p99\\": %d, \\"errors\\": %d}\\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
"""


class Asked(NamedTuple):
    """A request.

    Attributes:
        path: The address, with its query string.
        headers: The headers.
        body: JSON that is sent by POST; empty for GET.
    """

    path: str
    headers: Mapping[str, str] = HEADERS
    body: bytes = b""

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers, with those of the body."""
        of_body = {"Content-Type": "application/json", "Content-Length": str(len(self.body))} if self.body else {}
        return {**self.headers, **of_body}


class Answer(NamedTuple):
    """An answer.

    Attributes:
        status: The status.
        headers: The headers.
        size: The body's size in bytes.
        digest: What tells bodies apart.
        begin: The body's first bytes, up to KEPT_SIZE.
    """

    status: int
    headers: http.client.HTTPMessage
    size: int
    digest: str
    begin: bytes


class Load(NamedTuple):
    """What ``wrk`` found: requests per second, and the latency that half (99 %) of them stayed under, in seconds."""

    rate: float
    p50: float
    p99: float


class Transfer(NamedTuple):
    """How long one answer took, and how long its first bytes did, in seconds."""

    total: float
    first: float


class Server(service.Service):
    """A server that can be measured.

    Args:
        name: What it is called in what is printed.
        application: The application, ``module:name``.
        options: The server's options.
        environment: The environment of its processes.
    """

    def __init__(self, name: str, application: str, options: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__(environment, options, application, WORKERS)
        self.name = name
        self.idle: dict[int, int] = {}

    def last_logged(self) -> str:
        return "\n".join(self.logged().splitlines()[-LINES_SHOWN:])

    def rest(self) -> None:
        """Take the memory that the workers have now for what they have when idle."""
        self.idle = {worker: status(worker, "VmRSS") for worker in self.workers()}

    def has_loaded(self, library: str) -> bool:
        """Return whether every worker has a shared library in its memory."""
        return all(library in Path(f"/proc/{worker}/maps").read_text() for worker in self.workers())

    def forget_peak(self) -> None:
        """Have the kernel count the workers' peak memory from now on."""
        for worker in self.workers():
            Path(f"/proc/{worker}/clear_refs").write_text("5")

    def peak(self) -> int:
        """Return by how many bytes the memory of a worker was above idle at most, since ``forget_peak``."""
        return max(status(worker, "VmHWM") - self.idle[worker] for worker in self.workers() if worker in self.idle)

    def answer(self, asked: Asked) -> Answer:
        """Return the answer to a request.

        Raises:
            SystemExit: There was none, or an incomplete one.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        with closing(connection):
            try:
                connection.request(asked.method, asked.path, asked.body or None, asked.all_headers)
                response = connection.getresponse()
                size, digest, begin = 0, sha256(), b""
                while chunk := response.read(READ_SIZE):
                    size += len(chunk)
                    digest.update(chunk)
                    begin += chunk[: max(0, KEPT_SIZE - len(begin))]
            except (OSError, http.client.HTTPException) as error:
                sys.exit(f"The {self.name} did not answer {asked.path}: {error!r}\n{self.last_logged()}")
        return Answer(response.status, response.headers, size, digest.hexdigest(), begin)

    def transfer(self, asked: Asked) -> Transfer:
        """Return how long an answer takes, read from a bare socket so that reading costs next to nothing."""
        lines = [f"{asked.method} {asked.path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in asked.all_headers.items()]
        buffer = bytearray(READ_SIZE)
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT_SECONDS) as client:
            began = time.perf_counter()
            client.sendall("\r\n".join((*lines, "", "")).encode() + asked.body)
            head = b""
            # The first bytes of the body; an answer without a body ends before there are any.
            while not head.partition(b"\r\n\r\n")[2]:
                chunk = client.recv(READ_SIZE)
                if not chunk:
                    break
                head += chunk
            first = time.perf_counter() - began
            while client.recv_into(buffer):
                pass
            return Transfer(time.perf_counter() - began, first)

    def load(self, asked: Sequence[Asked], seconds: float, connections: int = 8) -> Load:
        """Send requests in turn, over connections that are kept where the server keeps them.

        Raises:
            SystemExit: An answer was missing, or told of an error.
        """
        listed = ", ".join(f"{{path = {lua(each.path)}, headers = {lua_table(each.headers)}}}" for each in asked)
        with tempfile.NamedTemporaryFile("w", prefix="benchmark-", suffix=".lua") as script:
            script.write(f"asked_for = {{{listed}}}\n{SCRIPT}")
            script.flush()
            size = ("-t2", f"-c{connections}", f"-d{max(1, round(seconds))}s")
            command = ["wrk", *size, "-s", script.name, f"http://127.0.0.1:{self.port}"]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"^result (.*)$", output, re.MULTILINE)
        result = json.loads(found[1]) if found else {"errors": 1}
        if result["errors"]:
            told = f"{output}\n{self.last_logged()}"
            sys.exit(f"The {self.name} did not answer every request for {asked[0].path}:\n{told}")
        return Load(result["requests"] / result["duration"] * 1e6, result["p50"] / 1e6, result["p99"] / 1e6)


def lua(text: str) -> str:
    """Return a string as Lua writes it; JSON writes ASCII text without control characters the same."""
    return json.dumps(text)


def lua_table(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"[{lua(name)}] = {lua(value)}" for name, value in values.items()) + "}"


def status(process: int, name: str) -> int:
    """Return a figure of a process in bytes: VmRSS, its memory, or VmHWM, the most it had."""
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def require_wrk() -> None:
    """End with a hint where ``wrk`` is missing."""
    if shutil.which("wrk") is None:
        sys.exit(MISSING_WRK)


@contextmanager
def mariadb(rows_factor: int, make: Callable[[int, Mapping[str, str]], None] = data.make) -> Iterator[dict[str, str]]:
    """Start a throwaway server and fill it; yield the environment of a process that serves what it holds.

    Args:
        rows_factor: How many times the usual rows are made.
        make: Fills the databases that an environment names.

    Raises:
        ServerUnavailableError: No server is installed, or it did not start.
    """
    with MariaDB() as server:
        statements = (
            "SET GLOBAL local_infile = 1",
            # Four times the usual: a server for analytics is given memory.
            "SET GLOBAL innodb_buffer_pool_size = 536870912",
            "CREATE DATABASE benchmark_default",
            "CREATE DATABASE benchmark_analytics",
        )
        import MySQLdb

        with closing(MySQLdb.connect(unix_socket=str(server.socket), user="root")) as connection:
            for statement in statements:
                connection.query(statement)
        parts = urlsplit(server.url)
        environment = data.environment(
            *(parts._replace(path=f"/benchmark_{name}").geturl() for name in ("default", "analytics"))
        )
        make(rows_factor, environment)
        yield environment


def median(values: Sequence[Any]) -> float:
    return float(statistics.median(values))
