"""The data that the benchmark reads: the same rows each time, about 3.4 million of them, in either kind of database.

200 courses have 60 days and one has five years in every dated table, with 70 birth years and 152 country codes a day.
20 of the courses have 50 problems, of 10 answers and 5 grades each, and 5 videos of 100 segments. No row is there
twice, and rows come in the order in which daily loads would have appended them.

``python -m benchmarks.data`` makes SQLite files in ``benchmarks/.data``, unless they are there already. With
``--connected`` it migrates and fills the databases that ``DATABASE_URL`` and ``ANALYTICS_DATABASE_URL`` name, which
have to be empty.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models import Model

Row = tuple[Any, ...]

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = Path(__file__).resolve().parent / ".data"

USERNAME: Final = "benchmark"
KEY: Final = "benchmark-of-a-throwaway-database"

# The day after the last one on record.
END: Final = date(2020, 1, 1)
SHORT_DAYS: Final = 60
LONG_DAYS: Final = 1826

COURSES: Final = tuple(f"course-v1:edX+Bench{number:03}+2019" for number in range(200))
LONG_COURSE: Final = "edX/BenchLong/2015"
# The courses that have problems and videos.
DETAILED_COURSES: Final = COURSES[:20]

PROBLEMS: Final = 50
PARTS: Final = 2
ANSWERS_PER_PART: Final = 5
SEQUENTIALS: Final = 10
VIDEOS: Final = 5
SEGMENTS: Final = 100
GRADES: Final = ((0.0, 2.0), (0.5, 2.0), (1.0, 2.0), (1.25, 2.0), (2.0, 2.0))

LABELS: Final = ("ACTIVE", "ATTEMPTED_PROBLEM", "PLAYED_VIDEO", "POSTED_FORUM")
MODES: Final = ("audit", "credit", "honor", "no-id-professional", "professional", "verified")
GENDERS: Final = (None, "f", "m", "o")
LEVELS: Final = (
    *(None, "associates", "bachelors", "doctorate", "junior_secondary", "masters", "none", "other", "primary"),
    "secondary",
)
BIRTH_YEARS: Final = (None, *range(1940, 2009))
COUNTRIES: Final = (
    "AD AE AF AG AI AL AM AO AR AS AT AU AW AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CD CF CG CH "
    "CI CK CL CM CN CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GH GI GL "
    "GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IN IQ IR IS IT JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA "
    "LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MR MT MU MV MW MX MY MZ NA NE NG NI NL NO NP NR "
    "NZ"
)
# 149 countries of ISO 3166, and three codes that stand for no country: they become one item.
COUNTRY_CODES: Final = (None, "A1", "UNKNOWN", *COUNTRIES.split())

CREATED: Final = "created"
BATCH_SIZE: Final = 10_000


class Data(NamedTuple):
    """The rows of a table.

    Attributes:
        model: The name of its model.
        columns: The names of the model's fields but ``id``, in the order of the rows' values.
        rows: The rows; dates and times as text, times in UTC.
    """

    model: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


def problem_id(course: int, problem: int) -> str:
    """Return the id of a problem of one of the detailed courses."""
    return f"block-v1:edX+Bench{course:03}+2019+type@problem+block@problem{problem:02}"


def sequential_id(course: int, sequential: int) -> str:
    """Return the id of a subsection of one of the detailed courses."""
    return f"block-v1:edX+Bench{course:03}+2019+type@sequential+block@sequential{sequential:02}"


def module_of_video(course: int, video: int) -> str:
    return f"i4x-edX-Bench{course:03}-video-video{video:02}"


def video_id(course: int, video: int) -> str:
    """Return the id of a video of one of the detailed courses."""
    return f"{DETAILED_COURSES[course]}|{module_of_video(course, video)}"


class Days:
    """The days on record, as text, with the courses that have rows on each.

    Args:
        rows_factor: How many times five years the long course has.
    """

    def __init__(self, rows_factor: int = 1) -> None:
        self.count = LONG_DAYS * rows_factor
        self.first = END - timedelta(days=self.count)

    def __iter__(self) -> Iterator[tuple[int, str, str, tuple[str, ...]]]:
        """Yield each day's number, its date, when it was loaded, and its courses."""
        for number in range(self.count):
            day = self.first + timedelta(days=number)
            courses = (*COURSES, LONG_COURSE) if number >= self.count - SHORT_DAYS else (LONG_COURSE,)
            yield number, day.isoformat(), f"{day + timedelta(days=1)} 03:10:{number % 60:02}", courses

    def weeks(self) -> Iterator[tuple[int, str, str, str, tuple[str, ...]]]:
        """Yield each week's number, the times that bound it, when it was loaded, and its courses."""
        monday = self.first + timedelta(days=-self.first.weekday() % 7)
        for number in range(self.count // 7):
            start = monday + timedelta(days=7 * number)
            end = start + timedelta(days=7)
            courses = (*COURSES, LONG_COURSE) if start >= END - timedelta(days=SHORT_DAYS) else (LONG_COURSE,)
            if end <= END:
                yield number, f"{start} 00:00:00", f"{end} 00:00:00", f"{end} 04:20:00", courses


def by_value(days: Days, values: tuple[Any, ...]) -> Iterator[Row]:
    """Yield a row for each day, course and value: ``(date, course, value, count, cumulative count, created)``."""
    places = tuple(enumerate(values))
    for number, day, created, courses in days:
        for course, course_id in enumerate(courses):
            # Spread over a few thousand, the same in each run, and not the same for neighbours.
            base = 7919 * course + 104_729 * number
            for place, value in places:
                count = (base + 1_299_709 * place) % 4093
                yield day, course_id, value, count, count + number, created


def daily(days: Days) -> Iterator[Row]:
    for day, course_id, _, count, cumulative_count, created in by_value(days, (None,)):
        yield course_id, day, count, cumulative_count, created


def weekly(days: Days) -> Iterator[Row]:
    for number, start, end, created, courses in days.weeks():
        for course, course_id in enumerate(courses):
            for place, label in enumerate(LABELS):
                yield course_id, start, end, label, (7919 * course + 104_729 * number + 31 * place) % 4093, created


def answers() -> Iterator[Row]:
    for course, course_id in enumerate(DETAILED_COURSES):
        for problem in range(PROBLEMS):
            module_id = problem_id(course, problem)
            for part in range(PARTS):
                for place in range(ANSWERS_PER_PART):
                    first = (7919 * course + 104_729 * problem + 31 * place) % 997
                    yield (
                        course_id,
                        module_id,
                        f"i4x-edX-Bench{course:03}-problem-problem{problem:02}_{part + 2}_1",
                        int(place == part),
                        *(first, first // 2 + place),
                        f"choice_{place}",
                        f"Answer {place}: neither very long nor quite short",
                        None if part else float(place) + 0.5,
                        None,
                        f"Problem {problem}",
                        f"What is asked in part {part} of the problem {problem}, in a sentence of usual length?",
                        "2020-01-01 05:30:00",
                    )


def grades() -> Iterator[Row]:
    for course, course_id in enumerate(DETAILED_COURSES):
        for problem in range(PROBLEMS):
            for place, (grade, max_grade) in enumerate(GRADES):
                count = (7919 * course + 104_729 * problem + 31 * place) % 997
                yield problem_id(course, problem), course_id, grade, max_grade, count, "2020-01-01 05:40:00"


def sequentials() -> Iterator[Row]:
    for course, course_id in enumerate(DETAILED_COURSES):
        for sequential in range(SEQUENTIALS):
            count = (7919 * course + 104_729 * sequential) % 997
            yield sequential_id(course, sequential), course_id, count, "2020-01-01 05:50:00"


def videos() -> Iterator[Row]:
    for course, course_id in enumerate(DETAILED_COURSES):
        for video in range(VIDEOS):
            users = (7919 * course + 104_729 * video) % 997
            lengths = (5 * SEGMENTS, 5, users, users // 2, 400 * users)
            yield video_id(course, video), course_id, module_of_video(course, video), *lengths, "2020-01-01 06:00:00"


def segments() -> Iterator[Row]:
    for course in range(len(DETAILED_COURSES)):
        for video in range(VIDEOS):
            for segment in range(SEGMENTS):
                users = (7919 * course + 104_729 * video + 31 * segment) % 997
                yield video_id(course, video), segment, users, users + segment, "2020-01-01 06:10:00"


def tables(rows_factor: int = 1) -> Iterator[Data]:
    """Yield the rows of each table.

    Args:
        rows_factor: How many times five years the long course has.
    """
    days = Days(rows_factor)
    counts = ("count", "cumulative_count", CREATED)
    weeks = ("course_id", "interval_start", "interval_end", "activity_type", "count", CREATED)
    yield Data("CourseActivityWeekly", weeks, weekly(days))
    yield Data("CourseEnrollmentDaily", ("course_id", "date", *counts), daily(days))
    for model, column, values in (
        ("CourseEnrollmentModeDaily", "mode", MODES),
        ("CourseEnrollmentByGender", "gender", GENDERS),
        ("CourseEnrollmentByBirthYear", "birth_year", BIRTH_YEARS),
        ("CourseEnrollmentByEducation", "education_level", LEVELS),
        ("CourseEnrollmentByCountry", "country_code", COUNTRY_CODES),
    ):
        yield Data(model, ("date", "course_id", column, *counts), by_value(days, values))
    answer = ("course_id", "module_id", "part_id", "correct", "first_response_count", "last_response_count", "value_id")
    described = ("answer_value_text", "answer_value_numeric", "variant", "problem_display_name", "question_text")
    yield Data("ProblemFirstLastResponseAnswerDistribution", (*answer, *described, CREATED), answers())
    yield Data("GradeDistribution", ("module_id", "course_id", "grade", "max_grade", "count", CREATED), grades())
    yield Data("SequentialOpenDistribution", ("module_id", "course_id", "count", CREATED), sequentials())
    video = ("duration", "segment_length", "users_at_start", "users_at_end", "total_viewed_seconds", CREATED)
    yield Data("Video", ("pipeline_video_id", "course_id", "encoded_module_id", *video), videos())
    yield Data("VideoTimeline", ("pipeline_video_id", "segment", "num_users", "num_views", CREATED), segments())


def batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH_SIZE)):
        yield batch


class Filler:
    """Fills an empty database.

    Args:
        connection: Django's connection to it.
    """

    def __init__(self, connection: "BaseDatabaseWrapper") -> None:
        self.connection = connection

    def fill(self, rows_factor: int) -> int:
        """Write the rows of every table; return how many there are.

        Raises:
            SystemExit: A table has rows already; nothing was written.
        """
        from django.apps import apps

        contents = [(apps.get_model("v0", data.model), data) for data in tables(rows_factor)]
        for model, _ in contents:
            if model._default_manager.exists():
                sys.exit(f"The table {model._meta.db_table} has rows; the benchmark fills empty databases only.")
        total = 0
        for model, data in contents:
            # Sorting the rows once is a fraction of the work of putting each into its place.
            with self.connection.schema_editor() as editor:
                for index in model._meta.indexes:
                    editor.remove_index(model, index)
            total += self.write(model, data)
            with self.connection.schema_editor() as editor:
                for index in model._meta.indexes:
                    editor.add_index(model, index)
        self.note_loads([model._meta.db_table for model, _ in contents])
        return total

    def names(self, model: "type[Model]", data: Data) -> tuple[str, str]:
        """Return the quoted names of a table and of its columns."""
        quote = self.connection.ops.quote_name
        fields = {field.name: str(field.column) for field in model._meta.concrete_fields}
        return quote(model._meta.db_table), ", ".join(quote(fields[name]) for name in data.columns)

    def write(self, model: "type[Model]", data: Data) -> int:
        """Append rows to a table; return how many."""
        table, columns = self.names(model, data)
        statement = f"INSERT INTO {table} ({columns}) VALUES ({', '.join(['%s'] * len(data.columns))})"
        total = 0
        with self.connection.cursor() as cursor:
            for batch in batches(data.rows):
                cursor.executemany(statement, batch)
                total += len(batch)
        return total

    def note_loads(self, loaded: Iterable[str]) -> None:
        """Tell, as the pipeline does, when each table was loaded."""
        table = "table_updates"
        with self.connection.cursor() as cursor:
            if table not in self.connection.introspection.table_names(cursor):
                cursor.execute(
                    f"CREATE TABLE {table} (id BIGINT, update_id VARCHAR(128) NOT NULL PRIMARY KEY, "
                    "target_table VARCHAR(128), inserted TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"
                )
                cursor.execute(f"CREATE INDEX {table}_target ON {table} (target_table)")
            cursor.executemany(
                f"INSERT INTO {table} (id, update_id, target_table, inserted) VALUES (%s, %s, %s, %s)",
                [
                    (number, f"Insert(table={name}, date=2020-01-01)", name, "2020-01-01 07:00:00")
                    for number, name in enumerate(loaded, 1)
                ],
            )


class SQLiteFiller(Filler):
    def fill(self, rows_factor: int) -> int:
        with self.connection.cursor() as cursor:
            # A file that is not whole is made again from the start: nothing has to survive a crash.
            cursor.execute("PRAGMA journal_mode = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
        total = super().fill(rows_factor)
        with self.connection.cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = DELETE")
        return total

    def write(self, model: "type[Model]", data: Data) -> int:
        table, columns = self.names(model, data)
        self.connection.ensure_connection()
        driver = self.connection.connection
        statement = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(data.columns))})"
        driver.execute("BEGIN")
        total: int = driver.executemany(statement, data.rows).rowcount
        driver.execute("COMMIT")
        return total


