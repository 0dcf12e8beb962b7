"""The access log: one record for each request."""

import logging
from typing import Any, Final

logger = logging.getLogger("analyticsdataserver.request")

# How a response ended: the server took all of it, the client closed the connection before, or something failed here,
# as where the process is being ended.
COMPLETE: Final = "complete"
ABORTED: Final = "aborted"
FAILED: Final = "failed"

# The route of a request that no view answered.
STATIC: Final = "static"
NO_ROUTE: Final = "none"

# Routes that are requested every few seconds; their records have the level DEBUG.
PROBES: Final = frozenset({"status", "health", "metrics"})

# The longest ids fit in a path of this length; what is longer is cut.
PATH_LENGTH: Final = 400
METHOD_LENGTH: Final = 20
ADDRESS_LENGTH: Final = 64


class AccessLogRecord(dict[str, Any]):
    """The fields of a line about a request, in their order: the message of a log record."""
