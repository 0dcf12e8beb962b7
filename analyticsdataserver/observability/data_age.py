"""When each table was loaded last: read once a minute, in a thread, so that no request waits for the database."""

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Final

from django.db import Error, connections

from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.loads import newest_loads

logger = logging.getLogger(__name__)

# Seconds for which the result of a query is kept.
MAX_AGE: Final = 60.0
# Seconds that a caller waits for a running query.
TIMEOUT: Final = 1.0


class NewestLoads:
    """When each table was loaded last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loads: Mapping[str, datetime] = {}
        self.thread: threading.Thread | None = None
        self.expires = 0.0

    def latest(self) -> Mapping[str, datetime]:
        """Return the UTC time of each table's newest load as it was last read, also while the database is away.

        Tables that do not exist, or have never been loaded, are left out.
        """
        with self.lock:
            thread = self.thread
            if thread is None and monotonic() >= self.expires:
                thread = self.thread = threading.Thread(target=self.read, name="data-age", daemon=True)
                thread.start()
        if thread is not None:
            thread.join(TIMEOUT)
        return self.loads

    def read(self) -> None:
        """Query the database, over a connection of this thread's own."""
        try:
            self.loads = newest_loads(ANALYTICS_DATABASE)
        except Error:
            logger.warning(
                "The times of the newest loads cannot be read from the database %s.", ANALYTICS_DATABASE, exc_info=True
            )
        finally:
            connections[ANALYTICS_DATABASE].close()
            with self.lock:
                self.expires = monotonic() + MAX_AGE
                self.thread = None