class MySQLFiller(Filler):
    def fill(self, rows_factor: int) -> int:
        self.connection.settings_dict["OPTIONS"]["local_infile"] = True
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT @@local_infile")
            (self.allowed,) = cursor.fetchone()
        return super().fill(rows_factor)

    def write(self, model: "type[Model]", data: Data) -> int:
        if not self.allowed:
            return super().write(model, data)
        table, columns = self.names(model, data)
        # A file without a name, which is gone however this process ends.
        with tempfile.TemporaryFile("w", encoding="utf-8") as file:
            total = 0
            for batch in batches(data.rows):
                total += len(batch)
                file.write("".join(map(line, batch)))
            file.flush()
            with self.connection.cursor() as cursor:
                cursor.execute(
                    f"LOAD DATA LOCAL INFILE %s INTO TABLE {table} CHARACTER SET utf8mb4 ({columns})",
                    [f"/proc/self/fd/{file.fileno()}"],
                )
        return total


def line(row: Row) -> str:
    """Return a row as MySQL reads it from a file; none of the values holds what would have to be escaped."""
    return "\t".join(["\\N" if value is None else str(value) for value in row]) + "\n"


def fill(rows_factor: int = 1) -> int:
    """Migrate and fill the databases of Django's settings, and give the benchmark's user a key.

    Args:
        rows_factor: How many times five years the long course has.

    Returns:
        The number of rows.

    Raises:
        SystemExit: A table of the analytics database has rows already.
    """
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from analytics_data_api.access.keys import set_key
    from analytics_data_api.tables import ANALYTICS_DATABASE

    for alias in connections:
        call_command("migrate", database=alias, verbosity=0)
    set_key(USERNAME, KEY)
    connection = connections[ANALYTICS_DATABASE]
    return {"sqlite": SQLiteFiller, "mysql": MySQLFiller}[connection.vendor](connection).fill(rows_factor)


