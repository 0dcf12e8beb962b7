"""Many clients send requests while the database is restarted and the service is reloaded; each response is compared.

``python -m analyticsdataserver.testing.soak`` prints the statuses, and ends with status 1 if any response was something
else than the expected body, a 304, or a 503 that says that a database does not answer.
"""

import argparse
import http.client
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.service import Answer, ServiceUnavailableError
from analyticsdataserver.testing.site import ANALYTICS, Site, made_ready

KEY: Final = "soak-0123456789abcdef0123456789abcdef"
COURSES: Final = ("edX/DemoX/Demo_Course", "course-v1:edX+DemoX+Demo_2014")
# Each short enough that many requests fit into the time.
RANGES: Final = ("", "start_date=2014-11-24", "start_date=2014-01-01&end_date=2014-02-01&fields=count")
# One of this many requests is conditional.
CONDITIONAL: Final = 4
# Megabytes, more than lie between the service and a client that does not read.
LARGE: Final = "/api/v0/courses/course-v1:edX+DemoX+Demo_2014/enrollment/birth_year/?start_date=2000-01-01"
# How many clients of each slow kind there are, and all that are connected.
SLOW_CLIENTS: Final = 20
SLOW: Final[list[socket.socket]] = []
# By how much the memory of a worker may differ between a few seconds after its start and its end, in bytes.
MEMORY: Final = 16_000_000
# After how many looks at its memory, one a second, a worker has answered everything at least once.
SETTLED: Final = 5


class Event(NamedTuple):
    """A disturbance of the site.

    Attributes:
        at: When it begins, as a part of the whole time.
        name: Its name in the report.
        do: The function that causes it.
    """

    at: float
    name: str
    do: Callable[[Site], object]


def restart(site: Site) -> None:
    site.server.stop()
    site.server.start()


def kill(site: Site) -> None:
    site.server.kill()
    time.sleep(1)
    site.server.start()


def swap(site: Site) -> None:
    """Replace a table by a copy of it, as the pipeline does."""
    table = f"{ANALYTICS}.course_enrollment_daily"
    site.execute(
        f"CREATE TABLE {table}_new LIKE {table}",
        f"INSERT INTO {table}_new SELECT * FROM {table}",
        f"GRANT SELECT ON {table}_new TO service@localhost",
        f"RENAME TABLE {table} TO {table}_old, {table}_new TO {table}",
        f"DROP TABLE {table}_old",
    )


def slow_clients(site: Site) -> None:
    """Connect clients of each slow kind, which stay until they are disconnected."""
    head = f"Host: 127.0.0.1\r\nAuthorization: Token {KEY}\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n"
    for text in (
        "",
        f"GET / HTTP/1.1\r\n{head}X-Half: ",
        f"POST /api-token-auth/ HTTP/1.1\r\n{head}{body}",
        f"GET {LARGE} HTTP/1.1\r\n{head}\r\n",
        f"GET /status/ HTTP/1.1\r\n{head}Connection: close\r\n\r\n",
    ):
        for _ in range(SLOW_CLIENTS):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", site.service.port))
            client.sendall(text.encode())
            SLOW.append(client)


EVENTS: Final = (
    Event(0.05, "slow clients connected", slow_clients),
    Event(0.1, "table swapped", swap),
    Event(0.2, "MariaDB restarted", restart),
    Event(0.45, "service reloaded", lambda site: site.service.renew_workers()),
    Event(0.6, "table swapped again", swap),
    Event(0.65, "more slow clients connected", slow_clients),
    Event(0.7, "MariaDB killed and started again", kill),
)


def paths() -> Iterator[str]:
    """Yield the paths of every endpoint for the sample data, in every format, for the latest date and for ranges."""
    import django

    django.setup()
    from analytics_data_api.http.negotiation import available_formats
    from analytics_data_api.versions import ENDPOINTS
    from analyticsdataserver.docs.examples.ids import SAMPLE_IDS

    for endpoint, view in ENDPOINTS.items():
        if view.is_report_file:
            # The link in the answer is another one every second.
            continue
        for course_id in COURSES if "{course_id}" in endpoint else ("",):
            path = endpoint.format(**{**SAMPLE_IDS, **({"course_id": course_id} if course_id else {})})
            for query in RANGES if course_id else ("",):
                for form in available_formats(view.renderer_classes):
                    yield f"/api/{path}/?format={form}&{query}"


