"""The service, and at /large/ a file of 25 MB, at /body/ the size of the request's body."""

import tempfile
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.http import FileResponse

from analytics_data_api.access.bodies import BodyTooLarge
from analyticsdataserver.serving import wsgi

SIZE: Final = 25_000_000


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/body/":
        try:
            size = str(len(environ["wsgi.input"].read())).encode()
        except BodyTooLarge:
            start_response("413 Content Too Large", [("Content-Length", "0")])
            return []
        start_response("200 OK", [("Content-Length", str(len(size)))])
        return [size]
    if environ["PATH_INFO"] != "/large/":
        return wsgi.application(environ, start_response)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    # Zeros, which take no time to write: other requests would wait for the threads that do.
    file.truncate(SIZE)
    start_response("200 OK", [("Content-Length", str(SIZE))])
    return FileResponse(file)
