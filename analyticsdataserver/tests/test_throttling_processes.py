"""Limits hold whichever process is asked: each is counted in real ones, on either database."""

import subprocess
import sys
from collections import Counter as Tally
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from django.contrib.auth.models import User

from analytics_data_api.access.models import Counter
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.served import database_url, environment, served
from conftest import KEY

# Committed, for others to see.
pytestmark = pytest.mark.django_db(transaction=True)

# Each process waits for the others: for a line on its standard input.
PROGRAM = """
import sys
import django
django.setup()
from analytics_data_api.access.throttling import counters
from analytics_data_api.access.throttling.rates import Rate
print("ready", flush=True)
sys.stdin.readline()
subjects = [sys.argv[1].format(number) for number in range(int(sys.argv[2]))]
print(sum(counters.hit(subject, Rate(int(sys.argv[3]), float(sys.argv[4]))).admitted for subject in subjects))
"""


@pytest.fixture
def variables(tmp_path: Path, reader: User) -> dict[str, str]:
    return environment("local", DATABASE_URL=database_url(tmp_path), ANALYTICS_DATABASE_URL="sqlite://:memory:")


def admitted(variables: dict[str, str], *arguments: str) -> list[int]:
    """Return how many of each process's tries were admitted; they all try at the same time."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, *arguments],
                    cwd=BASE_DIR,
                    env=variables,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(3)
        ]
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        results = [process.communicate(timeout=120) for process in processes]
    assert [errors for _, errors in results if errors] == []
    return [int(output) for output, _ in results]


def test_no_count_is_lost_between_processes(variables: dict[str, str]) -> None:
    assert sum(admitted(variables, "one", "60", "100", "3600")) == 100
    assert sum(admitted(variables, "one", "1", "100", "3600")) == 0


def test_first_ones_are_counted_once_however_many_processes_begin(variables: dict[str, str]) -> None:
    # Each subject is new to all of them, and admitted twice.
    assert sum(admitted(variables, "many {}", "40", "2", "3600")) == 80


def test_old_rows_are_removed_while_others_are_counted(variables: dict[str, str]) -> None:
    # Windows so short that rows are old at once, and removed and begun anew all the time.
    assert sum(admitted(variables, "short {}", "60", "1000000", "0.2")) == 180


@pytest.fixture
def service(variables: dict[str, str]) -> Iterator[str]:
    limits = {"THROTTLE_WRONG_KEYS": "10/hour", "THROTTLE_PASSWORDS": "4/hour", "LOG_LEVEL": "ERROR"}
    with served(variables | limits) as address:
        yield address


def statuses(address: str, keys: list[str]) -> Tally[int]:
    def ask(key: str) -> int:
        return requests.get(address, headers={"Authorization": f"Token {key}"}, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        return Tally(pool.map(ask, keys))


def test_workers_share_what_they_count(service: str, reader: User) -> None:
    authenticated = f"{service}/authenticated/"
    # Until both workers have met the key.
    assert statuses(authenticated, [KEY] * 100) == {200: 100}
    assert statuses(authenticated, [f"wrong-{number}" for number in range(40)]) == {401: 10, 429: 30}
    assert statuses(authenticated, [KEY] * 20) == {200: 20}

    def log_in(number: int) -> int:
        form = {"username": "reader", "password": f"wrong-{number}"}
        return requests.post(f"{service}/api-token-auth/", form, timeout=60).status_code

    with ThreadPoolExecutor(8) as pool:
        assert Tally(pool.map(log_in, range(12))) == {400: 4, 429: 8}


def test_tests_of_the_other_processes_leave_nothing_behind() -> None:
    assert Counter.objects.count() == 0
