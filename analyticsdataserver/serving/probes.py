"""Whether a database can be read, found out in time whatever the database does."""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Final

from django.contrib.auth.models import User
from django.db import Error, connections

from analytics_data_api.access.models import Key

logger = logging.getLogger(__name__)

# Seconds within which a database that is well can be read, so that the response comes within one.
TIMEOUT: Final = 0.6


class Probe:
    """Reads from a database in a thread of its own, which may wait when the response may not.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.threads = ThreadPoolExecutor(1, thread_name_prefix=f"probe-{alias}")
        self.lock = Lock()
        self.began = 0.0
        self.future: Future[bool] | None = None

    def start(self) -> tuple[Future[bool], float]:
        """Return the result of reading, and by when it has to be there; requests at the same time share both."""
        with self.lock:
            if self.future is None or self.future.done():
                self.began = time.monotonic()
                self.future = self.threads.submit(self.is_readable)
            return self.future, self.began + TIMEOUT

    def is_readable(self) -> bool:
        """Return whether the database can be read on a new connection, and has its tables, however long it takes."""
        connection = connections[self.alias]
        try:
            if self.alias == "default":
                for model in (User, Key):
                    model.objects.using(self.alias).order_by().values_list("pk").first()
            elif not connection.introspection.table_names(include_views=True):
                logger.error("The database %s has no tables.", self.alias)
                return False
        except Error as error:
            logger.error("The database %s cannot be read: %s", self.alias, error)
            return False
        finally:
            connection.close()
        return True


@cache
def probe(alias: str) -> Probe:
    """Return the only probe of a database in this process."""
    return Probe(alias)


def readable(aliases: Iterable[str]) -> dict[str, bool]:
    """Return of databases, by their keys in the setting ``DATABASES``, whether they can be read, within a second."""
    started = {alias: probe(alias).start() for alias in aliases}
    return {alias: is_readable_by(future, deadline) for alias, (future, deadline) in started.items()}


def is_readable_by(future: Future[bool], deadline: float) -> bool:
    try:
        return future.result(max(0, deadline - time.monotonic()))
    except TimeoutError:
        return False
