"""The service ends, and renews its workers, without anybody losing an answer."""

import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.testing.service import Service
from conftest import KEY

pytestmark = pytest.mark.xdist_group("shutdown")

HEADERS: Final = {"Authorization": f"Token {KEY}"}
SMALL: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
# Megabytes, more than lie between a server and a client who does not read.
LARGE: Final = "/api/v0/courses/course-v1:edX+DemoX+Demo_2014/enrollment/birth_year/?start_date=2000-01-01"

# Seconds that a request takes at most on a slow machine; one that waited for a reader would take 30.
PROMPT: Final = 10


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a service over the sample data runs in."""
    folder = tmp_path_factory.mktemp("site")
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
        "DATABASE_URL": f"sqlite:///{folder / 'default.db'}",
        "ANALYTICS_DATABASE_URL": f"sqlite:///{folder / 'analytics.db'}",
    }
    for command in ("migrate", "migrate --database analytics", f"set_api_key reader {KEY}", "load_sample_data"):
        arguments = [sys.executable, "manage.py", *command.split()]
        subprocess.run(arguments, cwd=BASE_DIR, env=environment, check=True, capture_output=True)
    return environment


@pytest.fixture
def service(environment: dict[str, str]) -> Iterator[Service]:
    with Service(environment) as service:
        yield service


class Reader:
    """Somebody who has begun to read a long answer."""

    def __init__(self, service: Service) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        self.connection.request("GET", LARGE, headers=HEADERS)
        self.response = self.connection.getresponse()
        self.begun = self.response.read(1000)

    def rest(self) -> bytes:
        with closing(self.connection):
            return self.begun + self.response.read()


def test_who_reads_a_long_answer_gets_it_whole_though_the_service_ends(service: Service) -> None:
    whole = service.get(LARGE, HEADERS).body
    assert len(whole) > 3_000_000
    readers = [Reader(service) for _ in range(2)]
    service.process.terminate()
    deadline = time.monotonic() + PROMPT
    while service.listeners() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert service.process.poll() is None
    # Nobody else is kept waiting for a service that ends.
    began = time.monotonic()
    with pytest.raises(ConnectionError):
        service.get(SMALL, HEADERS)
    assert time.monotonic() - began < PROMPT
    for reader in readers:
        assert reader.rest() == whole
    assert service.process.wait(30) == 0


def test_nobody_loses_an_answer_when_workers_are_renewed(service: Service) -> None:
    whole, small = service.get(LARGE, HEADERS).body, service.get(SMALL, HEADERS).body
    enough = Event()

    def kept(connection: http.client.HTTPConnection) -> bytes:
        """Send a request on a kept connection, again if the server was just closing it (RFC 9112, section 9.3.1)."""
        try:
            connection.request("GET", SMALL, headers=HEADERS)
            return connection.getresponse().read()
        except ConnectionError:
            connection.close()
            connection.request("GET", SMALL, headers=HEADERS)
            return connection.getresponse().read()

    def new() -> bytes:
        """Send a request on a new connection, again if it waited for a worker that ends.

        The kernel resets such a connection, unless its setting net.ipv4.tcp_migrate_req is on.
        """
        try:
            return service.get(SMALL, HEADERS).body
        except ConnectionError:
            return service.get(SMALL, HEADERS).body

    def ask() -> list[bytes]:
        """Send requests again and again: on a connection that is kept, and on a new one each time."""
        bodies = []
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        with closing(connection):
            while not enough.is_set():
                bodies += [kept(connection), new()]
        return bodies

    reader = Reader(service)
    old = set(service.workers())
    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask) for _ in range(6)]
        try:
            service.process.send_signal(signal.SIGHUP)
            time.sleep(12)
        finally:
            enough.set()
    assert {body for each in asking for body in each.result()} == {small}
    assert reader.rest() == whole
    deadline = time.monotonic() + 60
    while old & set(service.workers()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not old & set(service.workers())
    assert service.get(SMALL, HEADERS).body == small


def test_a_worker_that_dies_is_replaced(service: Service) -> None:
    victim = service.workers()[0]
    os.kill(victim, signal.SIGKILL)
    # Until it is gone, the kernel gives it connections, which are reset with it.
    while victim in service.workers():
        time.sleep(0.01)
    service.await_workers()
    assert service.get(SMALL, HEADERS).status == 200


def test_a_reader_who_goes_away_leaves_the_service_well(service: Service) -> None:
    for _ in range(12):
        Reader(service).connection.close()
    assert service.get(SMALL, HEADERS).status == 200
    assert len(service.get(LARGE, HEADERS).body) > 3_000_000
    assert "Traceback" not in service.logged()


def test_slow_readers_keep_nobody_waiting(service: Service) -> None:
    """More than one worker would serve at a time, none of them reading on."""
    readers = [Reader(service) for _ in range(4)]
    began = time.monotonic()
    assert service.get(SMALL, HEADERS).status == 200
    assert time.monotonic() - began < PROMPT
    for reader in readers:
        reader.rest()


def test_a_port_in_use_is_reported_at_once(service: Service, environment: dict[str, str]) -> None:
    began = time.monotonic()
    command = [sys.executable, "-m", "analyticsdataserver.serving", "--port", str(service.port), "--check"]
    result = subprocess.run(command, cwd=BASE_DIR, env=environment, check=False, capture_output=True, text=True)
    assert time.monotonic() - began < 5
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Port {service.port} is in use: stop what uses it, or choose another one: make serve PORT={service.port + 1}\n"
    )


def test_missing_settings_are_reported_without_a_traceback(environment: dict[str, str]) -> None:
    production = {**environment, "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.production", "SECRET_KEY": ""}
    command = [sys.executable, "-m", "analyticsdataserver.serving"]
    result = subprocess.run(command, cwd=BASE_DIR, env=production, check=False, capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith(
        "Set these variables in the environment, or in the file .env:\nSECRET_KEY is not set."
    )
    assert "Traceback" not in result.stderr


def test_a_log_that_is_not_read_keeps_no_worker_from_being_replaced_nor_the_service_from_ending(
    environment: dict[str, str],
) -> None:
    reading, writing = os.pipe()
    service = Service(environment)
    service.log = os.fdopen(writing, "wb")
    try:
        with service:
            os.set_blocking(writing, False)
            with suppress(BlockingIOError):
                while True:
                    os.write(writing, b"x" * 512)
            os.set_blocking(writing, True)
            assert {service.get(SMALL, HEADERS).status for _ in range(300)} == {200}
            service.renew_workers()
            os.kill(service.workers()[0], signal.SIGKILL)
            time.sleep(1)
            service.await_workers()
            assert service.get(SMALL, HEADERS).status == 200
            service.process.terminate()
            assert service.process.wait(20) == 0
    finally:
        os.close(reading)


def test_files_that_another_process_writes_are_seen(service: Service, environment: dict[str, str]) -> None:
    """Each worker notices a change of any process, and answers no 304 after it."""
    answers = [service.get(SMALL, HEADERS) for _ in range(4)]
    (tag,) = {answer.headers["ETag"] for answer in answers}
    path = Path(environment["ANALYTICS_DATABASE_URL"].removeprefix("sqlite:///"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE course_enrollment_daily SET count = count + 1")
    changed = [service.get(SMALL, HEADERS | {"If-None-Match": tag}) for _ in range(4)]
    assert {answer.status for answer in changed} == {200}
    assert {answer.body for answer in changed} == {answers[0].body.replace(b"1892", b"1893")}
    # Files that have just been written have no version yet.
    time.sleep(3)
    (newer,) = {service.get(SMALL, HEADERS).headers["ETag"] for _ in range(4)}
    again = [service.get(SMALL, HEADERS | {"If-None-Match": newer}) for _ in range(4)]
    assert {answer.status for answer in again} == {304}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE course_enrollment_daily SET count = count - 1")
