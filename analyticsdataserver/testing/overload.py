"""More requests than the service can answer, and what becomes of them.

``python -m analyticsdataserver.testing.overload`` measures how long responses take one by one, how many a second there
are at most, and then sends twice as many for a while: each on time, whatever becomes of the earlier ones, as many
independent clients do. It prints how many were served and refused, and how long both took. The service refuses; with
``--cluster``, HAProxy does, too, while all servers do.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import cycle
from typing import Any, Final, NamedTuple

from analyticsdataserver.testing import cluster, site
from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.service import ServiceUnavailableError
from analyticsdataserver.testing.site import Site
from analyticsdataserver.testing.soak import KEY, expected_of

# Connections that are open at most; a browser's or a program's request that finds none is sent on a new one.
CONNECTIONS: Final = 4000
# Clients that wait for each response before the next request, enough to keep every process at work.
CLIENTS: Final = 32
# How many requests a second are sent in the overload, as a multiple of the capacity.
FACTOR: Final = 2.0
TICK: Final = 0.005
# Seconds after which a response that has not come counts as none.
LATEST: Final = 10.0
SERVED: Final = 200
REFUSED: Final = 503


class Outcome(NamedTuple):
    """What became of a request.

    Attributes:
        status: The status of the response; 0 for none.
        seconds: The time from when it was to be sent.
        says_when: Whether the response has Retry-After.
    """

    status: int
    seconds: float
    says_when: bool


class Connection(asyncio.Protocol):
    """A persistent connection, for one request at a time.

    Args:
        load: What it belongs to.
    """

    transport: Any

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.buffer = bytearray()
        self.due: float | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not length or len(self.buffer) < end + 4 + int(length):
            return
        self.buffer.clear()
        self.end(int(head[9:12]), b"\r\nretry-after:" in head)
        if b"connection: close" in head:
            self.transport.close()
        else:
            self.load.is_free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.is_gone(self)
        self.end(0, says_when=False)

    def end(self, status: int, says_when: bool) -> None:
        if self.due is not None:
            self.load.outcomes.append(Outcome(status, time.perf_counter() - self.due, says_when))
            self.due = None


class Load:
    """Requests for several paths in turn.

    Args:
        port: Where clients connect.
        paths: The paths.
    """

    def __init__(self, port: int, paths: Sequence[str]) -> None:
        self.port = port
        head = f"Host: 127.0.0.1\r\nAuthorization: Token {KEY}\r\nAccept: application/json\r\n\r\n"
        self.requests = cycle([f"GET {path} HTTP/1.1\r\n{head}".encode() for path in paths])
        self.outcomes: list[Outcome] = []
        self.free: list[Connection] = []
        self.open: set[Connection] = set()
        self.opening = self.unsent = 0
        self.closed_until = 0.0

    def is_free(self, connection: Connection) -> None:
        if self.closed_until > time.perf_counter():
            connection.send(next(self.requests), time.perf_counter())
        else:
            self.free.append(connection)

    def is_gone(self, connection: Connection) -> None:
        self.open.discard(connection)
        if connection in self.free:
            self.free.remove(connection)

    async def connect(self, due: float) -> None:
        self.opening += 1
        try:
            loop = asyncio.get_running_loop()
            _, made = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.port)
        except OSError:
            self.outcomes.append(Outcome(0, time.perf_counter() - due, says_when=False))
            return
        finally:
            self.opening -= 1
        self.open.add(made)
        made.send(next(self.requests), due)

    async def closed(self, clients: int, seconds: float) -> list[Outcome]:
        """Have each of some clients send a request as soon as it has the last response; return what became of them."""
        began = time.perf_counter()
        self.closed_until = began + seconds
        await asyncio.gather(*(self.connect(began) for _ in range(clients)))
        await asyncio.sleep(seconds)
        return await self.finished()

    async def offered(self, rate: float, seconds: float) -> list[Outcome]:
        """Send a number of requests a second, each at its time; return what became of them."""
        began = time.perf_counter()
        sent, tasks = 0, set()
        while (passed := time.perf_counter() - began) < seconds:
            while sent < passed * rate:
                due = began + sent / rate
                sent += 1
                # Of independent clients, each has its own connection: those that wait for a process send nothing to it,
                # and those of a process that refuses do not send more.
                if self.open and random.random() < len(self.free) / len(self.open):
                    self.free.pop(random.randrange(len(self.free))).send(next(self.requests), due)
                elif len(self.open) + self.opening < CONNECTIONS:
                    task = asyncio.create_task(self.connect(due))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                else:
                    self.unsent += 1
            await asyncio.sleep(TICK)
        return await self.finished()

    async def finished(self) -> list[Outcome]:
        deadline = time.perf_counter() + LATEST
        while any(each.due is not None for each in self.open) and time.perf_counter() < deadline:
            await asyncio.sleep(TICK)
        for each in list(self.open):
            each.transport.abort()
        await asyncio.sleep(TICK)
        return self.outcomes


async def health(place: Site, statuses: Counter[int], over: asyncio.Event) -> None:
    """Ask for the health each second."""
    while not over.is_set():
        statuses[(await asyncio.to_thread(place.get, "/health/")).status] += 1
        await asyncio.sleep(1)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that a part of the values does not exceed, 0 where there is none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def described(outcomes: Sequence[Outcome], status: int, seconds: float) -> str:
    times = [outcome.seconds * 1000 for outcome in outcomes if outcome.status == status]
    quantiles = ", ".join(f"p{part} {percentile(times, part / 100):,.1f} ms" for part in (50, 99))
    return f"{len(times) / seconds:8,.0f} a second with {status}: {quantiles}"


class Overload(NamedTuple):
    """What was served in an overload.

    Attributes:
        goodput: How many requests were served, as a part of the capacity.
        slowdown: The 99th percentile of the times of these, as a multiple of that of one client.
        faults: How many refusals had no Retry-After, and how many requests for the health failed.
    """

    goodput: float
    slowdown: float
    faults: int


async def measure(place: Site, paths: Sequence[str], seconds: float) -> Overload:
    """Measure, and print."""
    # Every process has answered everything once.
    await Load(place.port, paths).closed(CLIENTS, seconds / 20)
    single = await Load(place.port, paths).closed(1, seconds / 10)
    say(f"one client:      {described(single, SERVED, seconds / 10)}")
    full = await Load(place.port, paths).closed(CLIENTS, seconds / 10)
    say(f"{CLIENTS} clients:      {described(full, SERVED, seconds / 10)}")
    capacity = sum(outcome.status == SERVED for outcome in full) / (seconds / 10)
    statuses: Counter[int] = Counter()
    over = asyncio.Event()
    asking = asyncio.create_task(health(place, statuses, over))
    load = Load(place.port, paths)
    many = await load.offered(capacity * FACTOR, seconds)
    over.set()
    await asking
    say(f"{capacity * FACTOR:,.0f} a second are sent for {seconds:.0f} s:")
    for status in sorted({outcome.status for outcome in many}):
        say(f"                 {described(many, status, seconds)}")
    if load.unsent:
        say(f"{load.unsent} were not sent, since {CONNECTIONS} connections were open.")
    served = [outcome.seconds for outcome in many if outcome.status == SERVED]
    mute = sum(outcome.status == REFUSED and not outcome.says_when for outcome in many)
    before = percentile([outcome.seconds for outcome in single], 0.99)
    failed = sum(number for status, number in statuses.items() if status != SERVED)
    result = Overload(len(served) / seconds / capacity, percentile(served, 0.99) / before, mute + failed)
    say(
        f"served: {result.goodput:.0%} of the capacity, p99 {result.slowdown:.1f} times that of one client; "
        f"{mute} refused without Retry-After; health: {dict(statuses)}"
    )
    return result


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m analyticsdataserver.testing.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cluster", action="store_true", help="two servers of one process each behind HAProxy")
    options = parser.parse_args(arguments)
    try:
        with ExitStack() as stack:
            place: Site
            if options.cluster:
                place = stack.enter_context(cluster.made_ready(KEY, 5, processes=1))
            else:
                place = stack.enter_context(site.made_ready(KEY, 5))
            stack.enter_context(place.serving())
            asyncio.run(measure(place, small(place), options.seconds))
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        return str(error)
    return None


def small(place: Site) -> list[str]:
    """Return the paths of all JSON answers of a usual size."""
    answers: Mapping[str, Any] = expected_of(place)
    return [path for path, answer in answers.items() if "format=json" in path and len(answer.body) < SMALL]


SMALL: Final = 20_000

if __name__ == "__main__":
    sys.exit(main())
