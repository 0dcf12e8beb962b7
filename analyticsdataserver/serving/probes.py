"""Whether a database answers, told in time whatever the database does."""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Final

from django.db import Error, connections

logger = logging.getLogger(__name__)

# Seconds within which a database that is well answers, so that whoever asks about it has an answer within one.
PATIENCE: Final = 0.6


class Probe:
    """Asks a database whether it answers, in a thread of its own, which may wait when those who ask may not.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.threads = ThreadPoolExecutor(1, thread_name_prefix=f"probe-{alias}")
        self.lock = Lock()
        self.asked: Future[bool] | None = None

    def ask(self) -> Future[bool]:
        """Return what will tell whether the database answers; all who ask while it is being asked get the same."""
        with self.lock:
            if self.asked is None or self.asked.done():
                self.asked = self.threads.submit(self.answers)
            return self.asked

    def answers(self) -> bool:
        """Tell whether the database answers the simplest of queries on a new connection, however long it takes."""
        connection = connections[self.alias]
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
                cursor.fetchone()
        except Error as error:
            logger.error("The database %s does not answer: %s", self.alias, error)
            return False
        finally:
            connection.close()
        return True


@cache
def probe(alias: str) -> Probe:
    """Return the only probe of a database in this process."""
    return Probe(alias)


def answering(aliases: Iterable[str]) -> dict[str, bool]:
    """Tell of databases, by their keys in the setting ``DATABASES``, whether they answer, within PATIENCE seconds."""
    asked = {alias: probe(alias).ask() for alias in aliases}
    deadline = time.monotonic() + PATIENCE
    return {alias: answered(future, deadline - time.monotonic()) for alias, future in asked.items()}


def answered(future: Future[bool], seconds: float) -> bool:
    try:
        return future.result(max(0, seconds))
    except TimeoutError:
        return False
