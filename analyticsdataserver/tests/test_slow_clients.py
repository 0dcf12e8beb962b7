"""Clients that send or read slowly, or not at all, cost the others nothing; no proxy is in front."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.service import Service
from conftest import KEY

pytestmark = pytest.mark.xdist_group("slow-clients")

DATA: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
HEADERS: Final = {"Authorization": f"Token {KEY}"}
CLIENTS: Final = 50
# Seconds after which a client that sends or takes nothing is disconnected, and as many for a slow machine.
TIMEOUT: Final = 30
SLACK: Final = 30
# Seconds that a request takes at most on a slow machine. One that waited for a slow client would take TIMEOUT.
PROMPT: Final = 10

HEAD: Final = f"Host: localhost\r\nAuthorization: Token {KEY}\r\n"
# What each kind of client sends before it stops.
KINDS: Final = {
    "half a header": f"GET {DATA} HTTP/1.1\r\n{HEAD}X-Half: ",
    "nothing": "",
    "no body": f"POST /api-token-auth/ HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
    "Content-Length: 60000\r\n\r\n",
    "half a body": f"POST /api-token-auth/ HTTP/1.1\r\n{HEAD}Content-Type: application/json\r\n"
    "Transfer-Encoding: chunked\r\n\r\n5\r\n{user\r\n",
    "no body of a GET": f"GET {DATA} HTTP/1.1\r\n{HEAD}Content-Length: 60000\r\n\r\n",
    "reads nothing": f"GET /large/ HTTP/1.1\r\n{HEAD}\r\n",
    "reads nothing small": f"GET {DATA} HTTP/1.1\r\n{HEAD}\r\n" * 40,
    "does not hang up": f"GET {DATA} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n",
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a service over the sample data."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
        "DATABASE_URL": f"sqlite:///{folder / 'default.db'}",
        "ANALYTICS_DATABASE_URL": f"sqlite:///{folder / 'analytics.db'}",
        "THROTTLE_PASSWORDS": "off",
        "REPORTS_DIR": str(folder / "reports"),
    }
    for command in ("migrate", "migrate --database analytics", f"set_api_key reader {KEY}", "load_sample_data"):
        arguments = [sys.executable, "manage.py", *command.split()]
        subprocess.run(arguments, cwd=BASE_DIR, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture(scope="module")
def service(environment: dict[str, str]) -> Iterator[Service]:
    with Service(environment, application="analyticsdataserver.tests.large:application", workers=1) as service:
        yield service


def connected(service: Service, text: str, stack: ExitStack) -> socket.socket:
    """Return a connection on which a client has sent something, and that it does not read."""
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", service.port))
    client.sendall(text.encode())
    return client


def established(service: Service) -> set[int]:
    """Return the ports of the clients that the service is connected to."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local = f":{service.port:04X}"
    return {int(line[2].rpartition(":")[2], 16) for line in lines if line[1].endswith(local) and line[3] == "01"}


def memory(service: Service) -> int:
    """Return the memory of the worker, in bytes."""
    (worker,) = service.workers()
    return int(Path(f"/proc/{worker}/statm").read_text().split()[1]) * 4096


