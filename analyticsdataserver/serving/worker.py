"""How gunicorn's workers differ from its own."""

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    """Serves with threads; takes a connection only while one of them is free, and none while it ends.

    Gunicorn's own takes whatever comes first: one worker may get all the connections that are kept, and those that come
    while its threads are busy, with slow readers for one, wait though another could serve them at once. When it ends,
    it leaves the address open until the last answer is sent: whoever connects meanwhile is neither served nor refused,
    and in the end is cut off.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Requests that a thread is at, or that wait for one.
        self.under_way = 0
        super().__init__(*args, **kwargs)

    @property
    def worker_connections(self) -> int:
        """How many connections to hold at most; when so many are there, no more are taken."""
        return self.most_connections if self.under_way < self.cfg.threads else self.nr_conns

    @worker_connections.setter
    def worker_connections(self, most: int) -> None:
        self.most_connections = most

    def enqueue_req(self, conn: Any) -> None:
        """Have a thread look at what came on a connection."""
        self.under_way += 1
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """See to a connection that a thread is done with."""
        self.under_way -= 1
        super().finish_request(conn, fs)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Take connections, or stop to; for good when the worker ends."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            # The other workers, and the process that starts them, have their own.
            for listener in self.sockets:
                listener.close()
