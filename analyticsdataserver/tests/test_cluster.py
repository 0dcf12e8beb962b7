"""Several servers over a cluster of databases, behind HAProxy: real ones, on this machine.

``make test-cluster`` runs them; other runs leave them out.
"""

import asyncio
import http.client
import json
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import pytest

from analyticsdataserver.databases.mysql.versions import LOAD_SETTLED, TableFacts, version_of, version_query
from analyticsdataserver.testing import overload
from analyticsdataserver.testing.cluster import CONFIGURATION, Cluster, Node, await_true, made_ready
from analyticsdataserver.testing.cluster_load import WHOLE, load_while_reading
from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.service import Answer, Service, get
from analyticsdataserver.testing.site import ANALYTICS, DATABASES, PASSWORD, USERS
from conftest import KEY

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

ENROLLMENT: Final = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/"
LIST: Final = "/api/v1/enrollment/?limit=1"
# Has an answer whatever was loaded.
OWN_KEY: Final = "/api/v1/key/"
# Of a load; as many as its file shall have: LOADED_ROWS=3000000 make test-cluster ARGS="-k load".
LOADED_ROWS: Final = int(os.environ.get("LOADED_ROWS", "60000"))
LOGIN: Final = "/api-auth/login/"


@pytest.fixture(scope="module")
def site() -> Iterator[Cluster]:
    pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
    try:
        with made_ready(KEY, 5) as cluster:
            cluster.note_loads()
            with cluster.serving():
                yield cluster
    except ServerUnavailableError as error:
        pytest.skip(str(error))


def ask(server: Service, path: str, key: str = KEY, **headers: str) -> Answer:
    return get(server.port, path, {"Authorization": f"Token {key}", **headers})


def rows(node: Node, query: str) -> list[tuple[Any, ...]]:
    with closing(node.connect()) as connection:
        connection.query(query)
        return list(connection.store_result().fetch_row(0))


def test_every_node_has_every_table(site: Cluster) -> None:
    for database in DATABASES.values():
        query = f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{database}' ORDER BY 1"
        tables = [rows(node, query) for node in site.nodes]
        assert tables[0]
        assert tables == [tables[0]] * len(tables)
        applied = [rows(node, f"SELECT app, name FROM {database}.django_migrations ORDER BY id") for node in site.nodes]
        assert applied == [applied[0]] * len(applied)


def test_every_table_has_a_primary_key(site: Cluster) -> None:
    # Without one, Galera deletes no row of a table.
    query = """
        SELECT t.table_schema, t.table_name FROM information_schema.tables t
          LEFT JOIN information_schema.table_constraints c
               ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY'
         WHERE t.table_schema LIKE 'site%' AND t.table_type = 'BASE TABLE' AND c.table_name IS NULL
    """
    assert rows(site.nodes[1], query) == []


def test_servers_share_limits(site: Cluster) -> None:
    key = site.printed("create_key", "limited", "--rate", "5/hour").split()[-1]
    statuses = [ask(site.services[number % 2], ENROLLMENT, key).status for number in range(7)]
    assert statuses == [200] * 5 + [429] * 2


def test_a_key_ends_on_every_server(site: Cluster) -> None:
    key = site.printed("create_key", "ended").split()[-1]
    assert [ask(server, ENROLLMENT, key).status for server in site.services] == [200, 200]
    site.manage("revoke_key", key[:12])
    assert [ask(server, ENROLLMENT, key).status for server in site.services] == [401, 401]


def test_servers_share_sessions(site: Cluster) -> None:
    first, second = site.services
    connection = http.client.HTTPConnection("127.0.0.1", first.port, timeout=30)
    with closing(connection):
        connection.request("GET", LOGIN)
        page = connection.getresponse()
        token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())[0]
        cookies = SimpleCookie(page.headers["Set-Cookie"])
    connection = http.client.HTTPConnection("127.0.0.1", second.port, timeout=30)
    with closing(connection):
        form = urlencode({"csrfmiddlewaretoken": token, "key": KEY})
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"csrftoken={cookies['csrftoken'].value}",
        }
        connection.request("POST", LOGIN, form, headers)
        response = connection.getresponse()
        response.read()
    assert response.status == 302
    session = SimpleCookie("; ".join(response.headers.get_all("Set-Cookie") or []))["sessionid"].value
    assert get(first.port, ENROLLMENT, {"Cookie": f"sessionid={session}"}).status == 200


def test_a_page_goes_on_at_another_server(site: Cluster) -> None:
    first, second = site.services
    link = re.findall(r"<(.*?)>", ask(first, LIST).headers["Link"])[0]
    place = urlsplit(link)
    pages = [ask(server, f"{place.path}?{place.query}") for server in (first, second)]
    assert pages[0].status == 200
    assert pages[0].body == pages[1].body
    assert pages[0].body != ask(first, LIST).body


