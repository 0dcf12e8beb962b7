"""Files of reports: what is said of them, links to them, and the files behind the links."""

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.storage import FileSystemStorage, InMemoryStorage, Storage
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.http import report_files
from analytics_data_api.http.tests.shape import problem_of

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

CONTENT = b"id,answer\r\n" + b"x" * 1000
NAME = "edX_DemoX_Demo_Course_problem_response.csv"
MODIFIED = datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)
REPORT = "v0/courses/edX/DemoX/Demo_Course/reports/problem_response"


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """The folder of reports, with the report of a course."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    os.utime(folder / NAME, (MODIFIED.timestamp(),) * 2)
    settings.STORAGES = settings.STORAGES | {
        "reports": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": folder}}
    }
    return folder


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set another storage."""

    def set_to(storage: Any) -> None:
        monkeypatch.setattr(report_files, "storages", {"reports": storage})

    return set_to


@pytest.fixture
def link(folder: Path, get: Get) -> str:
    parts = urlsplit(get(REPORT).json()["download_url"])
    return f"{parts.path}?{parts.query}"


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.parametrize(
    ("course_id", "name"),
    [
        ("edX/DemoX/Demo_Course", "edX_DemoX_Demo_Course"),
        ("course-v1:edX+DemoX+Demo.2014-a", "edX_DemoX_Demo.2014-a"),
        ("course-v1:edX+DemoX+2014+b", "edX_DemoX_2014_b"),
        ("ccx-v1:edX+DemoX+2014+ccx@15", "edX_DemoX_2014_ccx_15"),
        ("edX/Demo X/2014~", "edX_Demo_X_2014_"),
        ("course-v1:edX+Démo+北京", "edX_Démo_北京"),
    ],
)
def test_a_file_safe_course_id(course_id: str, name: str) -> None:
    assert report_files.file_safe(course_id) == name


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_what_is_said_of_a_file_in_a_folder(get: Get, version: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    response = get(REPORT.replace("v0", version))
    said = response.json()
    assert list(said) == [*report_files.COLUMNS]
    assert (said["course_id"], said["report_name"]) == ("edX_DemoX_Demo_Course", "problem_response")
    assert (said["last_modified"], said["file_size"]) == ("2014-12-10T193146", len(CONTENT))
    assert said["download_url"].startswith(f"http://testserver/report-files/{NAME}?expires=")
    end = datetime.strptime(said["expiration_date"], "%Y-%m-%dT%H%M%S").replace(tzinfo=UTC)
    assert timedelta(seconds=120) <= end - before < timedelta(seconds=180)
    assert "ETag" not in response


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("path", [REPORT.replace("Course", "Other"), REPORT.replace("problem_response", "grades")])
def test_no_file_is_404(get: Get, path: str) -> None:
    problem_of(get(path), 404, "report_file_not_found")


def test_the_names_of_reports_are_a_setting(get: Get, folder: Path, settings: Any) -> None:
    (folder / NAME).rename(folder / "edX_DemoX_Demo_Course_grades.csv")
    settings.REPORT_NAMES = {"grades"}
    assert get(REPORT.replace("problem_response", "grades")).status_code == 200
    problem_of(get(REPORT), 404, "report_file_not_found")


class TestOtherStorages:
    def test_one_that_makes_links_that_expire(self, get: Get, storage: Any) -> None:
        class Expiring(InMemoryStorage):
            def url(self, name: str | None, expire: int | None = None) -> str:
                return f"https://files.example.com/{name}?for={expire}"

        storage(Expiring())
        expiring: Any = report_files.storages["reports"]  # type: ignore[attr-defined]  # replaced here
        with expiring.open(NAME, "wb") as file:
            file.write(CONTENT)
        said = get(REPORT).json()
        assert said["download_url"] == f"https://files.example.com/{NAME}?for=120"
        assert "expiration_date" in said

    def test_one_that_knows_nothing_more(self, get: Get, storage: Any) -> None:
        class Linking(Storage):
            def exists(self, name: str) -> bool:
                return name == NAME

            def url(self, name: str | None) -> str:
                return f"https://files.example.com/{name}"

        storage(Linking())
        assert get(REPORT).json() == {
            "course_id": "edX_DemoX_Demo_Course",
            "report_name": "problem_response",
            "download_url": f"https://files.example.com/{NAME}",
        }
        header, line = get(REPORT, format="csv").content.decode().splitlines()
        assert header == "course_id,download_url,expiration_date,file_size,last_modified,report_name"
        assert line == f"edX_DemoX_Demo_Course,https://files.example.com/{NAME},,,,problem_response"

    def test_one_that_makes_no_links(self, get: Get, storage: Any) -> None:
        class NotLinking(Storage):
            def exists(self, name: str) -> bool:
                return True

        storage(NotLinking())
        problem_of(get(REPORT), 501, "cannot_create_report_download_link")

    def test_one_that_does_not_answer(self, get: Get, storage: Any) -> None:
        class Failing(Storage):
            def exists(self, name: str) -> bool:
                raise RuntimeError("its secret")

        storage(Failing())
        response = get(REPORT)
        assert "secret" not in problem_of(response, 503, "storage_unavailable")["detail"]
        assert response["Retry-After"]


class TestFiles:
    def test_need_no_key(self, link: str) -> None:
        response: Any = Client().get(link)
        assert (response.status_code, body_of(response)) == (200, CONTENT)
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Length"] == str(len(CONTENT))
        assert response["Content-Disposition"] == f'attachment; filename="{NAME}"'
        assert response["Cache-Control"] == "no-store"
        assert response["Last-Modified"] == "Wed, 10 Dec 2014 19:31:46 GMT"

    def test_are_not_compressed(self, link: str) -> None:
        response: Any = Client().get(link, headers={"accept-encoding": "gzip"})
        assert "Content-Encoding" not in response
        assert body_of(response) == CONTENT

    @pytest.mark.parametrize(
        ("header", "start", "stop"),
        [
            ("bytes=0-9", 0, 10),
            ("bytes=10-", 10, len(CONTENT)),
            ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
            ("bytes=1000-99999", 1000, len(CONTENT)),
            (f"bytes={len(CONTENT) - 1}-", len(CONTENT) - 1, len(CONTENT)),
        ],
    )
    def test_in_part(self, link: str, header: str, start: int, stop: int) -> None:
        response: Any = Client().get(link, headers={"range": header})
        assert (response.status_code, body_of(response)) == (206, CONTENT[start:stop])
        assert response["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
        assert response["Content-Length"] == str(stop - start)

    @pytest.mark.parametrize("header", ["bytes=5-1", "bytes=0-1,3-4", "lines=0-1", "bytes=-", "nonsense", ""])
    def test_whole_where_the_range_is_none(self, link: str, header: str) -> None:
        response: Any = Client().get(link, headers={"range": header})
        assert (response.status_code, body_of(response)) == (200, CONTENT)

    @pytest.mark.parametrize("header", [f"bytes={len(CONTENT)}-", "bytes=-0"])
    def test_a_range_beyond_the_end_is_416(self, link: str, header: str) -> None:
        response = Client().get(link, headers={"range": header})
        assert (response.status_code, response["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")

    @pytest.mark.parametrize(
        ("condition", "status"),
        [("Wed, 10 Dec 2014 19:31:46 GMT", 206), ("Wed, 10 Dec 2014 19:31:47 GMT", 200), ('"tag"', 200)],
    )
    def test_if_range(self, link: str, condition: str, status: int) -> None:
        headers = {"range": "bytes=0-1", "if-range": condition}
        with closing(Client().get(link, headers=headers)) as response:
            assert response.status_code == status

    def test_an_expired_link_is_403(self, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
        class Later(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Any:
                return datetime.now(tz) + timedelta(seconds=121)

        monkeypatch.setattr(report_files, "datetime", Later)
        response = Client().get(link)
        problem_of(response, 403, "link_expired")
        assert response["Cache-Control"] == "no-store"

    @pytest.mark.parametrize("change", [("expires=1", "expires=2"), ("signature=", "signature=x"), (NAME, f"a{NAME}")])
    def test_a_link_of_another_maker_is_403(self, link: str, change: tuple[str, str]) -> None:
        problem_of(Client().get(link.replace(*change)), 403, "invalid_link")
        problem_of(Client().get(link.partition("?")[0]), 403, "invalid_link")

    def test_a_file_that_is_gone_is_404(self, link: str, folder: Path) -> None:
        (folder / NAME).unlink()
        problem_of(Client().get(link), 404, "report_file_not_found")

    def test_only_files_inside_the_folder(self, link: str, folder: Path, get: Get) -> None:
        outside = folder.parent / "secret.csv"
        outside.write_bytes(b"secret")
        (folder / NAME).unlink()
        (folder / NAME).symlink_to(outside)
        problem_of(Client().get(link), 404, "report_file_not_found")
        problem_of(get(REPORT), 404, "report_file_not_found")
        assert report_files.path_of(FileSystemStorage(folder), "../secret.csv") is None

    def test_the_signature_is_not_logged(self, link: str, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG")
        response: Any = Client().get(link)
        body_of(response)
        response.close()
        signature = link.rpartition("=")[2]
        assert caplog.records
        assert not any(signature in str(vars(record)) for record in caplog.records)
