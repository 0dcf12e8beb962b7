"""No key, and no half of one, is in the files of the databases, in the log or in the metrics after keys were used."""

import http.client
import json
import re
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.mariadb import MariaDB, ServerUnavailableError
from analyticsdataserver.testing.service import Service
from analyticsdataserver.tests.served import environment

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.xdist_group("kept keys")]

COURSE: Final = "edX/DemoX/Demo_Course"
PATHS: Final = (
    "/authenticated/",
    f"/api/v0/courses/{COURSE}/enrollment/",
    "/api/v1/courses/other/course/x/enrollment/",
    "/api/v1/enrollment/?last=1&format=csv",
    "/api/v1/key/",
    "/api/v1/courses/?unknown=1",
    "/metrics/",
)
CHOSEN: Final = "chosen-0123456789-ABCDEFGHIJ-abcdefghij"
WRONG: Final = "wrong-9876543210-JIHGFEDCBA-jihgfedcba"
PASSWORD: Final = "hUnTeR-2-pAsSwOrD-4-pErSoN"
# The length of a key's id, which is made of its first characters.
ID: Final = 12
# The length of the parts that are searched for; half a key has one of them.
PART: Final = 10


class Run:
    """The service over databases of its own, whatever it printed, and the keys that were used.

    Args:
        variables: The environment.
    """

    def __init__(self, variables: dict[str, str]) -> None:
        self.variables = variables
        self.printed: list[bytes] = []
        self.keys = [CHOSEN, WRONG]

    def manage(self, *arguments: str) -> str:
        """Run a command; return what it printed to be used, which is not kept."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=BASE_DIR, env=self.variables, check=True, capture_output=True)
        self.printed.append(done.stderr)
        return done.stdout.decode()

    def make_key(self, *arguments: str) -> str:
        key = self.manage(*arguments).strip()
        assert re.fullmatch(r"oda_[0-9A-Za-z]{40}", key)
        self.keys.append(key)
        return key


def send(port: int, method: str, path: str, body: str = "", **headers: str) -> tuple[Any, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body or None, {name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return response, response.read()


def log_in(port: int, **form: str) -> None:
    """Send the form for logging in."""
    response, page = send(port, "GET", "/api-auth/login/")
    cookie = response.headers["Set-Cookie"].partition(";")[0]
    found = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found
    body = urlencode({"csrfmiddlewaretoken": found[1].decode(), "next": "/docs/", **form})
    send(port, "POST", "/api-auth/login/", body, Cookie=cookie, Content_Type="application/x-www-form-urlencoded")


def use(run: Run) -> None:
    """Make keys of each kind, and send each in each way that there is, right ones and wrong ones."""
    run.manage("migrate")
    run.manage("migrate", "--database", "analytics")
    run.manage("load_sample_data")
    run.manage("set_api_key", "reader", CHOSEN)
    run.variables["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    run.manage("createsuperuser", "--no-input", "--username", "person", "--email", "")
    whole = run.make_key("create_key", "partner", "--name", "whole")
    run.make_key("create_key", "partner", "--course", COURSE, "--expires", "90d", "--rate", "10000/minute")
    run.make_key("create_key", "partner", "--org", "edX", "--min-count", "5")
    revoked = run.make_key("create_key", "partner", "--org", "none")
    run.make_key("rotate_key", whole[:12], "--grace", "7d")
    run.manage("revoke_key", revoked[:12])
    run.printed.append(run.manage("list_keys").encode())
    run.printed.append(run.manage("list_keys", "--format", "json").encode())
    with Service(run.variables) as service:
        _, body = send(
            service.port,
            "POST",
            "/api-token-auth/",
            json.dumps({"username": "person", "password": PASSWORD}),
            Content_Type="application/json",
        )
        run.keys.append(json.loads(body)["token"])
        for key in run.keys:
            of_name, of_password = (b64encode(text.encode()).decode() for text in (f"{key}:", f"someone:{key}"))
            for kind in (f"Token {key}", f"Bearer {key}", f"Basic {of_name}", f"Basic {of_password}", key):
                for path in PATHS:
                    send(service.port, "GET", path, Authorization=kind, X_Request_ID=key)
            log_in(service.port, key=key)
            send(service.port, "GET", f"/api/v1/courses/?token={quote(key)}", X_Request_ID=key)
            send(service.port, "GET", "/api/v1/courses/", Cookie=f"sessionid={key}", X_Request_ID=key)
        log_in(service.port, username="reader", password=CHOSEN)
        log_in(service.port, username="person", password=PASSWORD)
        _, metrics = send(service.port, "GET", "/metrics/")
        assert b"# TYPE" in metrics
        run.printed += [metrics, service.logged().encode()]


def traces(run: Run, contents: bytes) -> list[str]:
    """Return the parts of keys, as they are and in base64, that some bytes hold."""
    parts: set[str] = set()
    for key in [*run.keys, PASSWORD]:
        secret = key[ID:] if key.startswith("oda_") else key
        for text in (secret, *(b64encode(f"{before}{secret}".encode()).decode()[4:] for before in ("", "a", "ab"))):
            parts.update(text[start : start + PART] for start in range(0, len(text) - PART + 1, PART))
    return [part for part in sorted(parts) if part.encode() in contents]


@contextmanager
def databases(kind: str, folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Yield the URLs of two databases, and the folder with their files."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'default.db'}", f"sqlite:///{folder / 'analytics.db'}", folder
        return
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    import MySQLdb

    try:
        with MariaDB() as server:
            with closing(MySQLdb.connect(unix_socket=str(server.socket), user="root")) as connection:
                for name in ("kept_default", "kept_analytics"):
                    connection.query(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            default, analytics = (server.url.replace("/?", f"/kept_{name}?") for name in ("default", "analytics"))
            yield default, analytics, server.folder
            # With everything that it has in memory on disk.
            server.stop()
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("kind", ["sqlite", "mariadb"])
def test_no_key_is_kept(kind: str, tmp_path: Path) -> None:
    with databases(kind, tmp_path) as (default, analytics, folder):
        run = Run(
            environment(
                "production",
                SECRET_KEY="0123456789" * 5,
                ALLOWED_HOSTS="127.0.0.1",
                SECURE_SSL_REDIRECT="false",
                SQLITE_FOR_USERS="true",
                THROTTLE_WRONG_KEYS="off",
                THROTTLE_PASSWORDS="off",
                LOG_LEVEL="DEBUG",
                METRICS="true",
                REPORTS_DIR=str(tmp_path),
                DATABASE_URL=default,
                ANALYTICS_DATABASE_URL=analytics,
            )
        )
        use(run)
        # Not those of the server itself, with its manual.
        files = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "mysql"]
        assert len(files) >= 2
        contents = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    assert sum(len(text) for text in run.printed) > 10_000
    assert len(run.keys) == 8
    assert {name: found for name, text in contents.items() if (found := traces(run, text))} == {}
    lines = b"\n".join(run.printed).splitlines()
    assert [line for line in lines if traces(run, line)] == []
    # What is kept, and that it is searched: the ids of keys, and the name of a user.
    everything = b"".join(contents.values())
    assert all(key[:12].encode() in everything for key in run.keys[2:])
    assert all(key[:12].encode() in b"".join(run.printed) for key in run.keys[2:6])
    assert traces(run, f"x{CHOSEN}".encode())
