"""A key that was read within the last moment is not read again; what changes counts within a second."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from analytics_data_api.access import authentication
from analytics_data_api.access.keys import Limits
from analytics_data_api.access.models import Key, ScopeEntry, moment
from analytics_data_api.access.throttling import clients
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests.factories import EnrollmentFactory
from conftest import KEY, KEY_ID, give_key

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

COURSE, OTHER = "course-v1:edX+DemoX+2014", "course-v1:edX+OtherX+2014"
LIMITED = "a-limited-key-of-forty-characters-or-so."
# A little less than a key is known, and as long.
SHORTER, KNOWN = 0.85, 0.9


class Clock:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (clients, authentication):
        monkeypatch.setattr(module, "monotonic", clock)
    monkeypatch.setattr(clients, "KNOWN", KNOWN)
    return clock


@pytest.fixture(autouse=True)
def _courses() -> None:
    for course in (COURSE, OTHER):
        EnrollmentFactory(course_id=course)


def get(key: str, course: str = COURSE, path: str = "", **environ: Any) -> Any:
    address = path or f"/api/v0/courses/{course}/enrollment/"
    return Client(headers={"authorization": f"Token {key}"}).get(address, **environ)


def reads_of(key: str, course: str = COURSE, path: str = "", **environ: Any) -> int:
    """Return how many queries a request makes for its key."""
    with CaptureQueriesContext(connections["default"]) as queries:
        get(key, course, path, **environ)
    return sum(Key._meta.db_table in query["sql"] for query in queries)


@pytest.mark.usefixtures("reader")
class TestWholeKey:
    def test_is_read_once_in_a_moment(self, clock: Clock) -> None:
        reads = []
        for moved in (0, SHORTER, KNOWN, 0):
            clock.now += moved
            reads.append(reads_of(KEY))
        assert reads == [1, 0, 1, 0]

    def test_is_read_once_for_several_courses(self, clock: Clock) -> None:
        paths = [f"/api/v0/courses/{COURSE}/enrollment/", f"/api/v0/courses/{OTHER}/activity/", "/api/v1/courses/"]
        assert [reads_of(KEY, path=path) for path in paths] == [1, 0, 0]

    def test_the_user_stays_as_it_was_read_when_someone_logs_in_with_it(self, clock: Clock) -> None:
        get(KEY)
        ((_, row),) = clients.memory.found.values()
        user = row[authentication.USER_PLACE]
        before = dict(vars(user))
        assert Client().post("/api-auth/login/", {"key": KEY}).status_code == 302
        assert vars(user) == before

    def test_is_read_again_in_another_network(self, clock: Clock) -> None:
        get(KEY)
        assert reads_of(KEY, REMOTE_ADDR="198.51.100.7") == 1

    @pytest.mark.parametrize("change", ["revoked", "removed", "inactive"])
    def test_that_has_ended_is_refused_within_a_second(self, clock: Clock, change: str, reader: User) -> None:
        assert get(KEY).status_code == 200
        if change == "revoked":
            Key.objects.filter(key_id=KEY_ID).update(revoked=1)
        elif change == "removed":
            Key.objects.filter(key_id=KEY_ID).delete()
        else:
            User.objects.filter(pk=reader.pk).update(is_active=False)
        clock.now += SHORTER
        assert get(KEY).status_code == 200
        clock.now += KNOWN
        problem_of(get(KEY), 401)

    def test_ends_when_it_ends(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        end = time.time() + 100
        Key.objects.filter(key_id=KEY_ID).update(expires=end)
        assert get(KEY).status_code == 200
        monkeypatch.setattr(time, "time", lambda: end)
        body = problem_of(get(KEY), 401, "key_expired")
        assert f"{moment(end):%Y-%m-%dT%H:%M:%SZ}" in body["detail"]

    def test_that_is_wrong_is_read_each_time(self, clock: Clock) -> None:
        assert [reads_of("no-key") for _ in range(2)] == [1, 1]
        give_key(User.objects.get(), "no-key")
        assert get("no-key").status_code == 200

    def test_that_was_revoked_is_read_each_time(self, clock: Clock) -> None:
        Key.objects.filter(key_id=KEY_ID).update(revoked=1)
        assert [reads_of(KEY) for _ in range(2)] == [1, 1]


class TestLimitedKey:
    @pytest.fixture(autouse=True)
    def _key(self, reader: User) -> None:
        give_key(reader, LIMITED, Limits(courses=frozenset([COURSE])))

    def test_is_read_once_for_each_course(self, clock: Clock) -> None:
        courses = [COURSE, COURSE, OTHER, OTHER, COURSE]
        assert [reads_of(LIMITED, course) for course in courses] == [1, 0, 1, 0, 0]
        assert [get(LIMITED, course).status_code for course in courses] == [200, 200, 403, 403, 200]

    def test_that_was_read_without_a_course_is_read_for_one(self, clock: Clock) -> None:
        assert [item["course_id"] for item in get(LIMITED, path="/api/v1/courses/").json()] == [COURSE]
        assert get(LIMITED).status_code == 200
        problem_of(get(LIMITED, OTHER), 403, "course_not_allowed")
        assert [item["course_id"] for item in get(LIMITED, path="/api/v1/courses/").json()] == [COURSE]

    def test_whose_scope_has_changed_sees_less_within_a_second(self, clock: Clock) -> None:
        assert get(LIMITED).status_code == 200
        ScopeEntry.objects.all().delete()
        clock.now += KNOWN
        problem_of(get(LIMITED), 403, "course_not_allowed")


class TestMemory:
    def test_is_limited(self, clock: Clock) -> None:
        memory = clients.Memory(2)
        client_keys = [clients.ClientKey("192.0.2.7", digest) for digest in (b"a", b"b", b"c")]
        for client_key in client_keys:
            memory.keep(client_key, None, (client_key.digest,), clock())
        assert [memory.kept(client_key, None) for client_key in client_keys] == [None, None, (b"c",)]
