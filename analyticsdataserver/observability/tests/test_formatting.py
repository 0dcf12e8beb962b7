"""The two formats of a line, and which setting chooses between them."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import RequestFactory

from analyticsdataserver.observability.access_log import AccessLogRecord
from analyticsdataserver.observability.configuration import logging_settings
from analyticsdataserver.observability.formatting import JSONFormatter, TextFormatter
from analyticsdataserver.observability.request_context import CurrentRequest, current_request

ENTRY = AccessLogRecord(
    request_id="0123",
    message="GET v0:CourseEnrollmentView 200",
    method="GET",
    route="v0:CourseEnrollmentView",
    path="/api/v0/courses/a/b/c/enrollment\n",
    status=200,
    duration_ms=1.25,
    rows=1826,
    bytes=182600,
    user="reader",
    key="oda_1a2B3c4D",
    client="192.0.2.7",
    outcome="complete",
)


@pytest.fixture
def _request() -> Iterator[None]:
    token = current_request.set(CurrentRequest("0123", RequestFactory().get("/")))
    yield
    current_request.reset(token)


def record(message: Any, *args: Any) -> logging.LogRecord:
    made = logging.LogRecord("some.where", logging.WARNING, "file.py", 1, message, args, None)
    made.created, made.msecs = 1417217506.5, 500.0
    return made


def failed() -> logging.LogRecord:
    made = record("It %s", "failed")
    made.exc_text = "Traceback (most recent call last):\nZeroDivisionError"
    return made


@pytest.mark.usefixtures("_request")
class TestJSON:
    def test_of_a_line(self) -> None:
        assert JSONFormatter().format(record("%s: %d", "a", 1)) == (
            '{"time":"2014-11-28T23:31:46.500Z","level":"WARNING","logger":"some.where","request_id":"0123",'
            '"message":"a: 1"}'
        )

    def test_of_an_error(self) -> None:
        assert JSONFormatter().format(failed()) == (
            '{"time":"2014-11-28T23:31:46.500Z","level":"WARNING","logger":"some.where","request_id":"0123",'
            '"message":"It failed","exception":"Traceback (most recent call last):\\nZeroDivisionError"}'
        )

    def test_of_a_request(self) -> None:
        assert JSONFormatter().format(record(ENTRY)) == (
            '{"time":"2014-11-28T23:31:46.500Z","level":"WARNING","logger":"some.where","request_id":"0123",'
            '"message":"GET v0:CourseEnrollmentView 200","method":"GET","route":"v0:CourseEnrollmentView",'
            '"path":"/api/v0/courses/a/b/c/enrollment\\n","status":200,"duration_ms":1.25,"rows":1826,"bytes":182600,'
            '"user":"reader","key":"oda_1a2B3c4D","client":"192.0.2.7","outcome":"complete"}'
        )

    def test_of_a_refused_request(self) -> None:
        line = JSONFormatter().format(record(AccessLogRecord(ENTRY | {"status": 404, "error": "unknown_course"})))
        assert line.endswith('"client":"192.0.2.7","outcome":"complete","error":"unknown_course"}')


@pytest.mark.usefixtures("_request")
class TestText:
    HEAD = "2014-11-28T23:31:46.500Z WARNING some.where 0123"

    def test_of_a_line(self) -> None:
        assert TextFormatter().format(record("%s: %d", "a", 1)) == f"{self.HEAD} a: 1"

    def test_of_an_error(self) -> None:
        expected = f"{self.HEAD} It failed\nTraceback (most recent call last):\nZeroDivisionError"
        assert TextFormatter().format(failed()) == expected

    @pytest.mark.parametrize(
        ("changed", "text"),
        [
            (
                {},
                "1.2 ms 1,826 rows 182,600 bytes reader/oda_1a2B3c4D 192.0.2.7 '/api/v0/courses/a/b/c/enrollment\\n'",
            ),
            (
                {"rows": None, "user": None, "key": None, "client": None, "path": "/x", "outcome": "aborted"},
                "1.2 ms 182,600 bytes - - '/x' aborted",
            ),
            (
                {"rows": None, "path": "/x", "error": "unknown_course"},
                "1.2 ms 182,600 bytes reader/oda_1a2B3c4D 192.0.2.7 '/x' unknown_course",
            ),
        ],
    )
    def test_of_a_request(self, changed: dict[str, Any], text: str) -> None:
        line = TextFormatter().format(record(AccessLogRecord(ENTRY | changed)))
        assert line == f"{self.HEAD} GET v0:CourseEnrollmentView 200 {text}"


def test_outside_of_requests() -> None:
    assert '"request_id":null' in JSONFormatter().format(record("x"))
    assert TextFormatter().format(record("x")) == "2014-11-28T23:31:46.500Z WARNING some.where - x"


@pytest.mark.parametrize(("form", "formatter"), [("json", JSONFormatter), ("text", TextFormatter)])
def test_the_settings_choose(form: str, formatter: type[logging.Formatter]) -> None:
    configuration = logging_settings("INFO", form)
    chosen = configuration["formatters"][configuration["handlers"]["console"]["formatter"]]["()"]
    assert chosen.endswith(f".formatting.{formatter.__name__}")
