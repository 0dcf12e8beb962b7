"""Answers compressed with gzip, for callers who take them so."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_header_parameters

from analytics_data_api.http.conditional import compressed

# An answer that fits into one packet of a network gets there no sooner for being smaller.
SMALLEST: Final = 1400

# The fastest: half the time of zlib's usual level, and rows of numbers become hardly larger.
LEVEL: Final = 1
# zlib: a gzip header, which then holds no time, so that the same answer always has the same bytes.
GZIP: Final = zlib.MAX_WBITS + 16

TYPES: Final = (
    "application/json",
    "application/problem+json",
    "application/vnd.oai.openapi",
    "application/yaml",
    "text/",
)


class GzipMiddleware:
    """Compresses answers for callers whose ``Accept-Encoding`` takes gzip; streamed ones while they are sent.

    Unlike Django's own, it leaves a strong ``ETag`` strong, which takes that the same answer always becomes the same
    bytes. Django adds some at random, against attacks that guess secrets from lengths (BREACH): what is compressed here
    holds nothing that is secret from whoever can ask for it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        wanted = takes_gzip(request.META.get("HTTP_ACCEPT_ENCODING", ""))
        # Also where nothing is compressed, and in a 304: caches have to know what it depends on.
        varies = "Accept-Encoding" in response.get("Vary", "")
        if varies and not wanted:
            return response
        unchanged = response.status_code == HTTPStatus.NOT_MODIFIED
        if response.has_header("Content-Encoding") or not (unchanged or compressible(response)):
            return response
        if not varies:
            patch_vary_headers(response, ["Accept-Encoding"])
        if wanted and not unchanged:
            compress_response(response)
        return response


def compressible(response: HttpResponseBase) -> bool:
    return response.get("Content-Type", "").startswith(TYPES)


def compress_response(response: Any) -> None:
    """Compress an answer, unless it is small."""
    if response.streaming:
        response.streaming_content = compress(response.streaming_content)
        del response["Content-Length"]
    elif len(response.content) >= SMALLEST:
        response.content = b"".join(compress([response.content]))
        response["Content-Length"] = str(len(response.content))
    else:
        return
    response["Content-Encoding"] = "gzip"
    if response.has_header("ETag"):
        response["ETag"] = compressed(response["ETag"])


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether a header ``Accept-Encoding`` takes gzip (RFC 9110, section 12.5.3)."""
    offers = accept_encoding.lower()
    if "gzip" not in offers and "*" not in offers:
        return False
    qualities = {}
    for offer in offers.split(","):
        coding, parameters = parse_header_parameters(offer)
        try:
            qualities[coding.strip()] = float(parameters.get("q", 1))
        except ValueError:
            qualities[coding.strip()] = 0.0
    named = (qualities[name] for name in ("gzip", "x-gzip", "*") if name in qualities)
    return next(named, 0.0) > 0


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks compressed, each as soon as it is there; an answer that breaks off lacks the end."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    for chunk in chunks:
        yield compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()
