"""Databases in trouble: a real MariaDB server that is away, hangs, is full or lacks something, under a real service.

Whatever happens to it, requests that need it are told so in time, others are served, and as soon as it is back, so is
the service.
"""

import http.client
import json
import logging
import socket
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from threading import Event
from typing import Any, Final

import pytest

from analytics_data_api.access.throttling.clients import KNOWN
from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.service import Answer
from analyticsdataserver.testing.site import Site, made_ready
from conftest import KEY

logger = logging.getLogger(__name__)

# One worker of those that run the tests side by side has them all, and starts one server for them.
pytestmark = pytest.mark.xdist_group("faults")

# Seconds after which a database that hangs is given up; one more is for everything else.
TIMEOUT: Final = 2
BOUND: Final = TIMEOUT + 1

ENROLLMENT: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
MODES: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/mode/"
# The made-up course's, large enough to be streamed.
EVERYTHING: Final = "/api/v0/courses/course-v1:edX+DemoX+Demo_2014/enrollment/birth_year/?start_date=2000-01-01"
BODY: Final = b'[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","count":1892,"created":"2014-12-10T193146"}]'


@pytest.fixture(scope="module")
def prepared() -> Iterator[Site]:
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    try:
        with made_ready(KEY, TIMEOUT) as site:
            yield site
    except ServerUnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def site(prepared: Site) -> Iterator[Site]:
    """The service under two workers, over a server that is well."""
    with prepared.serving():
        assert_well(prepared)
        yield prepared


@pytest.fixture
def recovered(request: pytest.FixtureRequest) -> Callable[[Site], None]:
    """Assert that the first request is served, and log how long it took: --log-cli-level=INFO shows it."""

    def recovered(site: Site) -> None:
        answer = site.get(ENROLLMENT)
        assert (answer.status, answer.body) == (200, BODY)
        logger.info("%s: recovered in %d ms", request.node.name, answer.seconds * 1000)
        assert_well(site)

    return recovered


@contextmanager
def load(site: Site, clients: int) -> Iterator[list[Answer]]:
    """Have clients ask without a pause; yield their answers, which are complete on the way out.

    Raises:
        OSError: A client had no answer.
    """
    answers: list[Answer] = []
    enough = Event()

    def ask() -> None:
        while not enough.is_set():
            answers.append(site.get(ENROLLMENT))

    with ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(ask) for _ in range(clients)]
        try:
            yield answers
        finally:
            enough.set()
        for each in asking:
            each.result()


def assert_well(site: Site) -> None:
    for _ in range(8):
        answer = site.get(ENROLLMENT)
        assert (answer.status, answer.body) == (200, BODY)
    assert site.get("/health/").status == 200


CODES: Final = {"database_unavailable", "table_missing", "table_denied"}


def assert_told(answer: Answer, within: float = BOUND, codes: Collection[str] = ("database_unavailable",)) -> None:
    """Assert that an answer tells of a database in trouble, and told so in time."""
    assert answer.status == 503, answer.body
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert json.loads(answer.body)["error_code"] in codes
    assert answer.seconds < within


def assert_health(site: Site, default: str, analytics: str) -> None:
    answer = site.get("/health/")
    assert answer.status == (200 if default == analytics == "OK" else 503)
    assert json.loads(answer.body)["detailed_status"] == {
        "database_connection": analytics,
        "default_db_status": default,
        "analytics_db_status": analytics,
    }
    assert answer.seconds < 1


def assert_status(site: Site, within: float = 0.5) -> None:
    answer = site.get("/status/")
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.seconds < within


def test_a_server_that_is_away_when_the_service_starts(prepared: Site, recovered: Callable[[Site], None]) -> None:
    prepared.server.stop()
    try:
        with prepared.serving():
            assert_status(prepared)
            assert_health(prepared, "UNAVAILABLE", "UNAVAILABLE")
            for path in (ENROLLMENT, "/authenticated/", "/api/v0/nothing"):
                answer = prepared.get(path)
                if path == "/api/v0/nothing":
                    assert answer.status == 404
                else:
                    assert_told(answer)
            prepared.server.start()
            recovered(prepared)
    finally:
        prepared.server.stop()
        prepared.server.start()


