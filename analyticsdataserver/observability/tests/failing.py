"""The service, with a disk that fails after the first block of each answer."""

from typing import Any
from unittest.mock import patch

from analyticsdataserver.serving.wsgi import application

__all__ = ["application"]

# Not before the application is there.
from analytics_data_api.http.spool import Spool

read = Spool.read


def fail(spool: Spool, size: int = -1) -> Any:
    if spool.tell():
        raise RuntimeError("The file cannot be read.")
    return read(spool, size)


patch.object(Spool, "read", fail).start()
