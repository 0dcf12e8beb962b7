"""A throwaway MariaDB server, and a command line that runs another command against one.

``python -m analyticsdataserver.testing.mariadb -- pytest -n auto`` starts a server, runs ``pytest`` with
``TEST_MYSQL_URL`` naming it, and ends the server however the command ends. Where ``TEST_MYSQL_URL`` already names a
server, the command gets that one.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from analyticsdataserver.config import Config

START_SECONDS = 60
STOP_SECONDS = 10
INSTALLER = "mariadb-install-db"
MISSING = (
    "No MariaDB server is installed here. Install one (Debian: apt-get install mariadb-server; it need not be "
    "started), or name a MySQL or MariaDB server that may make and drop databases: "
    "TEST_MYSQL_URL=mysql://user:password@host:3306/"
)
OPTIONS = (
    "--no-defaults",
    "--skip-networking",
    # Unlike what the service asks for, so that a session or column which does not ask for it shows in a test.
    "--default-time-zone=+05:30",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    # The data need not outlive a power cut.
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--skip-log-bin",
)


class ServerUnavailableError(Exception):
    """No MariaDB server is installed, or it did not start; the message tells which, and what to do."""


def program(name: str) -> str:
    """Return the path of a server program, which Debian keeps off an ordinary user's PATH.

    Raises:
        ServerUnavailableError: It is not installed.
    """
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if path is None:
        raise ServerUnavailableError(MISSING)
    return path


class MariaDB:
    """A server with a data folder and a socket of its own, reached by ``root`` without a password.

    As a context manager it is started on the way in; on the way out it is ended and its data are removed.

    Raises:
        ServerUnavailableError: On the way in, or from ``start``: it is not installed, or did not start.
    """

    options: Sequence[str] = OPTIONS
    # The system's user whose process it is; None for that of this process.
    user: str | None = None

    def __init__(self) -> None:
        self.folder = Path()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    @property
    def url(self) -> str:
        """The server's URL, without the name of a database."""
        return f"mysql://root@localhost/?unix_socket={quote(str(self.socket))}"

    def __enter__(self) -> Self:
        self._make_folder()
        try:
            installed = self._run(
                INSTALLER,
                "--auth-root-authentication-method=normal",
                "--skip-name-resolve",
                "--skip-test-db",
            ).wait()
            if installed != 0:
                raise ServerUnavailableError(f"MariaDB was not set up:\n{self._log.read_text(errors='replace')}")
            self.start()
        except BaseException:
            self._clear_away()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear_away()

    def start(self) -> None:
        """Start the server on the data it has, and return as soon as it greets a client."""
        self.process = self._run("mariadbd", f"--socket={self.socket}")
        deadline = time.monotonic() + START_SECONDS
        while not self._greets():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerUnavailableError(f"MariaDB did not start:\n{self._log.read_text(errors='replace')}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the server as an operator would; where it does not end in time, like ``kill``."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the server at once: clients see the connection break."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def pause(self) -> None:
        """Leave clients without an answer, with their connections open, until ``resume``."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _make_folder(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mariadb-"))
        (self.folder / "tmp").mkdir()
        if self.user:
            for folder in (self.folder, self.folder / "tmp"):
                shutil.chown(folder, self.user)

    def _run(self, name: str, *options: str) -> subprocess.Popen[bytes]:
        # As root, the server refuses to start unless it is told that this is meant.
        user = [f"--user={self.user or 'root'}"] if os.geteuid() == 0 else []
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [
                    program(name),
                    *(OPTIONS if name == INSTALLER else self.options),
                    *options,
                    *user,
                    f"--datadir={self.folder / 'data'}",
                    # A server that starts removes the temporary tables that it finds, also those of others.
                    f"--tmpdir={self.folder / 'tmp'}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in a terminal is meant for the command; the server is ended after it.
                process_group=0,
                user=self.user,
            )

    def _greets(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                return bool(client.recv(1))
            except OSError:
                return False

    def _clear_away(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def run(command: Sequence[str], url: str) -> int:
    """Run a command with ``TEST_MYSQL_URL`` set; return its exit status. Where we are interrupted, it is ended."""
    with subprocess.Popen(command, env={**os.environ, "TEST_MYSQL_URL": url}) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            raise


def main(arguments: Sequence[str]) -> int | str:
    """Run the command that the arguments hold, after an optional ``--``.

    Returns:
        What ``sys.exit`` takes: the command's exit status, or why there is no server to run it against.
    """
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if url := Config.read().TEST_MYSQL_URL:
        return run(command, url)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Left to itself, a signal would end us with the server still running; one that nohup has turned off stays so.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    try:
        with MariaDB() as server:
            return run(command, server.url)
    except ServerUnavailableError as error:
        return str(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
