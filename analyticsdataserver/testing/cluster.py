"""A site on several servers and a Galera cluster, all on this machine.

``python -m analyticsdataserver.testing.cluster`` (``make cluster``) starts three nodes of MariaDB, HAProxy in front of
them and of two servers, loads the sample data, prints what to open, and ends all of it on Ctrl-C. The configuration is
that of the guide, ``docs/cluster/``.
"""

import argparse
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import cached_property
from http.client import HTTPException
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self
from urllib.parse import quote

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.mariadb import START_SECONDS, MariaDB, ServerUnavailableError, program
from analyticsdataserver.testing.service import Service, ServiceUnavailableError
from analyticsdataserver.testing.site import ANALYTICS, DATABASES, PASSWORD, Site, fill

CONFIGURATION: Final = BASE_DIR / "docs" / "cluster"
HOST: Final = "127.0.0.1"
PORTS: Final = range(10_000, 30_000)
NODES: Final = 3
SERVERS: Final = 2
SYNCED: Final = 4
# Seconds for a node to join, which sends it all data.
JOIN_SECONDS: Final = 90
MISSING: Final = "{} is not installed here. Install it (Debian: apt-get install mariadb-server galera-4 rsync haproxy)."
KEY: Final = "edx"


class Node(MariaDB):
    """A node of the cluster, with ports of its own on this machine.

    Attributes:
        port: Where clients connect.
        group: Where the other nodes do; it gets what it has missed at the next port.
        transfer: Where it gets all data.
    """

    # For root, rsync writes as a user without rights.
    user = "mysql" if os.geteuid() == 0 else None

    def __init__(self) -> None:
        super().__init__()
        self.port, self.transfer, self.group, _ = free_ports(4)
        self.others: Sequence[Node] = ()

    @property
    def options(self) -> Sequence[str]:  # type: ignore[override]  # these need the folder
        members = ",".join(f"{HOST}:{node.group}" for node in self.others)
        return (
            f"--defaults-file={CONFIGURATION / 'galera.cnf'}",
            f"--port={self.port}",
            f"--bind-address={HOST}",
            f"--wsrep-cluster-address=gcomm://{members}",
            f"--wsrep-node-address={HOST}:{self.group}",
            f"--wsrep-provider-options={provider_options()};gmcast.listen_addr=tcp://{HOST}:{self.group}",
            f"--wsrep-sst-receive-address={HOST}:{self.transfer}",
            f"--pid-file={self.folder / 'pid'}",
            # Unlike what the service asks for, so that a session that does not ask for it shows in a test.
            "--default-time-zone=+05:30",
            # The data need not outlive a power cut.
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
        )

    def prepare(self) -> None:
        """Make an empty folder, to which another node sends all data."""
        self._make_folder()
        (self.folder / "data").mkdir()
        if self.user:
            shutil.chown(self.folder / "data", self.user)

    def start(self) -> None:
        """Start the node, and return when it has what the others have.

        Raises:
            ServerUnavailableError: It did not start, or not get the data.
        """
        state = self.folder / "data" / "grastate.dat"
        start: list[str] = []
        if not self.others:
            # The first one, which is the cluster by itself.
            start = ["--wsrep-new-cluster"]
        elif state.exists():
            # As Debian's service does: with it, a node that was killed gets only what it has missed.
            self._run("mariadbd", f"--socket={self.socket}", "--wsrep-recover").wait(START_SECONDS)
            found = re.findall(r"Recovered position: (\S+)", self._log.read_text(errors="replace"))
            start = [f"--wsrep-start-position={found[-1]}"] if found else []
        self.process = self._run("mariadbd", f"--socket={self.socket}", *start)
        deadline = time.monotonic() + JOIN_SECONDS
        while self.state() != SYNCED:
            if self.process.poll() is not None or time.monotonic() > deadline:
                log = self._log.read_text(errors="replace")
                raise ServerUnavailableError(f"A node of the cluster did not start:\n{log[-4000:]}")
            time.sleep(0.05)

    def rejoin(self) -> None:
        """Go on after a pause, and return when the node has what the others have.

        Raises:
            ServiceUnavailableError: It did not get it in time.
        """
        self.resume()
        # The node itself learns only now that the others have gone on without it.
        size = str(len(self.others) + 1)
        await_true(lambda: self.others[0].status("wsrep_cluster_size") == size, JOIN_SECONDS)
        await_true(lambda: self.state() == SYNCED, JOIN_SECONDS, lambda: self._log.read_text(errors="replace")[-4000:])

    def state(self) -> int:
        """Return the node's state in the cluster; 0 if it does not answer."""
        return int(self.status("wsrep_local_state") or 0)

    def status(self, name: str) -> str:
        """Return a status variable; an empty text if the node does not answer."""
        import MySQLdb

        with suppress(MySQLdb.Error), closing(self.connect()) as connection:
            connection.query(f"SHOW STATUS LIKE '{name}'")
            return "".join(str(value) for _, value in connection.store_result().fetch_row(0))
        return ""

    def connect(self) -> Any:
        """Return a connection of the node's administrator."""
        import MySQLdb

        options = {"connect_timeout": 2, "read_timeout": 2}
        return MySQLdb.connect(unix_socket=str(self.socket), user="root", autocommit=True, **options)

    def clear_away(self) -> None:
        self.resume()
        self._clear_away()


