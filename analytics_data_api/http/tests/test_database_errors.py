"""Each fault of a database has its own error code and words, and is logged once in a while."""

import logging
import sqlite3
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    Error,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connections,
)
from django.test import Client

from analytics_data_api.http import database_errors
from analytics_data_api.http.database_errors import ErrorLog
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests import factories as make

PATH = f"/api/v0/courses/{make.COURSE_ID}/enrollment"

UNAVAILABLE = "database_unavailable"
NO_TABLE = "Table 'reports.course_enrollment_daily' doesn't exist"
DENIED = "SELECT command denied to user 'api'@'10.0.0.7' for table "


def sqlite(code: int, message: str) -> OperationalError:
    """Return an error as Django makes it of SQLite's."""
    cause = sqlite3.OperationalError(message)
    cause.sqlite_errorcode = code
    error = OperationalError(message)
    error.__cause__ = cause
    return error


FAULTS: list[tuple[Error, str, str]] = [
    (OperationalError(2002, "Can't connect to '10.0.0.7'"), UNAVAILABLE, "does not answer at the moment."),
    (OperationalError(2006, "Server has gone away"), UNAVAILABLE, "does not answer at the moment."),
    (OperationalError(2013, "Lost connection"), UNAVAILABLE, "does not answer at the moment."),
    (InterfaceError("connection already closed"), UNAVAILABLE, "does not answer at the moment."),
    (OperationalError(1040, "Too many connections"), UNAVAILABLE, "accepts no more connections at the moment."),
    (OperationalError(1045, "Access denied for 'api'"), UNAVAILABLE, "does not accept the login of this service."),
    (OperationalError(1049, "Unknown database 'x'"), UNAVAILABLE, "does not exist on its server."),
    (OperationalError(1969, "max_statement_time exceeded"), UNAVAILABLE, "stopped a query that took too long."),
    (OperationalError(1290, "--read-only"), UNAVAILABLE, "cannot be written at the moment."),
    (OperationalError(1267, "Illegal mix of collations"), UNAVAILABLE, "reports an error."),
    (ProgrammingError(1146, NO_TABLE), "table_missing", "lacks the table 'course_enrollment_daily'."),
    (OperationalError(1054, "Unknown column 'count'"), "column_missing", "lacks a column that this request needs."),
    (OperationalError(1205, "Lock wait timeout"), "table_locked", "has a table that is locked by another client."),
    (OperationalError(1213, "Deadlock found"), "table_locked", "has a table that is locked by another client."),
    (
        OperationalError(1142, f"{DENIED}'course_enrollment_daily'"),
        "table_denied",
        "does not allow this service to use the table 'course_enrollment_daily'.",
    ),
    (
        OperationalError(1142, f"{DENIED}`reports`.`course_enrollment_daily`"),
        "table_denied",
        "does not allow this service to use the table 'course_enrollment_daily'.",
    ),
    (
        sqlite(1, "no such table: course_enrollment_daily"),
        "table_missing",
        "lacks the table 'course_enrollment_daily'.",
    ),
    (sqlite(1, "no such table: main.video"), "table_missing", "lacks the table 'video'."),
    (sqlite(1, "no such column: count"), "column_missing", "lacks a column that this request needs."),
    (sqlite(5, "database is locked"), "table_locked", "has a table that is locked by another client."),
    (sqlite(6, "database table is locked"), "table_locked", "has a table that is locked by another client."),
    (sqlite(5 | 2 << 8, "database is locked"), "table_locked", "has a table that is locked by another client."),
    (sqlite(14, "unable to open database file"), UNAVAILABLE, "cannot be opened."),
    (sqlite(26, "file is not a database"), UNAVAILABLE, "is damaged."),
    (sqlite(11, "database disk image is malformed"), UNAVAILABLE, "is damaged."),
    (sqlite(10 | 1 << 8, "disk I/O error"), UNAVAILABLE, "reports an error."),
]

