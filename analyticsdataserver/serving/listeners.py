"""The sockets that this process listens on."""

import asyncio
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# Seconds between two looks for the socket that the server listens on, and how many looks there are.
INTERVAL: Final = 0.05
LOOKS: Final = 200


def limit_unacknowledged(timeout: float, looks: int = LOOKS) -> None:
    """Have the kernel close connections whose client acknowledges nothing of what was sent to it.

    The server hands over to the kernel what remains of a response, and does not wait for the client any more.
    Connections inherit the option from the listening socket, which the server has no option for.

    Args:
        timeout: The time without an acknowledgement, in seconds.
        looks: How often to look for the socket, which the server may not have opened yet.
    """
    found = False
    for listener in listening_sockets():
        found = True
        with listener:
            if listener.family in {socket.AF_INET, socket.AF_INET6}:
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout * 1000))
    if not found and looks:
        asyncio.get_running_loop().call_later(INTERVAL, limit_unacknowledged, timeout, looks - 1)


def listening_sockets() -> Iterator[socket.socket]:
    """Yield a duplicate of each socket that this process listens on; none on systems other than Linux."""
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            if not stat.S_ISSOCK(descriptor.stat().st_mode):
                continue
            found = socket.socket(fileno=os.dup(int(descriptor.name)))
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                yield found
            else:
                found.close()
        except OSError:
            # Closed meanwhile.
            continue
