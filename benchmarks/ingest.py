"""Measure ``ingest_logs``: ``python -m benchmarks.ingest``, of a made-up log of 3 million events and of twice as many.

Shown are the seconds that the clock counts, those of all processors, and the memory at most of any of the processes.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.data import FOLDER
from benchmarks.tracking_logs import write

MILLION: Final = 1_000_000
# The limits for 3 million events; twice as many may take twice as long, and no more memory.
LIMITED: Final = 3 * MILLION
SECONDS: Final = 30
MEGABYTES: Final = 300


def log_of(number: int) -> Path:
    """Return a log of so many events, which is made once."""
    path = FOLDER / f"tracking-{number}.log.gz"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        write(beside, number)
        beside.replace(path)
    return path


def measure(number: int) -> None:
    """Read a log into a new store, and print what that took."""
    log = log_of(number)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        command = [sys.executable, "manage.py", "ingest_logs", str(log), "--store", f"{folder}/events"]
        begun, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    processor = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    print(
        f"{number:>10,} events ({log.stat().st_size / 1e6:.0f} MB): {seconds:6.1f} s (limit on 2 cores "
        f"{SECONDS * number / LIMITED:.0f}), {processor:6.1f} s of all cores, {after.ru_maxrss * 1024 / 1e6:4.0f} MB "
        f"of memory (limit {MEGABYTES}), store {size / 1e6:.0f} MB"
    )


def main() -> None:
    """Measure the sizes of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("events", type=int, nargs="*", default=[LIMITED, 2 * LIMITED])
    for number in parser.parse_args().events:
        measure(number)


if __name__ == "__main__":
    main()
