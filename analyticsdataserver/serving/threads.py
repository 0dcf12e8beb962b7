"""Threads that run the requests of an event loop, more of them while all are blocked."""

import asyncio
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread, get_ident
from typing import Any, Final, TypeVar

from django.db import connections

# Seconds without a free thread after which all threads count as blocked. Requests take milliseconds.
BLOCKED: Final = 0.2
# Seconds for which a request waits for a thread, and how many requests wait at most.
MAX_WAIT: Final = 2.0
MAX_WAITING: Final = 1000
# Seconds in which threads have to be able to run all that waits; beyond that, and a few, requests are refused at once.
MAX_BACKLOG: Final = 0.1
MIN_WAITING: Final = 32
# Seconds after which an idle thread ends, if there are more than the pool's size.
IDLE: Final = 5.0

# The time at which the function of an idle thread began.
IDLE_SINCE: Final = float("inf")

T = TypeVar("T")


class PoolBusyError(Exception):
    """No thread of the pool became free in time."""


class ThreadPool:
    """Runs functions in threads, for coroutines of one event loop.

    As long as requests wait and no thread becomes free, because a database hangs, a table is locked or passwords are
    hashed, more threads are started, so that a request waits only for what it needs itself. The additional threads end
    when fewer threads are blocked.

    Args:
        name: The name of the threads.
        size: How many threads run when none is blocked.
        limit: How many threads run at most.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        self.name = name
        self.size = size
        self.limit = max(size, limit)
        self.lock = Lock()
        # Every thread, with the time at which its function began; infinity while it is idle.
        self.began: dict[int, float] = {}
        self.count = 0
        self.queue: SimpleQueue[asyncio.Future[Any]] = SimpleQueue()
        # What waits for a thread, oldest first, with the time since when. A thread runs what it has removed from here;
        # what the event loop has removed is refused.
        self.waiting: dict[asyncio.Future[Any], tuple[float, Callable[[], Any]]] = {}
        self.taken = self.taken_before = 0
        self.watched = False
        # How many may wait.
        self.max_waiting = MAX_WAITING

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function in a thread, and return its result.

        Raises:
            PoolBusyError: No thread became free within MAX_WAIT seconds, or as many functions wait already as threads
                will run soon.
        """
        loop = asyncio.get_running_loop()
        if not self.count:
            self.start(loop, self.size)
        if len(self.waiting) >= self.max_waiting:
            raise PoolBusyError
        future: asyncio.Future[T] = loop.create_future()
        self.waiting[future] = (time.monotonic(), function)
        self.queue.put(future)
        if not self.watched:
            self.watched = True
            self.taken_before = self.taken
            loop.call_later(BLOCKED, self.watch, loop)
        return await future

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Refuse what has waited too long, and start threads if all are blocked; again and again while any waits."""
        latest = time.monotonic() - MAX_WAIT
        for future, (since, _) in list(self.waiting.items()):
            if since > latest:
                break
            if self.waiting.pop(future, None) is not None:
                future.set_exception(PoolBusyError())
        if self.waiting and self.taken == self.taken_before:
            self.start(loop, min(self.count, self.limit - self.count))
        self.limit_waiting(self.taken - self.taken_before)
        self.taken_before = self.taken
        self.watched = bool(self.waiting)
        if self.watched:
            loop.call_later(BLOCKED, self.watch, loop)

    def limit_waiting(self, taken: int) -> None:
        """Set how many functions may wait, from how many threads have run in the last BLOCKED seconds.

        Above capacity, those that are run have then not waited long, and the others are refused before they do. While
        all threads are blocked, functions wait: further threads are about to run them.
        """
        if taken and self.waiting:
            self.max_waiting = min(MAX_WAITING, max(MIN_WAITING, int(taken / BLOCKED * MAX_BACKLOG)))
        else:
            self.max_waiting = MAX_WAITING

    def start(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        for _ in range(number):
            with self.lock:
                self.count += 1
            Thread(target=self.work, args=(loop,), name=self.name, daemon=True).start()

    def is_superfluous(self) -> bool:
        """Return whether the present thread can end; if so, it is no longer counted."""
        with self.lock:
            earliest = time.monotonic() - BLOCKED
            blocked = sum(began < earliest for began in list(self.began.values()))
            superfluous = self.count > self.size + blocked
            self.count -= superfluous
        return superfluous

    def work(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run functions until the thread is superfluous."""
        thread = get_ident()
        queue, waiting, began, size = self.queue, self.waiting, self.began, self.size
        began[thread] = IDLE_SINCE
        try:
            while self.count <= size or not self.is_superfluous():
                try:
                    future = queue.get(timeout=IDLE)
                except Empty:
                    continue
                entry = waiting.pop(future, None)
                if entry is None:
                    continue
                self.taken += 1
                began[thread] = time.monotonic()
                try:
                    result = entry[1]()
                except BaseException as error:  # noqa: BLE001 - the coroutine raises it
                    loop.call_soon_threadsafe(set_exception, future, error)
                else:
                    loop.call_soon_threadsafe(set_result, future, result)
                began[thread] = IDLE_SINCE
                # Nothing of the request stays in memory while the thread is idle.
                del entry, future
                result = None
        finally:
            began.pop(thread, None)
            connections.close_all()


def set_result(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def set_exception(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
