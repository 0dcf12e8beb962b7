"""How old the data are, without a query for whoever asks: the database is asked once a minute, in the background."""

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

# Seconds for which what the database told is kept.
KEPT: Final = 60.0
# Seconds that somebody who asks waits for a database that is being asked.
WAIT: Final = 1.0


class NewestLoads:
    """When each table was loaded last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.loads: Mapping[str, datetime] = {}
        self.asking: threading.Thread | None = None
        self.due = 0.0

    def known(self) -> Mapping[str, datetime]:
        """Return the time of each table's newest load, UTC, as far as it is known, also while the database is away.

        Tables that are not there, or have never been loaded, are left out.
        """
        with self.lock:
            asking = self.asking
            if asking is None and monotonic() >= self.due:
                asking = self.asking = threading.Thread(target=self.ask, name="data-age", daemon=True)
                asking.start()
        if asking is not None:
            asking.join(WAIT)
        return self.loads

    def ask(self) -> None:
        """Ask the database, over a connection of this thread's own."""
        try:
            self.loads = newest_loads(ANALYTICS_DATABASE)
        except Error:
            logger.warning("The database %s does not tell how old its data are.", ANALYTICS_DATABASE, exc_info=True)
        finally:
            connections[ANALYTICS_DATABASE].close()
            with self.lock:
                self.due = monotonic() + KEPT
                self.asking = None
