"""Measure the lists of many courses: ``python -m benchmarks.lists``, which ``make bench`` runs, too.

5,000 courses have two years of enrollment, 3.65 million rows. Each request is sent several times to the service alone;
what is shown is the median of its time, the memory of a worker above idle, and the limit that its time should keep.
"""

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Final, NamedTuple

from analyticsdataserver.testing.service import serve_options
from benchmarks import data
from benchmarks.servers import Asked, Server, mariadb, median

COURSES: Final = tuple(f"course-v1:Org{number % 40:02}+C{number:04}+2019" for number in range(5000))
DAYS: Final = 730
REPETITIONS: Final = 7
MEGABYTE: Final = 1e6
MEMORY: Final = 64 * MEGABYTE

# Has benchmarks.data make the rows of this module.
MARK: Final = "BENCHMARK_OF_LISTS"


class Request(NamedTuple):
    """A request, and the seconds that it should take at most on SQLite and on MariaDB; None for no limit."""

    name: str
    path: str
    sqlite: float | None = None
    mariadb: float | None = None


MONTH: Final = f"start_date={data.END - timedelta(days=30)}&end_date={data.END}"
LONG: Final = f"/api/v1/courses/{COURSES[0]}/enrollment/?start_date=2000-01-01"
REQUESTS: Final = (
    Request("courses/", "/api/v1/courses/", 0.5, 1.0),
    Request("courses/, first 100", "/api/v1/courses/?limit=100"),
    Request("enrollment/, last day", "/api/v1/enrollment/?last=1", 0.5, 0.5),
    Request("enrollment/, a month (150,000 rows)", f"/api/v1/enrollment/?{MONTH}"),
    Request("enrollment/, a month, first 100", f"/api/v1/enrollment/?{MONTH}&limit=100"),
    Request("enrollment/, last 30 days", "/api/v1/enrollment/?last=30"),
    Request("enrollment/, last 3 months", "/api/v1/enrollment/?interval=month&last=3"),
    Request("tables/", "/api/v1/tables/"),
    Request("the page of courses", "/courses/", 1.0, 1.0),
    Request("the page of courses, by enrollment", "/courses/?sort=-count", 1.0, 1.0),
    Request("one course, two years (730 rows)", LONG),
)


def tables(rows_factor: int = 1) -> Iterator[data.Data]:
    """Yield the rows of enrollment, in the order in which daily loads would have appended them."""
    columns = ("course_id", "date", "count", "cumulative_count", data.CREATED)
    yield data.Data("CourseEnrollmentDaily", columns, enrollment(DAYS * rows_factor))


def enrollment(days: int) -> Iterator[data.Row]:
    for number in range(days):
        day = data.END - timedelta(days=days - number)
        created = f"{day + timedelta(days=1)} 03:10:{number % 60:02}"
        for course, course_id in enumerate(COURSES):
            count = (7919 * course + 104_729 * number) % 4093
            yield course_id, day.isoformat(), count, count + number, created


@contextmanager
def served(database: str) -> Iterator[dict[str, str]]:
    """Make the data; yield the environment of a process that serves them."""
    os.environ[MARK] = "1"
    with ExitStack() as stack:
        if database == "sqlite":
            yield data.sqlite(name="lists")
        else:
            yield stack.enter_context(mariadb(1))


def measure(database: str, server: Server) -> list[str]:
    """Print the time and the memory of each request; return what is above its limit."""
    missed = []
    for request in REQUESTS:
        asked = Asked(request.path)
        answer = server.answer(asked)
        if answer.status != 200:
            sys.exit(f"{request.path}: {answer.status} {answer.begin!r}")
        server.rest()
        server.forget_peak()
        seconds = median([server.transfer(asked).total for _ in range(REPETITIONS)])
        memory = server.peak()
        limit = request.sqlite if database == "sqlite" else request.mariadb
        shown = f"≤ {limit:.1f} s" if limit else ""
        print(f"{request.name:<40} {seconds:8.3f} s {memory / MEGABYTE:8.1f} MB  {shown}", flush=True)
        if limit and seconds > limit:
            missed.append(f"{request.name}: {seconds:.3f} s, above {limit} s")
        if memory > MEMORY:
            missed.append(f"{request.name}: {memory / MEGABYTE:.1f} MB above idle")
    return missed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description="Measure lists of many courses.")
    parser.add_argument("--database", choices=("sqlite", "mariadb", "both"), default="sqlite")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Left to itself, a signal would end us with the servers still running.
        signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    missed = []
    for database in ("sqlite", "mariadb") if given.database == "both" else (given.database,):
        print(f"\n{database}: 5,000 courses, two years")
        with served(database) as environment:
            data.place_static_files(environment)
            with Server(
                "service", "analyticsdataserver.serving.wsgi:application", serve_options(), environment
            ) as server:
                missed += measure(database, server)
    if missed:
        print("\nAbove a limit:", *missed, sep="\n* ")


if __name__ == "__main__":
    main()
