"""Measure the service against the floor: ``make bench``, or ``python -m benchmarks.run``, whose ``--help`` has options.

Both run under the same server, with the same options and the same number of workers, over the same data.
First their answers are compared, byte for byte. Then they are asked in turn, in several short rounds, so that whatever
else the machine does disturbs both alike.
"""

import argparse
import operator
import os
import platform
import re
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

from analyticsdataserver.testing.mariadb import ServerUnavailableError
from analyticsdataserver.testing.service import ServiceUnavailableError, serve_options
from benchmarks import data
from benchmarks.servers import HEADERS, Answer, Asked, Load, Server, mariadb, median, require_wrk

RESULTS: Final = data.ROOT / "docs" / "performance_results.inc"
MEGABYTE: Final = 1e6
WARM_UP: Final = [Asked(f"/api/v0/courses/{course_id}/enrollment/") for course_id in data.COURSES[:20]]
SUBJECTS: Final = range(len(data.DETAILED_COURSES))

# What the ratio to the floor should reach: of requests per second at least, of a large answer's time at most.
SMALL: Final = 0.3
LATEST_COUNTRIES: Final = 0.4
LARGE: Final = 1.6
# Seconds until the first byte of a large answer, which is written completely before it is sent.
LARGE_FIRST_BYTE: Final = 1.0
LARGE_MEMORY: Final = 32 * MEGABYTE
# What a format takes at most of the time, and of the bytes, that the service needs for the same rows in JSON; and how
# much memory above that of a worker that has written such a format before.
FORMAT_TIME: Final = 2.0
FORMAT_BYTES: Final = {"parquet": 0.1}
FORMAT_MEMORY: Final = 64 * MEGABYTE
# How many times as many requests are to be answered with 304 as with 200.
SMALL_UNCHANGED: Final = 1.2
LARGE_UNCHANGED: Final = 50.0


@dataclass(frozen=True)
class Case:
    """Requests of a kind.

    Attributes:
        name: What they ask for.
        paths: Their addresses, below the version, one for each of several courses, problems or videos.
        target: What the ratio to the floor should reach.
    """

    name: str
    paths: tuple[str, ...]
    target: float = SMALL

    @property
    def asked(self) -> list[Asked]:
        return [Asked(f"/api/v0/{path}") for path in self.paths]


@dataclass(frozen=True)
class Range(Case):
    """A request for so many rows that its answer is written to a file first; its targets are the same for all."""


@dataclass(frozen=True)
class Format(Case):
    """The same request in JSON and in a format that the floor does not have.

    Attributes:
        format: The format.
    """

    format: str = ""


