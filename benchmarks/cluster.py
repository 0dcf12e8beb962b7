"""What several servers over a cluster do, beside what they shall do: ``python -m benchmarks.cluster``, in ten minutes.

* ``costs``: requests a second and processor time with 1, 2 and 4 processes of servers, over one node and over three,
  and how many conditional requests get a 304;
* ``overload``: twice as many requests as can be served, for a minute, with HAProxy and without;
* ``faults``: 32 clients for three minutes, while nodes and servers are killed, paused and restarted;
* ``load``: three million rows, while all nodes are read.

Everything runs on this machine, so that requests a second say little about a site on many machines. Processor time a
request does: that of the servers, of the nodes and of HAProxy is printed apart.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from analyticsdataserver.databases.mysql.versions import LOAD_SETTLED
from analyticsdataserver.testing import overload, site
from analyticsdataserver.testing.cluster import Cluster, Node, filled, running_nodes
from analyticsdataserver.testing.cluster_load import WHOLE, load_while_reading
from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.overload import CLIENTS, SERVED, Load, percentile, small
from analyticsdataserver.testing.service import ServiceUnavailableError
from analyticsdataserver.testing.soak import KEY, LARGE, SHOWN, disturb

# Servers, and processes of each.
SITES: Final = ((1, 1), (2, 1), (2, 2))
# The one for the overload, and the one for faults and the load.
OVERLOADED: Final = (2, 1)
WHOLE_SITE: Final = SITES[-1]
PARTS: Final = ("costs", "overload", "faults", "load")
OVERLOAD_SECONDS: Final = 60.0
FAULTS_SECONDS: Final = 180.0
# How many rows are there before the load, and how many are loaded.
ROWS_BEFORE: Final = 60_000
ROWS: Final = 3_000_000
# How often each path is requested with the ETag of its first response.
CONDITIONAL: Final = 3
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Figure(NamedTuple):
    """A figure beside its limit."""

    name: str
    value: str
    limit: str
    is_met: bool


class Speed(NamedTuple):
    """What was measured of a site.

    Attributes:
        rate: Requests a second.
        cost: The processor time of each, in seconds, of all processes of the site together.
    """

    rate: float
    cost: float


class Cost(NamedTuple):
    """The processor time of a site so far, in seconds, by what used it."""

    servers: float
    nodes: float
    balancer: float

    def since(self, other: "Cost") -> "Cost":
        return Cost(*(now - before for now, before in zip(self, other, strict=True)))


def used(processes: Iterable[int]) -> float:
    """Return the processor time of processes, in seconds."""
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the fields behind the name.
    stats = (Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split() for process in processes)
    return sum(int(fields[11]) + int(fields[12]) for fields in stats) / TICKS


def cost(place: Cluster) -> Cost:
    nodes = [node.process.pid for node in place.nodes if node.process]
    return Cost(used(place.workers()), used(nodes), used([place.balancer.process.pid]))


def measure_idle(place: Cluster, seconds: float) -> None:
    """Print what all of it uses without any request."""
    before = cost(place)
    time.sleep(seconds)
    spent = cost(place).since(before)
    costs = ", ".join(f"{name} {1e3 * value / seconds:,.1f} ms" for name, value in spent._asdict().items())
    say(f"  idle, each second: {costs}")


def measure(place: Cluster, paths: Sequence[str], seconds: float, what: str) -> Speed:
    """Have clients send requests for some time; print and return how many were served, and what each cost."""
    asyncio.run(Load(place.port, paths).closed(CLIENTS, seconds / 4))
    before = cost(place)
    outcomes = asyncio.run(Load(place.port, paths).closed(CLIENTS, seconds))
    spent = cost(place).since(before)
    times = [outcome.seconds * 1000 for outcome in outcomes if outcome.status == SERVED]
    number = max(1, len(times))
    costs = ", ".join(f"{name} {1e6 * value / number:,.0f} µs" for name, value in spent._asdict().items())
    say(
        f"  {what}: {number / seconds:,.0f} a second, p50 {percentile(times, 0.5):,.1f} ms, "
        f"p99 {percentile(times, 0.99):,.1f} ms; {costs}; {len(outcomes) - number} not served"
    )
    return Speed(number / seconds, sum(spent) / number)


def unmodified(place: Cluster, paths: Sequence[str]) -> float:
    """Return how many of the requests with the ETag of an earlier response get a 304, as a part of them."""
    tags = {path: tag for path in paths if (tag := place.get(path).headers["ETag"])}
    statuses = [place.get(path, **{"If-None-Match": tags.get(path, '""')}).status for path in [*paths] * CONDITIONAL]
    return statuses.count(304) / len(statuses)


class Run:
    """One run of the benchmark.

    Args:
        parts: What is measured, of PARTS.
        seconds: How long each of the measurements of costs takes.

    Attributes:
        figures: Those that have a limit.
    """

    def __init__(self, parts: Sequence[str], seconds: float) -> None:
        self.parts = parts
        self.seconds = seconds
        self.figures: list[Figure] = []
        # By the number of nodes, and for the former by the number of processes.
        self.speeds: dict[tuple[int, int], Speed] = {}
        self.unmodified: dict[int, float] = {}

    def run(self) -> None:
        if "costs" in self.parts:
            with running_nodes(1) as nodes:
                self.measure_nodes(nodes)
        with running_nodes() as nodes:
            self.measure_nodes(nodes)
        if "costs" in self.parts:
            self.compare()
        if "overload" in self.parts:
            with site.made_ready(KEY, 5) as place, place.serving():
                self.overload(place, "without HAProxy", 0.55)

    def measure_nodes(self, nodes: Sequence[Node]) -> None:
        noted: float | None = None
        for servers, processes in SITES:
            with filled(nodes, KEY, 5, servers=servers, processes=processes) as place:
                if noted is None:
                    place.note_loads()
                    noted = time.monotonic()
                with place.serving():
                    say(f"{len(nodes)} nodes, {servers} servers of {processes} processes")
                    if "costs" in self.parts:
                        self.measure_costs(place, servers * processes)
                    if len(nodes) > 1 and (servers, processes) == OVERLOADED and "overload" in self.parts:
                        self.overload(place)
                    if (servers, processes) == WHOLE_SITE:
                        # From then on, a load counts as settled, and each node gives its data a version.
                        time.sleep(max(0.0, noted + LOAD_SETTLED.total_seconds() + 2 - time.monotonic()))
                        self.measure_whole_site(place)

    def measure_whole_site(self, place: Cluster) -> None:
        if "costs" in self.parts:
            self.unmodified[len(place.nodes)] = unmodified(place, small(place))
        if len(place.nodes) > 1:
            if "faults" in self.parts:
                self.faults(place)
            # After it, the sample data are gone.
            if "load" in self.parts:
                self.load(place)

    def measure_costs(self, place: Cluster, processes: int) -> None:
        paths = small(place)
        measure_idle(place, self.seconds / 4)
        self.speeds[len(place.nodes), processes] = measure(place, paths, self.seconds, f"{len(paths)} small answers")
        rows = place.get(LARGE).body.count(b"{")
        measure(place, [LARGE], self.seconds / 2, f"answers of {rows:,} rows")

    def compare(self) -> None:
        """Compare three nodes with one."""
        for count in sorted({processes for _, processes in self.speeds}):
            one, three = self.speeds[1, count], self.speeds[3, count]
            rates = f"{three.rate:,.0f} : {one.rate:,.0f} = {three.rate / one.rate:.2f}"
            costs = f"{1e6 * three.cost:,.0f} : {1e6 * one.cost:,.0f} = {three.cost / one.cost:.2f}"
            self.add(f"requests/s, 3 nodes : 1, {count} processes", rates, ">= 0.90", three.rate / one.rate >= 0.9)
            self.add("processor time in µs, the same", costs, "<= 1.10", three.cost / one.cost <= 1.1)
        one_node, three_nodes = self.unmodified[1], self.unmodified[3]
        self.add("304 for conditional, 3 nodes", f"{three_nodes:.1%}", f">= {one_node:.1%}", three_nodes >= one_node)

    def overload(self, place: site.Site, what: str = "with HAProxy", goodput: float = 0.8) -> None:
        say(f"overload {what}")
        found = asyncio.run(overload.measure(place, small(place), OVERLOAD_SECONDS))
        self.add(f"overload {what}: served", f"{found.goodput:.0%}", f">= {goodput:.0%}", found.goodput >= goodput)
        self.add(f"overload {what}: p99", f"{found.slowdown:.1f} times", "<= 5 times", found.slowdown <= 5)
        self.add(f"overload {what}: no Retry-After, bad health", f"{found.faults}", "0", not found.faults)

    def faults(self, place: Cluster) -> None:
        found = disturb(place, CLIENTS, FAULTS_SECONDS)
        for fault in found.wrong[:SHOWN]:
            say(f"wrong: {fault}")
        failed = f"{len(found.failures)} of {sum(found.counts.values()):,}"
        self.add("faults: failed requests", failed, "0", not found.failures)
        self.add("faults: longest time without a 200", f"{found.longest_gap:.2f} s", "<= 2 s", found.longest_gap <= 2)
        self.add("faults: wrong bodies, lost keys or sessions", f"{len(found.wrong)}", "0", not found.wrong)

    def load(self, place: Cluster) -> None:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            seen = load_while_reading(place, Path(folder), ROWS_BEFORE, ROWS)
        say(f"{ROWS:,} rows loaded and read in {time.monotonic() - began:.0f} s, {sum(seen.values()):,} reads")
        mixed = sum(number for what, number in seen.items() if what not in WHOLE)
        self.add("load of 3 million rows: mixed reads", f"{mixed} of {sum(seen.values()):,}", "0", not mixed)

    def add(self, name: str, value: str, limit: str, is_met: bool) -> None:
        self.figures.append(Figure(name, value, limit, is_met))

    def report(self) -> None:
        for figure in self.figures:
            say(f"{figure.name:48} {figure.value:>24}   {figure.limit:12} {'' if figure.is_met else 'MISSED'}")


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: Sequence[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"any of {', '.join(PARTS)}; all if none is given")
    parser.add_argument("--seconds", type=float, default=4, help="for each measurement of costs (default: %(default)s)")
    options = parser.parse_args(arguments)
    if wrong := set(options.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(wrong))}: choose any of {', '.join(PARTS)}")
    began = time.monotonic()
    run = Run(options.parts or PARTS, options.seconds)
    try:
        run.run()
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        return str(error)
    finally:
        run.report()
    say(f"{time.monotonic() - began:.0f} s in all")
    return None


if __name__ == "__main__":
    sys.exit(main())
