"""A site for tests: a MariaDB server with the sample data, and the service over it with the production settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Final
from urllib.parse import quote

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.mariadb import MariaDB
from analyticsdataserver.testing.service import Answer, Service, get

PASSWORD: Final = "the service's own"
DATABASES: Final = {"DATABASE_URL": "site_default", "ANALYTICS_DATABASE_URL": "site_analytics"}
USERS: Final = DATABASES["DATABASE_URL"]
ANALYTICS: Final = DATABASES["ANALYTICS_DATABASE_URL"]


class Site:
    """A MariaDB server with both databases, and the service over them.

    Args:
        server: The server, running.
        key: The key that requests carry.
        timeout: Seconds after which the service gives the server up.

    Attributes:
        service: The service, while it runs.
        environment: What the service and its commands run in.
        account: The database user of the service.
    """

    service: Service
    account = "service@localhost"

    def __init__(self, server: MariaDB, key: str, timeout: int) -> None:
        self.server = server
        self.key = key
        urls = {variable: self.url(variable) for variable in DATABASES}
        self.environment = {name: value for name, value in os.environ.items() if "DATABASE" not in name} | {
            "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.production",
            "SECRET_KEY": "0123456789" * 5,
            "ALLOWED_HOSTS": "127.0.0.1",
            # Requests come from this machine, without a proxy.
            "SECURE_SSL_REDIRECT": "false",
            "DATABASE_TIMEOUT": str(timeout),
            **urls,
        }

    @property
    def port(self) -> int:
        """Where clients connect, while the service runs."""
        return self.service.port

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        return self.service.workers()

    def url(self, variable: str) -> str:
        """Return the URL of a database, by the variable that has it."""
        place = quote(str(self.server.socket))
        return f"mysql://service:{quote(PASSWORD)}@localhost/{DATABASES[variable]}?unix_socket={place}"

    def connect(self) -> Any:
        """Return a connection of the server's administrator."""
        import MySQLdb

        return MySQLdb.connect(unix_socket=str(self.server.socket), user="root", autocommit=True)

    def execute(self, *statements: str) -> None:
        """Do something with the server as its administrator."""
        with closing(self.connect()) as connection:
            for statement in statements:
                connection.query(statement)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, as the administrator."""
        with closing(self.connect()) as connection:
            connection.query(statement)
            return list(connection.store_result().fetch_row(0))

    def tables(self) -> list[str]:
        """Return the names of the tables of the analytics database."""
        named = self.query(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{ANALYTICS}'")
        return [name for (name,) in named]

    def note_loads(self) -> None:
        """Note a load of each table, as the pipeline does."""
        self.execute(
            f"""
            CREATE TABLE {ANALYTICS}.table_updates (
                id BIGINT NOT NULL AUTO_INCREMENT, update_id VARCHAR(128) NOT NULL PRIMARY KEY,
                target_table VARCHAR(128), inserted TIMESTAMP DEFAULT CURRENT_TIMESTAMP, KEY (id), KEY (target_table)
            )
            """,
            *(
                f"INSERT INTO {ANALYTICS}.table_updates (update_id, target_table) VALUES ('{name}', '{name}')"
                for name in self.tables()
            ),
            f"GRANT SELECT ON {ANALYTICS}.table_updates TO {self.account}",
        )

    def manage(self, *arguments: str) -> None:
        """Run a management command."""
        self.printed(*arguments)

    def printed(self, *arguments: str) -> str:
        """Run a management command, and return what it prints."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=BASE_DIR, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    @contextmanager
    def serving(self) -> Iterator[Service]:
        """Start the service; end it on the way out."""
        with Service(self.environment) as self.service:
            yield self.service

    def get(self, path: str, **headers: str) -> Answer:
        """Return the answer to a request with the key.

        Raises:
            OSError: There was none.
            http.client.HTTPException: It broke off.
        """
        return get(self.port, path, {"Authorization": f"Token {self.key}"} | headers)


@contextmanager
def made_ready(key: str, timeout: int) -> Iterator[Site]:
    """Start a server, make both databases, load the sample data, and yield the site, which does not serve yet.

    Args:
        key: The key that requests carry.
        timeout: Seconds after which the service gives the server up.

    Raises:
        ServerUnavailableError: No server is installed, or it did not start.
    """
    with MariaDB() as server:
        site = Site(server, key, timeout)
        fill(site)
        yield site


def fill(site: Site) -> None:
    """Make both databases, and load the sample data.

    The service's user may do anything in the database of users, and read the tables of the other one, each by a right
    of its own.
    """
    site.execute(
        f'CREATE USER {site.account} IDENTIFIED BY "{PASSWORD}"',
        *(f"CREATE DATABASE {name} CHARACTER SET utf8mb4" for name in DATABASES.values()),
        *(f"GRANT ALL ON {name}.* TO {site.account}" for name in DATABASES.values()),
    )
    site.manage("migrate")
    site.manage("migrate", "--database", "analytics")
    site.manage("set_api_key", "reader", site.key)
    site.manage("load_sample_data")
    site.execute(
        f"REVOKE ALL ON {ANALYTICS}.* FROM {site.account}",
        *(f"GRANT SELECT ON {ANALYTICS}.{table} TO {site.account}" for table in site.tables()),
    )
