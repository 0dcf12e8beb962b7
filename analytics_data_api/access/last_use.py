"""When a key was used last: a day, written once for each, never in the way of a request."""

import logging
import time
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

from django.db import Error, connections
from django.db.models import Q

from analytics_data_api.access.models import Key
from analytics_data_api.tables.statements import database_of

logger = logging.getLogger(__name__)

DAY: Final = 86_400
# How many keys a process remembers to have noted.
MAX_KEYS: Final = 100_000


class Notes:
    """Writes down that keys were used, in a thread of its own.

    A database that cannot be written is not asked again for the same key on the same day.
    """

    def __init__(self) -> None:
        self.lock = Lock()
        self.noted: dict[int, int] = {}
        self.queue: SimpleQueue[tuple[int, int]] = SimpleQueue()
        self.thread: Thread | None = None

    def note(self, pk: int | None) -> None:
        """Have a key's use written, unless this process has done so today."""
        day = int(time.time() // DAY)
        if pk is None or self.noted.get(pk) == day:
            return
        with self.lock:
            if self.noted.get(pk) == day:
                return
            if len(self.noted) >= MAX_KEYS:
                self.noted.clear()
            self.noted[pk] = day
            if self.thread is None or not self.thread.is_alive():
                self.thread = Thread(target=self.run, name="last-use", daemon=True)
                self.thread.start()
        self.queue.put((pk, day))

    def run(self) -> None:
        while True:
            write(*self.queue.get())


def write(pk: int, day: int) -> None:
    """Write the day of a key's last use; a failure is logged."""
    alias = database_of(Key)
    try:
        Key.objects.using(alias).filter(Q(last_used__lt=day) | Q(last_used=None), pk=pk).update(last_used=day)
    except Error as error:
        # Its message may name a table, never a key.
        logger.debug("The last use of a key was not written: %s", type(error).__name__)
    finally:
        connections[alias].close()


notes: Final = Notes()


def note(pk: int | None) -> None:
    """Have a key's use written, once a day."""
    notes.note(pk)
