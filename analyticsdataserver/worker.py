"""How gunicorn's workers differ from its own."""

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    """Serves with threads; one that ends refuses new connections while it finishes what is under way.

    Gunicorn's own leaves the address open until the last answer is sent. Whoever connects meanwhile is neither served
    nor refused, and in the end is cut off.
    """

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Take connections, or stop to; for good when the worker ends."""
        super().set_accept_enabled(enabled)
        if not self.alive:
            # The other workers, and the process that starts them, have their own.
            for listener in self.sockets:
                listener.close()