def cases(rows_factor: int) -> Iterator[Case]:
    """Yield what is asked for.

    Args:
        rows_factor: How many times five years the long course has.
    """

    def of_courses(endpoint: str) -> tuple[str, ...]:
        return tuple(f"courses/{course_id}/{endpoint}" for course_id in data.DETAILED_COURSES)

    sixty_days = f"?start_date={data.END - timedelta(days=data.SHORT_DAYS)}&end_date={data.END}"
    problems = [data.problem_id(course, course % data.PROBLEMS) for course in SUBJECTS]
    videos = [data.video_id(course, course % data.VIDEOS) for course in SUBJECTS]
    yield Case("enrollment, latest", of_courses("enrollment/"))
    yield Case("gender, latest", of_courses("enrollment/gender/"))
    yield Case("recent_activity", of_courses("recent_activity/"))
    yield Case("grade_distribution", tuple(f"problems/{problem}/grade_distribution/" for problem in problems))
    yield Case("timeline, 100 segments", tuple(f"videos/{video.replace('|', '%7C')}/timeline/" for video in videos))
    yield Case("enrollment, 60 days", of_courses(f"enrollment/{sixty_days}"))
    yield Case("gender, 60 days", of_courses(f"enrollment/gender/{sixty_days}"))
    yield Case("mode, 60 days", of_courses(f"enrollment/mode/{sixty_days}"))
    yield Case("activity, 60 days", of_courses(f"activity/{sixty_days}"))
    yield Case("answer_distribution", tuple(f"problems/{problem}/answer_distribution/" for problem in problems))
    yield Case("country, latest (150 rows)", of_courses("enrollment/location/"), LATEST_COUNTRIES)
    for factor in sorted({1, rows_factor}):
        start = data.END - timedelta(days=data.LONG_DAYS * factor)
        for endpoint, name, rows in (("birth_year", "birth_year", 70), ("location", "country", 150)):
            for form in ("json", "csv"):
                yield Range(
                    f"{name}, {5 * factor} years ({rows * data.LONG_DAYS * factor:,} rows), {form.upper()}",
                    (f"courses/{data.LONG_COURSE}/enrollment/{endpoint}/?start_date={start}&format={form}",),
                )
        path = f"courses/{data.LONG_COURSE}/enrollment/location/?start_date={start}&format="
        for form in ("ndjson", "parquet", "arrow"):
            name = f"country, {5 * factor} years ({150 * data.LONG_DAYS * factor:,} rows), {form}"
            yield Format(name, (f"{path}json", f"{path}{form}"), FORMAT_TIME, form)


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        seconds: Of each round of small requests.
        rounds: Rounds of small requests.
        repetitions: Requests of each large range.
    """

    seconds: float = 1
    rounds: int = 11
    repetitions: int = 7


@dataclass
class Report:
    """Tables of figures, as they are measured.

    Attributes:
        lines: The text, in reStructuredText.
        missed: What stays behind its target.
    """

    lines: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def say(self, *lines: str) -> None:
        self.lines += lines
        print(*lines, sep="\n", flush=True)

    def title(self, text: str, mark: str) -> None:
        self.say("", text, mark * len(text), "")

    def begin(self, columns: Sequence[str], widths: Sequence[int]) -> None:
        """Begin a table."""
        self.widths = widths
        self.rule = " ".join("=" * width for width in widths)
        self.say(self.rule)
        self.row(columns)
        self.say(self.rule)

    def row(self, values: Iterable[str]) -> None:
        first, *others = zip(values, self.widths, strict=True)
        self.say(" ".join([first[0].ljust(first[1]), *(value.rjust(width) for value, width in others)]).rstrip())

    def end(self) -> None:
        self.say(self.rule)

    def miss(self, case: str, what: str) -> None:
        self.missed.append(f"{case}: {what}")


class Round(NamedTuple):
    """What the floor, the service, and the service where nothing has changed, answered of the same requests in turn."""

    floor: Load
    service: Load
    unchanged: Load | None


class Benchmark:
    """The service and the floor over one database.

    Args:
        floor: The floor, running.
        service: The service, running.
        database: ``sqlite`` or ``mariadb``.
        effort: How long to measure.
        report: Where the figures go.
    """

    def __init__(self, floor: Server, service: Server, database: str, effort: Effort, report: Report) -> None:
        self.floor = floor
        self.service = service
        self.both = (floor, service)
        self.database = database
        self.effort = effort
        self.report = report
        self.answers: dict[str, Answer] = {}

    def run(self, wanted: Sequence[Case]) -> None:
        formats = [case for case in wanted if isinstance(case, Format)]
        wanted = [case for case in wanted if not isinstance(case, Format)]
        small = [case for case in wanted if not isinstance(case, Range)]
        large = [case for case in wanted if isinstance(case, Range)]
        for case in wanted:
            self.compare(case)
        conditional = {case.name: self.conditional(case) for case in wanted}
        rounds = self.rounds(small, conditional)
        if small:
            self.rates(small, rounds)
        if large:
            self.ranges(large)
        if formats:
            self.formats(formats)
        if wanted:
            self.unchanged(small, large, conditional, rounds)

    def rounds(self, wanted: Sequence[Case], conditional: Mapping[str, list[Asked]]) -> dict[str, list[Round]]:
        """Measure requests per second: each case once in each round, so that whatever disturbs a round disturbs all."""
        found: dict[str, list[Round]] = {case.name: [] for case in wanted}
        for server in self.both:
            # A server's first requests take longer.
            server.load(WARM_UP, self.effort.seconds)
        for _ in range(self.effort.rounds):
            for case in wanted:
                again = conditional[case.name]
                floor, service = (server.load(case.asked, self.effort.seconds) for server in self.both)
                unchanged = self.service.load(again, self.effort.seconds) if again else None
                found[case.name].append(Round(floor, service, unchanged))
        return found

    def compare(self, case: Case) -> None:
        """Check that both answer alike.

        Raises:
            SystemExit: They do not.
        """
        for asked in case.asked:
            wanted, given = (server.answer(asked) for server in self.both)
            self.answers[asked.path] = given
            if (given.status, given.digest) != (wanted.status, wanted.digest) or given.status != 200:
                at = sum(takewhile(bool, map(operator.eq, wanted.begin, given.begin)))
                near = slice(max(0, at - 60), at + 100)
                sys.exit(
                    f"{asked.path}: the answers differ at byte {at} of {wanted.size}.\n"
                    f"floor: {wanted.status} … {wanted.begin[near]!r}\n"
                    f"service: {given.status} … {given.begin[near]!r}"
                )

    def rates(self, wanted: Iterable[Case], rounds: Mapping[str, list[Round]]) -> None:
        """Tell how many requests per second were answered."""
        self.report.title(f"{NAMES[self.database]}: small answers", "~")
        columns = ("request", "floor/s", "service/s", "p50 ms", "p99 ms", "ratio", "target")
        self.report.begin(columns, (36, 9, 9, 8, 8, 6, 8))
        for case in wanted:
            loads = [(floor, service) for floor, service, _ in rounds[case.name]]
            # Of the two in the same round: what disturbs one has most likely disturbed the other.
            ratio = median([service.rate / floor.rate for floor, service in loads])
            self.report.row(
                (
                    case.name,
                    f"{median([floor.rate for floor, _ in loads]):,.0f}",
                    f"{median([service.rate for _, service in loads]):,.0f}",
                    f"{median([service.p50 for _, service in loads]) * 1000:.2f}",
                    f"{median([service.p99 for _, service in loads]) * 1000:.2f}",
                    f"{ratio:.2f}",
                    f"≥ {case.target:.2f}",
                )
            )
            if ratio < case.target:
                self.report.miss(f"{NAMES[self.database]}, {case.name}", f"ratio {ratio:.3f}, below {case.target:.2f}")
        self.report.end()

    def ranges(self, wanted: Iterable[Case]) -> None:
        """Measure the time and memory that large answers take."""
        self.report.title(f"{NAMES[self.database]}: large ranges", "~")
        columns = ("request", "floor s", "service s", "first ms", "memory MB", "floor's", "ratio", "target")
        self.report.begin(columns, (45, 8, 9, 8, 9, 8, 6, 8))
        for case in wanted:
            (asked,) = case.asked
            transfers, peaks = [], []
            for server in self.both:
                # What a worker has used it may keep: each range starts with workers that have answered small requests.
                server.renew_workers()
                server.load(WARM_UP, 1)
                server.rest()
            for repetition in range(self.effort.repetitions):
                pair, memory = [], []
                for server in self.both if repetition % 2 else reversed(self.both):
                    server.forget_peak()
                    pair.append(server.transfer(asked))
                    memory.append(server.peak())
                transfers.append(pair if repetition % 2 else pair[::-1])
                peaks.append(memory if repetition % 2 else memory[::-1])
            ratio = median([service.total / floor.total for floor, service in transfers])
            first = median([service.first for _, service in transfers])
            floor_memory, memory_used = (max(memory) for memory in zip(*peaks, strict=True))
            self.report.row(
                (
                    case.name,
                    f"{median([floor.total for floor, _ in transfers]):.3f}",
                    f"{median([service.total for _, service in transfers]):.3f}",
                    f"{first * 1000:.0f}",
                    f"{memory_used / MEGABYTE:.1f}",
                    f"{floor_memory / MEGABYTE:.1f}",
                    f"{ratio:.2f}",
                    f"≤ {LARGE:.2f}",
                )
            )
            name = f"{NAMES[self.database]}, {case.name}"
            if ratio > LARGE:
                self.report.miss(name, f"ratio {ratio:.3f}, above {LARGE:.2f}")
            if first > LARGE_FIRST_BYTE:
                self.report.miss(name, f"first byte after {first * 1000:.0f} ms")
            if memory_used > LARGE_MEMORY:
                self.report.miss(name, f"{memory_used / MEGABYTE:.1f} MB above idle")
        self.report.end()

    def formats(self, wanted: Iterable[Format]) -> None:
        """Measure large answers in formats that the floor does not have, against the service's own JSON."""
        self.report.title(f"{NAMES[self.database]}: large ranges in other formats", "~")
        columns = ("request", "JSON s", "service s", "MB", "of JSON's", "memory MB", "ratio", "target")
        self.report.begin(columns, (45, 8, 9, 8, 9, 9, 6, 8))
        for case in wanted:
            json, other = case.asked
            self.rested(case)
            peaks = []
            for _ in range(self.effort.repetitions):
                self.service.forget_peak()
                self.service.transfer(other)
                peaks.append(self.service.peak())
            memory = max(peaks)
            transfers = [
                tuple(self.service.transfer(asked).total for asked in (json, other))
                for _ in range(self.effort.repetitions)
            ]
            sizes = [self.service.answer(asked).size for asked in (json, other)]
            ratio = median([taken / of_json for of_json, taken in transfers])
            share = sizes[1] / sizes[0]
            self.report.row(
                (
                    case.name,
                    f"{median([of_json for of_json, _ in transfers]):.3f}",
                    f"{median([taken for _, taken in transfers]):.3f}",
                    f"{sizes[1] / MEGABYTE:.1f}",
                    f"{share:.1%}",
                    f"{memory / MEGABYTE:.1f}",
                    f"{ratio:.2f}",
                    f"≤ {case.target:.2f}",
                )
            )
            name = f"{NAMES[self.database]}, {case.name}"
            if ratio > case.target:
                self.report.miss(name, f"{ratio:.2f} times the time of JSON")
            if share > FORMAT_BYTES.get(case.format, 1.0):
                self.report.miss(name, f"{share:.1%} of the bytes of JSON")
            if memory > FORMAT_MEMORY:
                self.report.miss(name, f"{memory / MEGABYTE:.1f} MB above idle")
        self.report.end()

    def rested(self, case: Format) -> None:
        """Have new workers, each of which has written a small answer in a format, and does nothing.

        What a format needs is imported by each worker for its first answer, which is not what is measured.
        """
        warm_up = [Asked(f"{each.path}?format={case.format}") for each in WARM_UP]
        self.service.renew_workers()
        self.service.load(warm_up, 1)
        while case.format != "ndjson" and not self.service.has_loaded("libarrow"):
            self.service.answer(warm_up[0])
        self.service.rest()

    def conditional(self, case: Case) -> list[Asked]:
        """Return a case's requests by somebody who has the answers; none where those can't be told apart later."""
        conditional = []
        for asked in case.asked:
            tag = self.answers[asked.path].headers.get("ETag")
            if tag is None:
                return []
            conditional.append(Asked(asked.path, {**HEADERS, "If-None-Match": tag}))
            answer = self.service.answer(conditional[-1])
            if answer.status != 304 or answer.size:
                sys.exit(f"{asked.path}: {answer.status} where 304 without a body was due.")
        return conditional

    def unchanged(
        self,
        small: Iterable[Case],
        large: Iterable[Case],
        asked: Mapping[str, list[Asked]],
        rounds: Mapping[str, list[Round]],
    ) -> None:
        """Measure answers that need not be sent again, against the same answers when they are sent."""
        lacking = [name for name, conditional in asked.items() if not conditional]
        self.report.title(f"{NAMES[self.database]}: 304 against 200 of the service", "~")
        if len(lacking) == len(asked):
            self.report.say("Not measured, because no answer carries an ``ETag``.")
            return
        if lacking:
            self.report.say(f"Not measured, because they carry no ``ETag``: {'; '.join(lacking)}.", "")
        self.report.begin(("request", "200/s", "304/s", "ratio", "target"), (45, 9, 9, 8, 8))
        for case in small:
            rates = [(service.rate, unchanged.rate) for _, service, unchanged in rounds[case.name] if unchanged]
            if rates:
                self.unchanged_row(case, rates, SMALL_UNCHANGED)
        for case in large:
            if conditional := asked[case.name]:
                rates = [
                    (
                        1 / self.service.transfer(case.asked[0]).total,
                        1 / median([self.service.transfer(conditional[0]).total for _ in range(20)]),
                    )
                    for _ in range(self.effort.repetitions)
                ]
                self.unchanged_row(case, rates, LARGE_UNCHANGED)
        self.report.end()

    def unchanged_row(self, case: Case, rounds: Sequence[tuple[float, float]], target: float) -> None:
        ratio = median([unchanged / sent for sent, unchanged in rounds])
        sent, unchanged = (median(rates) for rates in zip(*rounds, strict=True))
        self.report.row((case.name, f"{sent:,.1f}", f"{unchanged:,.1f}", f"{ratio:.2f}", f"≥ {target:.2f}"))
        if ratio < target:
            name = f"{NAMES[self.database]}, 304 of {case.name}"
            self.report.miss(name, f"ratio {ratio:.3f}, below {target:.2f}")


