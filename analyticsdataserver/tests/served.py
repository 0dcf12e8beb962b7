"""The service in processes of its own, under gunicorn, as `make serve` runs it."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connections

from analyticsdataserver.environment import BASE_DIR, env

START_SECONDS = 60

# What has no default in production.
NEEDED = {
    "SECRET_KEY": "0123456789" * 5,
    "ALLOWED_HOSTS": "analytics.example.com",
    "DATABASE_URL": "sqlite:///default.db",
    "ANALYTICS_DATABASE_URL": "sqlite:///analytics.db",
}


class Copy:
    """The project's code in a folder without a ``.env`` file, to be run with a clean environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(BASE_DIR / "manage.py", folder)
        for package in ("analytics_data_api", "analyticsdataserver"):
            shutil.copytree(BASE_DIR / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "tests"))

    def run(self, *arguments: str, settings: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of ``manage.py``."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env={"DJANGO_SETTINGS_MODULE": f"analyticsdataserver.settings.{settings}", **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def check(self, settings: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py check``, which loads the settings like whatever else starts the service."""
        return self.run("check", settings=settings, **variables)


def database_url(folder: Path) -> str:
    """Return the URL under which other processes find what the tests' database of users holds now.

    On MySQL it is that database itself, in which a test has to be one that commits. SQLite's is in memory: a copy of it
    is made in a folder.
    """
    connection = connections["default"]
    if connection.vendor == "mysql":
        server = urlsplit(str(env.str("TEST_MYSQL_URL")))
        return server._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    import sqlite3

    file = folder / "default.db"
    connection.ensure_connection()
    with closing(sqlite3.connect(file)) as copy:
        connection.connection.backup(copy)
    return f"sqlite:///{file}"


def environment(settings: str, **variables: str) -> dict[str, str]:
    """Return the environment of a process that takes its settings from nowhere else."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "HOME") if name in os.environ}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": f"analyticsdataserver.settings.{settings}",
        # What warns of debugging aids is no fault of the service.
        "PYTHONWARNINGS": "ignore",
        **variables,
    }


@contextmanager
def served(variables: Mapping[str, str], *options: str, folder: Path = BASE_DIR) -> Iterator[str]:
    """Start gunicorn with two workers; yield the service's address.

    Args:
        variables: The environment.
        options: Further options of gunicorn.
        folder: Where the project's code is.
    """
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--preload"]
    command += ["--no-control-socket", *options, "analyticsdataserver.wsgi:application"]
    with subprocess.Popen(command, cwd=folder, env=dict(variables), stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not accepts(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise AssertionError(f"The service did not start: {process.stderr and process.stderr.read()}")
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False
