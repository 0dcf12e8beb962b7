"""Sending long responses, without a server."""

import asyncio

import pytest

from analyticsdataserver.serving.asgi import Client, ClientGone, Message


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
