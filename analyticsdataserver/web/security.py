"""The Content-Security-Policy of responses that have none of their own."""

from typing import Any, Final

# A response to a program shows nothing; a browser that opens one takes it for a document all the same.
NOTHING_ALLOWED: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def add_policy(headers: Any, *file: Any) -> None:
    """Add the policy to the headers of a static file: WhiteNoise's ``WHITENOISE_ADD_HEADERS_FUNCTION``."""
    headers["Content-Security-Policy"] = NOTHING_ALLOWED
