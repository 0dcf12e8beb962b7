"""The folder in which the processes of a server keep their metrics, so that any of them can report all."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

# Where prometheus_client looks for it.
VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

# Begins the names of the folders, each of which one server makes and removes.
PREFIX: Final = "dataapi-metrics-"


def begin() -> None:
    """Make an empty folder for this server, and name it in the environment; ``prometheus_client`` is imported later.

    It is made in the folder that the environment names, or else among the temporary files. A server that is still
    ending has one of its own.
    """
    parent = os.environ.get(VARIABLE)
    if parent is not None:
        Path(parent).mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = tempfile.mkdtemp(prefix=PREFIX, dir=parent)


def forget_dead() -> None:
    """Drop the present values of processes that have ended, such as requests in progress; what they counted stays."""
    from prometheus_client.multiprocess import mark_process_dead

    for file in Path(os.environ[VARIABLE]).glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if not is_alive(int(process)):
            mark_process_dead(process)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end() -> None:
    """Remove the folder that ``begin`` made."""
    folder = os.environ.get(VARIABLE)
    if folder is not None and Path(folder).name.startswith(PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
