"""Measure lists of many courses, and keys that are limited to courses: ``python -m benchmarks.lists``.

5,000 courses have two years of enrollment, 3.65 million rows. Each request is sent several times to the service alone;
what is shown is the median of its time, the largest memory of a worker above that of an idle one that has imported
pyarrow, and the limit of each. Keys are compared with the whole key, in turns. ``make bench`` runs it, too.

The rows are made by the database itself, of small tables of courses, days and countries.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from analyticsdataserver.testing.service import serve_options
from benchmarks import data
from benchmarks.servers import HEADERS, Asked, Server, mariadb, median, require_wrk

MEGABYTE: Final = 1e6
MEMORY: Final = 64 * MEGABYTE
# Seconds after which a request is not repeated.
REPEATED_WITHIN: Final = 10.0
# How many requests may be needed for one to reach each worker.
WARMING: Final = 200

ORGS: Final = tuple(f"Org{number:02}" for number in range(40))
LONG_COURSE: Final = "edX/Long/2015"
MODES: Final = ("audit", "honor", "no-id-professional", "verified")
# Days that enrollment by mode has.
MODE_DAYS: Final = 30
# Countries of each course and day, where they are made: 14.6 million rows.
FEW_COUNTRIES: Final = 4
COUNTRIES: Final = 150


class Size(NamedTuple):
    """How much there is to measure.

    Attributes:
        courses: The number of courses.
        days: How many days each has.
        long_days: How many days the course with 150 countries has.
        countries: Whether the others have countries, too.
        repetitions: How often each request is sent.
        rounds: Rounds of small requests, of a second each.
    """

    courses: int = 5000
    days: int = 730
    long_days: int = 1826
    countries: bool = False
    repetitions: int = 7
    rounds: int = 9

    @property
    def ids(self) -> list[str]:
        return [f"course-v1:{ORGS[number % len(ORGS)]}+C{number:04}+2019" for number in range(self.courses)]

    @property
    def options(self) -> list[str]:
        """The options by which another process knows it."""
        return [*(["--quick"] if self == QUICK._replace(countries=self.countries) else []), *self.countries_option]

    @property
    def countries_option(self) -> list[str]:
        return ["--countries"] if self.countries else []


FULL: Final = Size()
QUICK: Final = Size(courses=200, days=60, long_days=30, repetitions=2, rounds=2)


class Limited(NamedTuple):
    """A key that is limited to courses: to the first ones, or to all organizations."""

    text: str
    courses: int = 0

    def scope(self, size: Size) -> tuple[list[str], list[str]]:
        """Return the courses and the organizations that it may see."""
        return (size.ids[: self.courses], []) if self.courses else ([], list(ORGS))

    @property
    def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Token {self.text}"}


LIMITED: Final = {
    "1 course": Limited("benchmark-of-1-course", 1),
    "100 courses": Limited("benchmark-of-100-courses", 100),
    "5,000 courses": Limited("benchmark-of-5000-courses", 5000),
    "40 organizations": Limited("benchmark-of-40-organizations"),
}
# What a limited key's requests per second are at least, and the time of a list at most, of those of the whole key.
ONE_COURSE: Final = 0.9
LISTS: Final = 1.5
UNCHANGED: Final = 0.95


# Making the data.


def run_here(environment: Mapping[str, str], *options: str) -> None:
    """Run this module in a process of its own, with the databases that an environment names.

    Raises:
        SystemExit: That failed; the process has said why.
    """
    command = [sys.executable, "-m", "benchmarks.lists", *options]
    if subprocess.run(command, env=environment, cwd=data.ROOT, check=False).returncode:
        sys.exit("The benchmark's data could not be made.")


NUMBER: Final = "(7919 * c.number + 104729 * d.number{more}) %% 4093"
DAILY: Final = f"""
    INSERT INTO course_enrollment_daily (course_id, date, count, cumulative_count, created)
    SELECT c.course_id, d.day, {NUMBER.format(more="")}, {NUMBER.format(more="")} + d.number, d.created
    FROM benchmark_days d CROSS JOIN benchmark_courses c
    WHERE d.number BETWEEN %s AND %s AND c.number >= 0 ORDER BY d.number, c.number
