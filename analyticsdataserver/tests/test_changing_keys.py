"""While keys are made, rotated and revoked, each request is answered by what was true when it came."""

import http.client
import json
import math
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.served import database_url, environment, served

# Committed, for others to see.
pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS: Final = 32
SECONDS: Final = 6.0
# By how much an answer may be behind.
TOLERANCE: Final = 1.0
# Of the keys that were made last, how many are sent; others have ended long ago.
RECENT: Final = 12

COURSE: Final = "edX/DemoX/Demo_Course"
# Addresses, and whether they are about COURSE.
PATHS: Final = {
    f"/api/v0/courses/{COURSE}/enrollment/": True,
    f"/api/v1/courses/{COURSE}/enrollment/mode/": True,
    "/api/v1/enrollment/?limit=1": False,
}
# Scopes, and whether they have COURSE in them.
SCOPES: Final[dict[tuple[str, ...], bool]] = {
    (): True,
    ("courses", COURSE): True,
    ("courses", "edX/Other/Course"): False,
    ("orgs", "edX"): True,
    ("orgs", "MITx"): False,
}

FILL: Final = """
import sys
import django
django.setup()
from django.core.management import call_command
from analytics_data_api.tables import models
call_command("migrate", database="analytics", verbosity=0)
for model in (models.CourseEnrollmentDaily, models.CourseEnrollmentModeDaily):
    model.objects.using("analytics").create(course_id=sys.argv[1], date="2014-12-10")
"""
# Changes keys as the commands do, one for each line of its standard input.
CHANGE: Final = """
import json, sys
import django
django.setup()
from analytics_data_api.access import keys
print(flush=True)
for line in sys.stdin:
    change, *given = json.loads(line)
    if change == "make":
        scope, expires = given
        limits = keys.Limits(**({scope[0]: frozenset(scope[1:])} if scope else {}))
        print(keys.create_key("partner", limits, expires=expires).text, flush=True)
    elif change == "rotate":
        print(keys.rotate_key(*given).text, flush=True)
    else:
        print(len(keys.revoke_key(*given)), flush=True)
"""


@dataclass
class Known:
    """A key, and when it begins and ends: each between two times, since a change takes a while.

    Attributes:
        text: The key.
        scope: One of SCOPES.
        begins: When it begins.
        ends: When it ends; infinity for never.
        limit: When it would end if nothing changed.
    """

    text: str
    scope: tuple[str, ...]
    begins: tuple[float, float]
    ends: tuple[float, float] = (math.inf, math.inf)
    limit: float = math.inf

    @property
    def key_id(self) -> str:
        return self.text[:12]

    def end(self, earliest: float, latest: float) -> None:
        self.ends = (min(self.ends[0], earliest), min(self.ends[1], latest))


# That is never made.
UNKNOWN: Final = Known(f"oda_{'x' * 40}", (), (math.inf, math.inf))


class Asked(NamedTuple):
    """A request and its answer."""

    key: Known
    path: str
    tag: str | None
    began: float
    ended: float
    status: int
    code: str | None

    @property
    def expected(self) -> set[int]:
        """The statuses that were right at some time at which the request may have come."""
        first, last = self.began - TOLERANCE, self.ended + TOLERANCE
        expected = set()
        if last >= self.key.begins[0] and first <= self.key.ends[1]:
            if PATHS[self.path] and not SCOPES[self.key.scope]:
                expected.add(403)
            else:
                expected |= {200} if self.tag is None else {200, 304}
        if first < self.key.begins[1] or last > self.key.ends[0]:
            expected.add(401)
        return expected


