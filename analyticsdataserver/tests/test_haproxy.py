"""What HAProxy refuses by itself, as docs/cluster has it, in front of two servers that respond to all in one way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import pytest

from analytics_data_api.access.passwords import PasswordChecksBusy
from analytics_data_api.http import problems
from analyticsdataserver.testing.cluster import CONFIGURATION, HOST, SERVERS, Balancer, free_ports
from analyticsdataserver.testing.mariadb import ServerUnavailableError

REQUESTS: Final = 200


class Server(ThreadingHTTPServer):
    """Responds to all requests but those for the status in the same way, and counts them."""

    daemon_threads = True
    count = 0

    def __init__(self, port: int, response: Any) -> None:
        super().__init__((HOST, port), Handler)
        self.response = response

    def __enter__(self) -> "Server":
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        response = None if self.path == "/status/" else self.server.response
        self.server.count += self.path != "/status/"
        self.send_response(response.status_code if response else 200)
        if response:
            self.send_header("Retry-After", response["Retry-After"])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def balanced(*responses: Any) -> Iterator[tuple[int, list[Server]]]:
    """Start servers with these responses, and HAProxy; yield its port and the servers."""
    port, *ports = free_ports(1 + SERVERS)
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(*each)) for each in zip(ports, responses, strict=True)]
        try:
            stack.enter_context(Balancer(port, ports, []))
        except ServerUnavailableError as error:
            pytest.skip(str(error))
        yield port, servers


def ask(port: int, path: str = "/api/v1/key/", requests: int = REQUESTS) -> list[tuple[int, str | None, bytes]]:
    """Send requests, one after the other; return the status, ``Retry-After`` and the body of each response."""
    connection = HTTPConnection(HOST, port, timeout=30)
    found = []
    for _ in range(requests):
        connection.request("GET", path)
        response = connection.getresponse()
        found.append((response.status, response.getheader("Retry-After"), response.read()))
    connection.close()
    return found


def test_it_refuses_while_all_servers_are_full() -> None:
    busy = problems.service_busy()
    with balanced(busy, busy) as (port, servers):
        found = ask(port)
        count = sum(server.count for server in servers)
    body = (CONFIGURATION / "service_busy.json").read_bytes()
    assert set(found) == {(503, "1", b""), (503, "1", body)}
    assert found.count((503, "1", body)) == REQUESTS - count


@pytest.mark.parametrize(
    "other",
    [problems.of_exception(PasswordChecksBusy()), problems.database_unavailable(), None],
    ids=["passwords are checked", "a database is away", "one has room"],
)
def test_it_lets_servers_say_why_they_cannot_serve(other: Any) -> None:
    responses = (problems.service_busy(), None) if other is None else (other, other)
    with balanced(*responses) as (port, servers):
        found = ask(port)
        assert sum(server.count for server in servers) == REQUESTS
    assert {body for _, _, body in found} == {b""}


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/%6Detrics/?x=1"])
def test_metrics_are_not_for_clients(path: str) -> None:
    busy = problems.service_busy()
    with balanced(busy, busy) as (port, servers):
        assert [status for status, _, _ in ask(port, path, 1)] == [404]
        assert sum(server.count for server in servers) == 0