NAMES: Final = {"sqlite": "SQLite", "mariadb": "MariaDB"}


def machine() -> str:
    """Return the model of the processors, and how many there are."""
    found = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{found[1] if found else platform.machine()}, {os.cpu_count()} processors"


def database_version(database: str, environment: dict[str, str]) -> str:
    if database == "sqlite":
        import sqlite3

        return f"SQLite {sqlite3.sqlite_version}"
    from contextlib import closing
    from urllib.parse import parse_qs, urlsplit

    import MySQLdb

    parameters = parse_qs(urlsplit(environment["ANALYTICS_DATABASE_URL"]).query)
    with closing(MySQLdb.connect(unix_socket=parameters["unix_socket"][0], user="root")) as connection:
        return f"MariaDB {connection.get_server_info()}"


def measure(database: str, arguments: argparse.Namespace, report: Report) -> None:
    """Start what there is to measure over one database, measure it, end it."""
    effort = Effort(seconds=1, rounds=3, repetitions=3) if arguments.quick else Effort()
    pattern = re.compile(arguments.only, re.IGNORECASE)
    wanted = [case for case in cases(arguments.rows_factor) if pattern.search(case.name)]
    if not wanted:
        sys.exit(f"No request matches {arguments.only!r}: {'; '.join(case.name for case in cases(1))}")
    options = serve_options()
    with ExitStack() as stack:
        if database == "sqlite":
            environment = data.sqlite(arguments.rows_factor)
        else:
            environment = stack.enter_context(mariadb(arguments.rows_factor))
        data.place_static_files(environment)
        report.say("", f"{database_version(database, environment)}; the server's options: ``{' '.join(options)}``.")
        floor = Server("floor", "benchmarks.floor:application", options, environment)
        service = Server("service", "analyticsdataserver.serving.wsgi:application", options, environment)
        stack.enter_context(floor)
        stack.enter_context(service)
        Benchmark(floor, service, database, effort, report).run(wanted)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description="Measure the service against the floor."
    )
    parser.add_argument("--database", choices=("sqlite", "mariadb", "both"), default="sqlite")
    parser.add_argument("--quick", action="store_true", help="short and few rounds: figures that say little")
    parser.add_argument("--only", default="", metavar="PATTERN", help="a regular expression that names match")
    parser.add_argument(
        "--rows-factor", type=int, default=1, metavar="N", help="ask for N times five years of the long course, too"
    )
    parser.add_argument("--save", action="store_true", help="write the figures where the documentation shows them")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Left to itself, a signal would end us with the servers still running.
        signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    require_wrk()
    report = Report()
    packages = {
        "Django": "Django",
        "Django REST Framework": "djangorestframework",
        "granian": "granian",
        "orjson": "orjson",
        "pyarrow": "pyarrow",
    }
    report.say(
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {machine()}: Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(package)}" for name, package in packages.items())
        + (". The rounds were short and few, so that the figures say little." if arguments.quick else ".")
    )
    try:
        for database in NAMES if arguments.database == "both" else (arguments.database,):
            measure(database, arguments, report)
    except (ServerUnavailableError, ServiceUnavailableError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    if report.missed:
        report.title("What stays behind its target", "~")
        report.say(*(f"* {missed}" for missed in report.missed))
    if arguments.save:
        RESULTS.write_text("\n".join([*report.lines, ""]))


if __name__ == "__main__":
    main()
