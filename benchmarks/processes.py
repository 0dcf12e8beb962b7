"""What another process takes: time, processor time and memory."""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple


class Used(NamedTuple):
    """What a process has used.

    Attributes:
        seconds: How long it ran.
        processor_seconds: Its processor time.
        megabytes: Its memory at most.
    """

    seconds: float
    processor_seconds: float
    megabytes: float


def children_seconds() -> float:
    """Return the processor time of all processes that this one has waited for."""
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def run(command: Sequence[str], **options: Any) -> Used:
    """Run a command, and return what it has used; end this program where it fails.

    Args:
        command: The command.
        options: Further arguments of ``subprocess.Popen``.
    """
    begun, used = time.perf_counter(), children_seconds()
    most = 0
    # Not the figure of wait4, which begins with the memory of this process.
    with subprocess.Popen(command, **options) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
            most = max([most, *map(int, re.findall(r"VmHWM:\s+(\d+)", status))])
            time.sleep(0.1)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed.")
    return Used(time.perf_counter() - begun, children_seconds() - used, most * 1024 / 1e6)