def assert_served(service: Service, seconds: float, besides: str = "") -> None:
    """Assert that other clients are served promptly, for some time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for path in ("/status/", "/health/", DATA):
            answer = service.get(path, HEADERS)
            assert (path, answer.status) == (path, 200), besides
            # It takes milliseconds, on a machine that does nothing else.
            assert answer.seconds < PROMPT, besides


def test_slow_clients_of_all_kinds_at_once(service: Service) -> None:
    assert_served(service, 0.1)
    before = memory(service)
    with ExitStack() as stack:
        ports: dict[int, str] = {}
        for kind, text in KINDS.items():
            for _ in range(CLIENTS):
                ports[connected(service, text, stack).getsockname()[1]] = kind
            assert_served(service, 0.5, kind)
        assert_served(service, 3)
        assert memory(service) - before < 400_000_000
        deadline = time.monotonic() + TIMEOUT + SLACK
        while left := {ports[port] for port in established(service) & set(ports)}:
            assert time.monotonic() < deadline, left
            assert_served(service, 0.5)
    assert_served(service, 0.5)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_and_not_kept(service: Service, chunked: bool) -> None:
    assert_served(service, 0.1)
    before = memory(service)
    piece = b" " * 1_000_000
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.putrequest("POST", "/api-token-auth/")
        connection.putheader("Content-Type", "application/json")
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        else:
            connection.putheader("Content-Length", str(600 * len(piece)))
        connection.endheaders()
        with suppress(ConnectionError):
            for _ in range(600):
                connection.send(b"f4240\r\n%b\r\n" % piece if chunked else piece)
        assert memory(service) - before < 30_000_000
        response = connection.getresponse()
        assert (response.status, json.loads(response.read())["error_code"]) == (413, "body_too_large")
        assert response.headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        # What is refused for another reason is refused without its body.
        ("POST /api-token-auth/?format=csv", {"Accept": "text/csv"}, 406),
        (f"POST {DATA}", {}, 405),
        (f"PUT {DATA}", {}, 405),
        ("POST /nowhere", {}, 404),
        # Nor is the body of a GET waited for.
        (f"GET {DATA}", {}, 200),
        ("GET /status/", {}, 200),
        ("POST /api-token-auth/", {"Content-Type": "application/json"}, None),
    ],
)
def test_a_body_is_read_only_for_a_request_that_needs_it(
    service: Service, request_line: str, headers: dict[str, str], status: int | None
) -> None:
    lines = [f"{name}: {value}" for name, value in {"Content-Length": "60000", **HEADERS, **headers}.items()]
    with ExitStack() as stack:
        text = "\r\n".join([f"{request_line} HTTP/1.1", "Host: localhost", *lines, "", ""])
        client = connected(service, text, stack)
        if status is None:
            client.settimeout(5)
            with pytest.raises(TimeoutError):
                client.recv(100)
            return
        client.settimeout(PROMPT)
        answer = b""
        # All of it, and then the end of the connection.
        while chunk := client.recv(10_000):
            answer += chunk
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert b"\r\nconnection: close\r\n" in answer.lower()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("Transfer-Encoding: chunked", "zz\r\n"),
        ("Transfer-Encoding: chunked", f"2;{'x' * 100_000}\r\n{{}}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked", "5\r\n{user\r\n"),
        ("Content-Length: 100", '{"username":'),
    ],
    ids=["malformed", "long extension", "chunks that end early", "a body that ends early"],
)
def test_a_body_that_cannot_be_read_is_the_clients_error(service: Service, header: str, body: str) -> None:
    head = f"POST /api-token-auth/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{header}\r\n\r\n"
    with ExitStack() as stack:
        client = connected(service, head, stack)
        with suppress(ConnectionError):
            client.sendall(body.encode())
            client.shutdown(socket.SHUT_WR)
        client.settimeout(PROMPT)
        answer = b""
        with suppress(ConnectionError):
            while chunk := client.recv(10_000):
                answer += chunk
    top, _, content = answer.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 400 ")
    detail = "The body of the request broke off, or its chunks are malformed."
    assert json.loads(content) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": detail,
        "error_code": "invalid_body",
        "developer_message": detail,
    }
    assert_served(service, 0.1)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [0, 1, 60_000, 65_536, 65_537])
def test_a_body_arrives_whole(service: Service, size: int, *, chunked: bool) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        body: Any = iter([b"x" * size]) if chunked else b"x" * size
        connection.request("POST", "/body/", body, encode_chunked=chunked)
        response = connection.getresponse()
        expected = (200, str(size).encode()) if size <= 65_536 else (413, b"")
        assert (response.status, response.read()) == expected
    assert "Traceback" not in service.logged()


def test_passwords_are_checked_while_data_are_served(service: Service) -> None:
    def check(number: int) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)) as connection:
            body = json.dumps({"username": f"user{number}", "password": "wrong"})
            connection.request("POST", "/api-token-auth/", body, {"Content-Type": "application/json"})
            return connection.getresponse().status

    with ThreadPoolExecutor(16) as pool:
        checks = [pool.submit(check, number) for number in range(16)]
        served = 0
        while not all(each.done() for each in checks):
            answer = service.get(DATA, HEADERS)
            assert answer.status == 200
            assert answer.seconds < PROMPT
            served += 1
        # However fast the machine is: behind the checks, one or two would be.
        assert served > 2
    assert {each.result() for each in checks} <= {400, 503}


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "Script-Name", "PATH_INFO", "wsgi.input", "CONTENT_LENGTH"])
def test_a_header_is_no_variable_of_the_server(service: Service, name: str) -> None:
    assert service.get(DATA, {**HEADERS, name: "/x"}).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain; charset=hex",
        "text/plain; charset=nothing",
        "a/b; c*=nothing'en'%E9",
        "text/plain; charset*=nonsense'en'x",
        "text/plain; charset*0=1; charset*=2",
        "/",
        ";",
        "a" * 20_000,
        "é",
    ],
)
def test_no_content_type_is_an_error_of_the_service(service: Service, content_type: str) -> None:
    assert service.get(DATA, HEADERS | {"Content-Type": content_type}).status == 200
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.request("POST", "/api-token-auth/", b"{}", {"Content-Type": content_type.encode("latin-1")})
        assert connection.getresponse().status in {400, 415}


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(1_000_000, 200), (2 * 1024 * 1024, 200), (2 * 1024 * 1024 + 1, 413)])
def test_a_long_list_is_posted(service: Service, is_chunked: bool, size: int, status: int) -> None:
    body = json.dumps({"course_ids": ["edX/DemoX/Demo_Course"], "fields": "count"}).encode().ljust(size)
    sent: Any = iter([body[:1000], body[1000:]]) if is_chunked else body
    headers = HEADERS | {"Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)) as connection:
        connection.request("POST", "/api/v0/course_summaries/", sent, headers, encode_chunked=is_chunked)
        response = connection.getresponse()
        assert response.status == status
        if status == 200:
            assert json.loads(response.read()) == [{"count": 1890}]


def test_a_list_without_a_key_is_not_read(service: Service) -> None:
    head = "POST /api/v0/course_summaries/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with ExitStack() as stack:
        client = connected(service, f"{head}Content-Length: 1000000\r\n\r\n", stack)
        assert client.recv(12) == b"HTTP/1.1 401"


def test_the_file_of_a_report(service: Service) -> None:
    report = service.get("/api/v1/courses/edX/DemoX/Demo_Course/reports/problem_response/", HEADERS)
    said = json.loads(report.body)
    path = said["download_url"].partition(f":{service.port}")[2]
    content = (BASE_DIR / "fixtures" / "reports" / "edX_DemoX_Demo_Course_problem_response.csv").read_bytes()
    assert service.get(path, {}).body == content
    part = service.get(path, {"Range": "bytes=10-19"})
    assert (part.status, part.body) == (206, content[10:20])
    assert said["file_size"] == len(content)


def test_a_client_that_goes_away_is_no_error(service: Service) -> None:
    for _ in range(10):
        with ExitStack() as stack:
            connected(service, KINDS["reads nothing"], stack)
            connected(service, KINDS["no body"], stack)
            time.sleep(0.05)
    assert_served(service, 1)
    assert "Traceback" not in service.logged()
