"""How lines of the log are written: as text to be read by people, or as JSON for programs. Times are UTC, ISO 8601."""

import logging
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import orjson
from pythonjsonlogger.orjson import OrjsonFormatter

from analyticsdataserver.observability.access_log import AccessLogRecord
from analyticsdataserver.observability.request_context import current_request
from analyticsdataserver.observability.secrets import hidden

# What gunicorn quotes of a request that it cannot read may be anything, a key without its header's colon for one.
GUNICORN: Final = "gunicorn"
QUOTED: Final = re.compile(r"b?(['\"]).*\1", re.DOTALL)
QUERY: Final = re.compile(r"\?\S+")

TRACEBACKS: Final = logging.Formatter()

# What a line tells of a record, besides its texts.
KEPT: Final = ("name", "levelno", "levelname", "created", "msecs", "request_id")


class RequestIdFilter(logging.Filter):
    """Gives each line the id of the request that is being handled, None where none is."""

    def filter(self, record: logging.LogRecord) -> bool:
        handled = current_request.get()
        vars(record)["request_id"] = None if handled is None else handled.id
        return True


class UnansweredFilter(logging.Filter):
    """Leaves out what Django tells of an answer, which has its entry, but for the reason of an error."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is not None


def harmless(record: logging.LogRecord) -> logging.LogRecord:
    """Return what is to be written of a record: no secret, and nothing of what else its sender has attached to it."""
    if isinstance(record.msg, AccessLogRecord):
        return record
    handled = current_request.get()
    request = None if handled is None else handled.request
    message = record.getMessage()
    if record.name.startswith(GUNICORN):
        message = QUERY.sub("?…", QUOTED.sub("'…'", message))
    kept = {name: vars(record).get(name) for name in KEPT}
    traceback = record.exc_text or (TRACEBACKS.formatException(record.exc_info) if record.exc_info else "")
    written = {"msg": message, "exc_text": traceback, "stack_info": record.stack_info or ""}
    return logging.makeLogRecord(kept | {name: printable(hidden(text, request)) for name, text in written.items()})


def printable(text: str) -> str:
    """Return a text that can be written in UTF-8."""
    return text.encode(errors="backslashreplace").decode()


class UTCTime(logging.Formatter):
    """Writes the time of a record as ``YYYY-mm-ddTHH:MM:SS.sssZ``."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - not our name
        return f"{second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(16)
def second(seconds: int) -> str:
    """Return a time, in seconds since 1970, as lines tell it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class TextFormatter(UTCTime):
    """``time level logger request_id message``, and below it the traceback of an error."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {request_id} {message}", style="{", defaults={"request_id": "-"})

    def format(self, record: logging.LogRecord) -> str:
        written = harmless(record)
        if vars(written).get("request_id") is None:
            vars(written).pop("request_id", None)
        return super().format(written)


class JSONFormatter(UTCTime, OrjsonFormatter):
    """An object a line: time, level, logger, request_id, message, and exception, or the fields of a request's entry."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "request_id", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
        )

    def format(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, AccessLogRecord):
            return super().format(harmless(record))
        # There is one for each request. Nothing of it is to be looked for, hidden or renamed.
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "request_id": vars(record).get("request_id"),
        }
        return orjson.dumps(line | record.msg).decode()