"""
OF_VALUES: Final = f"""
    INSERT INTO {{table}} (date, course_id, {{column}}, count, cumulative_count, created)
    SELECT d.day, c.course_id, v.value, {NUMBER.format(more=" + 31 * v.number")},
           {NUMBER.format(more=" + 31 * v.number")} + d.number, d.created
    FROM benchmark_days d CROSS JOIN benchmark_courses c CROSS JOIN benchmark_values v
    WHERE d.number BETWEEN %s AND %s AND v.name = %s AND {{courses}} ORDER BY d.number, c.number, v.number
"""
SUMMARIES: Final = """
    INSERT INTO course_meta_summary_enrollment
        (course_id, catalog_course_title, catalog_course, start_time, end_time, pacing_type, availability,
         enrollment_mode, count, count_change_7_days, cumulative_count, passing_users, created)
    SELECT c.course_id, c.title, c.title, '2019-01-01 00:00:00', '2019-12-31 00:00:00', 'instructor_paced', 'Current',
           v.value, (7919 * c.number + 31 * v.number) %% 4093, v.number, (7919 * c.number + 31 * v.number) %% 4093 + 9,
           v.number, '2020-01-01 03:10:00'
    FROM benchmark_courses c CROSS JOIN benchmark_values v
    WHERE c.number >= 0 AND v.name = 'mode' ORDER BY c.number, v.number
"""
HELPERS: Final = (
    "CREATE TABLE benchmark_courses (number INTEGER, course_id VARCHAR(255), title VARCHAR(255))",
    "CREATE TABLE benchmark_days (number INTEGER, day VARCHAR(10), created VARCHAR(19))",
    "CREATE TABLE benchmark_values (number INTEGER, name VARCHAR(20), value VARCHAR(20))",
)
# Days of rows that are made at a time.
DAYS_AT_ONCE: Final = 50


def fill(size: Size) -> None:
    """Migrate and fill the databases of Django's settings, and make the keys."""
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    from analytics_data_api.access import keys
    from analytics_data_api.access.models import Origin
    from analytics_data_api.tables import ANALYTICS_DATABASE, models

    for alias in connections:
        call_command("migrate", database=alias, verbosity=0)
    keys.set_key(data.USERNAME, data.KEY)
    user = User.objects.get(username=data.USERNAME)
    for number, limited in enumerate(LIMITED.values()):
        courses, orgs = limited.scope(size)
        limits = keys.Limits(frozenset(courses), frozenset(orgs))
        keys.store(user, limited.text, f"set_bench{number:03}", Origin.SET, limits)
    connection: Any = connections[ANALYTICS_DATABASE]
    filler = (data.SQLiteFiller if connection.vendor == "sqlite" else data.Filler)(connection)
    filled = [models.CourseEnrollmentDaily, models.CourseEnrollmentModeDaily, models.CourseEnrollmentByCountry]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
        make_helpers(cursor, size)
    with connection.schema_editor() as editor:
        for model in filled:
            for index in model._meta.indexes:
                editor.remove_index(model, index)
    with connection.cursor() as cursor:
        make_rows(cursor, size)
    with connection.schema_editor() as editor:
        for model in filled:
            for index in model._meta.indexes:
                editor.add_index(model, index)
    filler.note_loads([model._meta.db_table for model in filled])
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode = DELETE")
        else:
            cursor.execute(f"ANALYZE TABLE {', '.join(model._meta.db_table for model in filled)}")


