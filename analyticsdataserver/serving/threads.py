"""Threads that run the requests of an event loop: as few as keep the processor busy, more while they are blocked."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from typing import Any, Final, TypeVar

from django.db import connections

# Seconds after which a function counts as slow, and another one need not wait for it; also between two looks at those
# that wait. Most requests take less than one millisecond.
SLOW: Final = 0.02
# Share of one processor's time that the process uses, or waits for, at least where another thread would only wait for
# Python's lock or for a processor; and seconds over which it is measured.
BUSY: Final = 0.8
MEASURED: Final = 0.1
# Seconds after which a function counts as blocked.
BLOCKED: Final = 0.2
# Seconds for which a request waits for a thread, longer than it takes to find out that a node of a cluster is away, or
# to answer 50 clients that ask for large answers; and how many requests wait at most.
MAX_WAIT: Final = 5.0
MAX_WAITING: Final = 1000
# Seconds in which threads have to be able to run all that waits; beyond that, requests are refused at once, but for a
# number that may always wait: 50 clients that ask for large answers, and others besides, are no overload.
MAX_BACKLOG: Final = 0.25
MIN_WAITING: Final = 64
# The same in an overload: requests were refused in two measurements of one second, so that more come than can be run,
# and waiting longer serves no more of them. It ends when none has been refused for some seconds.
OVERLOAD_BACKLOG: Final = 0.02
OVERLOAD_WAITING: Final = 4
OVERLOAD_SECONDS: Final = 1.0
# Seconds after which an idle thread ends, if there are more than the pool's size.
IDLE: Final = 5.0
# Linux has a folder here for each thread of the process.
TASKS: Final = Path("/proc/self/task")

T = TypeVar("T")

Task = tuple["asyncio.Future[Any]", Callable[[], Any]]


class PoolBusyError(Exception):
    """No thread of the pool became free in time."""


class ThreadPool:
    """Runs functions in threads, for coroutines of one event loop.

    Python runs one thread at a time: several that all have something to do take turns, and each turn takes time. So one
    thread runs one function after another as long as that keeps the processor busy. Another one joins it, up to the
    pool's size, while functions wait and the processor is idle, as where a database is far away, and for each function
    that is slow. As long as no thread becomes free, because a database hangs, a table is locked or passwords are
    hashed, even more are started, so that a request waits only for what it needs itself. These end when fewer threads
    are blocked.

    Args:
        name: The name of the threads.
        size: How many threads run at most when none is blocked.
        limit: How many threads run at most.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        self.name = name
        self.size = size
        self.limit = max(size, limit)
        # Held for what reads or changes the following, but for the loop's own.
        self.lock = Lock()
        # What waits for a thread, oldest first, with the time since when. A thread runs what it has removed from here;
        # what the event loop has removed is refused.
        self.waiting: dict[asyncio.Future[Any], tuple[float, Callable[[], Any]]] = {}
        # Threads; those of them that are not idle; and, by the ids of these, the times at which their functions began.
        self.count = 0
        self.working = 0
        self.began: dict[int, float] = {}
        # How many threads run functions that are not slow.
        self.concurrency = 1
        # Each item wakes an idle thread.
        self.signals: SimpleQueue[None] = SimpleQueue()
        # How many functions threads have begun.
        self.taken = 0
        # Of the loop: whether it watches; the time, the processor's time and the functions begun when it measured last;
        # how many functions may wait; how many were refused for that since it measured last, and when it measured any;
        # and until when there is an overload.
        self.watched = False
        self.measured = (0.0, 0.0, 0)
        self.max_waiting = MAX_WAITING
        self.refused = 0
        self.refused_at = 0.0
        self.overloaded_until = 0.0

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a thread, and return its result.

        Raises:
            PoolBusyError: No thread became free within MAX_WAIT seconds, or as many functions wait already as threads
                will run soon.
        """
        loop = asyncio.get_running_loop()
        if len(self.waiting) >= self.max_waiting:
            self.refused += 1
            raise PoolBusyError
        future: asyncio.Future[T] = loop.create_future()
        now = time.monotonic()
        with self.lock:
            self.waiting[future] = (now, function)
            is_served = not self.working or self.has_room(now)
            if is_served:
                self.wake(loop)
        if not is_served and not self.watched:
            self.watched = True
            loop.call_later(SLOW, self.watch, loop)
        return await future

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse what has waited too long, and wake a thread if there is room; again and again while any waits."""
        now = time.monotonic()
        with self.lock:
            if self.waiting or now < self.overloaded_until:
                self.adapt(now)
            refused = self.overdue(now)
            for future in refused:
                del self.waiting[future]
            if self.waiting and self.has_room(now):
                self.wake(loop)
            self.watched = bool(self.waiting) or now < self.overloaded_until
            if not self.watched:
                self.max_waiting, self.refused, self.refused_at = MAX_WAITING, 0, 0.0
        for future in refused:
            set_exception(future, PoolBusyError())
        if self.watched:
            loop.call_later(SLOW, self.watch, loop)

    def overdue(self, now: float) -> list[asyncio.Future[Any]]:
        """Return what waits, but has to be refused; the lock is held."""
        # In an overload, clients have waited longest for the oldest, and the newest will be run soon in their place.
        excess = len(self.waiting) - self.max_waiting if now < self.overloaded_until else 0
        refused: list[asyncio.Future[Any]] = []
        for future, (since, _) in self.waiting.items():
            if len(refused) >= excess and since > now - MAX_WAIT:
                break
            refused.append(future)
        return refused

    def adapt(self, now: float) -> None:
        """Set how many threads work at the same time, and how many functions may wait, by what happened lately.

        One more thread works if the processor was idle though functions wait, else one fewer. Above capacity, what is
        run has not waited long, and the rest is refused before it does. While all threads are blocked, functions wait:
        further threads are about to run them.
        """
        since, before, taken = self.measured
        seconds = now - since
        if seconds < MEASURED:
            return
        self.measured = (now, processor_time(), self.taken)
        if self.refused:
            if now < self.refused_at + OVERLOAD_SECONDS:
                self.overloaded_until = now + OVERLOAD_SECONDS
            self.refused, self.refused_at = 0, now
        # What is older says nothing of the present load, but in an overload, which is watched all the time.
        if seconds < 2 * MEASURED or now < self.overloaded_until:
            is_busy = self.measured[1] - before > BUSY * seconds
            is_short = self.waiting and not is_busy
            self.concurrency = min(self.size, self.concurrency + 1) if is_short else max(1, self.concurrency - 1)
            rate = (self.taken - taken) / seconds
            if now < self.overloaded_until:
                allowed = max(OVERLOAD_WAITING, int(rate * OVERLOAD_BACKLOG))
            else:
                allowed = max(MIN_WAITING, int(rate * MAX_BACKLOG))
            self.max_waiting = min(MAX_WAITING, allowed) if rate else MAX_WAITING

    def has_room(self, now: float) -> bool:
        """Return whether one more thread may work; the lock is held."""
        if self.working - self.longer_than(SLOW, now) >= self.concurrency:
            return False
        return self.working < self.size or self.working < min(self.limit, 2 * self.longer_than(BLOCKED, now))

    def longer_than(self, seconds: float, now: float) -> int:
        """Return how many functions have run for longer; the lock is held."""
        earliest = now - seconds
        return sum(began < earliest for began in self.began.values())

    def wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have one more thread work, a new one if none is idle; the lock is held."""
        self.working += 1
        if self.working <= self.count:
            self.signals.put(None)
        else:
            self.count += 1
            Thread(target=self.work, args=(loop,), name=self.name, daemon=True).start()

    def work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run functions until the thread is superfluous."""
        try:
            while True:
                while (task := self.next_task()) is not None:
                    future, function = task
                    try:
                        result = function()
                    except BaseException as error:  # noqa: BLE001 - the coroutine raises it
                        loop.call_soon_threadsafe(set_exception, future, error)
                    else:
                        loop.call_soon_threadsafe(set_result, future, result)
                    # Nothing of the request stays in memory while the thread is idle.
                    del task, future, function
                    result = None
                if not self.is_woken():
                    return
        finally:
            connections.close_all()

    def next_task(self) -> Task | None:
        """Return what the present thread is to run next; None if it has to be idle, as which it then counts."""
        now = time.monotonic()
        with self.lock:
            self.began.pop(get_ident(), None)
            # Others, if any, run something short, or have been woken.
            if self.waiting and self.working - 1 - self.longer_than(SLOW, now) < self.concurrency:
                future = next(iter(self.waiting))
                _, function = self.waiting.pop(future)
                self.began[get_ident()] = now
                self.taken += 1
                return future, function
            self.working -= 1
            return None

    def is_woken(self) -> bool:
        """Wait until the present thread, which is idle, has to work; return False, and do not count it, if it ends."""
        while True:
            with self.lock:
                # As many as are woken by now are not idle any more, whichever of them this is.
                if self.count > max(self.working, self.size + self.longer_than(BLOCKED, time.monotonic())):
                    self.count -= 1
                    return False
            try:
                self.signals.get(timeout=IDLE)
            except Empty:
                continue
            return True


def processor_time() -> float:
    """Return the seconds for which threads of the process have run, or waited for a processor that others use.

    Where the system does not say how long they have waited, it is the time for which they have run.
    """
    nanoseconds = 0
    for path in TASKS.glob("*/schedstat"):
        # A thread may have ended meanwhile. The times are nanoseconds.
        with suppress(OSError):
            ran, waited, _ = map(int, path.read_bytes().split())
            nanoseconds += ran + waited
    return nanoseconds / 1e9 or time.process_time()


def set_result(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def set_exception(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
