"""Where the processes of a server keep their counts, so that any of them can tell what all of them have counted."""

import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

# Where prometheus_client looks for it.
VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


@cache
def begin() -> str:
    """Make an empty folder for the counts of this server, once; to be called before ``prometheus_client`` is imported.

    It is made in the one that the environment names, if it does, or else where temporary files are. A server that is
    still ending has one of its own.
    """
    parent = os.environ.get(VARIABLE)
    if parent is not None:
        Path(parent).mkdir(parents=True, exist_ok=True)
    folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="dataapi-metrics-", dir=parent)
    return folder


def forget(process: int) -> None:
    """Drop what a process that has ended told of its present; what it has counted stays."""
    if begin.cache_info().currsize:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(process)


def end() -> None:
    """Remove the folder: the server ends."""
    if begin.cache_info().currsize:
        shutil.rmtree(begin(), ignore_errors=True)
