"""The name of the file that a response is saved as (RFC 6266)."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

# A parameter's value that needs no quotation marks: RFC 9110, section 5.6.2.
TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# The characters of the extended form that are not percent-encoded: RFC 5987, section 3.2.1.
UNRESERVED: Final = "!#$&+-.^_`|~"


def attachment(file_name: str) -> str:
    """Return ``Content-Disposition`` for a file to be saved; names beyond ASCII also get ``filename*``.

    Args:
        file_name: The name, without control characters.
    """
    plain = unicodedata.normalize("NFKD", file_name).encode("ascii", "ignore").decode()
    if not TOKEN.fullmatch(plain):
        plain = '"{}"'.format(plain.replace("\\", "\\\\").replace('"', '\\"'))
    value = f"attachment; filename={plain}"
    if not file_name.isascii():
        value += f"; filename*=UTF-8''{quote(file_name, safe=UNRESERVED)}"
    return value
