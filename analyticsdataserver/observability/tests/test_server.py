"""The log and the metrics of a real server with two workers."""

import http.client
import os
import shutil
import signal
import socket
import sqlite3
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import orjson
import pytest

from analyticsdataserver.observability.tests.samples import Series, read, series
from analyticsdataserver.observability.tests.serving import KEY, PATIENCE, Server, await_that, manage

pytestmark = pytest.mark.xdist_group("server")

COURSE = "edX/DemoX/Demo_Course"
ENROLLMENT = f"/api/v0/courses/{COURSE}/enrollment/"
EVERY_DAY = f"{ENROLLMENT}?start_date=1900-01-01"
ROUTE = "v0:CourseEnrollmentView"
AUTHORIZATION = f"Token {KEY}"
FAILING = "analyticsdataserver.observability.tests.failing:application"
FIRST_DAY = date(1900, 1, 1)
# More than the buffers between two sockets hold.
DAYS = 120_000


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with databases that have a user with a key, and a course with many days."""
    folder = tmp_path_factory.mktemp("databases")
    manage(folder, "migrate")
    manage(folder, "migrate", "--database", "analytics")
    manage(folder, "set_api_key", "reader", KEY)
    rows = ((COURSE, FIRST_DAY + timedelta(days=day), day, 0, "2014-12-10 19:31:46") for day in range(DAYS))
    with closing(sqlite3.connect(folder / "analytics.db")) as connection, connection:
        connection.executemany(
            "INSERT INTO course_enrollment_daily (course_id, date, count, cumulative_count, created) "
            "VALUES (?, ?, ?, ?, ?)",
            ((course, day.isoformat(), *values) for course, day, *values in rows),
        )
    return folder


@pytest.fixture
def folder(databases: Path, tmp_path: Path) -> Path:
    for name in ("default.db", "analytics.db"):
        shutil.copy(databases / name, tmp_path)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with Server(folder, METRICS="true") as server:
        yield server


class Unread:
    """A log that goes to a pipe, which nobody reads for the time being."""

    def __init__(self, server: Server) -> None:
        reading, writing = os.pipe()
        self.reading = os.fdopen(reading, "rb")
        server.log = os.fdopen(writing, "wb")

    def read(self) -> str:
        """Return what there is, when nobody writes any more."""
        with self.reading:
            return self.reading.read().decode()


def counted(server: Server) -> dict[Series, float]:
    return read(server.ask("/metrics").body.decode())


def test_counts_hold_across_workers_and_their_deaths(server: Server) -> None:
    def ask(number: int) -> int:
        answer = server.ask(ENROLLMENT, authorization=AUTHORIZATION, x_request_id=f"request-{number}")
        assert answer.status == 200
        assert answer.headers["X-Request-ID"] == f"request-{number}"
        return len(answer.body)

    def sharing() -> int:
        # The process that starts the others has files, too, but has measured nothing.
        return len(list(server.folder.glob("dataapi-metrics-*/histogram_*.db")))

    sent, size = 0, 0
    with ThreadPoolExecutor(4) as threads:
        while sent < 40 or (sharing() < 2 and sent < 2000):
            size += sum(threads.map(ask, range(sent, sent + 20)))
            sent += 20
    assert sharing() == 2
    of_route = {"route": ROUTE, "method": "GET", "status": 200}
    requests = series("dataapi_requests_total", **of_route)
    # The last of them may be counted after its answer has come.
    await_that(lambda: counted(server)[requests] == sent, "Not every request is counted.")

    def totals() -> list[float]:
        values = counted(server)
        durations = series("dataapi_request_duration_seconds_count", **of_route)
        rows, size = series("dataapi_rows_total", route=ROUTE), series("dataapi_response_bytes_total", route=ROUTE)
        return [values[requests], values[durations], values[rows], values[size]]

    # Whichever of the workers tells.
    assert [totals() for _ in range(6)] == [[sent, sent, sent, size]] * 6

    victim = server.workers()[0]
    os.kill(victim, signal.SIGKILL)
    await_that(lambda: len({*server.workers()} - {victim}) == 2, "The worker was not replaced.")
    assert [totals() for _ in range(6)] == [[sent, sent, sent, size]] * 6

    server.renew_workers()
    assert totals() == [sent, sent, sent, size]

    names = [line["request_id"] for line in server.lines() if line.get("route") == ROUTE]
    assert sorted(names) == sorted(f"request-{number}" for number in range(sent))
    assert KEY not in server.logged()
    assert KEY not in server.ask("/metrics").body.decode()


def test_a_request_in_progress_ends_with_its_worker(server: Server) -> None:
    in_progress = series("dataapi_requests_in_progress")
    with server.asked(EVERY_DAY, authorization=AUTHORIZATION) as connection:
        # The rest of the answer waits to be read.
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        assert counted(server)[in_progress] == 2
        victims = {*server.workers()}
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        await_that(lambda: len({*server.workers()} - victims) == 2, "The workers were not replaced.")
        server.await_workers()
    assert counted(server)[in_progress] == 1


def test_a_client_that_hangs_up_is_told(server: Server) -> None:
    # The server hears of a reset connection a little later, and on a busy machine not before it has sent everything.
    for attempt in range(30):
        name = f"hangs-up-{attempt}"
        with server.asked(EVERY_DAY, authorization=AUTHORIZATION, x_request_id=name) as connection:
            # As a process that dies does: the connection is reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        entry = server.entry(name)
        if entry["outcome"] != "complete":
            break
    assert (entry["outcome"], entry["status"], entry["level"], entry["user"]) == ("aborted", 200, "INFO", "reader")
    # All of them were read before the first byte was sent.
    assert entry["rows"] == DAYS
    assert 0 < entry["bytes"] < DAYS * 100
    values = counted(server)
    assert values[series("dataapi_responses_broken_off_total", route=ROUTE, outcome="aborted")] == 1
    assert values[series("dataapi_requests_in_progress")] == 1

    # On a busy machine, a client that closes the connection behind the last byte may do so before the server goes on.
    for attempt in range(5):
        whole = server.ask(EVERY_DAY, authorization=AUTHORIZATION, x_request_id=f"stays-{attempt}")
        entry = server.entry(f"stays-{attempt}")
        if entry["outcome"] == "complete":
            break
    assert (entry["outcome"], entry["rows"], entry["bytes"]) == ("complete", DAYS, len(whole.body))


def test_an_answer_that_breaks_off_is_told_with_its_reason(folder: Path) -> None:
    with Server(folder, FAILING) as server:
        with pytest.raises(http.client.IncompleteRead):
            server.ask(EVERY_DAY, authorization=AUTHORIZATION, x_request_id="fails")
        entry = server.entry("fails")
        assert (entry["outcome"], entry["status"], entry["level"], entry["rows"]) == ("failed", 200, "ERROR", DAYS)

        def errors() -> list[Any]:
            return [line for line in server.lines() if "exception" in line]

        (reason,) = await_that(errors, "The reason is not logged.")
    assert "The file cannot be read." in reason["exception"]


def test_what_is_no_request_is_refused_without_a_word_of_it(server: Server) -> None:
    key = KEY.encode()
    for request in (
        b"GET /x?token=" + key + b" HTTP/1.1 x\r\n\r\n",
        b"GET /x HTTP/1.1\r\nAuthorization Token " + key + b"\r\n\r\n",
        b"GET /x HTTP/1.1\r\nAuthorization: Token " + key + b"\0\r\n\r\n",
    ):
        assert server.send(request).startswith(b"HTTP/1.1 400 ")
    assert KEY not in server.logged()


def test_everything_is_written_and_removed_at_the_end(folder: Path) -> None:
    with Server(folder, METRICS="true") as server:
        assert len(list(folder.glob("dataapi-metrics-*"))) == 1
        for number in range(50):
            server.ask("/nowhere", x_request_id=f"request-{number}")
        server.stop()
        lines = server.lines()
    assert server.process.returncode == 0
    assert list(folder.glob("dataapi-metrics-*")) == []
    assert {line["request_id"] for line in lines if "route" in line} == {f"request-{number}" for number in range(50)}
    assert lines[-1]["message"] == "Granian shutdown completed, see ya!"


def test_without_the_setting_nothing_is_counted(folder: Path) -> None:
    with Server(folder) as server:
        answer = server.ask("/metrics", x_request_id="off")
        assert (answer.status, orjson.loads(answer.body)["error_code"]) == (404, "not_found")
        assert server.entry("off")["route"] == "not_found"
        assert list(folder.glob("dataapi-metrics-*")) == []


def test_a_log_that_nobody_reads_stops_nothing(folder: Path) -> None:
    server = Server(folder)
    log = Unread(server)
    with server:
        with ThreadPoolExecutor(4) as threads:
            # Several times what the pipe holds.
            statuses = list(threads.map(lambda number: server.ask("/nowhere").status, range(1000)))
        assert statuses == [404] * 1000
        reading = Thread(target=log.read)
        reading.start()
    reading.join()


def test_what_waits_to_be_written_is_written_at_the_end(folder: Path) -> None:
    server = Server(folder)
    log = Unread(server)
    with server:
        # Several times what the pipe holds.
        for number in range(1000):
            server.ask("/nowhere", x_request_id=f"request-{number}")
        with ThreadPoolExecutor(1) as thread:
            reading = thread.submit(log.read)
            server.__exit__(None, None, None)
            text = reading.result(PATIENCE)
    assert [number for number in range(1000) if f'"request_id":"request-{number}"' not in text] == []