def free_ports(number: int) -> list[int]:
    """Return ports that are free, one after the other.

    They are none of those that the system gives to clients, so that whatever ends can start again with them.
    """
    while True:
        first = secrets.choice(PORTS)
        with ExitStack() as stack, suppress(OSError):
            for port in range(first, first + number):
                stack.enter_context(closing(socket.create_server((HOST, port))))
            return list(range(first, first + number))


def provider_options() -> str:
    """Return the options of the replication that the configuration file has: the command line replaces all of them."""
    found = re.search(r'wsrep_provider_options = "(.*)"', (CONFIGURATION / "galera.cnf").read_text())
    return found[1] if found else ""


class Balancer:
    """HAProxy, as the configuration file has it.

    Args:
        port: Where clients connect.
        servers: The ports of the servers.
        nodes: The nodes.
    """

    def __init__(self, port: int, servers: Sequence[int], nodes: Sequence[Node]) -> None:
        self.port = port
        self.users, self.analytics = free_ports(2)
        self.environment = {
            "ADDRESS": HOST,
            "PORT": str(port),
            "DATABASES": HOST,
            "ANALYTICS_PORT": str(self.analytics),
            "USERS_PORT": str(self.users),
            "PROBLEMS": str(CONFIGURATION),
        }
        # Where there are fewer, nothing listens.
        for name, count, ports in (("SERVER", SERVERS, servers), ("NODE", NODES, [node.port for node in nodes])):
            for number, used in zip_longest(range(1, count + 1), ports, fillvalue=1):
                self.environment[f"{name}_{number}"] = f"{HOST}:{used}"
        path = shutil.which("haproxy", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
        if path is None:
            raise ServerUnavailableError(MISSING.format("HAProxy"))
        self.command = [path, "-db", "-f", str(CONFIGURATION / "haproxy.cfg")]

    @cached_property
    def log(self) -> IO[bytes]:
        """What it writes; opened when it starts, closed on the way out."""
        return tempfile.TemporaryFile()

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            process_group=0,
        )
        try:
            await_true(lambda: answers(self.port), START_SECONDS, self.logged)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it at once, whatever connections there are."""
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def logged(self) -> str:
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


def answers(port: int) -> bool:
    with suppress(OSError), closing(socket.create_connection((HOST, port), 1)):
        return True
    return False


def await_true(condition: Callable[[], bool], seconds: float, explain: Callable[[], str] = str) -> None:
    """Wait until a condition is met.

    Raises:
        ServiceUnavailableError: It was not in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceUnavailableError(f"What the cluster waits for did not happen:\n{explain()}")
        time.sleep(0.05)


class Cluster(Site):
    """Several nodes, HAProxy, and servers, which use the nodes through it.

    Args:
        nodes: The nodes, running; the first one is used as administrator.
        key: The key that requests carry.
        timeout: Seconds after which a server gives a node up.
        port: Where clients connect.
        servers: How many servers there are, up to SERVERS.
        processes: How many each has.

    Attributes:
        services: The servers, while they run.
    """

    account = "service"
    server: Node

    def __init__(
        self, nodes: Sequence[Node], key: str, timeout: int, port: int, *, servers: int = SERVERS, processes: int = 2
    ) -> None:
        self.nodes = nodes
        self.processes = processes
        self.ports = free_ports(servers)
        self.balancer = Balancer(port, self.ports, nodes)
        super().__init__(nodes[0], key, timeout)
        self.environment |= {"NUM_PROXIES": "1"}
        self.services: list[Service] = []

    @property
    def port(self) -> int:
        return self.balancer.port

    def workers(self) -> list[int]:
        return [worker for service in self.services for worker in service.workers()]

    def url(self, variable: str) -> str:
        port = self.balancer.analytics if variable.startswith("ANALYTICS") else self.balancer.users
        return f"mysql://service:{quote(PASSWORD)}@{HOST}:{port}/{DATABASES[variable]}"

    def connect(self) -> Any:
        import MySQLdb

        return MySQLdb.connect(unix_socket=str(self.server.socket), user="root", autocommit=True)

    @contextmanager
    def balancing(self) -> Iterator[Balancer]:
        """Start HAProxy, and wait until it has found the nodes; end it on the way out."""
        with self.balancer:
            for port in (self.balancer.users, self.balancer.analytics):
                await_true(lambda port=port: greets(port), START_SECONDS, self.balancer.logged)  # type: ignore[misc]  # mypy knows no such default
            yield self.balancer

    @contextmanager
    def serving(self) -> Iterator[Any]:
        """Start the servers; end them on the way out."""
        with ExitStack() as stack:
            self.services = []
            stack.callback(self.stop_servers)
            for port in self.ports:
                self.services.append(self.start_server(port))
            self.service = self.services[0]
            await_true(self.responds, START_SECONDS, self.balancer.logged)
            yield self.services

    def start_server(self, port: int) -> Service:
        service = Service(self.environment, workers=self.processes)
        service.port = port
        return service.__enter__()

    def stop_servers(self) -> None:
        for service in self.services:
            service.__exit__(None, None, None)

    def kill_server(self, number: int) -> None:
        """End a server and its workers at once."""
        service = self.services[number]
        os.killpg(service.process.pid, signal.SIGKILL)
        service.process.wait()
        service.log.close()

    def reload(self) -> None:
        """Have each server replace its workers, one server after the other."""
        for service in self.services:
            service.renew_workers()

    def start_killed_server(self, number: int) -> None:
        await_true(lambda: not self.services[number].listeners(), START_SECONDS)
        self.services[number] = self.start_server(self.ports[number])

    def responds(self) -> bool:
        with suppress(OSError, HTTPException):
            return self.get("/status/").status == 200
        return False


