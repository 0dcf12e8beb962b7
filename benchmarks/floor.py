"""The floor: the least that a program in Python has to do for the bytes that the service answers with.

One WSGI function without a framework. It looks up the key, reads the rows with hand-written SQL from the databases
that ``DATABASE_URL`` and ``ANALYTICS_DATABASE_URL`` name, and writes them with orjson; large answers it streams. It
relies on what the service cannot rely on: every row is there once, no count is missing, ids and parameters are right,
tables have one layout. Connections and the written form of countries are kept, answers are not.
"""

import csv
import io
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import date
from functools import cache
from hashlib import sha256
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final
from urllib.parse import parse_qsl

import django
import orjson

# Read once, at the start; the table is the only thing here that needs Django.
from analytics_data_api.tables.constants.countries import COUNTRIES, UNKNOWN
from analyticsdataserver.config import Config

# The worker that runs this program imports the service's log, which needs Django's models.
django.setup()

Row = tuple[Any, ...]
Body = bytes | Iterator[bytes]

# Rows fetched, and items written, at a time.
FETCH_SIZE: Final = 2000
BATCH_SIZE: Final = 1000

JSON: Final = "application/json"
CSV: Final = "text/csv; charset=utf-8"


class Database(ABC):
    """A connection to a database.

    Statements are written for SQLite, with ``TEXT(column)`` for dates and times that are wanted as text.

    Args:
        settings: As Django has them.
    """

    @abstractmethod
    def __init__(self, settings: dict[str, Any]) -> None: ...

    @abstractmethod
    def all(self, statement: str, *values: Any) -> list[Row]:
        """Return all the rows that a statement selects."""

    @abstractmethod
    def stream(self, statement: str, *values: Any) -> Iterator[Row]:
        """Yield the rows that a statement selects, without holding more than a few thousand of them anywhere."""


class SQLite(Database):
    def __init__(self, settings: dict[str, Any]) -> None:
        self.connection = sqlite3.connect(f"file:{settings['NAME']}?mode=ro", uri=True, isolation_level=None)

    def all(self, statement: str, *values: Any) -> list[Row]:
        return self.connection.execute(translated(statement, "?", "{}"), values).fetchall()

    def stream(self, statement: str, *values: Any) -> Iterator[Row]:
        return iter(self.connection.execute(translated(statement, "?", "{}"), values))


class MySQL(Database):
    def __init__(self, settings: dict[str, Any]) -> None:
        import MySQLdb
        from MySQLdb.constants import FIELD_TYPE
        from MySQLdb.cursors import SSCursor

        converters = {
            **dict.fromkeys((FIELD_TYPE.TINY, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.NEWDECIMAL), int),
            FIELD_TYPE.DOUBLE: float,
        }
        options = {"host": "HOST", "user": "USER", "password": "PASSWORD", "port": "PORT", "database": "NAME"}
        self.unbuffered = SSCursor
        self.connection = MySQLdb.connect(
            **{option: settings[name] for option, name in options.items() if settings.get(name)},
            **{name: value for name, value in settings["OPTIONS"].items() if name != "isolation_level"},
            conv=converters,
            autocommit=True,
        )

    def all(self, statement: str, *values: Any) -> list[Row]:
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(translated(statement, "%s", "CAST({} AS CHAR)"), values)
            return list(cursor.fetchall())

    def stream(self, statement: str, *values: Any) -> Iterator[Row]:
        with closing(self.connection.cursor(self.unbuffered)) as cursor:
            cursor.execute(translated(statement, "%s", "CAST({} AS CHAR)"), values)
            while rows := cursor.fetchmany(FETCH_SIZE):
                yield from rows


@cache
def translated(statement: str, placeholder: str, text: str) -> str:
    """Return a statement as a driver takes it.

    Args:
        statement: The statement, as ``Database`` describes it.
        placeholder: What stands for a value.
        text: What makes a column text, with ``{}`` for the column.
    """
    first, *parts = statement.replace("?", placeholder).split("TEXT(")
    return first + "".join(text.format(column) + rest for column, rest in (part.split(")", 1) for part in parts))


class Connections(threading.local):
    """The connections of a thread, made when they are first needed and kept."""

    def __init__(self) -> None:
        config = Config.read()
        self.users = self.connect(config.database(config.DATABASE_URL))
        self.analytics = self.connect(config.database(config.ANALYTICS_DATABASE_URL))

    def connect(self, settings: dict[str, Any]) -> Database:
        return (MySQL if settings["ENGINE"].endswith("mysql") else SQLite)(settings)


@cache
def connections() -> Connections:
    """Return the connections; asked for by workers only, since none outlives the process that has made it."""
    return Connections()


