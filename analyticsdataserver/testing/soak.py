"""Many clients send requests while the database is restarted and the service is reloaded; each response is compared.

``python -m analyticsdataserver.testing.soak`` prints the statuses, and ends with status 1 if any response was something
else than the expected body, a 304, or a 503 that says that a database does not answer. With ``--cluster``, the requests
go to two servers over a cluster, of which one thing after the other fails; keys and sessions are made meanwhile, and
requests are counted, and none of them may be lost.
"""

import argparse
import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlencode

from analyticsdataserver.databases.mysql.versions import LOAD_SETTLED
from analyticsdataserver.testing import cluster
from analyticsdataserver.testing.cluster import Cluster
from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.service import TIMEOUT_SECONDS, Answer, ServiceUnavailableError, get
from analyticsdataserver.testing.site import ANALYTICS, USERS, Site, made_ready

OK: Final = "200"
REOPENED: Final = "connections closed before the response, and opened again"
SUCCESSFUL: Final = frozenset({OK, "304", REOPENED})
RISE: Final = 2.0
KEY: Final = "soak-0123456789abcdef0123456789abcdef"
COURSES: Final = ("edX/DemoX/Demo_Course", "course-v1:edX+DemoX+Demo_2014")
# Each short enough that many requests fit into the time.
RANGES: Final = ("", "start_date=2014-11-24", "start_date=2014-01-01&end_date=2014-02-01&fields=count")
# One of this many requests is conditional.
CONDITIONAL: Final = 4
# Megabytes, more than lie between the service and a client that does not read.
LARGE: Final = "/api/v0/courses/course-v1:edX+DemoX+Demo_2014/enrollment/birth_year/?start_date=2000-01-01"
COUNTED: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
LOGIN: Final = "/api-auth/login/"
# How many clients of each slow kind there are, and all that are connected.
SLOW_CLIENTS: Final = 20
SLOW: Final[list[socket.socket]] = []
# By how much the memory of a worker may grow in the second half of its time, in bytes.
MEMORY: Final = 16_000_000
# How many failures are printed.
SHOWN: Final = 20
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
        f"GRANT SELECT ON {table}_new TO {site.account}",
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
            client.connect(("127.0.0.1", site.port))
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


CLUSTER_EVENTS: Final = (
    Event(0.03, "slow clients connected", slow_clients),
    Event(0.06, "table swapped", swap),
    Event(0.12, "node 2 killed", lambda site: nodes(site)[1].kill()),
    Event(0.22, "node 2 started, and synced", lambda site: back(nodes(site)[1].start)),
    Event(0.34, "node 3 paused", lambda site: nodes(site)[2].pause()),
    Event(0.42, "node 3 continued, and synced", lambda site: back(nodes(site)[2].rejoin)),
    Event(0.52, "node 1 restarted, and synced", lambda site: back(lambda: restart(site))),
    Event(0.64, "server 1 killed", lambda site: servers(site).kill_server(0)),
    Event(0.70, "server 1 started", lambda site: servers(site).start_killed_server(0)),
    Event(0.78, "one server reloaded after the other", lambda site: servers(site).reload()),
    Event(0.92, "table swapped again", swap),
)


