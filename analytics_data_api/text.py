"""What clients send as text: whether it is text, and how messages repeat it."""

from typing import Final
from urllib.parse import unquote_to_bytes

from rest_framework.exceptions import ParseError

# How many characters of a client's value a message repeats.
SHOWN_LENGTH: Final = 60


def quote_value(value: str) -> str:
    """Return a client's value as a message may repeat it: quoted, printable, and shortened."""
    return repr(value if len(value) <= SHOWN_LENGTH else f"{value[: SHOWN_LENGTH - 1]}…")


def require_text(query: str) -> None:
    """Check that a query string, which is still percent-encoded, is text: Django would replace bytes that are not.

    Raises:
        ParseError: It holds a NUL character, or bytes that are not UTF-8.
    """
    if "%" not in query and "\0" not in query and query.isascii():
        return
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        # WSGI (PEP 3333) passes bytes as Latin-1 characters.
        raw = unquote_to_bytes(pair.encode("latin-1"))
        shown = f"The parameter {quote_value(name)} is {quote_value(value)}"
        if b"\0" in raw:
            raise ParseError(f"{shown}, which holds a NUL character; it takes text.", "invalid_text")
        try:
            raw.decode()
        except UnicodeDecodeError:
            raise ParseError(f"{shown}, which holds bytes that are not UTF-8.", "invalid_text") from None