class Times(dict[str, str]):
    """The written form of each time that was met: ``YYYY-mm-ddTHHMMSS``."""

    def __missing__(self, time: str) -> str:
        self[time] = written = time.replace(" ", "T").replace(":", "")
        return written


def cells(*values: Any) -> str:
    """Return values as a part of a line of CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


BY_CODE: Final = dict([(None, UNKNOWN), *COUNTRIES.items()])
COUNTRIES_IN_JSON: Final = {code: orjson.Fragment(orjson.dumps(country)) for code, country in BY_CODE.items()}
COUNTRIES_IN_CSV: Final = {
    code: cells(country["alpha2"], country["alpha3"], country["name"]) for code, country in BY_CODE.items()
}


@cache
def selection(table: str, columns: str, tail: str, ends: tuple[bool, bool], compared: tuple[str, str]) -> str:
    """Return a statement for the rows of a course in a range of dates or, where it has no ends, on the latest date.

    Args:
        table: The table.
        columns: What to select.
        tail: What the statement ends with.
        ends: Whether the range has a start and an end.
        compared: The columns to compare with them; the second one tells the latest date.
    """
    (start, end), (first, last) = ends, compared
    conditions = ["course_id = ?"]
    if start:
        conditions.append(f"{first} >= ?")
    if end:
        conditions.append(f"{last} < ?")
    if not (start or end):
        conditions.append(f"{last} = (SELECT MAX({last}) FROM {table} WHERE course_id = ?)")
    return f"SELECT {columns} FROM {table} WHERE {' AND '.join(conditions)} {tail}"


class Asked:
    """What a request asks for.

    Args:
        subject: The id in the address.
        query: The parameters.
        database: The analytics database.
    """

    def __init__(self, subject: str, query: dict[str, str], database: Database) -> None:
        self.subject = subject
        self.query = query
        self.database = database

    def on_days(
        self, table: str, columns: str, tail: str, compared: tuple[str, str] = ("date", "date")
    ) -> tuple[str, Iterable[str]]:
        """Return a statement as ``selection`` describes it, and the values for it."""
        start, end = self.query.get("start_date"), self.query.get("end_date")
        values = [date.fromisoformat(value).isoformat() for value in (start, end) if value]
        statement = selection(table, columns, tail, (bool(start), bool(end)), compared)
        return statement, (self.subject, *(values or [self.subject]))


def activity(asked: Asked) -> Body:
    counts = ", ".join(
        f"SUM(CASE WHEN label = '{label}' THEN count END)"
        for label in ("ACTIVE", "ATTEMPTED_PROBLEM", "PLAYED_VIDEO", "POSTED_FORUM")
    )
    statement, values = asked.on_days(
        "course_activity",
        f"TEXT(interval_start), TEXT(interval_end), {counts}, MAX(TEXT(created))",
        "GROUP BY interval_start, interval_end ORDER BY interval_start",
        ("interval_start", "interval_end"),
    )
    times = Times()
    items = [
        {
            "interval_start": times[start],
            "interval_end": times[end],
            "course_id": asked.subject,
            "any": any_,
            "attempted_problem": attempted,
            "played_video": played,
            "posted_forum": posted,
            "created": times[created],
        }
        for start, end, any_, attempted, played, posted, created in asked.database.all(statement, *values)
    ]
    return orjson.dumps(items)


def recent_activity(asked: Asked) -> Body:
    rows = asked.database.all(
        "SELECT TEXT(interval_start), TEXT(interval_end), count FROM course_activity "
        "WHERE course_id = ? AND label = 'ACTIVE' ORDER BY interval_end DESC LIMIT 1",
        asked.subject,
    )
    for start, end, count in rows:
        return orjson.dumps(
            {
                "interval_start": start.replace(" ", "T") + "Z",
                "interval_end": end.replace(" ", "T") + "Z",
                "activity_type": "any",
                "count": count,
                "course_id": asked.subject,
            }
        )
    return b"[]"


def enrollment(asked: Asked) -> Body:
    statement, values = asked.on_days(
        "course_enrollment_daily", "TEXT(date), count, TEXT(created)", "ORDER BY course_enrollment_daily.date"
    )
    times = Times()
    return orjson.dumps(
        [
            {"course_id": asked.subject, "date": day, "count": count, "created": times[created]}
            for day, count, created in asked.database.all(statement, *values)
        ]
    )


def mode(asked: Asked) -> Body:
    statement, values = asked.on_days(
        "course_enrollment_mode_daily",
        "TEXT(date), SUM(count), SUM(cumulative_count), MAX(TEXT(created)), "
        "SUM(CASE WHEN mode IN ('honor', 'audit') THEN count ELSE 0 END), "
        "SUM(CASE WHEN mode IN ('professional', 'no-id-professional') THEN count ELSE 0 END), "
        "SUM(CASE WHEN mode = 'verified' THEN count ELSE 0 END)",
        "GROUP BY date ORDER BY course_enrollment_mode_daily.date",
    )
    times = Times()
    return orjson.dumps(
        [
            {
                "course_id": asked.subject,
                "date": day,
                "count": count,
                "cumulative_count": cumulative_count,
                "created": times[created],
                "honor": honor,
                "professional": professional,
                "verified": verified,
            }
            for day, count, cumulative_count, created, honor, professional, verified in asked.database.all(
                statement, *values
            )
        ]
    )


def gender(asked: Asked) -> Body:
    statement, values = asked.on_days(
        "course_enrollment_gender_daily",
        "TEXT(date), SUM(CASE WHEN gender = 'f' THEN count ELSE 0 END), "
        "SUM(CASE WHEN gender = 'm' THEN count ELSE 0 END), SUM(CASE WHEN gender = 'o' THEN count ELSE 0 END), "
        "SUM(CASE WHEN gender IN ('f', 'm', 'o') THEN 0 ELSE count END), MAX(TEXT(created))",
        "GROUP BY date ORDER BY course_enrollment_gender_daily.date",
    )
    times = Times()
    return orjson.dumps(
        [
            {
                "course_id": asked.subject,
                "date": day,
                "female": female,
                "male": male,
                "other": other,
                "unknown": unknown,
                "created": times[created],
            }
            for day, female, male, other, unknown, created in asked.database.all(statement, *values)
        ]
    )


def grade_distribution(asked: Asked) -> Body:
    rows = asked.database.all(
        "SELECT module_id, course_id, grade, max_grade, count, TEXT(created) FROM grade_distribution "
        "WHERE module_id = ? ORDER BY grade, id",
        asked.subject,
    )
    times = Times()
    return orjson.dumps(
        [
            {
                "module_id": module_id,
                "course_id": course_id,
                "grade": int(grade) if grade.is_integer() else grade,
                "max_grade": int(max_grade) if max_grade.is_integer() else max_grade,
                "count": count,
                "created": times[created],
            }
            for module_id, course_id, grade, max_grade, count, created in rows
        ]
    )


def answer_distribution(asked: Asked) -> Body:
    rows = asked.database.all(
        "SELECT course_id, module_id, part_id, correct, value_id, answer_value_text, answer_value_numeric, "
        "problem_display_name, question_text, variant, TEXT(created), first_response_count, last_response_count "
        "FROM answer_distribution WHERE module_id = ? ORDER BY part_id, id",
        asked.subject,
    )
    times = Times()
    return orjson.dumps(
        [
            {
                "course_id": course,
                "module_id": module,
                "part_id": part,
                "correct": bool(correct),
                "count": last,
                "value_id": value,
                "answer_value": text,
                "answer_value_text": text,
                "answer_value_numeric": number,
                "problem_display_name": name,
                "question_text": question,
                "variant": variant,
                "created": times[time],
                "consolidated_variant": False,
                "first_response_count": first,
                "last_response_count": last,
            }
            for course, module, part, correct, value, text, number, name, question, variant, time, first, last in rows
        ]
    )


def timeline(asked: Asked) -> Body:
    rows = asked.database.all(
        "SELECT segment, num_users, num_views, TEXT(created) FROM video_timeline "
        "WHERE pipeline_video_id = ? ORDER BY segment",
        asked.subject,
    )
    times = Times()
    return orjson.dumps(
        [
            {"segment": segment, "num_users": users, "num_views": views, "created": times[created]}
            for segment, users, views, created in rows
        ]
    )


def days_by_country(asked: Asked) -> Iterator[list[Row]]:
    """Yield each day's rows by country, the unknown one first: ``(date, alpha-2 or None, count, created)``."""
    table = "course_enrollment_location_current"
    statement, values = asked.on_days(
        table, "TEXT(date), country_code, count, TEXT(created)", f"ORDER BY {table}.date, id"
    )
    for day, group in groupby(asked.database.stream(statement, *values), itemgetter(0)):
        rows = list(group)
        countries = [row for row in rows if row[1] in COUNTRIES]
        countries.sort(key=itemgetter(1))
        unknown = [row for row in rows if row[1] not in COUNTRIES]
        if unknown:
            countries.insert(0, (day, None, sum(row[2] for row in unknown), max(row[3] for row in unknown)))
        yield countries