def make_helpers(cursor: Any, size: Size) -> None:
    """Make the tables of courses, days and values that all rows are made of."""
    for statement in HELPERS:
        cursor.execute(statement)
    first = data.END - timedelta(days=max(size.days, size.long_days))
    days = [first + timedelta(days=number) for number in range((data.END - first).days)]
    courses = [(number, course, f"Course {number}") for number, course in enumerate(size.ids)]
    values: list[tuple[int, str, str | None]] = [(number, "mode", mode) for number, mode in enumerate(MODES)]
    values += [(number, "country", code) for number, code in enumerate(data.COUNTRY_CODES[-COUNTRIES + 1 :])]
    values += [(COUNTRIES, "country", "XK")]
    values += [(number, "few", code) for number, code in enumerate(data.COUNTRY_CODES[-FEW_COUNTRIES:])]
    cursor.executemany("INSERT INTO benchmark_courses VALUES (%s, %s, %s)", [*courses, (-1, LONG_COURSE, "Long")])
    cursor.executemany("INSERT INTO benchmark_values VALUES (%s, %s, %s)", values)
    cursor.executemany(
        "INSERT INTO benchmark_days VALUES (%s, %s, %s)",
        [(number, str(day), f"{day + timedelta(days=1)} 03:10:00") for number, day in enumerate(days)],
    )


def make_rows(cursor: Any, size: Size) -> None:
    """Make the rows, in the order in which daily loads would have appended them."""
    last = max(size.days, size.long_days)
    modes = OF_VALUES.format(table="course_enrollment_mode_daily", column="mode", courses="c.number >= 0")
    countries = OF_VALUES.format(table="course_enrollment_location_current", column="country_code", courses="{}")
    for begin in range(0, last, DAYS_AT_ONCE):
        end = begin + DAYS_AT_ONCE - 1
        if end >= last - size.days:
            cursor.execute(DAILY, [max(begin, last - size.days), end])
        if end >= last - MODE_DAYS:
            cursor.execute(modes, [max(begin, last - MODE_DAYS), end, "mode"])
        cursor.execute(countries.format("c.number = -1"), [max(begin, last - size.long_days), end, "country"])
        if size.countries and end >= last - size.days:
            cursor.execute(countries.format("c.number >= 0"), [max(begin, last - size.days), end, "few"])


def set_summaries(*, stored: bool) -> None:
    """Fill the table of summaries, or empty it, so that they are derived."""
    import django

    django.setup()
    from django.db import connections

    with connections["analytics"].cursor() as cursor:
        cursor.execute("DELETE FROM course_meta_summary_enrollment")
        if stored:
            cursor.execute(SUMMARIES, [])


def version(size: Size) -> str:
    """Return what tells data made by another version of this module, or of another size, apart."""
    return f"{size} {data.version(1)} {hash_of(Path(__file__))}"


def hash_of(path: Path) -> int:
    return sum(number * byte for number, byte in enumerate(path.read_bytes(), 1))


@contextmanager
def served(database: str, size: Size) -> Iterator[dict[str, str]]:
    """Make the data; yield the environment of a process that serves them."""
    if database == "mariadb":
        with mariadb(1, lambda factor, environment: run_here(environment, "--connected", *size.options)) as environment:
            yield environment
        return
    folder = data.FOLDER / "-".join(["lists", *(option.lstrip("-") for option in size.options)])
    environment = data.environment(f"sqlite:///{folder / 'default.db'}", f"sqlite:///{folder / 'analytics.db'}")
    mark = folder / "version"
    if not mark.is_file() or mark.read_text() != version(size):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run_here(environment, "--connected", *size.options)
        mark.write_text(version(size))
    yield environment


# What is measured.


class Request(NamedTuple):
    """A request, and the seconds that it should take at most on SQLite and on MariaDB; None for no limit."""

    name: str
    asked: Asked
    sqlite: float | None = None
    mariadb: float | None = None


def days_before(number: int) -> str:
    return f"start_date={data.END - timedelta(days=number)}&end_date={data.END}"


