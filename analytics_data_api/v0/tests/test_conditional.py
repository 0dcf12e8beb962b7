"""Answers that callers have already are not sent again; answers that have changed always are."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.http import http_date

from analytics_data_api.http import conditional
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables import data_version
from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.tables.models import CourseEnrollmentDaily
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import IDS, OF_ENTITIES, OF_TABLES, Case, address

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

LOADED = datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)
every_entity = pytest.mark.parametrize(("endpoint", "case"), OF_ENTITIES.items(), ids=OF_ENTITIES)
every_endpoint = pytest.mark.parametrize(("endpoint", "case"), OF_TABLES.items(), ids=OF_TABLES)


@pytest.fixture(autouse=True)
def version(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, datetime | None], None]:
    """Set the version of the data; databases have tests of their own for telling it."""

    def set_to(text: str, modified: datetime | None = LOADED) -> None:
        def known_version(*models: Any, since: float | None) -> DataVersion:
            return DataVersion(f"{[model._meta.db_table for model in models]} {text}", modified)

        monkeypatch.setattr(conditional, "data_version", known_version)

    set_to("1")
    return set_to


def url(endpoint: str, **ids: str) -> str:
    return f"/api/{address(endpoint, **ids)}/"


@every_endpoint
@pytest.mark.parametrize("parameters", [{}, {"format": "csv"}])
def test_who_has_the_answer_is_told_so_without_a_row_read(
    client: Client, endpoint: str, case: Case, parameters: dict[str, str]
) -> None:
    case.rows()
    answer = client.get(url(endpoint), query_params=parameters)
    with CaptureQueriesContext(connections["analytics"]) as queries:
        again = client.get(url(endpoint), query_params=parameters, headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content, len(queries)) == (304, b"", case.queries_before)
    for header in ("ETag", "Cache-Control", "Vary", "Last-Modified"):
        assert again[header] == answer[header]
    assert not {"Content-Type", "Content-Length"} & set(again.headers)


@every_endpoint
def test_what_an_answer_tells_caches(client: Client, endpoint: str, case: Case) -> None:
    case.rows()
    answer = client.get(url(endpoint))
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Last-Modified"] == "Wed, 10 Dec 2014 19:31:46 GMT"
    assert re.fullmatch('"[0-9a-f]{24}"', answer["ETag"])
    assert {"Accept", "Accept-Encoding"} <= set(answer["Vary"].split(", "))


@every_endpoint
def test_the_version_is_that_of_the_tables_read(
    client: Client, monkeypatch: pytest.MonkeyPatch, endpoint: str, case: Case
) -> None:
    tables: list[str] = []

    def known_version(*models: Any, since: float | None) -> DataVersion:
        tables.extend(model._meta.db_table for model in models)
        return DataVersion("1", None)

    monkeypatch.setattr(conditional, "data_version", known_version)
    case.rows()
    with CaptureQueriesContext(connections["analytics"]) as queries:
        client.get(url(endpoint))
    read = [query["sql"] for query in queries if " FROM " in query["sql"]]
    read = [sql for sql in read if not re.search("sqlite_master|information_schema", sql, re.IGNORECASE)]
    assert all(any(table in sql for table in tables) for sql in read)
    assert all(any(table in sql for sql in read) for table in tables)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"a", {tag} , "b"', 304),
        ("*", 304),
        ('"a"', 200),
        ("", 200),
        ("nonsense", 200),
        ("{unquoted}", 200),
        ('"{unquoted}-gzip"', 200),
    ],
)
def test_if_none_match(client: Client, header: str, status: int) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    tag = client.get(path)["ETag"]
    given = header.format(tag=tag, unquoted=tag.strip('"'))
    assert client.get(path, headers={"if-none-match": given}).status_code == status


@pytest.mark.parametrize(
    ("since", "status"),
    [
        (http_date(LOADED.timestamp()), 304),
        (http_date(LOADED.timestamp() + 1), 304),
        (http_date(LOADED.timestamp() - 1), 200),
        ("Wednesday, 10-Dec-14 19:31:46 GMT", 304),
        ("2014-12-10T19:31:46Z", 200),
        ("Thu, 99 Dec 2014 19:31:46 GMT", 200),
    ],
)
def test_if_modified_since(client: Client, since: str, status: int) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    assert client.get(path, headers={"if-modified-since": since}).status_code == status
    both = {"if-modified-since": since, "if-none-match": '"another"'}
    assert client.get(path, headers=both).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if-match": "{tag}"}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"another"'}, 412),
        ({"if-unmodified-since": http_date(LOADED.timestamp())}, 200),
        ({"if-unmodified-since": http_date(LOADED.timestamp() - 1)}, 412),
    ],
)
def test_a_request_for_another_version_only(client: Client, headers: dict[str, str], status: int) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    tag = client.get(path)["ETag"]
    answer = client.get(path, headers={name: value.format(tag=tag) for name, value in headers.items()})
    assert answer.status_code == status
    if status == 412:
        problem_of(answer, 412, "precondition_failed")


@pytest.mark.parametrize("headers", [{}, {"if-none-match": "*"}])
def test_a_parameter_that_is_wrong_is_400_before_304(client: Client, headers: dict[str, str]) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    for query in ("start_date=x", "fields=x"):
        problem_of(client.get(f"{path}?{query}", headers=headers), 400)


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_another_version_has_another_tag(client: Client, version: Any, format_: str) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment") + f"?format={format_}"
    tag = client.get(path)["ETag"]
    assert client.get(path)["ETag"] == tag
    version("2")
    answer = client.get(path, headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert answer["ETag"] != tag


def test_another_code_has_another_tag(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    tag = client.get(path)["ETag"]
    monkeypatch.setattr(conditional, "code_version", lambda: "newer")
    assert client.get(path)["ETag"] != tag


def test_every_answer_has_a_tag_of_its_own(client: Client) -> None:
    for case in OF_TABLES.values():
        case.rows()
    make.EnrollmentFactory(course_id="a/b/c")
    answers = [client.get(url(endpoint), {"format": name}) for endpoint in OF_TABLES for name in ("json", "csv")]
    answers.append(client.get(url("v0/courses/{course_id}/enrollment"), {"format": "json", "fields": "count"}))
    answers.append(client.get(url("v0/courses/{course_id}/enrollment", course_id="a/b/c"), {"format": "json"}))
    answers.append(client.get(url("v0/courses/{course_id}/enrollment"), headers={"accept": "text/csv"}))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer["ETag"] for answer in answers}) == len(answers)


def test_a_tag_is_good_for_its_own_format_only(client: Client) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    tag = client.get(path)["ETag"]
    assert client.get(path, headers={"accept": "text/csv", "if-none-match": tag}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [{"if-none-match": "*"}, {"if-modified-since": http_date(datetime(2030, 1, 1, tzinfo=UTC).timestamp())}],
    ids=["any", "since"],
)
@every_entity
def test_an_unknown_id_is_404_whatever_the_caller_claims_to_have(
    client: Client, endpoint: str, case: Case, header: dict[str, str]
) -> None:
    answer = client.get(url(endpoint, **dict.fromkeys(IDS, "a/b/c")), headers=header)
    assert answer.status_code == 404
    assert "ETag" not in answer
    assert answer["Cache-Control"] == "private, no-cache"


def test_a_key_is_asked_for_before(client: Client) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    tag = client.get(path)["ETag"]
    assert Client().get(path, headers={"if-none-match": tag}).status_code == 401


def test_a_page_is_not_kept(browser: Client) -> None:
    make.EnrollmentFactory()
    answer = browser.get(url("v0/courses/{course_id}/enrollment"), headers={"if-none-match": "*"})
    assert answer.status_code == 200
    assert "ETag" not in answer


def test_a_load_that_may_be_followed_by_another_in_the_same_second_has_no_time(client: Client, version: Any) -> None:
    make.EnrollmentFactory()
    path = url("v0/courses/{course_id}/enrollment")
    version("1", datetime.now(UTC))
    answer = client.get(path)
    assert "ETag" in answer
    assert "Last-Modified" not in answer
    later = http_date((datetime.now(UTC) + timedelta(days=1)).timestamp())
    assert client.get(path, headers={"if-modified-since": later}).status_code == 200


def test_where_the_database_tells_no_version_nothing_is_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make.EnrollmentFactory()
    monkeypatch.setattr(conditional, "data_version", lambda *models, since: None)
    later = http_date((datetime.now(UTC) + timedelta(days=1)).timestamp())
    answer = client.get(
        url("v0/courses/{course_id}/enrollment"), headers={"if-none-match": "*", "if-modified-since": later}
    )
    assert answer.status_code == 200
    assert not {"ETag", "Last-Modified"} & set(answer.headers)


def test_the_version_is_older_than_the_rows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load in the midst of a request: its rows may be under the tag of before, never old rows under the new tag."""
    make.EnrollmentFactory(count=1)

    def load_after(*models: Any, since: float | None) -> DataVersion:
        CourseEnrollmentDaily.objects.update(count=2)
        return DataVersion("before", None)

    monkeypatch.setattr(conditional, "data_version", load_after)
    assert client.get(url("v0/courses/{course_id}/enrollment")).json()[0]["count"] == 2


@pytest.mark.parametrize("arrived", [{}, {conditional.ARRIVED: 2.5}], ids=["not known", "known"])
def test_a_version_is_as_new_as_the_request(
    client: Client, monkeypatch: pytest.MonkeyPatch, arrived: dict[str, Any]
) -> None:
    times: list[float | None] = []

    def known_version(*models: Any, since: float | None) -> DataVersion:
        times.append(since)
        return DataVersion("1", None)

    make.EnrollmentFactory()
    monkeypatch.setattr(conditional, "data_version", known_version)
    assert client.get(url("v0/courses/{course_id}/enrollment"), **arrived).status_code == 200
    assert times == [arrived.get(conditional.ARRIVED)]


def test_the_code_version_is_made_of_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    known = data_version.code_version()
    data_version.code_version.cache_clear()
    assert data_version.code_version() == known
    monkeypatch.setattr(data_version, "version", lambda name: "0")
    data_version.code_version.cache_clear()
    assert data_version.code_version() != known
    monkeypatch.undo()
    data_version.code_version.cache_clear()