def paths() -> Iterator[str]:
    """Yield the paths of every endpoint for the sample data, in every format, for the latest date and for ranges."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.local")
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
        events: What happens meanwhile.
        is_shared: Whether everything else runs on the same machine, too, so that it may be too slow at times: responses
            that say so are right, and it takes longer until the workers have answered everything.

    Attributes:
        failures: The requests that had no response, or an error as one, with the time since the start.
        longest_gap: The longest time without a 200, in seconds.
    """

    def __init__(
        self, site: Site, expected: Mapping[str, Answer], events: Sequence[Event], *, is_shared: bool = False
    ) -> None:
        self.site = site
        self.refusals = (b'"database_unavailable"', *([b'"service_busy"'] if is_shared else []))
        self.settled = SETTLED * (10 if is_shared else 1)
        self.events = events
        self.expected = expected
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.counts: Counter[str] = Counter()
        self.slowest: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.failures: list[str] = []
        self.began = self.served = time.monotonic()
        self.longest_gap = 0.0

    def client(self, number: int) -> None:
        """Send one request after another on a persistent connection, until the time is over."""
        chance = random.Random(number)
        known = list(self.expected)
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=30)
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
            self.note(REOPENED, 0, None)
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
                right = any(code in body for code in self.refusals) and response.headers["Retry-After"] is not None
            case _:
                right = False
        return None if right else f"{path}: {response.status} {body[:200]!r}"

    def note(self, what: str, seconds: float, fault: str | None) -> None:
        with self.lock:
            self.counts[what] += 1
            self.slowest[what] = max(self.slowest[what], round(seconds * 1000))
            if fault is not None:
                self.wrong.append(f"{time.monotonic() - self.began:5.1f} s  {fault}")
            if what not in SUCCESSFUL:
                self.failures.append(f"{time.monotonic() - self.began:5.1f} s  {what} after {seconds:.1f} s")
            if what == OK:
                self.longest_gap = max(self.longest_gap, time.monotonic() - self.served)
                self.served = time.monotonic()

    def run(self, clients: int, seconds: float) -> None:
        """Run clients for some time, during which every event happens."""
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(clients)]
        began = self.began = self.served = time.monotonic()
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
        memory = Memory(self.site, self.settled)
        for event in (*self.events, Event(1, "", lambda site: None)):
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

    def report(self, seconds: float) -> None:
        for failure in self.failures[:SHOWN]:
            say(failure)
        total = sum(self.counts.values())
        for what, count in sorted(self.counts.items()):
            say(f"{count:8,}  {what}, the slowest in {self.slowest[what]:,} ms")
        say(f"{total:8,}  in all, {total / seconds:,.0f} a second")
        say(f"{self.longest_gap:8.2f}  seconds at most without a 200")


class Users:
    """Keys and sessions that are made, and requests that are counted, while a cluster is disturbed.

    Args:
        site: The cluster.
    """

    # Far above what is sent, so that each request is counted and none is refused.
    RATE: Final = "1000000/day"

    def __init__(self, site: Cluster) -> None:
        self.site = site
        self.over = threading.Event()
        self.counted = self.make_key("counted", "--rate", self.RATE)
        self.keys = [self.counted]
        self.sessions: list[str] = []
        self.statuses: Counter[str] = Counter()

    def make_key(self, name: str, *options: str) -> str:
        return self.site.printed("create_key", name, *options).strip().splitlines()[-1].split()[-1]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write from threads until the way out."""
        threads = [threading.Thread(target=self.repeat, args=each) for each in ((self.count, 0.05), (self.log_in, 1.0))]
        threads.append(threading.Thread(target=self.repeat, args=(self.add_key, 6.0)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def repeat(self, function: Callable[[], str], interval: float) -> None:
        while not self.over.wait(interval):
            try:
                outcome = function()
            except (OSError, http.client.HTTPException, subprocess.CalledProcessError) as error:
                outcome = type(error).__name__
            self.statuses[f"{function.__name__}: {outcome}"] += 1

    def count(self) -> str:
        return str(get(self.site.port, COUNTED, {"Authorization": f"Token {self.counted}"}).status)

    def add_key(self) -> str:
        self.keys.append(self.make_key("another"))
        return "made"

    def log_in(self) -> str:
        """Begin a session with a key, as a browser does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=TIMEOUT_SECONDS)
        with closing(connection):
            connection.request("GET", LOGIN)
            page = connection.getresponse()
            form = page.read().decode()
            token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
            if not token:
                return f"{page.status} without a form"
            cookies = SimpleCookie(page.headers["Set-Cookie"])
            fields = urlencode({"csrfmiddlewaretoken": token[0], "key": self.counted})
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": header_of(cookies)}
            connection.request("POST", LOGIN, fields, headers)
            response = connection.getresponse()
            response.read()
            if response.status == HTTPStatus.FOUND:
                for line in response.headers.get_all("Set-Cookie", []):
                    cookies.load(line)
                self.sessions.append(header_of(cookies))
        return str(response.status)

    def report(self) -> list[str]:
        """Print what was made, and return what of it was lost."""
        for what, number in sorted(self.statuses.items()):
            say(f"{number:8,}  {what}")
        lost = [f"a key was lost: {key[:8]}" for key in self.keys if not self.is_valid(Authorization=f"Token {key}")]
        lost += ["a session was lost" for cookie in self.sessions if not self.is_valid(Cookie=cookie)]
        counted = self.site.query(f"SELECT SUM(count) FROM {USERS}.throttle_counter WHERE subject LIKE 'key %'")[0][0]
        served = self.statuses["count: 200"]
        say(f"{len(self.keys):8,}  keys and {len(self.sessions)} sessions; {counted} requests counted, {served} served")
        return lost + ([] if int(counted) >= served else [f"{served} requests were served, {counted} are counted"])

    def is_valid(self, **headers: str) -> bool:
        return get(self.site.port, COUNTED, headers).status == HTTPStatus.OK