def requests(size: Size) -> Iterator[Request]:
    """Yield the requests, apart from those for summaries."""
    month = days_before(30)
    rows = 30 * size.courses
    yield Request("courses/", Asked("/api/v1/courses/"), 0.5, 1.0)
    yield Request("courses/, by count", Asked("/api/v1/courses/?sort=-count"))
    yield Request("courses/, first 100", Asked("/api/v1/courses/?limit=100"))
    yield Request("enrollment/, last day", Asked("/api/v1/enrollment/?last=1"), 0.5, 0.5)
    yield Request(f"enrollment/, a month ({rows:,} rows)", Asked(f"/api/v1/enrollment/?{month}"))
    yield Request("enrollment/, a month, first 100", Asked(f"/api/v1/enrollment/?{month}&limit=100"))
    yield Request("enrollment/, last 30 days", Asked("/api/v1/enrollment/?last=30"))
    yield Request("enrollment/, last 3 months", Asked("/api/v1/enrollment/?interval=month&last=3"))
    yield Request("enrollment/, each month", Asked("/api/v1/enrollment/?interval=month"))
    yield Request("enrollment/, each week", Asked("/api/v1/enrollment/?interval=week"))
    yield Request("enrollment/mode/, last day", Asked("/api/v1/enrollment/mode/?last=1"))
    yield Request("enrollment/location/, last day", Asked("/api/v1/enrollment/location/?last=1"))
    if size.countries:
        yield Request("enrollment/location/, a month", Asked(f"/api/v1/enrollment/location/?{month}"))
    yield Request("tables/", Asked("/api/v1/tables/"))
    yield Request("the page of courses", Asked("/courses/"), 1.0, 1.0)
    yield Request("the page of courses, by enrollment", Asked("/courses/?sort=-count"), 1.0, 1.0)


def summaries(size: Size, kind: str) -> Iterator[Request]:
    """Yield the requests for summaries, which are stored or derived."""
    body = json.dumps({"course_ids": size.ids}).encode()
    yield Request(f"course_summaries/, {kind}", Asked("/api/v1/course_summaries/"), 0.5, 1.0)
    posted = Asked("/api/v1/course_summaries/", body=body)
    yield Request(f"course_summaries/, {kind}, POST of {size.courses:,} ids", posted, 0.7, 0.7)
    yield Request(f"course_totals/, {kind}", Asked("/api/v1/course_totals/"))


class Figures:
    """Prints each figure with its limit, and keeps what is beyond."""

    def __init__(self, database: str) -> None:
        self.database = database
        self.beyond: list[str] = []
        # The name of the figure that those with an indented name belong to.
        self.above = ""

    def add(self, name: str, value: str, limit: str = "", *, kept: bool = True) -> None:
        """Print a figure.

        Args:
            name: What it is of.
            value: The figure.
            limit: The limit that it should keep; empty for none.
            kept: Whether it does.
        """
        print(f"{name:<58} {value:>16}  {limit}{'' if kept else '  BEYOND'}", flush=True)
        if not name.startswith(" "):
            self.above = name
        if not kept:
            whole = name if name == self.above else f"{self.above}, {name.strip()}"
            self.beyond.append(f"{self.database}: {whole}: {value}, {limit}")


def seconds_of(server: Server, asked: Asked, repetitions: int) -> float:
    """Return the median time of a request."""
    times: list[float] = []
    while len(times) < repetitions and (not times or sum(times) < REPEATED_WITHIN):
        times.append(server.transfer(asked).total)
    return median(times)


def measured(figures: Figures, server: Server, request: Request, size: Size) -> float:
    """Print the time and the memory of a request; return the time."""
    answer = server.answer(request.asked)
    if answer.status != 200:
        sys.exit(f"{request.asked.path}: {answer.status} {answer.begin!r}")
    server.rest()
    server.forget_peak()
    seconds = seconds_of(server, request.asked, size.repetitions)
    memory = server.peak()
    limit = request.sqlite if figures.database == "sqlite" else request.mariadb
    figures.add(
        request.name, f"{seconds:.3f} s", f"≤ {limit} s" if limit else "", kept=limit is None or seconds <= limit
    )
    figures.add(
        "    memory", f"{memory / MEGABYTE:.1f} MB", f"≤ {MEMORY / MEGABYTE:.0f} MB above idle", kept=memory <= MEMORY
    )
    return seconds


