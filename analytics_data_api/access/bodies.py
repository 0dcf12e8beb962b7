"""Reading the body of a request."""

from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from django.utils.datastructures import MultiValueDict
from rest_framework import parsers
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.request import Request

# Bytes of a body, and of one that holds lists of ids, which only a valid key can send.
MAX_BODY_SIZE: Final = 64 * 1024
MAX_LIST_SIZE: Final = 2 * 1024 * 1024
# Values of a body: those of a form, and of lists.
MAX_VALUES: Final = 20_000


class BodyTooLarge(APIException):
    """The body has more bytes than the address takes.

    Args:
        limit: How many it takes.
    """

    status_code = 413
    default_code = "body_too_large"
    default_detail = f"The body is too large; this address takes up to {MAX_BODY_SIZE // 1024} kB."

    def __init__(self, limit: int = MAX_BODY_SIZE) -> None:
        super().__init__(f"The body is too large; this address takes up to {limit // 1024} kB.")


class TooManyValues(APIException):
    """The body has more than ``MAX_VALUES`` values."""

    status_code = 413
    default_code = "too_many_values"
    default_detail = f"The body has too many values; this address takes up to {MAX_VALUES:,}."


class JSONParser(parsers.BaseParser):
    """A body in JSON; Python's own parser ends in a RecursionError where one is nested deeply."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(stream.read())
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


class FormParser(parsers.BaseParser):
    """An urlencoded form; Django's takes fewer fields, and replaces bytes that are not UTF-8."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> MultiValueDict[str, str]:
        content = stream.read()
        if content.count(b"&") >= MAX_VALUES:
            raise TooManyValues
        try:
            pairs = parse_qsl(content.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_VALUES)
        except UnicodeDecodeError:
            raise ParseError("The body holds bytes that are not UTF-8.", "invalid_text") from None
        form: MultiValueDict[str, str] = MultiValueDict()
        for name, value in pairs:
            form.appendlist(name, value)
        return form


PARSERS: Final = (FormParser, JSONParser)


def data(request: Request, limit: int = MAX_BODY_SIZE) -> Any:
    """Return what the body says: JSON's value, or a form's fields; an empty ``dict`` where there is no body.

    ``request.data`` is not used: it takes a chunked body for none, and reads any number of bytes.

    Args:
        request: The request.
        limit: How many bytes the body may have.

    Raises:
        UnsupportedMediaType: The body is neither JSON nor an urlencoded form. It has not been read.
        BodyTooLarge: It has not been read, or only up to the limit.
        TooManyValues: A form has more fields than MAX_VALUES.
        ParseError: It ends early, or is not JSON.
    """
    length = content_length(request, limit)
    if length == 0:
        return {}
    media_type = request.META.get("CONTENT_TYPE", "")
    name = media_type.partition(";")[0].strip().lower()
    parser = next((each() for each in PARSERS if each.media_type == name), None)
    if parser is None:
        raise UnsupportedMediaType(media_type)
    if length is not None and length > limit:
        raise BodyTooLarge(limit)
    try:
        if is_session(request):
            # For a session, Django has looked for the CSRF token in a form.
            body = request.body
        else:
            body = read(request.META["wsgi.input"], limit + 1 if length is None else length)
    except OSError:
        raise ParseError("The connection broke before the end of the body.") from None
    if len(body) > limit:
        raise BodyTooLarge(limit)
    if length is not None and len(body) < length:
        raise ParseError(f"The body ends after {len(body)} of {length} bytes.")
    return parser.parse(BytesIO(body), media_type, {})


def content_length(request: Request, limit: int) -> int | None:
    """Return the length of the body as declared; None for a chunked body, whose end the server detects."""
    if request.META.get("wsgi.input_terminated") or "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", ""):
        return None
    declared = request.META.get("CONTENT_LENGTH", "")
    if declared.isdecimal():
        # No length of a request that can be served has more digits.
        return int(declared) if len(declared) < len(str(10 * limit)) else limit + 1
    return 0


def read(stream: Any, size: int) -> bytes:
    """Return up to so many bytes, fewer only where the stream ends."""
    body = bytearray()
    while len(body) < size and (chunk := stream.read(size - len(body))):
        body += chunk
    return bytes(body)


def is_session(request: Request) -> bool:
    """Return whether a request was authenticated by a session, which a browser sends by itself."""
    return bool(getattr(request.auth, "is_session", False))