class Changes:
    """Changes keys by another process, and notes when."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.keys: list[Known] = []
        self.counts: Counter[str] = Counter()
        self.rng = random.Random(1)

    def sent(self, *change: Any) -> tuple[str, float, float]:
        """Return what the process prints for a change, and the times before and after it."""
        assert self.process.stdin
        assert self.process.stdout
        before = time.time()
        print(json.dumps(change), file=self.process.stdin, flush=True)
        printed = self.process.stdout.readline().strip()
        assert printed, "the process that changes keys has ended"
        self.counts[change[0]] += 1
        return printed, before, time.time()

    def make(self) -> None:
        scope = self.rng.choice([*SCOPES])
        expires = self.rng.choice([None, time.time() + 2.5])
        text, *begins = self.sent("make", scope, expires)
        self.add(text, scope, begins, expires or math.inf)

    def add(self, text: str, scope: tuple[str, ...], begins: list[float], limit: float) -> None:
        self.keys.append(Known(text, scope, (begins[0], begins[1]), (limit, limit), limit))

    def change(self) -> None:
        """Rotate or revoke one of the newest keys that have not ended, or make one."""
        usable = [key for key in self.keys[-RECENT:] if key.ends[0] > time.time() + 1]
        if len(usable) < 3 or self.rng.random() < 0.3:
            self.make()
            return
        key = self.rng.choice(usable)
        if self.rng.random() < 0.5:
            grace = self.rng.choice([0, 1.5])
            text, before, after = self.sent("rotate", key.key_id, grace)
            key.end(before + grace, after + grace)
            self.add(text, key.scope, [before, after], key.limit)
        else:
            printed, before, after = self.sent("revoke", key.key_id)
            assert printed == "1"
            key.end(before, after)

    def run(self, until: float) -> None:
        while time.time() < until:
            self.change()
            time.sleep(0.1)


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    variables = environment(
        "local",
        DATABASE_URL=database_url(tmp_path),
        ANALYTICS_DATABASE_URL=f"sqlite:///{tmp_path / 'analytics.db'}",
        THROTTLE_WRONG_KEYS="off",
        LOG_LEVEL="ERROR",
    )
    subprocess.run([sys.executable, "-c", FILL, COURSE], cwd=BASE_DIR, env=variables, check=True)
    return variables


@contextmanager
def changing(variables: dict[str, str]) -> Iterator[Changes]:
    with subprocess.Popen(
        [sys.executable, "-c", CHANGE],
        cwd=BASE_DIR,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield Changes(process)


def ask(address: str, keys: list[Known], seed: int, until: float) -> list[Asked]:
    """Send requests with the newest keys over one connection, some with the ETag of an answer to the same key."""
    rng = random.Random(seed)
    tags: dict[tuple[str, str], str] = {}
    asked: list[Asked] = []
    with closing(http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)) as connection:
        while time.time() < until:
            key, path = rng.choice([*keys[-RECENT:], UNKNOWN]), rng.choice([*PATHS])
            tag = tags.get((key.text, path))
            headers = {"Authorization": f"Token {key.text}"} | ({} if tag is None else {"If-None-Match": tag})
            began = time.time()
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            body = response.read()
            code = json.loads(body)["error_code"] if response.status >= 400 else None
            asked.append(Asked(key, path, tag, began, time.time(), response.status, code))
            if "ETag" in response.headers:
                tags[key.text, path] = response.headers["ETag"]
            time.sleep(rng.random() / 20)
    return asked


def test_each_request_is_answered_by_what_was_true_when_it_came(variables: dict[str, str]) -> None:
    with (
        served(variables) as address,
        changing(variables) as changes,
        ThreadPoolExecutor(CLIENTS + 1) as pool,
    ):
        changes.make()
        until = time.time() + SECONDS
        changer = pool.submit(changes.run, until)
        clients = [pool.submit(ask, address, changes.keys, seed, until) for seed in range(CLIENTS)]
        changer.result()
        asked = [each for client in clients for each in client.result()]
    assert [each for each in asked if each.status not in each.expected] == []
    assert {each.status for each in asked} == {200, 304, 401, 403}
    assert {each.code for each in asked if each.status == 401} >= {"key_expired", "key_revoked"}
    # It has seen something: an answer of each client at least, and keys that changed under way.
    assert len(asked) > 10 * CLIENTS
    assert min(changes.counts[change] for change in ("make", "rotate", "revoke")) >= 3
    assert sum(len({each.status for each in asked if each.key is key} & {200, 401}) == 2 for key in changes.keys) >= 3
