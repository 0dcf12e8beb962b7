"""Lines of the log: as text for people, or as JSON for programs. Times are UTC, ISO 8601."""

import logging
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

import orjson
from pythonjsonlogger.orjson import OrjsonFormatter

from analyticsdataserver.observability.access_log import COMPLETE, AccessLogRecord
from analyticsdataserver.observability.request_context import current_request
from analyticsdataserver.observability.secrets import hide_secrets

TRACEBACKS: Final = logging.Formatter()


class OnlyErrorsFilter(logging.Filter):
    """Leaves out what Django logs of a request, which has its line in the access log, but for tracebacks of a 5xx.

    A client can cause any number of 4xx, some of which Django logs with a traceback.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
        return record.exc_info is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR


def cleaned(record: logging.LogRecord, no_request: str | None = None) -> logging.LogRecord:
    """Return a copy with the id of the request, without secrets, and without what ``extra`` attached to the record.

    Args:
        record: A record of any logger.
        no_request: The id where no request is being handled.
    """
    current = current_request.get()
    request_id, request = (no_request, None) if current is None else current
    traceback = record.exc_text or (TRACEBACKS.formatException(record.exc_info) if record.exc_info else "")
    texts = {"msg": record.getMessage(), "exc_text": traceback, "stack_info": record.stack_info or ""}
    fields: dict[str, Any] = {
        "name": record.name,
        "levelname": record.levelname,
        "created": record.created,
        "msecs": record.msecs,
        "request_id": request_id,
    }
    fields |= {name: encodable(hide_secrets(text, request)) for name, text in texts.items()}
    return logging.makeLogRecord(fields)


def encodable(text: str) -> str:
    """Return a text that can be written in UTF-8."""
    return text.encode(errors="backslashreplace").decode()


class UTCFormatter(logging.Formatter):
    """Writes the time of a record as ``YYYY-mm-ddTHH:MM:SS.sssZ``."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - not our name
        return f"{iso_second(int(record.created))}.{int(record.msecs):03d}Z"


@lru_cache(16)
def iso_second(seconds: int) -> str:
    """Return a Unix time in ISO 8601."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class TextFormatter(UTCFormatter):
    """``time level logger request_id message``, and below it the traceback of an error."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {request_id} {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        fields = record.msg
        if not isinstance(fields, AccessLogRecord):
            return super().format(cleaned(record, no_request="-"))
        rows = "" if fields["rows"] is None else f"{fields['rows']:,} rows "
        words = [
            f"{self.formatTime(record)} {record.levelname} {record.name} {fields['request_id']} {fields['message']}",
            f"{fields['duration_ms']:.1f} ms {rows}{fields['bytes']:,} bytes",
            "/".join(filter(None, (fields["user"], fields["key"]))) or "-",
            fields["client"] or "-",
            repr(fields["path"]),
        ]
        if "error" in fields:
            words.append(fields["error"])
        if fields["outcome"] != COMPLETE:
            words.append(fields["outcome"])
        return " ".join(words)


class JSONFormatter(UTCFormatter, OrjsonFormatter):
    """An object a line: time, level, logger, request_id, message, and exception, or the fields of the access log."""

    def __init__(self) -> None:
        super().__init__(
            ["asctime", "levelname", "name", "request_id", "message"],
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
        )

    def format(self, record: logging.LogRecord) -> str:
        if not isinstance(record.msg, AccessLogRecord):
            return super().format(cleaned(record))
        # Its fields hold no secret, and it is written for each request.
        line = {"time": self.formatTime(record), "level": record.levelname, "logger": record.name}
        return orjson.dumps(line | record.msg).decode()
