"""Requests as a WSGI server makes them (PEP 3333), whose responses can be read in part."""

import io
from itertools import islice
from typing import Any
from wsgiref.util import setup_testing_defaults

from analyticsdataserver.serving.wsgi import application
from conftest import KEY


class WSGIResponse:
    """The response to a GET request with KEY; nothing of its body has been read yet.

    Args:
        path: The path of the request.
        handler: The WSGI application.
        environ: Further keys of the environment.
    """

    def __init__(self, path: str, handler: Any = application, **environ: Any) -> None:
        environ = {
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "HTTP_HOST": "testserver",
            "HTTP_AUTHORIZATION": f"Token {KEY}",
            "REMOTE_ADDR": "192.0.2.7",
            "wsgi.input": io.BytesIO(),
            **environ,
        }
        setup_testing_defaults(environ)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = handler(environ, self.start)

    def start(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        self.status = int(status.split(maxsplit=1)[0])
        self.headers = dict(headers)

    def read(self, chunks: int | None = None, error: BaseException | None = None) -> bytes:
        """Return the body, or its first chunks, and close the response as servers do, whatever happens.

        Args:
            chunks: How many to read; None for all.
            error: Raised after them, as where the connection breaks.
        """
        try:
            body = b"".join(islice(self.body, chunks))
            if error is not None:
                raise error
        finally:
            self.body.close()
        return body
