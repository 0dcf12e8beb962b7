"""The pool of threads that run requests."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analyticsdataserver.serving import threads
from analyticsdataserver.serving.threads import PoolBusyError, ThreadPool


def run(main: Callable[[], Any]) -> Any:
    return asyncio.run(main())


def test_a_function_runs_in_a_thread_and_its_result_comes_back() -> None:
    async def main() -> str:
        return await ThreadPool("some", 2, 4).run(lambda: threading.current_thread().name)

    assert run(main) == "some"


def test_an_error_comes_back() -> None:
    async def main() -> None:
        await ThreadPool("some", 1, 1).run(lambda: int("x"))

    with pytest.raises(ValueError, match="invalid literal"):
        run(main)


def test_more_threads_run_while_all_are_blocked_and_end_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "BLOCKED", 0.05)
    monkeypatch.setattr(threads, "IDLE", 0.05)
    release = threading.Event()

    async def main() -> None:
        pool = ThreadPool("some", 2, 8)
        blocked = [asyncio.create_task(pool.run(lambda: release.wait(10))) for _ in range(6)]
        await asyncio.sleep(0.01)
        began = time.monotonic()
        count = await pool.run(lambda: pool.count)
        assert time.monotonic() - began < 2
        assert 6 < count <= 8
        release.set()
        await asyncio.gather(*blocked)
        deadline = time.monotonic() + 5
        while pool.count > 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert pool.count == 2

    run(main)


def test_one_thread_runs_what_is_short_and_keeps_the_processor_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    # However busy the machine is with other things.
    monkeypatch.setattr(threads, "SLOW", 10.0)
    used = set()

    def work() -> None:
        used.add(threading.get_ident())
        sum(range(10_000))

    async def main() -> int:
        pool = ThreadPool("some", 4, 8)
        for _ in range(10):
            await asyncio.gather(*(pool.run(work) for _ in range(20)))
        return pool.count

    assert (run(main), len(used)) == (1, 1)


def test_others_run_beside_a_function_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    # Longer than a busy machine takes.
    monkeypatch.setattr(threads, "BLOCKED", 5.0)
    release = threading.Event()

    async def main() -> None:
        pool = ThreadPool("some", 2, 2)
        slow = asyncio.create_task(pool.run(lambda: release.wait(10)))
        await asyncio.sleep(0)
        began = time.monotonic()
        assert await pool.run(lambda: "served") == "served"
        assert time.monotonic() - began < threads.BLOCKED
        release.set()
        await slow

    run(main)


@pytest.mark.slow
def test_threads_join_while_the_processor_is_idle_and_leave_when_it_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MEASURED", 0.02)

    async def main() -> None:
        pool = ThreadPool("some", 3, 3)

        async def until(condition: Callable[[], bool], function: Callable[[], object]) -> None:
            deadline = time.monotonic() + 10
            while not condition():
                assert time.monotonic() < deadline
                await asyncio.gather(*(pool.run(function) for _ in range(20)))

        await until(lambda: pool.concurrency == 3, lambda: time.sleep(0.005))
        # On a machine where this process gets a part of a processor only.
        monkeypatch.setattr(threads, "BUSY", 0.05)
        await until(lambda: pool.concurrency == 1, lambda: sum(range(50_000)))

    run(main)


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="The system does not say how long threads wait.")
def test_to_wait_for_a_processor_is_to_be_busy() -> None:
    """Where others use the processors, as a database on the same machine does, further threads would not help."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
            try:
                began, used = time.monotonic(), threads.processor_time()
                while (passed := time.monotonic() - began) < 0.5:
                    pass
                assert threads.processor_time() - used > threads.BUSY * passed
            finally:
                other.kill()
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.slow
def test_what_waits_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "BLOCKED", 0.05)
    monkeypatch.setattr(threads, "MAX_WAIT", 1.0)
    release = threading.Event()
    ran = []

    async def main() -> None:
        pool = ThreadPool("some", 1, 2)
        blocked = [asyncio.create_task(pool.run(lambda: release.wait(10))) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(PoolBusyError):
            await pool.run(lambda: ran.append("refused"))
        release.set()
        await asyncio.gather(*blocked)
        await pool.run(lambda: ran.append("served"))

    run(main)
    assert ran == ["served"]


def test_not_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_WAITING", 1)
    release = threading.Event()

    async def main() -> None:
        pool = ThreadPool("some", 1, 1)
        blocked = asyncio.create_task(pool.run(lambda: release.wait(10)))
        while pool.waiting or not pool.count:
            await asyncio.sleep(0.01)
        waiting = asyncio.create_task(pool.run(lambda: "served"))
        await asyncio.sleep(0.01)
        with pytest.raises(PoolBusyError):
            await pool.run(lambda: "refused")
        release.set()
        assert await waiting == "served"
        await blocked

    run(main)


class Requests:
    """Functions of 10 ms each for two threads, which run at most 200 a second."""

    def __init__(self) -> None:
        self.pool = ThreadPool("some", 2, 2)
        self.refused = 0
        self.waits: list[float] = []

    async def send(self) -> None:
        began = time.monotonic()
        try:
            await self.pool.run(lambda: time.sleep(0.01))
        except PoolBusyError:
            self.refused += 1
        else:
            self.waits.append(time.monotonic() - began)

    async def offer(self, rate: float, seconds: float) -> None:
        """Send a number a second, whatever becomes of the earlier ones."""
        began = time.monotonic()
        sent: list[asyncio.Task[None]] = []
        while (passed := time.monotonic() - began) < seconds:
            sent += [asyncio.create_task(self.send()) for _ in range(int(passed * rate) - len(sent))]
            await asyncio.sleep(0.005)
        await asyncio.gather(*sent)


@pytest.mark.slow
def test_in_an_overload_what_is_served_has_hardly_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MIN_WAITING", 40)

    async def main() -> Requests:
        requests = Requests()
        await requests.offer(800, 2.0)
        return requests

    requests = run(main)
    served = sorted(requests.waits)
    assert requests.refused > len(served)
    # The first ones came before it was known how many can be run: 40 wait for 0.2 s and more.
    assert served[len(served) // 2] < 0.15
    # Those that wait while a busy machine does not run this process wait for as long.
    assert served[len(served) * 9 // 10] < 1


@pytest.mark.slow
def test_after_an_overload_a_burst_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MIN_WAITING", 40)
    monkeypatch.setattr(threads, "OVERLOAD_SECONDS", 0.2)

    async def main() -> tuple[int, int]:
        requests = Requests()
        await requests.offer(800, 1.0)
        assert requests.pool.max_waiting < 40
        deadline = time.monotonic() + 10
        while requests.pool.watched and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        before = requests.refused
        await asyncio.gather(*(requests.send() for _ in range(40)))
        return before, requests.refused

    before, after = run(main)
    assert 0 < before == after


@pytest.mark.slow
def test_clients_that_wait_for_each_response_are_no_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MIN_WAITING", 40)

    async def main() -> Requests:
        requests = Requests()

        async def client() -> None:
            for _ in range(5):
                await requests.send()

        await asyncio.gather(*(client() for _ in range(40)))
        return requests

    requests = run(main)
    assert (requests.refused, len(requests.waits)) == (0, 200)


def test_while_threads_are_blocked_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "BLOCKED", 0.05)
    monkeypatch.setattr(threads, "MIN_WAITING", 1)

    async def main() -> list[str]:
        pool = ThreadPool("some", 1, 8)
        release = threading.Event()
        blocked = [asyncio.create_task(pool.run(lambda: release.wait(10))) for _ in range(4)]
        await asyncio.sleep(0.02)
        waiting = [asyncio.create_task(pool.run(lambda: "served")) for _ in range(4)]
        served = await asyncio.gather(*waiting)
        release.set()
        await asyncio.gather(*blocked)
        return served

    assert run(main) == ["served"] * 4
