"""A processor for each worker.

Of the threads of a worker, one at a time runs Python. Where they are free to move, one that wakes another starts it on
another processor, where it waits for Python's lock, and finds nothing of what they share in the caches. On one
processor, a thread that is woken waits for its turn, rather than interrupt the one that runs. docs/decisions/0042 and
0043 have the figures.
"""

import asyncio
import os
import socket
import sys
from contextlib import suppress
from typing import Final

from analyticsdataserver.serving.threads import TASKS

# A name that only one process can have; on Linux such a name is no file, and free again however the process ends.
NAME: Final = "\0analyticsdataserver/{server}/{processor}"
# Seconds between two looks for a free processor: a worker that is being replaced has its own until it ends.
INTERVAL: Final = 1.0


def take_processor(workers: int) -> None:
    """Have all threads of this process run on a processor of its own, once one is free, and wait there for their turns.

    Only where there are as many workers as processors: with fewer of them, other services on the machine might take the
    same ones. The system moves other programs to where there is room.

    Args:
        workers: How many there are.
    """
    if sys.platform != "linux":
        return
    processors = os.sched_getaffinity(0)
    if len(processors) != workers:
        return
    for processor in sorted(processors):
        try:
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        except OSError:
            # A sandbox forbids it.
            return
        try:
            claim.bind(NAME.format(server=os.getppid(), processor=processor))
        except OSError:
            claim.close()
            continue
        # Held as long as the process runs.
        claim.detach()
        for task in TASKS.iterdir():
            # A thread may have ended meanwhile.
            with suppress(OSError):
                thread = int(task.name)
                os.sched_setaffinity(thread, {processor})
                # Unless whoever started the service has chosen another policy.
                if os.sched_getscheduler(thread) == os.SCHED_OTHER:
                    os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
        return
    asyncio.get_running_loop().call_later(INTERVAL, take_processor, workers)
