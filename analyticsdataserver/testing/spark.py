"""A cluster of Apache Spark on this machine: a master and two workers, which only this machine reaches.

``python -m analyticsdataserver.testing.spark`` (``make spark``) starts it, prints what to run, and ends it on Ctrl-C.
Processes have to know a secret, and encrypt what they send to each other, as the guide asks of a cluster of several
machines.
"""

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from analyticsdataserver.testing.cluster import answers, free_ports

HOST: Final = "127.0.0.1"
WORKERS: Final = 2
START_SECONDS: Final = 180
STOP_SECONDS: Final = 10
SETTINGS: Final = {
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.io.encryption.enabled": "true",
    "spark.driver.memory": "512m",
    "spark.executor.memory": "512m",
    "spark.executor.cores": "1",
    # As many as there are cores: the default of 200 is for large tables on large clusters.
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
}


class SparkUnavailableError(Exception):
    """Spark or Java is not installed, or a process did not start; the message says which, and what to do."""


@dataclass
class SparkCluster:
    """A running cluster.

    Attributes:
        folder: The folder of its logs and temporary files.
        conf: The folder of its settings, for the variable SPARK_CONF_DIR.
        url: The address of the master, or of a server of Spark Connect.
        processes: What runs, by name.
    """

    folder: Path
    conf: Path
    url: str
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a command uses the cluster."""
        return {"SPARK_CONF_DIR": str(self.conf), "PYSPARK_PYTHON": sys.executable}

    def run(self, name: str, *command: str) -> None:
        """Start a process, in a group of its own, since scripts start Java."""
        environment = os.environ | self.environment
        (self.folder / "local").mkdir(exist_ok=True)
        environment |= {"SPARK_LOCAL_DIRS": str(self.folder / "local"), "SPARK_LOCAL_IP": HOST}
        environment |= {"SPARK_DAEMON_MEMORY": "512m", "SPARK_NO_DAEMONIZE": "1"}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def await_log(self, name: str, text: str) -> None:
        """Wait until a process has logged a text; raises a SparkUnavailableError if that takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while text not in self.log(name):
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise SparkUnavailableError(f"Spark's {name} did not start:\n{self.log(name)[-3000:]}")
            time.sleep(0.1)

    def start_worker(self, number: int) -> None:
        name = f"worker{number}"
        self.run(
            name,
            *spark_class("org.apache.spark.deploy.worker.Worker"),
            *("--host", HOST, "--cores", "1", "--memory", "1g", "--webui-port", "0"),
            *("--work-dir", str(self.folder / f"work{number}"), self.url),
        )
        self.await_log(name, "Successfully registered with master")

    def executors(self, number: int) -> list[int]:
        """Return the process ids of the executors of a worker."""
        marks = f"{self.folder / f'work{number}'}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if b"CoarseGrainedExecutorBackend" in (path / "cmdline").read_bytes() and marks in bytes(
                    (path / "cwd").readlink()
                ):
                    found.append(int(path.name))
            except OSError:
                continue
        return found

    def kill_worker(self, number: int) -> None:
        """End a worker, and the executors that it has started, at once."""
        executors = self.executors(number)
        process = self.processes[f"worker{number}"]
        os.killpg(process.pid, signal.SIGKILL)
        for pid in executors:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End all processes: clients of the master first."""
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def spark_class(name: str) -> tuple[str, ...]:
    """Return the command that runs a class of Spark."""
    return (str(home() / "bin" / "spark-class"), name)


def home() -> Path:
    """Return the folder of the Spark that PySpark brings.

    Raises:
        SparkUnavailableError: PySpark or Java is not installed.
    """
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SparkUnavailableError("Java is not installed (Debian: apt-get install openjdk-17-jre-headless)")
    try:
        import pyspark
    except ImportError:
        raise SparkUnavailableError("PySpark is not installed (requirements/spark.txt)") from None
    return Path(pyspark.__file__).parent


@contextmanager
def prepared(scheme: str, port: int | None) -> Iterator[SparkCluster]:
    """Yield a cluster without processes, and end those that were started, with all that they have written."""
    home()
    with tempfile.TemporaryDirectory(prefix="spark-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "conf").mkdir()
        cluster = SparkCluster(folder, folder / "conf", f"{scheme}://{HOST}:{port or free_ports(1)[0]}")
        write_settings(cluster.conf, SETTINGS | {"spark.authenticate.secret": secrets.token_hex(32)})
        stack.callback(cluster.stop)
        yield cluster


@contextmanager
def running_cluster(workers: int = WORKERS, port: int | None = None) -> Iterator[SparkCluster]:
    """Start a cluster, and end it on the way out.

    Args:
        workers: The number of workers, each of one core.
        port: The port of the master; a free one if None.

    Raises:
        SparkUnavailableError: Spark or Java is not installed, or a process did not start.
    """
    with prepared("spark", port) as cluster:
        master = (*spark_class("org.apache.spark.deploy.master.Master"), "--host", HOST, "--port", cluster.port)
        cluster.run("master", *master, "--webui-port", "0")
        cluster.await_log("master", "New state: ALIVE")
        for number in range(1, workers + 1):
            cluster.start_worker(number)
        yield cluster


@contextmanager
def running_connect() -> Iterator[SparkCluster]:
    """Start a server of Spark Connect that computes by itself, and end it on the way out; raises as above."""
    with prepared("sc", None) as cluster:
        cluster.run(
            "connect",
            str(home() / "bin" / "spark-submit"),
            *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "--master", "local[1]"),
            *("--conf", f"spark.connect.grpc.binding.port={cluster.port}"),
            *("--conf", f"spark.connect.grpc.binding.address={HOST}", "--conf", f"spark.driver.host={HOST}"),
            *("--conf", "spark.ui.enabled=false", "spark-internal"),
        )
        cluster.await_log("connect", "Spark Connect server started")
        yield cluster


def write_settings(folder: Path, settings: Mapping[str, str]) -> None:
    path = folder / "spark-defaults.conf"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))


def main(arguments: Sequence[str] | None = None) -> Any:
    parser = argparse.ArgumentParser(prog="python -m analyticsdataserver.testing.spark", description=__doc__)
    parser.add_argument("--port", type=int, default=7077, help="of the master (default: %(default)s)")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    if answers(options.port):
        return f"Port {options.port} is in use: choose another one: make spark PORT={options.port + 1}"
    try:
        print("Starting a master and two workers.", flush=True)
        with running_cluster(port=options.port) as cluster:
            print(described(cluster), flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("\nEnded, and removed.")
    except SparkUnavailableError as error:
        return f"{error}."
    return 0


def described(cluster: SparkCluster) -> str:
    """Return what to run on a cluster."""
    variables = " ".join(f"{name}={value}" for name, value in cluster.environment.items())
    return f"""
In another terminal:

  export {variables}
  ./manage.py ingest_logs --engine {cluster.url} 'fixtures/tracking/*.log.gz'
  ./manage.py compute_tables --engine {cluster.url} --lms-files fixtures/tracking

Logs are in {cluster.folder}. Ctrl-C ends the cluster."""


if __name__ == "__main__":
    sys.exit(main())
