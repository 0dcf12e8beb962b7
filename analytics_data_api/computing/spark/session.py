"""Sessions on a cluster of Apache Spark, and work of Python on its workers."""

import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

import analytics_data_api
from analytics_data_api.computing.errors import EngineError
from analytics_data_api.computing.places import Place
from analytics_data_api.computing.spark import address as addresses
from analytics_data_api.computing.spark.address import CONNECT, Address

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Seconds for a session to begin, and then for a worker to take a task.
SECONDS_TO_START: Final = 180
NAME: Final = "analytics_data_api"
# What the log of the driver says where a master is reached but does not take the application.
REFUSED: Final = ("Failed to connect to master", "All masters are unresponsive")
SETTINGS: Final = {"spark.sql.session.timeZone": "UTC"}
# On one machine, nothing listens for others.
LOOPBACK: Final = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
# Tasks that look for the store, more than most clusters have cores.
PROBES: Final = 16


@contextmanager
def open_session(text: str, place: Place, folder: str) -> Iterator["SparkSession"]:
    """Begin a session on a cluster of which the workers have the code and reach a store; end it at the end.

    Args:
        text: The address of the cluster.
        place: The place of the store.
        folder: The name of a folder in it for temporary files.

    Raises:
        EngineError: The address is none, or the cluster cannot be used.
    """
    address = Address.parse(text)
    address.require_protection(addresses.read_settings())
    try:
        import pyspark
    except ImportError as error:
        raise EngineError(f"{error}. Spark takes the packages of requirements/spark.txt.") from None
    del pyspark
    if address.scheme != CONNECT:
        require_java()
    address.require_answer()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        spark = start(address, Path(temporary) / "spark.log")
        stack.callback(stop, spark)
        if address.scheme == CONNECT and not address.is_loopback:
            require_protected_server(spark, address)
        for name, value in SETTINGS.items():
            spark.conf.set(name, value)
        spark.addArtifacts(str(pack_code(Path(temporary))), pyfile=True)
        find_workers(spark, address, place, folder)
        yield spark


def stop(spark: "SparkSession") -> None:
    # Whatever the end of the session has to say, the result is there, or another error is on its way.
    with suppress(Exception):
        spark.stop()


def require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which(str(Path(home) / "bin" / "java") if home else "java") is None:
        raise EngineError(
            "Spark takes Java 17 or newer, which is not here (Debian: apt-get install openjdk-17-jre-headless, or "
            "default-jre-headless). An address of Spark Connect, sc://host:port, takes none."
        )


@dataclass
class Attempt:
    """A function in a thread of its own, which can be given up.

    Attributes:
        function: The function.
        result: What it has returned.
        error: What it has raised.
    """

    function: Callable[[], Any]
    result: Any = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is awaited
            self.error = error
        self.done.set()

    def wait(self, seconds: float, check: Callable[[], None] = lambda: None) -> Any:
        """Return the result; raises what the function or the check raised, or a TimeoutError."""
        threading.Thread(target=self.run, daemon=True).start()
        deadline = time.monotonic() + seconds
        while not self.done.wait(0.1):
            check()
            if time.monotonic() > deadline:
                raise TimeoutError
        if self.error is not None:
            raise self.error
        return self.result


def start(address: Address, log: Path) -> "SparkSession":
    """Return a new session."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    # It logs each connection, and by the root logger what Ctrl-C interrupts.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    logging.getLogger().addFilter(is_not_of_py4j)
    builder = SparkSession.builder.appName(NAME)
    if address.scheme == CONNECT:
        builder = builder.remote(address.text)
    else:
        # Workers run the Python of the same path, unless Spark's settings name another one.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master(address.text)
        quiet = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "WARN"}
        for name, value in (quiet | (LOOPBACK if address.is_loopback else {})).items():
            builder = builder.config(name, value)
    refusal = EngineError(
        f"{address} answers, but does not take this command: spark.authenticate and spark.authenticate.secret in "
        f"{addresses.where_to_set()} have to be those of the master. Nothing was read or loaded."
    )

    def check() -> None:
        if len(address.places) == 1 and any(each in log.read_text(errors="replace") for each in REFUSED):
            raise refusal

    with errors_into(log):
        try:
            return Attempt(builder.getOrCreate).wait(SECONDS_TO_START, check)
        except TimeoutError:
            raise EngineError(f"{address} has given no session within {SECONDS_TO_START} s.") from None
        except PySparkException as error:
            check()
            lines = log.read_text(errors="replace").strip().splitlines() or [reason_of(error)]
            raise EngineError(f"A session on {address} did not begin: {lines[-1]}") from error
        except EngineError:
            raise
        except Exception as error:
            check()
            raise EngineError(f"A session on {address} did not begin: {reason_of(error)}") from error


def is_not_of_py4j(record: logging.LogRecord) -> bool:
    return "py4j" not in Path(record.pathname).parts


@contextmanager
def errors_into(path: Path) -> Iterator[None]:
    """Have a process that is started here, such as the driver's Java, write its errors into a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def require_protected_server(spark: "SparkSession", address: Address) -> None:
    """Raise an EngineError if the processes behind a server of Spark Connect are not protected from others."""
    names = ("spark.authenticate", *addresses.ENCRYPTION)
    settings = {name: str(spark.conf.get(name, "false")) for name in names}
    # The secret is not shown.
    if missing := addresses.missing_protection(settings | {"spark.authenticate.secret": "is not shown"}):
        raise EngineError(f"The cluster behind {address} lacks {', '.join(missing)}.")


