"""The service in processes of its own, as `make serve` runs it."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connections

from analyticsdataserver.config import BASE_DIR, Config
from analyticsdataserver.testing.service import Service, serve_options

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
        server = urlsplit(Config.read().TEST_MYSQL_URL)
        return server._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
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
    """Start the service; yield its address.

    Args:
        variables: The environment.
        options: Further options of the server.
        folder: Where the project's code is.
    """
    with Service(variables, [*serve_options(), *options], project=folder) as service:
        yield f"http://127.0.0.1:{service.port}"