def header_of(cookies: SimpleCookie) -> str:
    return "; ".join(f"{cookie.key}={cookie.value}" for cookie in cookies.values())


class Memory:
    """The memory of the workers.

    In the first half of its time, a worker reaches what it needs: it holds responses of about 20 MB for its first slow
    clients. Memory that leaks grows in the second half, too.

    Args:
        site: Whose workers.
        after: After how many looks a worker has answered everything at least once.
    """

    def __init__(self, site: Site, after: int = SETTLED) -> None:
        self.site = site
        self.after = after
        self.seen: dict[int, list[int]] = {}

    def look(self) -> None:
        for worker in self.site.workers():
            pages = Path(f"/proc/{worker}/statm")
            if pages.exists():
                # https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html: the second is what is resident.
                self.seen.setdefault(worker, []).append(int(pages.read_text().split()[1]) * 4096)

    def settled(self) -> Iterator[tuple[int, list[int]]]:
        """Yield each worker that has answered everything with what it had in the second half of its time."""
        for worker, sizes in self.seen.items():
            if len(sizes) > self.after:
                yield worker, sizes[max(self.after, len(sizes) // 2) :]

    def report(self) -> Iterator[str]:
        for worker, sizes in self.settled():
            begin, end, most = (size / 1e6 for size in (sizes[0], sizes[-1], max(sizes)))
            yield f"worker {worker}: {begin:.1f} MB in the middle, {end:.1f} MB in the end, then {most:.1f} at most"

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


def back(start: Callable[[], object]) -> None:
    """Start a node, and wait until HAProxy has found it synced twice: another one that fails is then another fault."""
    start()
    time.sleep(RISE)


def servers(site: Site) -> Cluster:
    return cast("Cluster", site)


def nodes(site: Site) -> Sequence[cluster.Node]:
    return servers(site).nodes


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
            run = Soak(site, expected_of(site), EVENTS)
            say(f"{clients} clients request {len(run.expected)} paths for {seconds:.0f} s.")
            run.run(clients, seconds)
            run.report(seconds)
            return run.wrong


def soak_cluster(clients: int, seconds: float) -> list[str]:
    """The same for a cluster.

    Raises:
        ServerUnavailableError: Something is not installed, or did not start.
        ServiceUnavailableError: A server did not start, or did not obey a signal.
    """
    with cluster.made_ready(KEY, 5) as site:
        site.note_loads()
        with site.serving():
            # From then on, a load counts as settled, and each node gives its data a version.
            time.sleep(LOAD_SETTLED.total_seconds() + 2)
            return disturb(site, clients, seconds).wrong


def disturb(site: Cluster, clients: int, seconds: float) -> Soak:
    """Run the clients on a cluster that serves, while one thing after the other fails; print a report."""
    users = Users(site)
    run = Soak(site, expected_of(site), CLUSTER_EVENTS, is_shared=True)
    say(f"{clients} clients request {len(run.expected)} paths for {seconds:.0f} s.")
    with users.writing():
        run.run(clients, seconds)
    run.report(seconds)
    run.wrong += users.report()
    return run


def expected_of(site: Site) -> dict[str, Answer]:
    """Return the expected response for each path that the sample data have rows for."""
    answers = {path: site.get(path) for path in paths()}
    return {path: answer for path, answer in answers.items() if answer.status == HTTPStatus.OK}


def main() -> Any:
    parser = argparse.ArgumentParser(prog="python -m analyticsdataserver.testing.soak", description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cluster", action="store_true", help="two servers over a cluster of databases")
    arguments = parser.parse_args()
    try:
        wrong = (soak_cluster if arguments.cluster else soak)(arguments.clients, arguments.seconds)
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        return str(error)
    for fault in wrong[:SHOWN]:
        say(f"wrong: {fault}")
    say(f"{len(wrong)} responses or figures are wrong." if wrong else "Nothing is wrong.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