def warm_up(server: Server) -> None:
    """Have each worker import pyarrow, and compose its queries."""
    parquet = Asked("/api/v1/enrollment/?last=1&format=parquet")
    for _ in range(WARMING):
        server.answer(parquet)
        if server.has_loaded("libarrow"):
            return
    sys.exit("Not every worker has imported pyarrow; is it installed (requirements/data.txt)?")


def measure_lists(figures: Figures, server: Server, size: Size, set_stored: Callable[[bool], None]) -> None:
    """Measure each list with the whole key."""
    times = {request.name: measured(figures, server, request, size) for request in requests(size)}
    for kind in ("derived", "stored"):
        set_stored(kind == "stored")
        for request in summaries(size, kind):
            measured(figures, server, request, size)
    one = Asked(f"/api/v1/courses/{size.ids[0]}/enrollment/?start_date=2000-01-01")
    of_one = seconds_of(server, one, 10 * size.repetitions) / size.days
    month = next(seconds for name, seconds in times.items() if "a month (" in name) / (30 * size.courses)
    figures.add(f"one course, {size.days} rows", f"{of_one * 1e6:.2f} µs a row")
    figures.add("a month of all courses", f"{month * 1e6:.2f} µs a row", "≤ 1.2 times that", kept=month <= 1.2 * of_one)


def measure_parquet(figures: Figures, server: Server, size: Size) -> None:
    """Compare Parquet with JSON of the same rows: 273,900 at full size."""
    path = f"/api/v1/courses/{LONG_COURSE}/enrollment/location/?start_date=2000-01-01&format="
    kinds = ("json", "parquet")
    sizes = [server.answer(Asked(f"{path}{kind}")).size for kind in kinds]
    times = [seconds_of(server, Asked(f"{path}{kind}"), size.repetitions) for kind in kinds]
    rows = size.long_days * COUNTRIES
    figures.add(f"JSON of {rows:,} rows", f"{times[0]:.3f} s")
    figures.add("Parquet", f"{times[1] / times[0]:.2f} of that", "≤ 2", kept=times[1] <= 2 * times[0])
    figures.add("its bytes", f"{sizes[1] / sizes[0]:.3f} of JSON's", "≤ 0.1", kept=sizes[1] <= 0.1 * sizes[0])


def measure_keys(figures: Figures, server: Server, size: Size) -> None:
    """Compare limited keys with the whole key: requests per second about one course, and the time of lists."""
    for name, query in (("latest", ""), ("60 days", f"?{days_before(60)}")):
        path = f"/api/v1/courses/{size.ids[0]}/enrollment/{query}"
        rates: dict[str, list[float]] = {"": [], **{key: [] for key in LIMITED}}
        for _ in range(size.rounds):
            for key, found in rates.items():
                asked = Asked(path, LIMITED[key].headers if key else HEADERS)
                found.append(server.load([asked], 1).rate)
        figures.add(f"enrollment of one course, {name}, whole key", f"{median(rates['']):,.0f} a second")
        for key in LIMITED:
            ratio = median([limited / whole for limited, whole in zip(rates[key], rates[""], strict=True)])
            figures.add(f"    limited to {key}", f"{ratio:.3f} of that", f"≥ {ONE_COURSE}", kept=ratio >= ONE_COURSE)
    everything = ("5,000 courses", "40 organizations")
    hundred = f"course_ids={','.join(size.ids[:100]).replace('+', '%2B')}"
    lists = {
        "courses/": ("/api/v1/courses/", everything),
        "enrollment/, last day": ("/api/v1/enrollment/?last=1", everything),
        "enrollment/, a month": (f"/api/v1/enrollment/?{days_before(30)}", everything),
        "course_summaries/": ("/api/v1/course_summaries/", everything),
        "course_totals/": ("/api/v1/course_totals/", everything),
        "enrollment/, last day, 100 courses": (f"/api/v1/enrollment/?last=1&{hundred}", ("100 courses",)),
        "tables/": ("/api/v1/tables/", tuple(LIMITED)),
    }
    for name, (path, keys) in lists.items():
        asked_by = {"": Asked(path), **{key: Asked(path, LIMITED[key].headers) for key in keys}}
        taken: dict[str, list[float]] = {key: [] for key in asked_by}
        for number in range(size.repetitions + 1):
            for key, asked in asked_by.items():
                seconds = server.transfer(asked).total
                if number:
                    taken[key].append(seconds)
        figures.add(f"{name}, whole key", f"{median(taken['']):.3f} s")
        for key in keys:
            ratio = median(taken[key]) / median(taken[""])
            figures.add(f"    limited to {key}", f"{ratio:.2f} of that", f"≤ {LISTS}", kept=ratio <= LISTS)


