"""What the soak takes for right, and what for wrong."""

from http.client import HTTPMessage
from io import BytesIO
from typing import Any

import pytest

from analyticsdataserver.testing.service import Answer
from analyticsdataserver.testing.soak import MEMORY, SETTLED, Memory, Soak, error_code

PATH = "/api/v0/something/"
# No site is asked for anything here.
NOWHERE: Any = None


class Response:
    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self.headers = HTTPMessage()
        for name, value in headers.items():
            self.headers[name.replace("_", "-")] = value


@pytest.fixture
def soak() -> Any:
    return Soak(NOWHERE, {PATH: Answer(200, HTTPMessage(), b"[1]", 0.1)}, ())


@pytest.mark.parametrize(
    ("response", "body", "right"),
    [
        (Response(200), b"[1]", True),
        (Response(200), b"[2]", False),
        (Response(200), b"[", False),
        (Response(304, ETag='"a"'), b"", True),
        (Response(304, ETag='"b"'), b"", False),
        (Response(304, ETag='"a"'), b"[1]", False),
        (Response(503, Retry_After="5"), b'{"error_code":"database_unavailable"}', True),
        (Response(503), b'{"error_code":"database_unavailable"}', False),
        (Response(503, Retry_After="5"), b"<html>", False),
        (Response(500), b"", False),
        (Response(404), b"", False),
        (Response(401), b"", False),
    ],
)
def test_answers(soak: Any, response: Response, body: bytes, right: bool) -> None:
    assert (soak.fault(PATH, {"If-None-Match": '"a"'}, response, body) is None) is right


class Connection:
    """A connection that is closed before the first ``broken`` responses come."""

    def __init__(self, broken: int) -> None:
        self.broken = broken
        self.requests = 0

    def request(self, method: str, path: str, headers: Any) -> None:
        self.requests += 1

    def getresponse(self) -> Any:
        if self.requests <= self.broken:
            raise ConnectionResetError
        return BytesIO(b"[1]")

    def close(self) -> None:
        pass


class TestConnectionClosedBeforeTheResponse:
    def test_request_is_sent_once_more(self, soak: Any) -> None:
        connection: Any = Connection(broken=1)
        assert soak.get(connection, PATH, {})[1] == b"[1]"
        assert connection.requests == 2
        assert soak.counts == {"connections closed before the response, and opened again": 1}

    def test_not_twice(self, soak: Any) -> None:
        connection: Any = Connection(broken=2)
        with pytest.raises(ConnectionResetError):
            soak.get(connection, PATH, {})


@pytest.mark.parametrize(
    ("body", "code"), [(b'{"error_code":"table_locked"}', "table_locked"), (b"<html>", ""), (b"[]", ""), (b"{}", "")]
)
def test_error_code(body: bytes, code: str) -> None:
    assert error_code(body) == code


def test_what_is_wrong_is_counted_and_kept(soak: Any) -> None:
    soak.note("200", 0.5, None)
    soak.note("200", 0.25, f"{PATH}: 200 b'[2]'")
    assert soak.counts == {"200": 2}
    assert soak.slowest == {"200": 500}
    (wrong,) = soak.wrong
    assert wrong.endswith(f" s  {PATH}: 200 b'[2]'")


@pytest.mark.parametrize(("grown", "faults"), [(MEMORY, 0), (MEMORY + 1, 1)])
def test_memory_that_grows_is_a_fault(grown: int, faults: int) -> None:
    memory = Memory(NOWHERE)
    # What a worker takes in the first half of its time, or for its first answers, is not counted.
    whole = 2 * SETTLED
    memory.seen = {1: [0] * SETTLED + [10**9, 10**9 + grown], 2: [0] * SETTLED, 3: [0] * whole + [10**9] * (whole + 1)}
    assert len(memory.faults()) == faults
    assert len(list(memory.report())) == 2