def pack_code(folder: Path) -> Path:
    """Return an archive of the code that workers run."""
    root = Path(analytics_data_api.__file__).parent
    path = folder / "analytics_data_api.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (
            root / "__init__.py",
            *(root / "computing").glob("*.py"),
            *(root / "computing/spark").glob("*.py"),
        ):
            archive.write(file, file.relative_to(root.parent))
    return path


def on_worker(spark: "SparkSession", work: Callable[[], Any], tasks: int = 1) -> list[Any]:
    """Run a function on workers, and return the result of each task, which JSON can express.

    Args:
        spark: The session.
        work: The function, with its arguments; its module is sent to the workers.
        tasks: How often it runs.

    Raises:
        EngineError: It has raised an error.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for _ in range(batch.num_rows):
                yield pa.RecordBatch.from_pydict({"result": [json.dumps(work())]})

    try:
        rows = spark.range(0, tasks, 1, tasks).mapInArrow(run, "result string").collect()
    except Exception as error:
        raise EngineError(f"Work on Spark failed: {reason_of(error)}") from error
    return [json.loads(row.result) for row in rows]


def find_workers(spark: "SparkSession", address: Address, place: Place, folder: str) -> None:
    """Raise an EngineError unless workers take tasks, and reach the store as this machine does."""
    token = secrets.token_hex(16)
    probe = f"{folder}/probe"
    place.write(f"{probe}/token", token.encode())
    work = Look(place, probe)
    try:
        answers = Attempt(lambda: on_worker(spark, work, PROBES)).wait(SECONDS_TO_START)
    except TimeoutError:
        raise EngineError(
            f"No worker of {address} has taken a task within {SECONDS_TO_START} s: there is none, or none with a free "
            "core and enough memory (spark.executor.memory), or none reaches this machine (spark.driver.host)."
        ) from None
    for host, fault, found, mine in answers:
        if fault or found != token or not is_there(place, f"{probe}/{mine}"):
            raise EngineError(
                f"The worker {host} does not reach the event store {place.name}: "
                f"{(fault or 'it has another folder there').rstrip('.')}. {place.needs} Nothing was read or loaded."
            )
    place.remove([f"{probe}/{name}" for name in ("token", *(mine for *_, mine in answers))])


def is_there(place: Place, name: str) -> bool:
    try:
        return place.read(name) == b""
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Look:
    """Looks on a worker for the temporary folder of a store."""

    place: Place
    folder: str

    def __call__(self) -> tuple[str, str, str, str]:
        """Return the host, what is wrong, what the folder's token is, and the name of a file that was written."""
        import socket

        name = secrets.token_hex(16)
        try:
            token = self.place.read(f"{self.folder}/token").decode()
            self.place.write(f"{self.folder}/{name}", b"")
        except OSError as error:
            return socket.gethostname(), error.strerror or str(error), "", name
        return socket.gethostname(), "", token, name


def reason_of(error: BaseException) -> str:
    """Return the line of an error of Spark that says what happened: of Python on a worker, the last one."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any(line.startswith("Traceback") for line in lines):
        begun = max(number for number, line in enumerate(lines) if line.startswith("Traceback"))
        lines = [line for line in lines[begun:] if not line.startswith(("Traceback", "File", "at ", "^", "~"))]
        # What Java adds stands behind an error of Python.
        named = [line for line in lines if line.split(":")[0].split(".")[-1].endswith(("Error", "Exception"))]
        lines = named[:1] or lines[-1:]
        if "No module named" in lines[0]:
            lines[0] += (
                " (workers need the packages of requirements/spark.txt: spark.pyspark.python names their Python)"
            )
    return lines[0] if lines else type(error).__name__