def test_a_server_that_is_killed_under_load(site: Site, recovered: Callable[[Site], None]) -> None:
    with load(site, 8) as answers:
        time.sleep(0.5)
        site.server.kill()
        time.sleep(0.5)
        assert_status(site, 1)
        assert_health(site, "UNAVAILABLE", "UNAVAILABLE")
        site.server.start()
        time.sleep(0.5)
    recovered(site)
    served = [answer for answer in answers if answer.status == 200]
    assert {answer.body for answer in served} == {BODY}
    refused = [answer for answer in answers if answer.status != 200]
    assert served
    assert refused
    for answer in refused:
        assert_told(answer)


def test_a_server_that_hangs(site: Site, recovered: Callable[[Site], None]) -> None:
    """More clients than the service has threads; who needs no database is answered all the same."""
    site.server.pause()
    try:
        with load(site, 20) as answers:
            # While it is being found out.
            assert_status(site, 1.5)
            for _ in range(10):
                assert_status(site)
                assert_health(site, "UNAVAILABLE", "UNAVAILABLE")
    finally:
        site.server.resume()
    for answer in answers:
        # Where the key was just read, the table is read twice: this timeout is shorter than the time after which a read
        # is not repeated.
        assert_told(answer, within=2 * TIMEOUT + 1)
    assert max(answer.seconds for answer in answers) > 1
    recovered(site)


def test_a_server_that_hangs_for_a_moment(site: Site, recovered: Callable[[Site], None]) -> None:
    with ThreadPoolExecutor(1) as pool:
        site.server.pause()
        answer = pool.submit(site.get, ENROLLMENT)
        time.sleep(0.5)
        site.server.resume()
        assert (answer.result().status, answer.result().body) == (200, BODY)
    recovered(site)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_was_restarted_while_nobody_asked(
    site: Site, recovered: Callable[[Site], None], end: str
) -> None:
    getattr(site.server, end)()
    site.server.start()
    recovered(site)


def test_a_server_that_takes_no_more_connections(site: Site, recovered: Callable[[Site], None]) -> None:
    from MySQLdb import OperationalError

    others: list[Any] = []
    site.execute("SET GLOBAL max_connections = 10")
    # Those that the service has are ended; then others take them all.
    site.service.renew_workers()
    try:
        with suppress(OperationalError):
            while len(others) < 100:
                others.append(site.connect())
        assert len(others) < 100
        assert_status(site)
        assert_health(site, "UNAVAILABLE", "UNAVAILABLE")
        assert_told(site.get(ENROLLMENT))
    finally:
        # One of them is already in.
        others[0].query("SET GLOBAL max_connections = 150")
        for other in others:
            other.close()
    recovered(site)


def test_a_table_that_is_missing(site: Site, recovered: Callable[[Site], None]) -> None:
    site.execute("RENAME TABLE site_analytics.course_enrollment_daily TO site_analytics.elsewhere")
    try:
        assert_told(site.get(ENROLLMENT), codes=CODES)
        with load(site, 12) as answers:
            # Who asks for another table is served, however many ask for this one in vain.
            assert {site.get(MODES).status for _ in range(100)} == {200}
        for answer in answers:
            assert_told(answer, codes=CODES)
        assert_health(site, "OK", "OK")
    finally:
        site.execute("RENAME TABLE site_analytics.elsewhere TO site_analytics.course_enrollment_daily")
    recovered(site)


def test_a_right_that_is_missing(site: Site, recovered: Callable[[Site], None]) -> None:
    site.execute("REVOKE SELECT ON site_analytics.course_enrollment_daily FROM service@localhost")
    try:
        assert_told(site.get(ENROLLMENT), codes=CODES)
        assert site.get(MODES).status == 200
    finally:
        site.execute("GRANT SELECT ON site_analytics.course_enrollment_daily TO service@localhost")
    recovered(site)


def test_users_that_cannot_be_read_are_no_wrong_keys(site: Site, recovered: Callable[[Site], None]) -> None:
    site.execute("RENAME TABLE site_default.api_key TO site_default.elsewhere")
    time.sleep(KNOWN)
    try:
        for path in (ENROLLMENT, "/authenticated/"):
            assert_told(site.get(path), codes=CODES)
            assert_told(site.get(path, Authorization="Token wrong"), codes=CODES)
        assert site.service.get("/authenticated/").status == 401
    finally:
        site.execute("RENAME TABLE site_default.elsewhere TO site_default.api_key")
    recovered(site)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_that_has_begun_is_sent_whole_though_its_database_is_killed(
    site: Site, recovered: Callable[[Site], None], encoding: str
) -> None:
    whole = site.get(EVERYTHING, **{"Accept-Encoding": encoding})
    assert (whole.status, int(whole.headers["Content-Length"])) == (200, len(whole.body))
    connection = http.client.HTTPConnection("127.0.0.1", site.service.port, timeout=30)
    with closing(connection):
        connection.request("GET", EVERYTHING, headers={"Authorization": f"Token {KEY}", "Accept-Encoding": encoding})
        response = connection.getresponse()
        begun = response.read(1000)
        site.server.kill()
        assert begun + response.read() == whole.body
    site.server.start()
    recovered(site)


