"""What a header ``Authorization`` holds; this needs no model, so that the log can be set up with it."""

import base64
import binascii
from typing import Final

BASIC: Final = b"basic"


def decoded(word: bytes) -> bytes:
    """Return what is written in Base64; nothing where it is none."""
    try:
        return base64.b64decode(word, validate=True)
    except binascii.Error:
        return b""


def credentials(header: str) -> list[str]:
    """Return what a header ``Authorization`` holds that may be a key, also where Basic has encoded it."""
    scheme, *words = header.split() or [""]
    if scheme.lower() == BASIC.decode() and words:
        text = decoded(words[0].encode("latin-1", "replace")).decode(errors="replace")
        return [*words, *filter(None, text.split(":", 1))]
    return words or [scheme]