def location(asked: Asked) -> Body:
    course_id, times = asked.subject, Times()
    countries = COUNTRIES_IN_JSON
    return json_of(
        [
            {
                "date": day,
                "course_id": course_id,
                "country": countries[code],
                "count": count,
                "created": times[created],
            }
            for day, code, count, created in rows
        ]
        for rows in days_by_country(asked)
    )


def location_csv(asked: Asked) -> Body:
    course_id, times = cells(asked.subject), Times()
    countries = COUNTRIES_IN_CSV
    return csv_of(
        "count,country.alpha2,country.alpha3,country.name,course_id,created,date",
        (
            [f"{count},{countries[code]},{course_id},{times[created]},{day}\r\n" for day, code, count, created in rows]
            for rows in days_by_country(asked)
        ),
    )


def days_by_birth_year(asked: Asked) -> Iterator[list[Row]]:
    """Yield each day's rows by year of birth, the unknown one first: ``(date, year, count, created)``."""
    table = "course_enrollment_birth_year_daily"
    statement, values = asked.on_days(
        table, "TEXT(date), birth_year, count, TEXT(created)", f"ORDER BY {table}.date, id"
    )
    for _, group in groupby(asked.database.stream(statement, *values), itemgetter(0)):
        rows = list(group)
        rows.sort(key=lambda row: row[1] or 0)
        yield rows


