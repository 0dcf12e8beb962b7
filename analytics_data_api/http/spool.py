"""Bodies of responses: written completely before any of them is sent, and compressed.

The rows of an answer are read as fast as the database returns them. So a client that reads slowly, or stops, holds no
cursor, lock or database connection; an error while reading is an error response, never a part of an answer; and the
length is known. An answer of more than :data:`MEMORY` bytes is written to a temporary file without a name, which the
system deletes when it is closed, also when the process is killed.
"""

import fcntl
import io
import logging
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.middleware import gzip
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_header_parameters
from rest_framework.exceptions import APIException

logger = logging.getLogger(__name__)

# Bytes up to which an answer is kept in memory.
MEMORY: Final = 2 * 1024 * 1024

# Bytes in which the space of temporary files is reserved.
UNIT: Final = 1024 * 1024

# Linux's struct flock on 64-bit systems: type, whence, start, length, process.
LOCK: Final = struct.Struct("hhqqi")


# The fastest: half the time of zlib's default level, and rows of numbers become hardly larger.
LEVEL: Final = 1
# zlib: with a gzip header.
GZIP: Final = zlib.MAX_WBITS + 16


class SpoolFull(APIException):
    """There is no space for a large answer."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "spool_full"
    default_detail = (
        "The service holds as many large answers as it has disk space for. "
        "Try again a little later, or request a shorter range."
    )


TOO_LARGE: Final = (
    "The answer is larger than all large answers may be together on this service. Request a shorter range; "
    "its operators can raise SPOOL_MAX."
)


class Reservation:
    """Space reserved for one temporary file, of a limit that holds over all processes of a user.

    Each unit of the limit is a byte of a lock file. A unit is taken by a lock on its byte that belongs to the open file
    (an "open file description lock"): closing the file releases it, and so does the kernel when a process is killed.

    Args:
        directory: The folder of the lock file.
        limit: How many bytes may be reserved in all.

    Raises:
        OSError: The lock file cannot be opened.
    """

    def __init__(self, directory: str, limit: int) -> None:
        self.units = limit // UNIT
        self.held: set[int] = set()
        self.next = 0
        path = Path(directory) / f"dataapi-spool-{os.getuid()}.lock"
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def grow(self, size: int) -> None:
        """Have at least ``size`` bytes reserved.

        Raises:
            SpoolFull: Too little of the limit is left.
        """
        if size > self.units * UNIT:
            raise SpoolFull(TOO_LARGE)
        while len(self.held) * UNIT < size:
            self.reserve_unit()

    def reserve_unit(self) -> None:
        for unit in chain(range(self.next, self.units), range(min(self.next, self.units))):
            if unit not in self.held and self.lock(unit):
                self.held.add(unit)
                self.next = unit + 1
                return
        raise SpoolFull

    def lock(self, unit: int) -> bool:
        try:
            fcntl.fcntl(self.descriptor, fcntl.F_OFD_SETLK, LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, unit, 1, 0))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Release everything."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Spool(io.FileIO):
    """A temporary file without a name, within the limit on all of them.

    Raises:
        SpoolFull: There is no space for it.
    """

    def __init__(self) -> None:
        self.size = 0
        with space_needed():
            self.reservation = Reservation(settings.SPOOL_DIR, settings.SPOOL_MAX)
            try:
                with tempfile.TemporaryFile(dir=settings.SPOOL_DIR) as file:
                    super().__init__(os.dup(file.fileno()), "r+")
            except BaseException:
                self.reservation.close()
                raise

    def append(self, chunk: bytes) -> None:
        """Write bytes at the end.

        Raises:
            SpoolFull: There is no space for them.
        """
        self.size += len(chunk)
        self.reservation.grow(self.size)
        rest = memoryview(chunk)
        with space_needed():
            while rest:
                rest = rest[self.write(rest) :]

    def close(self) -> None:
        super().close()
        self.reservation.close()


class SpooledResponse(FileResponse):
    """An answer in a temporary file; its ``Content-Length`` is set.

    Attributes:
        compressible: Whether gzip makes the body smaller.
    """

    compressible = True
    block_size = 256 * 1024


@contextmanager
def space_needed() -> Iterator[None]:
    """Turn errors of the file system into :class:`SpoolFull`."""
    try:
        yield
    except OSError as error:
        logger.error("An answer could not be written to a temporary file in %s: %s", settings.SPOOL_DIR, error)
        raise SpoolFull from error


def whole_response(
    request: HttpRequest, chunks: Iterator[bytes], content_type: str, *, compressible: bool = True
) -> HttpResponse | SpooledResponse:
    """Return a response with a body that has been written completely.

    A body in a file is compressed while it is written; one in memory is left to the middleware.

    Args:
        request: The request.
        chunks: The body.
        content_type: The header ``Content-Type``.
        compressible: Whether gzip makes the body smaller; one that is compressed by itself has no ``Content-Encoding``.

    Raises:
        SpoolFull: There is no space for the body.
        Exception: Whatever is raised while the chunks are made.
    """
    start: list[bytes] = []
    size = 0
    for chunk in chunks:
        start.append(chunk)
        size += len(chunk)
        if size > MEMORY:
            break
    else:
        response = HttpResponse(b"".join(start), content_type=content_type)
        if not compressible:
            response.compressible = False  # type: ignore[attr-defined]  # for the middleware below
        return response
    body = chain(start, chunks)
    compressed = compressible and accepts_gzip(request)
    spool = Spool()
    try:
        for chunk in compress(body) if compressed else body:
            spool.append(chunk)
    except BaseException:
        spool.close()
        raise
    spool.seek(0)
    spooled = SpooledResponse(spool, content_type=content_type)
    if compressed:
        spooled.headers["Content-Encoding"] = "gzip"
    elif not compressible:
        spooled.compressible = False
    return spooled


class GZipMiddleware(gzip.GZipMiddleware):
    """Django's, which compresses for every client that names gzip, also in order to refuse it with ``gzip;q=0``.

    Responses with an attribute ``compressible`` that is false are not compressed.
    """

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        if response.has_header("Accept-Ranges"):
            # A range is one of the bytes of the file.
            return response
        # Answers have it from the beginning.
        if "Accept-Encoding" not in response.headers.get("Vary", ""):
            patch_vary_headers(response, ["Accept-Encoding"])
        accepted = "HTTP_ACCEPT_ENCODING" in request.META and accepts_gzip(request)
        if accepted and getattr(response, "compressible", True):
            return super().process_response(request, response)
        return response


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
