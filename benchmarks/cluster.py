"""What a request costs on several servers over a cluster: ``python -m benchmarks.cluster``.

Everything runs on this machine, so that requests a second say little about a site on many machines. Processor time a
request does: that of the servers, of the nodes and of HAProxy is printed apart.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from analyticsdataserver.testing.cluster import Cluster, filled, running_nodes
from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.overload import CLIENTS, SERVED, Load, percentile, small
from analyticsdataserver.testing.service import ServiceUnavailableError
from analyticsdataserver.testing.soak import KEY, LARGE

# Nodes, servers, and processes of each.
SITES: Final = ((1, 1, 1), (1, 2, 1), (1, 2, 2), (3, 1, 1), (3, 2, 1), (3, 2, 2))
TICKS: Final = os.sysconf("SC_CLK_TCK")


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


def cost(site: Cluster) -> Cost:
    nodes = [node.process.pid for node in site.nodes if node.process]
    return Cost(used(site.workers()), used(nodes), used([site.balancer.process.pid]))


def measure_idle(site: Cluster, seconds: float) -> None:
    """Print what all of it uses without any request."""
    before = cost(site)
    time.sleep(seconds)
    spent = cost(site).since(before)
    costs = ", ".join(f"{name} {1e3 * value / seconds:,.1f} ms" for name, value in spent._asdict().items())
    print(f"  idle, each second: {costs}", flush=True)


def measure(site: Cluster, paths: Sequence[str], seconds: float, what: str) -> None:
    """Have clients ask for some time, and print how many were served, and what each cost."""
    asyncio.run(Load(site.port, paths).closed(CLIENTS, seconds / 2))
    before = cost(site)
    outcomes = asyncio.run(Load(site.port, paths).closed(CLIENTS, seconds))
    spent = cost(site).since(before)
    times = [outcome.seconds * 1000 for outcome in outcomes if outcome.status == SERVED]
    number = len(times)
    costs = ", ".join(f"{name} {1e6 * value / number:,.0f} µs" for name, value in spent._asdict().items())
    print(
        f"  {what}: {number / seconds:,.0f} a second, p50 {percentile(times, 0.5):,.1f} ms, "
        f"p99 {percentile(times, 0.99):,.1f} ms; {costs}; {len(outcomes) - number} not served",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--processes", type=int, help="measure only sites with so many processes of servers")
    options = parser.parse_args(arguments)
    sites = [site for site in SITES if options.processes in {None, site[1] * site[2]}]
    try:
        for count in (1, 3):
            with running_nodes(count) as nodes:
                for _, servers, processes in (site for site in sites if site[0] == count):
                    with filled(nodes, KEY, 5, servers=servers, processes=processes) as site, site.serving():
                        print(f"{count} nodes, {servers} servers of {processes} processes", flush=True)
                        paths = small(site)
                        measure_idle(site, options.seconds)
                        measure(site, paths, options.seconds, f"{len(paths)} small answers")
                        rows = site.get(LARGE).body.count(b"{")
                        measure(site, [LARGE], options.seconds, f"answers of {rows:,} rows")
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(main())
