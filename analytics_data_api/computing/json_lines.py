"""A line of a tracking log, read as JSON, whatever is in it."""

import json
from typing import Any, Final

import orjson

# Why a line is refused.
EMPTY: Final = "empty"
TOO_LONG: Final = "longer than 16 MB"
NOT_UTF8: Final = "not UTF-8"
NOT_JSON: Final = "not JSON"
NO_OBJECT: Final = "not an object"
NO_TIME: Final = "without a time"
NO_DATE: Final = "without a date that exists"

# The numbers of 64 bits: larger ones are not exact, here as in JavaScript.
SMALLEST: Final = -(2**63)
LARGEST: Final = 2**64 - 1
LONGEST_INTEGER: Final = 20


class RefusedLineError(Exception):
    """A line cannot be read; the message is one of the reasons above."""


def read_line(line: bytes) -> dict[str, Any]:
    """Return the object of a line.

    A line that is no JSON is read from its first ``{`` to its last ``}``: something has written a prefix before it.

    Args:
        line: A line without its end.

    Raises:
        RefusedLineError: It has none.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        value = read_odd_line(line)
    if not isinstance(value, dict):
        raise RefusedLineError(NO_OBJECT)
    return value


def read_odd_line(line: bytes) -> Any:
    """Return the value of a line that orjson does not read."""
    if not line:
        raise RefusedLineError(EMPTY)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise RefusedLineError(NOT_UTF8) from None
    try:
        return read_json(text)
    except ValueError:
        start, end = text.find("{"), text.rfind("}") + 1
    try:
        return read_json(text[start:end])
    except ValueError:
        raise RefusedLineError(NOT_JSON) from None


def read_json(text: str) -> Any:
    """Return the value of a JSON text.

    It may hold what Python writes beyond JSON, as Python has written most of a log: ``NaN`` and ``Infinity``. One
    surrogate without the other becomes U+FFFD. Of a name that an object has twice, the last value counts.

    Raises:
        ValueError: It is not JSON, or too deeply nested to be read.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return replace_surrogates(DECODER.decode(text))
    except RecursionError:
        raise ValueError("It is nested too deeply.") from None


def read_integer(digits: str) -> int | float:
    """Return an integer, or a float if it has more than 64 bits."""
    if len(digits) <= LONGEST_INTEGER and SMALLEST <= (number := int(digits)) <= LARGEST:
        return number
    return float(digits)


DECODER: Final = json.JSONDecoder(parse_int=read_integer)


def replace_surrogates(value: Any) -> Any:
    """Return a value in which U+FFFD stands for each surrogate."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {replace_surrogates(name): replace_surrogates(item) for name, item in value.items()}
    return value
