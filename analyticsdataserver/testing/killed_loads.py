"""Processes of test_killed_loads: ``load`` loads rows, ``kill`` kills loads, ``read FILE`` reads until FILE exists."""

import json
import os
import random
import signal
import sys
import time
from itertools import repeat

import django
from django.db import DatabaseError, connections

TABLE = "course_enrollment_daily"
COLUMNS = ("course_id", "date", "count", "cumulative_count")
BATCHES, BATCH = 20, 2000
FIRST, LAST, KILLS = 1, 99, 10


def rows_of(state: int) -> int:
    """Return how many rows a state of the table has."""
    return BATCHES * BATCH + state


def load(state: int) -> None:
    from analytics_data_api.loading import loader

    batch = [("edX/DemoX/Demo_Course", "2014-12-10", state, None)] * BATCH
    loader.load_rows(TABLE, COLUMNS, [*repeat(batch, BATCHES), batch[:1] * state])


def begin_load(state: int) -> int:
    """Begin a load in a process of its own, whose packages are read already; return its id."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        load(state)
        status = 0
    finally:
        os._exit(status)


def end_load(pid: int) -> int:
    """Wait for the end of a load; return its status."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill() -> None:
    """Kill loads at random moments, then load once more; print the statuses of all."""
    begin = time.monotonic()
    ended = [end_load(begin_load(FIRST + 1))]
    seconds = time.monotonic() - begin
    chance = random.Random(2014)
    for state in range(FIRST + 2, FIRST + 2 + KILLS):
        pid = begin_load(state)
        time.sleep(chance.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        ended.append(end_load(pid))
    # A load that is not killed clears up what the others have left.
    ended.append(end_load(begin_load(LAST)))
    print(json.dumps(ended), flush=True)


def read() -> None:
    """Print what is wrong: rows of no state, and versions that stand for two of them; then how much was read."""
    from analytics_data_api.tables.data_version import table_version
    from analytics_data_api.tables.models import CourseEnrollmentDaily

    states: dict[str, set[int]] = {}
    answers = failures = 0
    previous = 0
    parent = os.getppid()
    while os.getppid() == parent and not os.path.exists(sys.argv[2]):  # noqa: PTH110 - the cheapest
        try:
            version = table_version(CourseEnrollmentDaily)
            with connections["analytics"].cursor() as cursor:
                cursor.execute(f"SELECT COUNT(*), MIN(count), MAX(count) FROM {TABLE}")
                rows, low, high = cursor.fetchone()
        except DatabaseError as error:
            failures += 1
            print(json.dumps({"error": str(error)}), flush=True)
            connections["analytics"].close()
            continue
        answers += 1
        if low != high or rows != rows_of(low):
            print(json.dumps({"mixed": [rows, low, high]}), flush=True)
        if version is not None:
            # Rows may be newer than the version, which is read before them; then the next version is another one.
            seen = states.setdefault(version.text, set())
            if seen - {low, previous}:
                print(json.dumps({"one version": sorted({low, *seen})}), flush=True)
            seen.add(low)
        previous = low
        connections["analytics"].close_if_unusable_or_obsolete()
    print(json.dumps({"answers": answers, "failures": failures, "versions": len(states)}), flush=True)


if __name__ == "__main__":
    django.setup()
    match sys.argv[1]:
        case "load":
            load(FIRST)
        case "kill":
            kill()
        case "read":
            read()
