"""The service as an ASGI application: the event loop waits for clients, threads run Django.

Django's stock WSGI handler runs in a thread, which never waits for a client: the event loop reads request bodies and
sends responses. So clients that send or read slowly, or not at all, hold no thread. docs/decisions/ says why.
"""

import asyncio
import logging
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from functools import lru_cache, partial
from http import HTTPStatus
from io import BytesIO
from time import perf_counter
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes

from django.db import close_old_connections
from django.http import FileResponse, HttpResponse
from rest_framework.exceptions import APIException

from analytics_data_api.access.bodies import MAX_BODY_SIZE, BodyTooLarge
from analytics_data_api.access.throttling.clients import COUNTED
from analytics_data_api.http.conditional import ARRIVED
from analyticsdataserver.paths import PROBES
from analyticsdataserver.serving.threads import PoolBusyError, ThreadPool

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# Seconds for which a client that sends or takes nothing stays connected, and those that a whole body may take.
CLIENT_TIMEOUT: Final = 30.0
BODY_TIMEOUT: Final = 60.0
# Bytes that are handed over to the server at once. It takes more when the client has taken most of them.
CHUNK_SIZE: Final = 64 * 1024
# How long, in seconds, and how much, in bytes, of a body that is not wanted is read, so that a client that is sending
# it finds the response. If the connection were closed at once, the client might see that alone.
DRAIN_TIMEOUT: Final = 2.0
DRAIN_SIZE: Final = 8 * 1024 * 1024

# Requests with these methods have no body that means anything.
WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})

PROBE_PATH: Final = re.compile(f"/{PROBES}".encode())
PROBE_THREADS: Final = 2

# The values of Content-Type that Django can read in any case: on some others it raises before there is a request.
CONTENT_TYPE: Final = re.compile(
    r'[\w.+-]{1,64}/[\w.+-]{1,128}(?:\s*;\s*[\w-]{1,64}=(?:"[^"]{0,128}"|[^\s";,*]{1,128}))*'
)
CHARSET: Final = re.compile(r"""charset=["']?([^\s;"']*)""", re.IGNORECASE)


class BodyTimeout(APIException):
    """The body of a request did not come in time."""

    status_code = HTTPStatus.REQUEST_TIMEOUT
    default_detail = "The body of the request did not arrive in time."
    default_code = "body_timeout"


class BodyBroken(APIException):
    """The server cannot read the body of a request to its end."""

    status_code = HTTPStatus.BAD_REQUEST
    default_detail = "The body of the request broke off, or its chunks are malformed."
    default_code = "invalid_body"


class BodyRequired(BaseException):
    """The application reads the body of the request, which the event loop has not received yet.

    Args:
        limit: How many bytes at most the application takes.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit


class ClientGone(ConnectionError):  # noqa: N818 - not an error of the service
    """The client has closed the connection, or stopped sending or reading."""


class AwaitedBody:
    """The ``wsgi.input`` of a request whose body has not been received yet.

    Args:
        length: Its length as declared; None for a chunked body.
    """

    def __init__(self, length: int | None) -> None:
        self.length = length

    def read(self, size: int = -1) -> bytes:
        limit = max(size, MAX_BODY_SIZE)
        if self.length is not None and self.length > limit:
            raise BodyTooLarge(limit)
        raise BodyRequired(limit)

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


class UnreadBody:
    """The ``wsgi.input`` of a request whose body could not be received.

    Args:
        error: What reading it raises.
    """

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def read(self, size: int = -1) -> bytes:
        raise self.error

    def readline(self, size: int = -1) -> bytes:
        raise self.error


class Response(NamedTuple):
    """A response of the application that has not been sent yet.

    Attributes:
        status: The HTTP status.
        headers: The headers, as ASGI has them.
        body: The body, or its chunks.
        close: Ends the response, None where that is done already.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes | Iterator[bytes]
    close: Callable[[], object] | None