def test_many_count_at_once_on_several_nodes(site: Cluster) -> None:
    """Each server writes to a node of its own, where the same row is being changed."""
    key = site.printed("create_key", "hurried", "--rate", "150/day").split()[-1]
    answers: list[Answer] = []
    servers = []
    try:
        for node in site.nodes[:2]:
            url = f"mysql://service:{quote(PASSWORD)}@localhost/{USERS}?unix_socket={quote(str(node.socket))}"
            servers.append(Service({**site.environment, "DATABASE_URL": url}, workers=1).__enter__())
        with ThreadPoolExecutor(8) as pool:
            answers += pool.map(lambda number: ask(servers[number % 2], ENROLLMENT, key), range(200))
    finally:
        for server in servers:
            server.__exit__(None, None, None)
    statuses = [answer.status for answer in answers]
    # A write that met two others within its two tries is a 503; there is none that was counted wrongly.
    assert statuses.count(200) <= 150
    assert statuses.count(200) + statuses.count(429) >= 195
    assert set(statuses) <= {200, 429, 503}


def test_a_node_is_killed(site: Cluster) -> None:
    site.nodes[2].kill()
    try:
        answers = [site.get(ENROLLMENT) for _ in range(40)]
    finally:
        site.nodes[2].start()
    assert {answer.status for answer in answers} == {200}
    assert max(answer.seconds for answer in answers) < 3


def test_a_node_is_paused(site: Cluster) -> None:
    site.nodes[1].pause()
    try:
        answers = [site.get(ENROLLMENT) for _ in range(40)]
    finally:
        site.nodes[1].rejoin()
    assert {answer.status for answer in answers} == {200}
    assert max(answer.seconds for answer in answers) < 5


def test_a_server_is_killed(site: Cluster) -> None:
    site.kill_server(0)
    try:
        answers = [site.get(ENROLLMENT) for _ in range(40)]
    finally:
        site.start_killed_server(0)
    assert {answer.status for answer in answers} == {200}


def test_a_load_is_whole_on_every_node(site: Cluster, tmp_path: Path) -> None:
    """Readers of every node, and clients, see the rows before a load or those after it, never some of both."""
    assert set(load_while_reading(site, tmp_path, min(LOADED_ROWS, 60_000), LOADED_ROWS)) == WHOLE


def test_nodes_give_the_same_version(site: Cluster) -> None:
    # A node that was started again does not know when the tables were changed last.
    site.execute(
        *(
            f"REPLACE INTO {ANALYTICS}.table_updates (update_id, target_table) VALUES ('second {name}', '{name}')"
            for name in site.tables()
        ),
        # A load: the newest row is another one.
        f"INSERT INTO {ANALYTICS}.course_enrollment_daily (course_id, date, count, created)"
        " SELECT course_id, date, count, NOW() FROM (SELECT * FROM"
        f" {ANALYTICS}.course_enrollment_daily ORDER BY id DESC LIMIT 1) AS newest",
    )
    time.sleep(LOAD_SETTLED.total_seconds() + 3)
    columns = ("id", "course_id", "date", "count", "created")
    query, names = version_query((("course_enrollment_daily", columns),), ANALYTICS, True)
    versions = set()
    for node in site.nodes:
        with closing(node.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(f"USE {ANALYTICS}")
            cursor.execute("SET time_zone = '+00:00'")
            cursor.execute(query, names)
            _, *facts = cursor.fetchone()
            versions.add(version_of(TableFacts(*facts), replicated=True))
    assert len(versions) == 1
    assert None not in versions
    # A course that has rows, whatever was loaded before.
    ((course_id,),) = rows(site.nodes[0], f"SELECT course_id FROM {ANALYTICS}.course_enrollment_daily LIMIT 1")
    path = f"/api/v0/courses/{course_id}/enrollment/"
    tags = {ask(server, path).headers["ETag"] for server in site.services for _ in range(5)}
    assert len(tags) == 1
    (tag,) = tags
    assert {ask(server, path, **{"If-None-Match": tag}).status for server in site.services} == {304}


def test_haproxy_refuses_while_all_servers_do(site: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "KEY", KEY)
    before = refused_by_servers(site)
    outcomes = asyncio.run(overload.Load(site.port, [OWN_KEY]).offered(4000, 4))
    refused = [outcome for outcome in outcomes if outcome.status == 503]
    # On a machine that is busy with other things, some may get no response in time.
    assert {outcome.status for outcome in outcomes} >= {200, 503}
    assert all(outcome.says_when for outcome in refused)
    # The log is written shortly after the responses.
    await_true(lambda: refused_by_servers(site) > before, 10)
    assert refused_by_servers(site) - before < len(refused)
    await_true(lambda: {site.get(OWN_KEY).status for _ in range(20)} == {200}, 10)


def refused_by_servers(site: Cluster) -> int:
    return sum(service.logged().count('"error":"service_busy"') for service in site.services)


def test_no_server_runs(site: Cluster) -> None:
    for number in range(2):
        site.kill_server(number)
    await_true(lambda: site.get(ENROLLMENT).status == 503, 10)
    try:
        time.sleep(3)
        answer = site.get(ENROLLMENT)
    finally:
        for number in range(2):
            site.start_killed_server(number)
    assert answer.status == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.body == (CONFIGURATION / "no_server.json").read_bytes()
    assert json.loads(answer.body)["error_code"] == "no_server"
