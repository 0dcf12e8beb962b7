"""What the event loop does with requests and responses, without a server."""

import asyncio
from collections.abc import Callable
from time import perf_counter, sleep
from typing import Any

import pytest

from analytics_data_api.http.conditional import ARRIVED
from analyticsdataserver.serving.asgi import ASGIAdapter, Client, ClientGone, Message


def test_a_request_that_waits_for_a_thread_has_arrived_before() -> None:
    """What is read while it waits is no older than the request."""
    times: list[tuple[float, float]] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        times.append((environ[ARRIVED], perf_counter()))
        sleep(0.01)
        start_response("204 No Content", [])
        return []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        pass

    async def main() -> None:
        adapter = ASGIAdapter(application, application, threads=1, max_threads=1)
        scope: dict[str, Any] = {
            "method": "GET",
            "raw_path": b"/api/v0/",
            "query_string": b"",
            "http_version": "1.1",
            "server": None,
            "client": None,
            "scheme": "http",
            "headers": [],
        }
        await asyncio.gather(adapter(scope, receive, send), adapter(scope, receive, send))

    asyncio.run(main())
    (first_arrived, first_ran), (second_arrived, second_ran) = times
    assert first_arrived < second_arrived < first_ran + 0.01 < second_ran


def test_a_client_that_is_gone_is_noticed_though_each_part_is_taken_at_once() -> None:
    async def main() -> int:
        gone = asyncio.Event()
        taken = 0

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            # As the server does for a client that is gone: it takes the part and does not wait.
            nonlocal taken
            taken += 1
            gone.set()

        async def put_parts(client: Client) -> None:
            for _ in range(100):
                await client.put({"type": "http.response.body", "body": b"part", "more_body": True})

        with pytest.raises(ClientGone):
            await put_parts(Client(receive, send))
        return taken

    assert asyncio.run(main()) < 10