class Client:
    """The client of a request, which may take a long response slowly, or go away.

    Args:
        receive: Receives a message of ASGI.
        send: Sends one.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self.receive = receive
        self.send = send
        self.gone: asyncio.Task[None] | None = None

    async def put(self, message: Message) -> None:
        """Send a part of a long response, which the server takes when the client has taken most of the earlier parts.

        Raises:
            ClientGone: The client took nothing for CLIENT_TIMEOUT seconds, or has closed the connection.
        """
        if self.gone is None:
            self.gone = asyncio.create_task(self.await_disconnect())
        # The server takes parts for a client that is gone, too, and says so between two turns of the event loop.
        await asyncio.sleep(0)
        if self.gone.done():
            raise ClientGone
        try:
            await asyncio.wait_for(self.send(message), CLIENT_TIMEOUT)
        except TimeoutError as error:
            raise ClientGone from error

    async def await_disconnect(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def end(self) -> None:
        """Stop watching the client."""
        if self.gone is not None:
            self.gone.cancel()


class ASGIAdapter:
    """Runs a WSGI application in threads, under an ASGI server.

    A request with a body is handed to the application before its body is received. Only if the application reads the
    body, the event loop receives it, and the application runs again, with the body. So a body is never read, and holds
    nothing, for a request that is refused for another reason; and the order of errors is the application's.

    Args:
        application: The application.
        busy: The application for requests that no thread becomes free for; it must not block.
        threads: How many threads run requests when none is blocked.
        max_threads: How many do at most.
    """

    def __init__(
        self, application: WSGIApplication, busy: WSGIApplication, threads: int = 4, max_threads: int = 32
    ) -> None:
        self.application = application
        self.busy = busy
        self.requests = ThreadPool("requests", threads, max_threads)
        # Probes are answered whatever the others wait for.
        self.probes = ThreadPool("probes", PROBE_THREADS, PROBE_THREADS)
        self.environ = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "granian",
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        environ, has_body = self.environ_of(scope)
        client = Client(receive, send)
        pool = self.probes if PROBE_PATH.match(scope["raw_path"]) else self.requests
        can_drain = True
        try:
            if has_body and scope["method"] not in WITHOUT_BODY:
                first = before_body(environ)
                response = await self.respond(pool, first, client)
                if isinstance(response, BodyRequired):
                    if COUNTED in first:
                        environ[COUNTED] = first[COUNTED]
                    error = await receive_body(receive, environ, response.limit)
                    has_body, can_drain = error is not None, not isinstance(error, (BodyTimeout, BodyBroken))
                    response = await self.respond(pool, environ, client)
            else:
                response = await self.respond(pool, environ, client)
            if response is None or isinstance(response, BodyRequired):
                return
            if has_body:
                # What is left of the body would be read as the next request.
                response.headers.append((b"connection", b"close"))
            await send_response(response, client)
            # The server does not close the connection if receiving is given up a second time.
            if has_body and can_drain:
                await drain(receive)
        except ClientGone:
            pass
        except Exception:
            # The response ends before its length, which no client takes for the whole.
            logger.exception("A response broke off.")

    def environ_of(self, scope: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return the WSGI environment of a request, with an empty body, and whether the request has a body."""
        path: bytes = scope["raw_path"]
        environ = self.environ.copy()
        environ[ARRIVED] = perf_counter()
        environ["REQUEST_METHOD"] = scope["method"]
        environ["PATH_INFO"] = (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1")
        environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
        environ["SERVER_PROTOCOL"] = f"HTTP/{scope['http_version']}"
        environ["SERVER_NAME"], environ["SERVER_PORT"] = scope["server"] or ("localhost", "80")
        # There is none behind a Unix socket.
        environ["REMOTE_ADDR"] = scope["client"][0] if scope["client"] else ""
        environ["wsgi.url_scheme"] = scope["scheme"]
        environ["wsgi.input"] = BytesIO()
        has_body = False
        for name, value in scope["headers"]:
            text = value.decode("latin-1")
            if name == b"content-length":
                environ["CONTENT_LENGTH"] = text
                has_body = has_body or text != "0"
            elif name == b"content-type":
                if is_readable(text):
                    environ["CONTENT_TYPE"] = text
            elif name == b"transfer-encoding":
                has_body = True
            # A client could write one for another otherwise: both become the same variable.
            elif b"_" not in name:
                key = variable(name)
                if key in environ:
                    text = f"{environ[key]}{'; ' if name == b'cookie' else ','}{text}"
                environ[key] = text
        if has_body and scope["method"] in WITHOUT_BODY:
            environ.pop("CONTENT_LENGTH", None)
        return environ, has_body

    async def respond(
        self, pool: ThreadPool, environ: dict[str, Any], client: Client
    ) -> Response | BodyRequired | None:
        """Run the application in a thread.

        Returns:
            The response; BodyRequired if the application needs the body; None if the response has been sent already.
        """
        loop = asyncio.get_running_loop()
        try:
            return await pool.run(partial(handle, self.application, environ, client, loop))
        except PoolBusyError:
            return handle(self.busy, environ, client, loop)


def handle(
    application: WSGIApplication, environ: dict[str, Any], client: Client, loop: asyncio.AbstractEventLoop
) -> Response | BodyRequired | None:
    """Run a WSGI application in the present thread; see ``ASGIAdapter.respond``."""
    head: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        head[:] = int(status[:3]), encoded

    try:
        result = application(environ, start_response)
    except BodyRequired as required:
        return required
    except Exception:
        logger.exception("The application raised an exception.")
        return Response(500, [(b"content-length", b"0")], b"", None)
    status, headers = head
    close = getattr(result, "close", None)
    if isinstance(result, HttpResponse) or environ["REQUEST_METHOD"] == "HEAD":
        body = result.content if isinstance(result, HttpResponse) else b""
        if len(body) <= CHUNK_SIZE:
            if close is not None:
                close()
            return Response(status, headers, body, None)
        # As closing the response does, which the event loop does when it has sent it.
        close_old_connections()
        return Response(status, headers, chunks(body), close)
    if isinstance(result, FileResponse):
        result.block_size = CHUNK_SIZE
        close_old_connections()
        return Response(status, headers, iter(result), close)
    # It may use what belongs to this thread, such as a database cursor.
    stream(Response(status, headers, iter(result), close), client, loop)
    return None


def stream(response: Response, client: Client, loop: asyncio.AbstractEventLoop) -> None:
    """Send a response whose chunks have to be produced in the present thread, which waits for the client."""

    def put(message: Message) -> None:
        asyncio.run_coroutine_threadsafe(client.put(message), loop).result()

    try:
        try:
            put(start_message(response))
            for chunk in response.body:
                put({"type": "http.response.body", "body": chunk, "more_body": True})
            put({"type": "http.response.body", "body": b""})
        finally:
            loop.call_soon_threadsafe(client.end)
            if response.close is not None:
                response.close()
    except ClientGone:
        pass
    except Exception:
        # The response ends without its last chunk, which no client takes for the whole.
        logger.exception("A response broke off.")


async def send_response(response: Response, client: Client) -> None:
    """Send a response, and end it.

    Raises:
        ClientGone: The client did not take all of it.
    """
    try:
        if isinstance(response.body, bytes):
            await client.send(start_message(response))
            await client.send({"type": "http.response.body", "body": response.body})
            return
        await client.put(start_message(response))
        for chunk in response.body:
            await client.put({"type": "http.response.body", "body": chunk, "more_body": True})
        await client.put({"type": "http.response.body", "body": b""})
    finally:
        client.end()
        # In case of an error, while that is being handled: the request log shows it.
        if response.close is not None:
            response.close()


def start_message(response: Response) -> Message:
    return {"type": "http.response.start", "status": response.status, "headers": response.headers}


async def receive_body(receive: Receive, environ: dict[str, Any], limit: int) -> Exception | None:
    """Put the body of a request into its WSGI environment, or else the error that reading it raises.

    Args:
        receive: Receives a message of ASGI.
        environ: The WSGI environment.
        limit: How many bytes the body may have.

    Returns:
        The error; None if the whole body is there.
    """
    body = bytearray()
    error: Exception | None = None
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while True:
                message = await asyncio.wait_for(receive(), CLIENT_TIMEOUT)
                if message["type"] == "http.disconnect":
                    # The server reports malformed chunks in the same way. A client that is still there gets a response.
                    error = BodyBroken()
                    break
                body += message.get("body", b"")
                if len(body) > limit:
                    error = BodyTooLarge(limit)
                    break
                if not message.get("more_body", False):
                    break
    except TimeoutError:
        error = BodyTimeout()
    environ["wsgi.input"] = BytesIO(body) if error is None else UnreadBody(error)
    # Django looks for a body, or for the error, only where it has a length.
    environ["CONTENT_LENGTH"] = str(len(body) if error is None else MAX_BODY_SIZE)
    return error


async def drain(receive: Receive) -> None:
    """Receive what a client is still sending of a body, and drop it."""
    size = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_TIMEOUT):
            while size < DRAIN_SIZE:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break


def before_body(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the WSGI environment of a request whose body has not been received."""
    declared = environ.get("CONTENT_LENGTH")
    if declared is not None:
        return {**environ, "wsgi.input": AwaitedBody(int(declared))}
    # Django looks for a body only where it has a length.
    chunked = {"CONTENT_LENGTH": str(MAX_BODY_SIZE), "wsgi.input_terminated": True}
    return {**environ, **chunked, "wsgi.input": AwaitedBody(None)}


def chunks(body: bytes) -> Iterator[bytes]:
    """Yield a body in pieces of CHUNK_SIZE."""
    view = memoryview(body)
    for start in range(0, len(body), CHUNK_SIZE):
        yield bytes(view[start : start + CHUNK_SIZE])


@lru_cache(1000)
def variable(name: bytes) -> str:
    """Return the name of a header as WSGI has it."""
    return f"HTTP_{name.decode('latin-1').upper().replace('-', '_')}"


@lru_cache(1000)
def is_readable(content_type: str) -> bool:
    """Return whether Django can read a value of the header Content-Type."""
    if not CONTENT_TYPE.fullmatch(content_type):
        return False
    try:
        for charset in CHARSET.findall(content_type):
            b"".decode(charset)
    except (LookupError, ValueError):
        return False
    return True