def greets(port: int) -> bool:
    """Return whether HAProxy passes a greeting of a node on."""
    with suppress(OSError), closing(socket.create_connection((HOST, port), 1)) as client:
        return bool(client.recv(1))
    return False


@contextmanager
def running_nodes(count: int = NODES) -> Iterator[list[Node]]:
    """Start nodes, one of which sends its data to the others; end them on the way out.

    Raises:
        ServerUnavailableError: Galera is not installed, or a node did not start.
    """
    if not Path("/usr/lib/galera/libgalera_smm.so").exists():
        raise ServerUnavailableError(MISSING.format("Galera"))
    program("mariadbd")
    with ExitStack() as stack:
        first = Node()
        stack.enter_context(first)
        nodes = [first]
        # The user of the health check has no privilege.
        with closing(first.connect()) as connection:
            connection.query("CREATE USER haproxy")
        for _ in range(count - 1):
            node = Node()
            node.others = tuple(nodes)
            node.prepare()
            stack.callback(node.clear_away)
            node.start()
            nodes.append(node)
        for node in nodes:
            node.others = tuple(other for other in nodes if other is not node)
        yield nodes


@contextmanager
def made_ready(key: str, timeout: int, port: int | None = None, **numbers: int) -> Iterator[Cluster]:
    """Start a cluster, load the sample data, and yield it with HAProxy, but without servers.

    Args:
        key: The key that requests carry.
        timeout: Seconds after which a server gives a node up.
        port: Where clients connect; a free one if None.
        numbers: See :class:`Cluster`.

    Raises:
        ServerUnavailableError: Something is not installed, or did not start.
    """
    with running_nodes() as nodes, filled(nodes, key, timeout, port, **numbers) as cluster:
        yield cluster


@contextmanager
def filled(nodes: Sequence[Node], key: str, timeout: int, port: int | None = None, **numbers: int) -> Iterator[Cluster]:
    """The same with nodes that run already, and may have the data."""
    cluster = Cluster(nodes, key, timeout, port or free_ports(1)[0], **numbers)
    with cluster.balancing():
        if not cluster.tables():
            fill(cluster)
        yield cluster


def main(arguments: Sequence[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m analyticsdataserver.testing.cluster", description=__doc__)
    parser.add_argument("--port", type=int, default=8000, help="where clients connect (default: %(default)s)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    if answers(options.port):
        return f"Port {options.port} is in use: choose another one: make cluster PORT={options.port + 1}"
    try:
        print("Starting three nodes, HAProxy and two servers; this takes most of a minute.", flush=True)
        with made_ready(KEY, 5, options.port) as cluster:
            cluster.environment["DJANGO_SETTINGS_MODULE"] = "analyticsdataserver.settings.local"
            cluster.environment["ALLOWED_HOSTS"] = "localhost,127.0.0.1"
            with cluster.serving():
                print(described(cluster), flush=True)
                signal.pause()
    except KeyboardInterrupt:
        print("\nEnded, and removed.")
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        return str(error)
    return None


def described(cluster: Cluster) -> str:
    """Return what there is to open, and to try."""
    path = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
    lines = [
        f"Open http://localhost:{cluster.balancer.port}/docs/ with the key {cluster.key}, or paste:",
        "",
        f"  curl -H 'Authorization: Token {cluster.key}' http://localhost:{cluster.balancer.port}{path}",
        "",
        *(
            f"Server {number}: http://localhost:{service.port}, process {service.process.pid}"
            for number, service in enumerate(cluster.services, 1)
        ),
        *(
            f"Node {number}: mariadb --user=root --socket={node.socket} {ANALYTICS}, process "
            f"{node.process.pid if node.process else ''}"
            for number, node in enumerate(cluster.nodes, 1)
        ),
        "",
        "Kill one of these processes and go on. Ctrl-C ends all of them, and removes the data.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
