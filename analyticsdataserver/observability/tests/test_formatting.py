"""The two forms that a line has, and which one there is."""

import logging
from typing import Any

import pytest

from analyticsdataserver.observability.access_log import AccessLogRecord
from analyticsdataserver.observability.configuration import logging_settings
from analyticsdataserver.observability.formatting import JSONFormatter, TextFormatter

ENTRY = AccessLogRecord(
    message="GET v0:CourseEnrollmentView 200",
    method="GET",
    route="v0:CourseEnrollmentView",
    path="/api/v0/courses/a/b/c/enrollment\n",
    status=200,
    duration_ms=1.25,
    rows=1826,
    bytes=182600,
    user="reader",
    client="192.0.2.7",
    outcome="complete",
)


def record(message: Any, *args: Any, request_id: str | None = "0123") -> logging.LogRecord:
    made = logging.LogRecord("some.where", logging.WARNING, "file.py", 1, message, args, None)
    made.created, made.msecs = 1417217506.5, 500.0
    vars(made)["request_id"] = request_id
    return made


def failed() -> logging.LogRecord:
    made = record("It %s", "failed")
    made.exc_text = "Traceback (most recent call last):\nZeroDivisionError"
    return made


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
            '"user":"reader","client":"192.0.2.7","outcome":"complete"}'
        )

    def test_outside_of_requests(self) -> None:
        assert '"request_id":null' in JSONFormatter().format(record("x", request_id=None))


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
                "1.2 ms 1,826 rows 182,600 bytes reader 192.0.2.7 '/api/v0/courses/a/b/c/enrollment\\n'",
            ),
            (
                {"rows": None, "user": None, "client": None, "path": "/x", "outcome": "aborted"},
                "1.2 ms 182,600 bytes - - '/x' aborted",
            ),
        ],
    )
    def test_of_a_request(self, changed: dict[str, Any], text: str) -> None:
        line = TextFormatter().format(record(AccessLogRecord(ENTRY | changed)))
        assert line == f"{self.HEAD} GET v0:CourseEnrollmentView 200 {text}"

    def test_outside_of_requests(self) -> None:
        assert TextFormatter().format(record("x", request_id=None)) == f"{self.HEAD[:-4]}- x"
        made = record("x")
        del vars(made)["request_id"]
        assert TextFormatter().format(made) == f"{self.HEAD[:-4]}- x"


@pytest.mark.parametrize(("form", "formatter"), [("json", JSONFormatter), ("text", TextFormatter)])
def test_the_settings_choose(form: str, formatter: type[logging.Formatter]) -> None:
    configuration = logging_settings("INFO", form)
    chosen = configuration["formatters"][configuration["handlers"]["console"]["formatter"]]["()"]
    assert chosen.endswith(f".formatting.{formatter.__name__}")