STATEMENTS = [
    ProgrammingError(1064, "You have an error in your SQL syntax"),
    DataError(1264, "Out of range value"),
    sqlite(1, 'near "FORM": syntax error'),
    ProgrammingError("Cannot operate on a closed cursor."),
]


@pytest.fixture
def fails(client: Client) -> Any:
    """Return what the client gets where every statement on a database fails."""

    def fails(error: Error, alias: str, *, marked: bool = True) -> Any:
        def execute(*args: Any) -> None:
            connections[alias].errors_occurred = marked
            raise error

        client.raise_request_exception = False
        try:
            with connections[alias].execute_wrapper(execute):
                return client.get(PATH)
        finally:
            connections[alias].errors_occurred = False

    return fails


@pytest.mark.django_db(databases=["default", "analytics"])
class TestResponse:
    @pytest.mark.parametrize("alias", ["default", "analytics"])
    @pytest.mark.parametrize(("error", "code", "detail"), FAULTS, ids=[str(fault[0]) for fault in FAULTS])
    def test_names_the_database_and_the_cause(
        self, fails: Any, alias: str, error: Error, code: str, detail: str
    ) -> None:
        name = "users" if alias == "default" else alias
        response = fails(error, alias)
        body = problem_of(response, 503, code)
        assert body["detail"] == f"The {name} database {detail} Try again a little later."
        assert response["Retry-After"] == "5"

    def test_names_none_where_django_marks_none(self, fails: Any) -> None:
        body = problem_of(fails(OperationalError(2013, "Lost"), "analytics", marked=False), 503, UNAVAILABLE)
        assert body["detail"] == "A database does not answer at the moment. Try again a little later."

    @pytest.mark.parametrize("error", STATEMENTS, ids=str)
    def test_a_wrong_statement_is_a_500(self, fails: Any, error: Error) -> None:
        body = problem_of(fails(error, "analytics"), 500, "server_error")
        assert body["detail"] == "Something went wrong here. It has been logged."

    def test_of_a_real_driver(self, client: Client) -> None:
        model = make.EnrollmentFactory._meta.model
        with connections["analytics"].cursor() as cursor:
            cursor.execute("SELECT 1")
        table = model._meta.db_table
        with connections["analytics"].execute_wrapper(
            lambda execute, sql, *rest: execute(sql.replace(table, "no_table"), *rest)
        ):
            body = problem_of(client.get(PATH), 503, "table_missing")
        assert "the table 'no_table'" in body["detail"]


@pytest.mark.django_db(databases=["default", "analytics"])
class TestLog:
    def test_has_a_traceback_once_for_each_cause(self, fails: Any, caplog: pytest.LogCaptureFixture) -> None:
        lost, locked = OperationalError(2013, "Lost to 10.0.0.7"), OperationalError(1205, "Lock wait")
        for _ in range(20):
            problem_of(fails(lost, "analytics"), 503)
            problem_of(fails(locked, "analytics"), 503)
            problem_of(fails(lost, "default"), 503)
        records = [record for record in caplog.records if record.exc_info]
        assert [record.getMessage() for record in records] == [
            "The analytics database does not answer at the moment.",
            "The analytics database has a table that is locked by another client.",
            "The users database does not answer at the moment.",
        ]
        # Each request still has its line.
        assert len([record for record in caplog.records if record.name == "analyticsdataserver.request"]) == 60

    def test_says_how_many_were_left_out(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        now = 1000.0
        monkeypatch.setattr(database_errors, "monotonic", lambda: now)
        log = ErrorLog(60)
        caplog.set_level(logging.ERROR)
        for seconds in (0, 1, 59.9, 60, 119.9, 120):
            now = 1000.0 + seconds
            log.log("key", "It failed.", DatabaseError("x"))
        assert [record.getMessage() for record in caplog.records] == [
            "It failed.",
            "It failed. 2 further errors of this kind were not logged.",
            "It failed. 1 further errors of this kind were not logged.",
        ]
