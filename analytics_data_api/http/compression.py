"""Compression with gzip (RFC 9110, section 8.4.1.3)."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.http import HttpRequest
from django.middleware import gzip
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_header_parameters

# The fastest: half the time of zlib's default level, and rows of numbers become hardly larger.
LEVEL: Final = 1
# zlib: with a gzip header.
GZIP: Final = zlib.MAX_WBITS + 16


class GZipMiddleware(gzip.GZipMiddleware):
    """Django's, which compresses for every client that names gzip, also in order to refuse it with ``gzip;q=0``."""

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        patch_vary_headers(response, ["Accept-Encoding"])
        return super().process_response(request, response) if accepts_gzip(request) else response


def accepts_gzip(request: HttpRequest) -> bool:
    """Return whether the header ``Accept-Encoding`` names gzip with a quality above 0 (RFC 9110, section 12.5.3)."""
    for coding in request.META.get("HTTP_ACCEPT_ENCODING", "").lower().split(","):
        name, parameters = parse_header_parameters(coding)
        if name == "gzip":
            try:
                return float(parameters.get("q", 1)) > 0
            except ValueError:
                return False
    return False


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks of bytes compressed, one for each."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()
