"""Each worker has a processor of its own where there are as many workers as processors."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from analyticsdataserver.testing.service import Service
from analyticsdataserver.tests.served import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says where threads run")

# More than a look for a free processor takes.
SECONDS = 10


@pytest.fixture
def processors() -> Iterator[set[int]]:
    """The processors that a service started here may use: two, if the machine has as many."""
    before = os.sched_getaffinity(0)
    chosen = set(sorted(before)[:2])
    os.sched_setaffinity(0, chosen)
    yield chosen
    os.sched_setaffinity(0, before)


def service(folder: Path, workers: int) -> Service:
    urls = {name: f"sqlite:///{folder / name}" for name in ("DATABASE_URL", "ANALYTICS_DATABASE_URL")}
    return Service(environment("local", **urls), workers=workers)


def used_by(worker: int) -> set[tuple[frozenset[int], int]]:
    """Return the processors that the threads of a process may use, and their scheduling policies."""
    found = set()
    for task in Path(f"/proc/{worker}/task").iterdir():
        thread = int(task.name)
        with suppress(OSError):
            found.add((frozenset(os.sched_getaffinity(thread)), os.sched_getscheduler(thread)))
    return found


def own(running: Service) -> list[set[tuple[frozenset[int], int]]]:
    return sorted((used_by(worker) for worker in running.workers()), key=repr)


def await_own(running: Service, processors: set[int]) -> None:
    wanted = sorted(({(frozenset({processor}), os.SCHED_BATCH)} for processor in processors), key=repr)
    deadline = time.monotonic() + SECONDS
    while own(running) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert own(running) == wanted


def test_each_worker_has_its_own_also_after_a_reload_and_a_death(tmp_path: Path, processors: set[int]) -> None:
    with service(tmp_path, len(processors)) as running:
        await_own(running, processors)
        running.renew_workers()
        await_own(running, processors)
        victim = running.workers()[-1]
        os.kill(victim, signal.SIGKILL)
        while victim in running.workers():
            time.sleep(0.01)
        running.await_workers()
        assert running.get("/status/").status == 200
        await_own(running, processors)


@pytest.mark.parametrize("difference", [-1, 1])
def test_any_where_there_are_fewer_or_more_workers(tmp_path: Path, processors: set[int], difference: int) -> None:
    if not (workers := len(processors) + difference):
        pytest.skip("needs two processors")
    with service(tmp_path, workers) as running:
        assert running.get("/status/").status == 200
        found = {each for worker in running.workers() for each in used_by(worker)}
        assert found == {(frozenset(processors), os.SCHED_OTHER)}


def test_a_policy_that_was_chosen_stays() -> None:
    script = """
import os
from analyticsdataserver.serving.processors import take_processor
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
take_processor(len(os.sched_getaffinity(0)))
print(len(os.sched_getaffinity(0)), os.sched_getscheduler(0) == os.SCHED_IDLE)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "1 True\n"
