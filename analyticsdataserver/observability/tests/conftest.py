import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from analyticsdataserver.observability.access_log import logger as access_logger
from analyticsdataserver.observability.formatting import JSONFormatter

Line = dict[str, Any]


class Log:
    """What was logged, as text and as objects."""

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
        """Those of the access log."""
        return [line for line in self.lines if line["logger"] == access_logger.name]

    @property
    def entry(self) -> Line:
        """The only line of the access log."""
        (entry,) = self.entries
        return entry


@pytest.fixture
def log() -> Iterator[Log]:
    """What is logged from now on, as JSON."""
    log = Log()
    handler = logging.StreamHandler(log.stream)
    handler.setFormatter(JSONFormatter())
    logging.root.addHandler(handler)
    yield log
    logging.root.removeHandler(handler)