class Soak:
    """Requests to a site, and a count of the responses.

    Args:
        site: The site, which is being served.
        expected: The expected response for each path.
    """

    def __init__(self, site: Site, expected: Mapping[str, Answer]) -> None:
        self.site = site
        self.expected = expected
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.slowest: Counter[str] = Counter()
        self.wrong: list[str] = []

    def client(self, number: int) -> None:
        """Send one request after another on a persistent connection, until the time is over."""
        chance = random.Random(number)
        known = list(self.expected)
        connection = http.client.HTTPConnection("127.0.0.1", self.site.service.port, timeout=30)
        with closing(connection):
            while not self.over.is_set():
                path = chance.choice(known)
                headers = {"Authorization": f"Token {KEY}"}
                if chance.randrange(CONDITIONAL) == 0 and (tag := self.expected[path].headers.get("ETag")):
                    headers["If-None-Match"] = tag
                began = time.monotonic()
                try:
                    response, body = self.get(connection, path, headers)
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    self.note("broken connections", time.monotonic() - began, f"{path}: {error!r}")
                    continue
                is_error = response.status >= HTTPStatus.BAD_REQUEST
                self.note(
                    f"{response.status} {error_code(body)}" if is_error else f"{response.status}",
                    time.monotonic() - began,
                    self.fault(path, headers, response, body),
                )

    def get(
        self, connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Return the response to a request, and its body.

        A request whose connection was closed before any of the response came is sent once more, as clients do with
        methods that are idempotent (RFC 9110, section 9.2.2).
        """
        connection.request("GET", path, headers=headers)
        try:
            response = connection.getresponse()
        except ConnectionError:
            self.note("connections closed before the response, and opened again", 0, None)
            connection.close()
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
        return response, response.read()

    def fault(
        self, path: str, headers: Mapping[str, str], response: http.client.HTTPResponse, body: bytes
    ) -> str | None:
        """Return what is wrong with a response; None if nothing is."""
        right: bool
        match response.status:
            case 200:
                right = body == self.expected[path].body
            case 304:
                right = not body and response.headers["ETag"] == headers.get("If-None-Match")
            case 503:
                right = b'"database_unavailable"' in body and response.headers["Retry-After"] is not None
            case _:
                right = False
        return None if right else f"{path}: {response.status} {body[:200]!r}"

    def note(self, what: str, seconds: float, fault: str | None) -> None:
        with self.lock:
            self.counts[what] += 1
            self.slowest[what] = max(self.slowest[what], round(seconds * 1000))
            if fault is not None:
                self.wrong.append(fault)

    def run(self, clients: int, seconds: float) -> None:
        """Run clients for some time, during which every event happens."""
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            self.watch(began, seconds)
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def watch(self, began: float, seconds: float) -> None:
        """Cause each event at its time, and measure the memory."""
        memory = Memory(self.site)
        for event in (*EVENTS, Event(1, "", lambda site: None)):
            while (left := began + event.at * seconds - time.monotonic()) > 0:
                time.sleep(min(1, left))
                memory.look()
            if event.name:
                happened = time.monotonic()
                event.do(self.site)
                say(f"{happened - began:5.1f} s  {event.name}, which took {time.monotonic() - happened:.1f} s")
        for line in memory.report():
            say(line)
        self.wrong += memory.faults()


class Memory:
    """The memory of the workers, from a few seconds after their start on."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.seen: dict[int, list[int]] = {}

    def look(self) -> None:
        for worker in self.site.service.workers():
            pages = Path(f"/proc/{worker}/statm")
            if pages.exists():
                # https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html: the second is what is resident.
                self.seen.setdefault(worker, []).append(int(pages.read_text().split()[1]) * 4096)

    def settled(self) -> Iterator[tuple[int, list[int]]]:
        """Yield each worker with what it had once it had answered everything at least once."""
        for worker, sizes in self.seen.items():
            if len(sizes) > SETTLED:
                yield worker, sizes[SETTLED:]

    def report(self) -> Iterator[str]:
        for worker, sizes in self.settled():
            begin, end, most = (size / 1e6 for size in (sizes[0], sizes[-1], max(sizes)))
            yield f"worker {worker}: {begin:.1f} MB in the beginning, {end:.1f} MB in the end, {most:.1f} MB at most"

    def faults(self) -> list[str]:
        grown = (worker for worker, sizes in self.settled() if sizes[-1] - sizes[0] > MEMORY)
        return [f"worker {worker} has grown by more than {MEMORY / 1e6:.0f} MB" for worker in grown]


def error_code(body: bytes) -> str:
    """Return the error code of a problem document; empty if the body is none."""
    try:
        return str(json.loads(body)["error_code"])
    except (ValueError, KeyError, TypeError):
        return ""


def say(line: str) -> None:
    print(line, flush=True)


def soak(clients: int, seconds: float) -> list[str]:
    """Prepare a site, run the clients, print a report, and return what was wrong.

    Raises:
        ServerUnavailableError: No MariaDB server is installed, or it did not start.
        ServiceUnavailableError: The service did not start, or did not obey a signal.
    """
    with made_ready(KEY, 5) as site:
        # Without notes, a restart of the server would be another version of the data.
        site.note_loads()
        with site.serving():
            expected = {path: site.get(path) for path in paths()}
            for path in [path for path, answer in expected.items() if answer.status != 200]:
                # Not every table has rows of every sample course.
                del expected[path]
            say(f"{clients} clients request {len(expected)} paths for {seconds:.0f} s.")
            run = Soak(site, expected)
            run.run(clients, seconds)
            total = sum(run.counts.values())
            for what, count in sorted(run.counts.items()):
                say(f"{count:8,}  {what}, the slowest in {run.slowest[what]:,} ms")
            say(f"{total:8,}  in all, {total / seconds:,.0f} a second")
            return run.wrong


def main() -> Any:
    parser = argparse.ArgumentParser(prog="python -m analyticsdataserver.testing.soak", description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    try:
        wrong = soak(arguments.clients, arguments.seconds)
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        return str(error)
    for fault in wrong[:20]:
        say(f"wrong: {fault}")
    say(f"{len(wrong)} responses or figures are wrong." if wrong else "Nothing is wrong.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
