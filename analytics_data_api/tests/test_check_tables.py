import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connections

from analytics_data_api.loading import sample_data
from analytics_data_api.tables.models import CourseEnrollmentByBirthYear
from analytics_data_api.tables.tests import altered
from analytics_data_api.v0.tests.test_counting import load_again

PROJECT = Path(__file__).parents[2]

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)


def run(*arguments: str) -> tuple[int, str]:
    """Run the command, and return its exit status and what it prints."""
    out = io.StringIO()
    try:
        call_command("check_tables", *arguments, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture
def sample() -> None:
    for fixture in sample_data.FIXTURES.glob("*.json"):
        sample_data.load_fixture(fixture, "analytics")


@pytest.mark.usefixtures("sample")
class TestSampleData:
    def test_is_fine(self) -> None:
        status, text = run()
        assert status == 0
        assert text.endswith("Every table is as answers need it; there is nothing to do.\n")
        assert len([line for line in text.splitlines() if line.startswith("ok ")]) == 15

    def test_is_fine_for_programs(self) -> None:
        status, text = run("--format", "json")
        document = json.loads(text)
        assert (status, document["status"], document["errors"], document["warnings"]) == (0, "ok", 0, 0)
        rows = {table["table"]: table["rows"] for table in document["tables"]}
        assert rows == {model._meta.db_table: model._default_manager.count() for model in altered.tables()}

    def test_is_fine_in_quick_mode(self) -> None:
        status, text = run("--quick", "--format=json")
        document = json.loads(text)
        assert (status, document["status"], document["quick"]) == (0, "ok", True)
        assert document["tables"][1]["newest_date"] == "2014-12-10"

    @pytest.mark.slow
    def test_loaded_twice_is_a_warning(self) -> None:
        load_again(later=timedelta(hours=1))
        status, text = run()
        assert status == 0
        assert "15 warnings" in text.splitlines()[-1]

    def test_without_an_index_is_an_error(self) -> None:
        with altered.other_indexes(CourseEnrollmentByBirthYear):
            status, text = run()
        assert status == 1
        assert "\nerror    course_enrollment_birth_year_daily\n" in text
        assert "1 error" in text


def test_tables_without_rows_are_fine() -> None:
    assert run()[0] == 0


def test_a_database_without_tables_is_not() -> None:
    status, text = run("--database", "default")
    assert status == 1
    assert text.count("It is not there: requests that read it get 503.") == 1


def test_a_database_that_the_settings_do_not_have_is_refused() -> None:
    with pytest.raises(CommandError, match="There is no database 'nowhere'; the settings have analytics, default"):
        run("--database", "nowhere")


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_database_that_does_not_answer_is_reported_in_a_sentence(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    def fail(*arguments: Any) -> None:
        raise OperationalError(2003, "Can't connect to server on 'db.example.com' (111)")

    out = io.StringIO()
    with connections["analytics"].execute_wrapper(fail), pytest.raises(CommandError) as error:
        call_command("check_tables", "--format", form, stdout=out)
    assert error.value.returncode == 1
    reason = "Can't connect to server on 'db.example.com' (111)"
    assert str(error.value) == f"The database 'analytics' does not answer: {reason}."
    if form == "text":
        assert out.getvalue() == ""
    else:
        assert (json.loads(out.getvalue())["status"], json.loads(out.getvalue())["reason"]) == ("unavailable", reason)


@pytest.mark.process
class TestProcess:
    """The command as an operator runs it."""

    def run(self, analytics: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", "check_tables", *arguments],
            cwd=PROJECT,
            env={
                "DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.local",
                "DATABASE_URL": "sqlite://:memory:",
                "ANALYTICS_DATABASE_URL": analytics,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @pytest.mark.parametrize("arguments", [(), ("--format", "json")])
    def test_a_file_that_is_not_there_is_not_made(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        result = self.run(f"sqlite:///{tmp_path}/analytics.db", *arguments)
        assert result.returncode == 1
        assert result.stderr == (
            "CommandError: The database 'analytics' does not answer: there is no file 'analytics.db'; "
            "`./manage.py migrate --database analytics` makes the tables.\n"
        )
        assert bool(result.stdout) == bool(arguments)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("arguments", [(), ("--format", "json")])
    def test_a_file_that_is_empty_stays_empty(self, tmp_path: Path, arguments: tuple[str, ...]) -> None:
        (tmp_path / "analytics.db").touch()
        result = self.run(f"sqlite:///{tmp_path}/analytics.db", *arguments)
        reason = "the file 'analytics.db' is empty; `./manage.py migrate --database analytics` makes the tables"
        assert result.returncode == 1
        assert result.stderr == f"CommandError: The database 'analytics' does not answer: {reason}.\n"
        if arguments:
            document = json.loads(result.stdout)
            assert (document["status"], document["reason"], document["tables"]) == ("unavailable", reason, [])
        assert [path.stat().st_size for path in tmp_path.iterdir()] == [0]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"no database " * 100, "file is not a database"),
            (b"SQLite format 3\0" + b"\x10\0\1\1\0\x40\x20\x20" + b"\xff" * 8000, "database disk image is malformed"),
        ],
    )
    def test_a_file_that_is_no_database(self, tmp_path: Path, content: bytes, words: str) -> None:
        (tmp_path / "analytics.db").write_bytes(content)
        result = self.run(f"sqlite:///{tmp_path}/analytics.db")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr == (
            f"CommandError: The database 'analytics' does not answer: {words}; restore it, or remove it and run "
            "`./manage.py migrate --database analytics`.\n"
        )
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [content]

    def test_a_file_that_is_locked(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "analytics.db")) as connection:
            connection.execute("CREATE TABLE video (id INTEGER PRIMARY KEY)")
            connection.execute("BEGIN EXCLUSIVE")
            result = self.run(f"sqlite:///{tmp_path}/analytics.db?timeout=0")
        assert result.returncode == 1
        assert result.stderr == "CommandError: The database 'analytics' does not answer: database is locked.\n"

    def test_the_document_is_all_that_is_printed(self, tmp_path: Path) -> None:
        with closing(sqlite3.connect(tmp_path / "analytics.db")) as connection:
            connection.execute("CREATE TABLE video (id INTEGER PRIMARY KEY, course_id VARCHAR(255))")
        result = self.run(f"sqlite:///{tmp_path}/analytics.db", "--format", "json")
        assert (result.returncode, result.stderr) == (1, "")
        document = json.loads(result.stdout)
        assert (document["status"], len(document["tables"])) == ("error", 15)

    def test_a_server_that_is_not_there(self, tmp_path: Path) -> None:
        pytest.importorskip("MySQLdb", reason="mysqlclient is not installed")
        result = self.run(f"mysql://reader:s3cret@localhost/reports?unix_socket={tmp_path}/socket")
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.count("\n") == 1
        assert result.stderr.startswith("CommandError: The database 'analytics' does not answer: Can't connect")
        assert "s3cret" not in result.stderr
