"""Files of reports about a course: links to them, and the files themselves where they lie in a folder of this service.

They lie in the storage ``reports`` of Django's setting ``STORAGES``. A storage such as S3 makes links of its own. For a
folder, this service does: a link needs no key; its signature is one of the file's name and of the time until which it
works.
"""

import inspect
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import FileSystemStorage, storages
from django.core.signing import BadSignature, Signer
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date, parse_http_date_safe, urlencode
from django.views import View
from rest_framework.exceptions import APIException, NotFound, PermissionDenied

from analytics_data_api.http.problems import Unavailable, of_exception
from analytics_data_api.tables import course_ids
from analytics_data_api.tables.rows import ABSENT, Row
from analytics_data_api.text import quote_value

logger = logging.getLogger(__name__)

# The name of the storage in the setting STORAGES, and of the route of its files.
STORAGE: Final = "reports"
ROUTE: Final = "report_file"

SIGNER: Final = Signer(salt=f"{__name__}.link")
UNSAFE: Final = re.compile(r"[^\w.-]")
RANGE: Final = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)
CHUNK: Final = 64 * 1024

COLUMNS: Final = ("course_id", "report_name", "download_url", "last_modified", "expiration_date", "file_size")


class LinkNotMade(APIException):
    """The storage makes no links."""

    status_code = HTTPStatus.NOT_IMPLEMENTED
    default_code = "cannot_create_report_download_link"
    default_detail = "The storage of reports makes no links to its files."


class Link(NamedTuple):
    """A link to a file, and until when it works; None where that is not known."""

    url: str
    expires: datetime | None


def not_found(name: str) -> NotFound:
    return NotFound(f"There is no file of a report named {quote_value(name)}.", "report_file_not_found")


def file_safe(course_id: str) -> str:
    """Return a course id as a part of a file's name: its parts joined by ``_``, like characters that are not safe."""
    parts = course_ids.SEPARATOR.split(course_ids.KIND.sub("", course_id, count=1), maxsplit=2)
    return UNSAFE.sub("_", "_".join(parts))


def require_own_name(course_id: str, report_name: str, others: Iterable[str]) -> None:
    """Check that a course is on record, and that no other one has the same name of a file.

    Args:
        course_id: The course.
        report_name: The name of the report.
        others: The courses on record.

    Raises:
        NotFound: It is not, so that the file may be that of another course which is not; or another one has.
    """
    course = file_safe(course_id)
    if [other for other in others if file_safe(other) == course] != [course_id]:
        raise not_found(f"{course}_{report_name}.csv")


def report(request: HttpRequest, course_id: str, report_name: str) -> Iterator[Row]:
    """Yield what there is to say of a report's file: one row, with a value for each of COLUMNS.

    Raises:
        NotFound: There is no such file.
        LinkNotMade: The storage makes no links.
        Unavailable: The storage does not answer.
    """
    course = file_safe(course_id)
    name = f"{course}_{report_name}.csv"
    storage = storages[STORAGE]
    if report_name not in settings.REPORT_NAMES or not ask(lambda: is_there(storage, name)):
        raise not_found(name)
    link = ask(lambda: make_link(request, storage, name))
    modified = known(lambda: storage.get_modified_time(name))
    yield (
        course,
        report_name,
        link.url,
        ABSENT if modified is ABSENT else written(modified),
        ABSENT if link.expires is None else written(link.expires),
        known(lambda: storage.size(name)),
    )