def environment(database_url: str, analytics_database_url: str) -> dict[str, str]:
    """Return the environment of a process that serves these databases as production does."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.production",
        "DATABASE_URL": database_url,
        "ANALYTICS_DATABASE_URL": analytics_database_url,
        "SECRET_KEY": "only-good-for-a-benchmark-of-throwaway-databases-on-one-machine",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "SQLITE_FOR_USERS": "true",
        # Nothing in front of it speaks HTTPS.
        "SECURE_SSL_REDIRECT": "false",
        "DEBUG": "false",
        # What warns of debugging aids, or records what they see, is no part of what is measured.
        "PYTHONWARNINGS": "ignore",
    }


def version(rows_factor: int) -> str:
    """Return what tells data made by another version of this module, or with other tables, apart."""
    digest = hashlib.sha256(f"{rows_factor}".encode())
    migrations = (ROOT / "analytics_data_api").glob("**/migrations/*.py")
    for path in (Path(__file__), ROOT / "analytics_data_api" / "tables" / "models.py", *sorted(migrations)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def place_static_files(process_environment: Mapping[str, str]) -> None:
    """Put the pages' files where the service looks for them, without which it does not start."""
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, env=process_environment, cwd=ROOT, check=True)


def make(rows_factor: int, process_environment: Mapping[str, str]) -> None:
    """Fill the databases that an environment names, in a process of its own.

    Raises:
        SystemExit: That failed; the process has said why.
    """
    command = [sys.executable, "-m", "benchmarks.data", "--connected", "--rows-factor", str(rows_factor)]
    if subprocess.run(command, env=process_environment, cwd=ROOT, check=False).returncode:
        sys.exit("The benchmark's data could not be made.")


def sqlite(rows_factor: int = 1) -> dict[str, str]:
    """Make the SQLite files, unless they are there already; return the environment of a process that serves them.

    Raises:
        SystemExit: They could not be made; the reason was printed.
    """
    folder = FOLDER / ("sqlite" if rows_factor == 1 else f"sqlite-{rows_factor}")
    process_environment = environment(f"sqlite:///{folder / 'default.db'}", f"sqlite:///{folder / 'analytics.db'}")
    mark = folder / "version"
    if not mark.is_file() or mark.read_text() != version(rows_factor):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(rows_factor, process_environment)
        mark.write_text(version(rows_factor))
    return process_environment


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the benchmark's data.", prog="python -m benchmarks.data")
    parser.add_argument("--connected", action="store_true", help="fill the databases that the environment names")
    parser.add_argument("--rows-factor", type=int, default=1, help="how many times five years the long course has")
    arguments = parser.parse_args()
    if not arguments.connected:
        sqlite(arguments.rows_factor)
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.local")
    began = time.perf_counter()
    total = fill(arguments.rows_factor)
    print(f"Made {total:,} rows in {time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