@contextmanager
def locked(site: Site, table: str, readers: int) -> Iterator[list[Answer]]:
    """Lock a table, and have requests wait for it; yield their answers, which are complete on the way out."""
    path = {"course_enrollment_mode_daily": MODES}[table]
    with closing(site.connect()) as connection, ThreadPoolExecutor(readers) as pool:
        connection.query(f"LOCK TABLES site_analytics.{table} WRITE")
        waiting = [pool.submit(site.get, f"{path}?fields=date&_={number}") for number in range(readers)]
        time.sleep(0.3)
        answers: list[Answer] = []
        try:
            yield answers
        finally:
            connection.query("UNLOCK TABLES")
            answers += [each.result() for each in waiting]


@pytest.mark.parametrize("readers", [1, 8])
def test_a_table_that_stays_locked_is_reported(site: Site, recovered: Callable[[Site], None], readers: int) -> None:
    with closing(site.connect()) as connection, ThreadPoolExecutor(readers) as pool:
        connection.query("LOCK TABLES site_analytics.course_enrollment_daily WRITE")
        answers = list(pool.map(lambda number: site.get(f"{ENROLLMENT}?_={number}"), range(readers)))
        connection.query("UNLOCK TABLES")
    for answer in answers:
        # The wait is not repeated.
        assert_told(answer, codes=["table_locked"])
        assert json.loads(answer.body)["detail"] == (
            "The analytics database has a table that is locked by another client. Try again a little later."
        )
    recovered(site)


@pytest.mark.parametrize("path", [ENROLLMENT, "/authenticated/"])
def test_users_that_stay_locked_are_reported(site: Site, recovered: Callable[[Site], None], path: str) -> None:
    with closing(site.connect()) as connection:
        connection.query("LOCK TABLES site_default.api_key WRITE")
        time.sleep(KNOWN)
        answer = site.get(path)
        connection.query("UNLOCK TABLES")
    assert_told(answer, codes=["table_locked"])
    assert json.loads(answer.body)["detail"] == (
        "The users database has a table that is locked by another client. Try again a little later."
    )
    recovered(site)


@pytest.mark.parametrize("readers", [2, 4, 16])
def test_a_locked_table_stops_no_request_for_another(
    site: Site, recovered: Callable[[Site], None], readers: int
) -> None:
    with locked(site, "course_enrollment_mode_daily", readers), load(site, 12) as answers:
        time.sleep(1.2)
        assert_status(site, 1)
        assert_health(site, "OK", "OK")
    assert len(answers) > 20
    assert {(answer.status, answer.body) for answer in answers} == {(200, BODY)}
    recovered(site)


def test_a_reader_that_stops_does_not_hold_up_a_swap_of_its_table(
    site: Site, recovered: Callable[[Site], None]
) -> None:
    site.execute(
        "CREATE TABLE site_analytics.other LIKE site_analytics.course_enrollment_birth_year_daily",
        "INSERT INTO site_analytics.other SELECT * FROM site_analytics.course_enrollment_birth_year_daily",
        "GRANT SELECT ON site_analytics.other TO service@localhost",
    )
    try:
        assert len(site.get(EVERYTHING).body) > 3_000_000
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", site.service.port))
            head = f"GET {EVERYTHING} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Token {KEY}\r\n\r\n"
            client.sendall(head.encode())
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
            began = time.monotonic()
            site.execute(
                "SET lock_wait_timeout = 5",
                "RENAME TABLE site_analytics.course_enrollment_birth_year_daily TO site_analytics.old, "
                "site_analytics.other TO site_analytics.course_enrollment_birth_year_daily",
            )
            assert time.monotonic() - began < 2
            assert site.get(EVERYTHING).status == 200
    finally:
        site.execute("DROP TABLE IF EXISTS site_analytics.old, site_analytics.other")
    recovered(site)