def written(moment: datetime) -> str:
    """Return a time as rows have it; one without a zone is in UTC or, without USE_TZ, in local time."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ask(function: Callable[[], Any]) -> Any:
    """Return what a function of the storage returns.

    Raises:
        Unavailable: The storage does not answer.
    """
    try:
        return function()
    except APIException:
        raise
    except Exception as error:
        # Each storage has exceptions of its own.
        logger.exception("The storage of reports does not answer.")
        raise Unavailable(
            "The storage of reports does not answer at the moment. Try again a little later.", "storage_unavailable"
        ) from error


def known(function: Callable[[], Any]) -> Any:
    """Return what a function of the storage returns, ABSENT where the storage cannot tell."""
    try:
        return ask(function)
    except Unavailable:
        return ABSENT


def is_there(storage: Any, name: str) -> bool:
    return path_of(storage, name) is not None if isinstance(storage, FileSystemStorage) else storage.exists(name)


def path_of(storage: FileSystemStorage, name: str) -> Path | None:
    """Return the path of a file within the folder, links resolved; None where there is no such file in it."""
    try:
        path = Path(storage.path(name)).resolve()
    except (SuspiciousFileOperation, OSError, ValueError):
        return None
    return path if path.is_relative_to(Path(storage.location).resolve()) and path.is_file() else None


def make_link(request: HttpRequest, storage: Any, name: str) -> Link:
    """Return a link to a file.

    Raises:
        LinkNotMade: The storage makes none.
    """
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=settings.REPORT_LINK_SECONDS)
    if isinstance(storage, FileSystemStorage):
        end = str(int(expires.timestamp()))
        query = urlencode({"expires": end, "signature": SIGNER.signature(signed(name, end))})
        return Link(request.build_absolute_uri(f"{reverse(ROUTE, args=(name,))}?{query}"), expires)
    try:
        if "expire" in inspect.signature(storage.url).parameters:
            return Link(storage.url(name, expire=settings.REPORT_LINK_SECONDS), expires)
        return Link(request.build_absolute_uri(storage.url(name)), None)
    except NotImplementedError:
        raise LinkNotMade from None


def signed(name: str, end: str) -> str:
    """Return what a link's signature signs."""
    return f"{end}/{name}"


class ReportFileView(View):
    """A file of a report, for a link that has not expired."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, name: str) -> HttpResponseBase:
        check_link(name, request.GET.get("expires", ""), request.GET.get("signature", ""))
        storage = storages[STORAGE]
        path = path_of(storage, name) if isinstance(storage, FileSystemStorage) else None
        if path is None:
            raise not_found(name)
        try:
            return file_response(request, path.open("rb"), name)
        except OSError:
            raise not_found(name) from None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase
        try:
            response = super().dispatch(request, *args, **kwargs)
        except APIException as error:
            response = of_exception(error) or HttpResponse(status=error.status_code)
        response.headers["Cache-Control"] = "no-store"
        return response


def check_link(name: str, end: str, signature: str) -> None:
    """Check the signature and the end of a link.

    Raises:
        PermissionDenied: It has expired, or was not made by this service.
    """
    try:
        SIGNER.unsign(f"{signed(name, end)}{SIGNER.sep}{signature}")
    except BadSignature:
        raise PermissionDenied("The link is not one that this service has made.", "invalid_link") from None
    if datetime.now(UTC).timestamp() >= int(end):
        raise PermissionDenied("The link has expired; request the report again for a new one.", "link_expired")


class Part:
    """A part of a file, as something to read.

    Args:
        file: The file.
        start: Where the part begins.
        length: How many bytes it has.
    """

    def __init__(self, file: IO[bytes], start: int, length: int) -> None:
        self.file = file
        self.rest = length
        file.seek(start)

    def read(self, size: int = -1) -> bytes:
        chunk = self.file.read(self.rest if size < 0 else min(size, self.rest))
        self.rest -= len(chunk)
        return chunk

    def close(self) -> None:
        self.file.close()


def file_response(request: HttpRequest, file: IO[bytes], name: str) -> HttpResponseBase:
    """Return a response with a file, or with the part of it that the header Range names (RFC 9110, section 14)."""
    modified = int(Path(file.name).stat().st_mtime)
    size = file.seek(0, 2)
    part = requested_range(request, size, modified)
    if part is None:
        file.close()
        return HttpResponse(
            status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers={"Content-Range": f"bytes */{size}"}
        )
    length = part.stop - part.start
    response = FileResponse(
        Part(file, part.start, length), as_attachment=True, filename=name, content_type="text/csv; charset=utf-8"
    )
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Length"] = str(length)
    response.headers["Last-Modified"] = http_date(modified)
    if length < size:
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    return response


def requested_range(request: HttpRequest, size: int, modified: int) -> range | None:
    """Return the bytes of a file that a request is for: all of them unless it names one range; None for one beyond."""
    whole = range(size)
    match = RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    condition = request.headers.get("If-Range")
    if match is None or (condition is not None and parse_http_date_safe(condition) != modified):
        return whole
    first, last, suffix = match.groups()
    start = int(first) if first else max(0, size - int(suffix))
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        # No range at all.
        return whole
    return range(start, stop) if start < size else None
