import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from analyticsdataserver.observability.access_log import logger as requests
from analyticsdataserver.observability.formatting import JSONFormatter, RequestIdFilter
from analyticsdataserver.observability.request_context import current_request

Line = dict[str, Any]


class Log:
    """What has been logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[Line]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def entries(self) -> list[Line]:
        """Those about requests."""
        return [line for line in self.lines if line["logger"] == requests.name]

    @property
    def entry(self) -> Line:
        """The only one about a request."""
        (entry,) = self.entries
        return entry


@pytest.fixture(autouse=True)
def _nothing_is_being_handled() -> None:
    # A request that broke off stays, until the server has told of it.
    current_request.set(None)


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged from now on, as JSON."""
    log = Log()
    handler = logging.StreamHandler(log.stream)
    handler.setFormatter(JSONFormatter())
    handler.addFilter(RequestIdFilter())
    logging.root.addHandler(handler)
    yield log
    logging.root.removeHandler(handler)