def birth_year(asked: Asked) -> Body:
    course_id, times = asked.subject, Times()
    return json_of(
        [
            {"course_id": course_id, "date": day, "birth_year": year, "count": count, "created": times[created]}
            for day, year, count, created in rows
        ]
        for rows in days_by_birth_year(asked)
    )


def birth_year_csv(asked: Asked) -> Body:
    course_id, times = cells(asked.subject), Times()
    return csv_of(
        "birth_year,count,course_id,created,date",
        (
            [
                f"{'' if year is None else year},{count},{course_id},{times[created]},{day}\r\n"
                for day, year, count, created in rows
            ]
            for rows in days_by_birth_year(asked)
        ),
    )


def batches(days: Iterable[list[Any]]) -> Iterator[list[Any]]:
    """Yield the items of several days at a time, as many as are worth a piece of the answer."""
    batch: list[Any] = []
    for items in days:
        batch += items
        if len(batch) >= BATCH_SIZE:
            yield batch
            batch = []
    if batch:
        yield batch


def json_of(days: Iterable[list[Any]]) -> Iterator[bytes]:
    opening = b"["
    for batch in batches(days):
        yield opening + orjson.dumps(batch)[1:-1]
        opening = b","
    yield b"]" if opening == b"," else b"[]"


def csv_of(header: str, days: Iterable[list[str]]) -> Iterator[bytes]:
    opening = header + "\r\n"
    for batch in batches(days):
        yield (opening + "".join(batch)).encode()
        opening = ""


ENDPOINTS: Final[dict[str, dict[str, Callable[[Asked], Body]]]] = {
    "activity": {JSON: activity},
    "recent_activity": {JSON: recent_activity},
    "enrollment": {JSON: enrollment},
    "enrollment/mode": {JSON: mode},
    "enrollment/gender": {JSON: gender},
    "enrollment/birth_year": {JSON: birth_year, CSV: birth_year_csv},
    "enrollment/location": {JSON: location, CSV: location_csv},
    "grade_distribution": {JSON: grade_distribution},
    "answer_distribution": {JSON: answer_distribution},
    "timeline": {JSON: timeline},
}


def is_known(key: str, users: Database) -> bool:
    """Return whether a key is that of an active user."""
    rows = users.all(
        "SELECT is_active FROM api_key JOIN auth_user ON auth_user.id = api_key.user_id WHERE api_key.digest = ?",
        sha256(key.encode()).hexdigest(),
    )
    return bool(rows and rows[0][0])


def named(path: str) -> tuple[str, str]:
    """Return the id and the endpoint that a path names."""
    _, _, _, kind, rest = path.rstrip("/").split("/", 4)
    if kind != "courses":
        subject, _, endpoint = rest.rpartition("/")
    elif rest.startswith("course-v1:"):
        subject, _, endpoint = rest.partition("/")
    else:
        organisation, course, run, endpoint = rest.split("/", 3)
        subject = f"{organisation}/{course}/{run}"
    return subject, endpoint


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a request, as WSGI has it."""
    connected = connections()
    scheme, _, key = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme != "Token" or not is_known(key, connected.users):
        start_response("401 Unauthorized", [("Content-Length", "0")])
        return []
    query = dict(parse_qsl(environ["QUERY_STRING"]))
    subject, endpoint = named(environ["PATH_INFO"])
    content_type = CSV if query.get("format") == "csv" else JSON
    body = ENDPOINTS[endpoint][content_type](Asked(subject, query, connected.analytics))
    if not isinstance(body, bytes):
        begun = [next(body, b""), next(body, b"")]
        if third := next(body, b""):
            start_response("200 OK", [("Content-Type", content_type)])
            return chain((*begun, third), body)
        body = b"".join(begun)
    status = "404 Not Found" if body in (b"", b"[]") else "200 OK"
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body)))])
    return [body]
