"""Answers are written completely before any of them is sent."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.http import FileResponse
from django.test import Client, RequestFactory

from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.formats.csv import CSVRenderer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.tests.test_renderers import MANY, Counted, lines, many
from analytics_data_api.http import spool
from analytics_data_api.http.spool import Reservation, Spool, SpoolFull, whole_response
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.models import CourseEnrollmentDaily
from analytics_data_api.tables.rows import Rows
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import address
from analytics_data_api.v0.views.courses import CourseEnrollmentView
from analytics_data_api.v0.views.videos import VideoTimelineView

both_formats = pytest.mark.parametrize("renderer", [JSONRenderer(), CSVRenderer()], ids=["json", "csv"])

TIMELINE = f"/api/{address('v0/videos/{video_id}/timeline')}/"


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    """The folder of the temporary files, for this test alone."""
    settings.SPOOL_DIR = str(tmp_path)
    return tmp_path


@pytest.fixture
def files() -> Iterator[None]:
    """Check that the test leaves no file open."""
    before = len([*Path("/proc/self/fd").iterdir()])
    yield
    # Closing a response may close connections to databases.
    assert len([*Path("/proc/self/fd").iterdir()]) <= before


def respond(renderer: RowRenderer, rows: Any, *, gzip: bool = False) -> Any:
    request = RequestFactory().get("/", headers={"accept-encoding": "gzip" if gzip else ""})
    return whole_response(request, renderer.stream(lines(rows)), "text/x")


# Closing a response looks at the database connections.
@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.usefixtures("files")
class TestResponse:
    @both_formats
    def test_a_long_answer_is_the_same_bytes_in_a_file_as_in_memory(
        self, renderer: RowRenderer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with closing(respond(renderer, many())) as response:
            assert isinstance(response, FileResponse)
            body = response.getvalue()
        assert len(body) > spool.MEMORY
        assert response["Content-Length"] == str(len(body))
        monkeypatch.setattr(spool, "MEMORY", len(body))
        whole = respond(renderer, many())
        assert not whole.streaming
        assert whole.content == body
        assert whole["Content-Type"] == response["Content-Type"] == "text/x"
        assert set(response.headers) == {"Content-Type", "Content-Length"}

    @both_formats
    def test_every_row_is_read_before_a_byte_is_sent(self, renderer: RowRenderer) -> None:
        rows = Counted()
        with closing(respond(renderer, rows)):
            assert rows.taken == MANY

    @both_formats
    @pytest.mark.parametrize("gzip", [False, True])
    @pytest.mark.parametrize("fails_at", [0, 1, 1500, MANY - 1])
    def test_an_error_while_reading_is_raised_and_no_answer_begun(
        self, renderer: RowRenderer, fails_at: int, gzip: bool
    ) -> None:
        with pytest.raises(ConnectionError, match="gone away"):
            respond(renderer, Counted(fails_at), gzip=gzip)

    def test_the_file_has_no_name(self, folder: Path) -> None:
        with closing(respond(JSONRenderer(), many())):
            assert [path.suffix for path in folder.iterdir()] == [".lock"]

    def test_a_closed_answer_gives_its_space_back(self, settings: Any) -> None:
        settings.SPOOL_MAX = 4 * spool.UNIT
        for _ in range(3):
            respond(JSONRenderer(), many()).close()


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.usefixtures("files")
class TestSpace:
    def test_over_the_limit(self, settings: Any) -> None:
        settings.SPOOL_MAX = 4 * spool.UNIT
        with closing(respond(JSONRenderer(), many())), pytest.raises(SpoolFull):
            respond(JSONRenderer(), many())

    def test_a_limit_below_a_unit_is_none_at_all(self, settings: Any) -> None:
        settings.SPOOL_MAX = spool.UNIT - 1
        with pytest.raises(SpoolFull, match="larger than all large answers may be"):
            respond(JSONRenderer(), many())
        assert respond(JSONRenderer(), many(10)).status_code == 200

    def test_units_that_others_release_are_found(self, folder: Path) -> None:
        with closing(Reservation(str(folder), 4 * spool.UNIT)) as first:
            first.grow(2 * spool.UNIT)
            with closing(Reservation(str(folder), 4 * spool.UNIT)) as second:
                second.grow(spool.UNIT + 1)
                with pytest.raises(SpoolFull, match="Try again a little later"):
                    second.grow(2 * spool.UNIT + 1)
                first.close()
                second.grow(4 * spool.UNIT)
                with pytest.raises(SpoolFull, match="larger than all large answers may be"):
                    second.grow(4 * spool.UNIT + 1)

    @pytest.mark.process
    def test_it_is_counted_over_processes_also_killed_ones(self, folder: Path) -> None:
        code = (
            "import sys, time; from analytics_data_api.http.spool import Reservation; "
            f"held = Reservation({str(folder)!r}, 4 << 20); held.grow(3 << 20); print('held', flush=True); "
            "time.sleep(60)"
        )
        with (
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=_environment()) as process,
            closing(Reservation(str(folder), 4 * spool.UNIT)) as own,
        ):
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            own.grow(spool.UNIT)
            with pytest.raises(SpoolFull):
                own.grow(spool.UNIT + 1)
            process.kill()
            process.wait()
            own.grow(4 * spool.UNIT)

    def test_a_full_disk(self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        def write(self: Spool, data: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(Spool, "write", write)
        with pytest.raises(SpoolFull):
            respond(JSONRenderer(), many())
        assert "No space left on device" in caplog.text

    @pytest.mark.slow
    def test_a_disk_that_takes_a_part_of_a_chunk_at_a_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write = Spool.write
        monkeypatch.setattr(Spool, "write", lambda self, data: write(self, bytes(data[:100_000])))
        with closing(respond(JSONRenderer(), many())) as response:
            assert len(json.loads(response.getvalue())) == MANY

    def test_a_folder_that_is_missing(self, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
        settings.SPOOL_DIR += "/missing"
        with pytest.raises(SpoolFull):
            respond(JSONRenderer(), many())
        assert settings.SPOOL_DIR in caplog.text


def _environment() -> dict[str, str]:
    return {**os.environ, "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", settings.SETTINGS_MODULE)}


@pytest.mark.django_db(databases=["default", "analytics"])
class TestEndpoint:
    def test_says_that_there_is_no_space(self, client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
        make.TimelineFactory()
        monkeypatch.setattr(spool, "MEMORY", 10)
        settings.SPOOL_MAX = 0
        response = client.get(TIMELINE)
        assert "Request a shorter range" in problem_of(response, 503, "spool_full")["detail"]
        assert response["Retry-After"] == "5"

    @pytest.mark.usefixtures("files")
    @pytest.mark.parametrize("method", ["get", "head"])
    def test_a_long_answer_has_its_length(self, client: Client, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
        for segment in range(20):
            make.TimelineFactory(segment=segment)
        whole = client.get(TIMELINE)
        monkeypatch.setattr(spool, "MEMORY", 10)
        response = getattr(client, method)(TIMELINE)
        assert response["Content-Length"] == str(len(whole.content))
        assert response.getvalue() == (whole.content if method == "get" else b"")

    @pytest.mark.usefixtures("files")
    @pytest.mark.parametrize("rows", [0, 1, 8, 9, 5000])
    def test_an_error_after_some_rows_is_503(self, client: Client, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
        def report(view: Any) -> Rows:
            def fail() -> Iterator[Any]:
                yield from ((number, 1, 2, None) for number in range(rows))
                with connections["analytics"].cursor() as cursor:
                    cursor.execute("SELECT missing FROM missing")

            return Rows(("segment", "num_users", "num_views", "created"), fail())

        monkeypatch.setattr(VideoTimelineView, "report", report)
        monkeypatch.setattr(spool, "MEMORY", 10)
        problem_of(client.get(TIMELINE), 503)


class BrokenConnection:
    """Breaks the connection while the rows of a report are read.

    Args:
        times: How often.
    """

    def __init__(self, times: int) -> None:
        self.times = times

    def break_off(self) -> None:
        connection: Any = connections["analytics"]
        if connection.vendor == "sqlite":
            connection.connection.interrupt()
        else:
            killed = connection.connection.thread_id()
            with closing(connection.copy("analytics")) as other, other.cursor() as cursor:
                cursor.execute(f"KILL {killed:d}")

    def reading(self, rows: Rows) -> Rows:
        def read() -> Iterator[Any]:
            for number, row in enumerate(rows.rows):
                if number == 10 and self.times:
                    self.times -= 1
                    self.break_off()
                yield row

        return rows._replace(rows=read())


@pytest.mark.slow
@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
class TestBrokenConnection:
    DAYS = 60_000

    @pytest.fixture(autouse=True)
    def _rows(self) -> None:
        row = (make.COURSE_ID, make.DAY, 1, make.CREATED)
        make.insert(CourseEnrollmentDaily, ("course_id", "date", "count", "created"), repeat(row, self.DAYS))

    def get(self, client: Client, monkeypatch: pytest.MonkeyPatch, times: int) -> Any:
        broken = BrokenConnection(times)

        def report(view: Any) -> Rows:
            # Each row of the table, also those that are not the newest.
            stored = CourseEnrollmentDaily.objects.values_list("date", "count", "created").iterator(chunk_size=2000)
            rows = ((str(date), count, str(created)) for date, count, created in stored)
            return broken.reading(Rows(("date", "count", "created"), rows, {"course_id": make.COURSE_ID}))

        monkeypatch.setattr(CourseEnrollmentView, "report", report)
        return client.get(f"/api/{address('v0/courses/{course_id}/enrollment')}/")

    def test_a_read_that_breaks_once_is_repeated(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        response = self.get(client, monkeypatch, 1)
        if connections["analytics"].vendor == "sqlite":
            # Not lost: SQLite has no connection to a server.
            problem_of(response, 503)
            return
        assert response.status_code == 200
        assert len(json.loads(response.getvalue())) == self.DAYS

    def test_a_connection_that_broke_while_idle(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        BrokenConnection(0).break_off()
        response = self.get(client, monkeypatch, 0)
        assert response.status_code == 200
        assert len(json.loads(response.getvalue())) == self.DAYS

    def test_one_that_breaks_twice_is_503(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        problem_of(self.get(client, monkeypatch, 2), 503)

    def test_an_answer_that_is_not_taken_holds_no_connection(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        response = self.get(client, monkeypatch, 0)
        assert response.streaming
        # Before a byte is taken.
        connections["analytics"].close()
        assert len(json.loads(response.getvalue())) == self.DAYS
