"""Reading the body of a request."""

from io import BytesIO
from typing import Any, Final

import orjson
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser, FormParser
from rest_framework.request import Request

MAX_BODY_SIZE: Final = 64 * 1024


class BodyTooLarge(APIException):
    """The body has more than ``MAX_BODY_SIZE`` bytes."""

    status_code = 413
    default_code = "body_too_large"
    default_detail = f"The body is too large; this address takes up to {MAX_BODY_SIZE // 1024} kB."


class JSONParser(BaseParser):
    """A body in JSON; Python's own parser ends in a RecursionError where one is nested deeply."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


PARSERS: Final = (FormParser, JSONParser)


def data(request: Request) -> Any:
    """Return what the body says: JSON's value, or a form's fields; an empty ``dict`` where there is no body.

    ``request.data`` is not used: it takes a chunked body for none, and reads any number of bytes.

    Raises:
        UnsupportedMediaType: The body is neither JSON nor an urlencoded form. It has not been read.
        BodyTooLarge: It has not been read, or only up to the limit.
        ParseError: It ends early, or is not JSON.
    """
    length = content_length(request)
    if length == 0:
        return {}
    media_type = request.META.get("CONTENT_TYPE", "")
    name = media_type.partition(";")[0].strip().lower()
    parser = next((each() for each in PARSERS if each.media_type == name), None)
    if parser is None:
        raise UnsupportedMediaType(media_type)
    if length is not None and length > MAX_BODY_SIZE:
        raise BodyTooLarge
    try:
        body = read(request.META["wsgi.input"], MAX_BODY_SIZE + 1 if length is None else length)
    except OSError:
        raise ParseError("The connection broke before the end of the body.") from None
    if len(body) > MAX_BODY_SIZE:
        raise BodyTooLarge
    if length is not None and len(body) < length:
        raise ParseError(f"The body ends after {len(body)} of {length} bytes.")
    return parser.parse(BytesIO(body), media_type, {})


def content_length(request: Request) -> int | None:
    """Return the length of the body as declared; None for a chunked body, whose end the server detects."""
    declared = request.META.get("CONTENT_LENGTH", "")
    if declared.isdecimal():
        # No length of a request that can be served has more digits.
        return int(declared) if len(declared) < len(str(10 * MAX_BODY_SIZE)) else MAX_BODY_SIZE + 1
    has_end = request.META.get("wsgi.input_terminated") or "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "")
    return None if has_end else 0


def read(stream: Any, size: int) -> bytes:
    """Return up to so many bytes, fewer only where the stream ends."""
    body = bytearray()
    while len(body) < size and (chunk := stream.read(size - len(body))):
        body += chunk
    return bytes(body)