def measure_before(figures: Figures, servers: Sequence[Server], size: Size) -> None:
    """Compare the whole key's requests per second with those of another version of the service.

    Args:
        figures: Prints them.
        servers: That of this version, and that of the other.
        size: How much is measured.
    """
    paths = {
        "enrollment": f"/api/v0/courses/{size.ids[0]}/enrollment/",
        "mode": f"/api/v0/courses/{size.ids[0]}/enrollment/mode/",
        "location": f"/api/v0/courses/{LONG_COURSE}/enrollment/location/",
    }
    for name, path in paths.items():
        rounds = [[server.load([Asked(path)], 1).rate for server in servers] for _ in range(size.rounds)]
        ratio = median([now / before for now, before in rounds])
        figures.add(
            f"{name} of one course, whole key", f"{ratio:.3f} of before", f"≥ {UNCHANGED}", kept=ratio >= UNCHANGED
        )


def measure(database: str, size: Size, before: Path | None) -> list[str]:
    """Print every figure of a database; return those that are beyond their limit."""
    print(f"\n{database}: {size.courses:,} courses with {size.days} days")
    figures = Figures(database)
    began = time.monotonic()
    with ExitStack() as stack:
        environment = stack.enter_context(served(database, size))
        data.place_static_files(environment)
        figures.add("making the data", f"{time.monotonic() - began:.0f} s")

        def set_stored(stored: bool) -> None:
            run_here(environment, "--summaries", "stored" if stored else "derived")

        set_stored(False)

        def start(name: str) -> Server:
            return Server(name, "analyticsdataserver.serving.wsgi:application", serve_options(), environment)

        server = stack.enter_context(start("service"))
        warm_up(server)
        measure_lists(figures, server, size, set_stored)
        measure_parquet(figures, server, size)
        measure_keys(figures, server, size)
        if before is not None:
            other = start("service before")
            other.project = before
            measure_before(figures, [server, stack.enter_context(other)], size)
        else:
            print("whole key, requests per second as before (≥ 0.95): name a checkout of then by --before")
    figures.add("altogether", f"{time.monotonic() - began:.0f} s", "≤ 720 s")
    return figures.beyond


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lists", description="Measure lists of many courses.")
    parser.add_argument("--database", choices=("sqlite", "mariadb", "both"), default="sqlite")
    parser.add_argument("--quick", action="store_true", help="a few courses and rounds, to see that everything works")
    parser.add_argument("--countries", action="store_true", help="make 14.6 million rows of countries, too")
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="a checkout to compare requests per second with")
    parser.add_argument("--connected", action="store_true", help="fill the databases that the environment names")
    parser.add_argument("--summaries", choices=("stored", "derived"), help="fill or empty their table of summaries")
    given = parser.parse_args(arguments)
    size = (QUICK if given.quick else FULL)._replace(countries=given.countries)
    if given.connected or given.summaries:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.local")
        if given.connected:
            fill(size)
        else:
            set_summaries(stored=given.summaries == "stored")
        return
    require_wrk()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Left to itself, a signal would end us with the servers still running.
        signal.signal(number, lambda caught, frame: sys.exit(128 + caught))
    beyond = []
    for database in ("sqlite", "mariadb") if given.database == "both" else (given.database,):
        beyond += measure(database, size, given.before)
    if beyond:
        print("\nBeyond a limit:", *beyond, sep="\n* ")


if __name__ == "__main__":
    main()
