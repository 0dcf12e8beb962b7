"""NDJSON, Parquet and Arrow streams of every endpoint: whole bodies, and whole tables with the contract's types."""

import gzip
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import orjson
import polars
import pyarrow as pa
import pytest
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.formats.arrow import ArrowRenderer
from analytics_data_api.formats.base import TypedRenderer
from analytics_data_api.formats.ndjson import NDJSONRenderer
from analytics_data_api.formats.parquet import ParquetRenderer
from analytics_data_api.formats.registry import DATA_FORMATS, FORMATS, OBJECT_FORMATS
from analytics_data_api.http import conditional, spool
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.data_version import DataVersion
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, Case, address
from analytics_data_api.tests.duck import connected
from analytics_data_api.tests.typed import TYPED, expected_table, lines, read
from analytics_data_api.versions import ENDPOINTS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

OBJECTS = {endpoint: case for endpoint, case in CASES.items() if not case.json.startswith("[")}
LISTS = {endpoint: case for endpoint, case in CASES.items() if endpoint not in OBJECTS}

every_list = pytest.mark.parametrize(("endpoint", "case"), LISTS.items(), ids=LISTS)
every_object = pytest.mark.parametrize(("endpoint", "case"), OBJECTS.items(), ids=OBJECTS)

NDJSON, PARQUET, ARROW = NDJSONRenderer.media_type, ParquetRenderer.media_type, ArrowRenderer.media_type
MEDIA_TYPES = {"ndjson": NDJSON, "parquet": PARQUET, "arrow": ARROW}


def body(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    return b"".join(response)


@pytest.fixture(params=["format", "suffix", "Accept"])
def send(request: pytest.FixtureRequest, client: Client) -> Callable[[str, str], Any]:
    """Request an endpoint in a format in one of the three ways."""

    def send(endpoint: str, format_: str) -> Any:
        path = f"/api/{address(endpoint)}"
        if request.param == "suffix":
            return client.get(f"{path}.{format_}")
        if request.param == "format":
            return client.get(path, query_params={"format": format_})
        return client.get(path, headers={"accept": MEDIA_TYPES[format_]})

    return send


def file_name(case: Case, format_: str) -> str | None:
    return case.file and f"attachment; filename={case.file.removesuffix('csv')}{format_}"


def test_objects_have_the_formats_of_objects_and_lists_all() -> None:
    for endpoint, view in ENDPOINTS.items():
        assert view.renderer_classes == (OBJECT_FORMATS if view.single else FORMATS), endpoint
    assert {endpoint for endpoint, view in ENDPOINTS.items() if view.single} == OBJECTS.keys()
    assert [each.format for each in DATA_FORMATS] == ["json", "csv", "ndjson", "parquet", "arrow"]
    assert [each.format for each in OBJECT_FORMATS] == ["json", "csv", "api"]


@every_list
def test_ndjson_is_the_lists_items_a_line_each(send: Any, endpoint: str, case: Case) -> None:
    case.rows()
    response = send(endpoint, "ndjson")
    assert body(response) == lines(case)
    assert response["Content-Type"] == "application/x-ndjson"
    assert response.get("Content-Disposition") == file_name(case, "ndjson")


@every_list
@pytest.mark.parametrize("format_", TYPED)
def test_tables_are_the_contracts(send: Any, endpoint: str, case: Case, format_: str) -> None:
    case.rows()
    response = send(endpoint, format_)
    table, expected = read(format_, body(response)), expected_table(case)
    assert table.schema == expected.schema
    assert table.to_pylist() == expected.to_pylist()
    assert response["Content-Type"] == MEDIA_TYPES[format_]
    assert response.get("Content-Disposition") == file_name(case, format_)


SQL_TYPES: Final[dict[pa.DataType, str]] = {
    pa.string(): "VARCHAR",
    pa.date32(): "DATE",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP WITH TIME ZONE",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.list_(pa.string()): "VARCHAR[]",
}


@every_list
def test_duckdb_reads_parquet(get: Get, endpoint: str, case: Case, tmp_path: Path) -> None:
    case.rows()
    path = tmp_path / "answer.parquet"
    path.write_bytes(body(get(address(endpoint), format="parquet")))
    expected = expected_table(case)
    with connected() as connection:
        relation = connection.read_parquet(str(path))
        assert dict(zip(relation.columns, map(str, relation.types), strict=True)) == {
            field.name: SQL_TYPES[field.type] for field in expected.schema
        }
        assert relation.to_arrow_table().to_pylist() == expected.to_pylist()


POLARS_TYPES: Final[dict[pa.DataType, Any]] = {
    pa.string(): polars.String,
    pa.date32(): polars.Date,
    pa.timestamp("us", tz="UTC"): polars.Datetime("us", "UTC"),
    pa.float64(): polars.Float64,
    pa.bool_(): polars.Boolean,
    pa.int64(): polars.Int64,
    pa.list_(pa.string()): polars.List(polars.String),
}


@every_list
def test_polars_reads_an_arrow_stream(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    frame = polars.read_ipc_stream(io.BytesIO(body(get(address(endpoint), format="arrow"))))
    expected = expected_table(case)
    assert dict(frame.schema) == {field.name: POLARS_TYPES[field.type] for field in expected.schema}
    assert frame.to_dicts() == expected.to_pylist()


@every_list
@pytest.mark.parametrize("format_", TYPED)
def test_fields_selects_and_orders_columns(get: Get, endpoint: str, case: Case, format_: str) -> None:
    case.rows()
    names = case.csv.splitlines()[0].split(",")[::-1]
    table = read(format_, body(get(address(endpoint), format=format_, fields=",".join(names))))
    assert table.to_pylist() == expected_table(case).select(names).to_pylist()
    assert table.schema.names == names


@every_list
def test_fields_selects_in_the_shapes_order_in_ndjson(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    names = [name for name in case.csv.splitlines()[0].split(",") if "." not in name][:2]
    items = get(address(endpoint), fields=",".join(names)).json()
    answer = body(get(address(endpoint), fields=",".join(names), format="ndjson"))
    assert answer == b"".join(orjson.dumps(item) + b"\n" for item in items)


@every_list
@pytest.mark.parametrize("format_", MEDIA_TYPES)
def test_head_has_the_length_of_get(client: Client, endpoint: str, case: Case, format_: str) -> None:
    case.rows()
    path = f"/api/{address(endpoint)}.{format_}"
    head = client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head["Content-Length"] == str(len(body(client.get(path))))


@every_list
@pytest.mark.parametrize("format_", MEDIA_TYPES)
def test_no_row_is_404(get: Get, endpoint: str, case: Case, format_: str) -> None:
    may_be_empty = ENDPOINTS[endpoint].is_list
    assert get(address(endpoint), format=format_).status_code == (200 if may_be_empty else 404)


class TestObjects:
    @every_object
    @pytest.mark.parametrize("format_", MEDIA_TYPES)
    def test_are_not_served_in_the_formats_of_lists(
        self, client: Client, get: Get, endpoint: str, case: Case, format_: str
    ) -> None:
        case.rows()
        problem = problem_of(get(address(endpoint), format=format_), 406, "not_acceptable")
        assert problem["detail"] == f"format is '{format_}'; it takes one of: json, csv."
        accept = {"accept": MEDIA_TYPES[format_]}
        problem_of(client.get(f"/api/{address(endpoint)}", headers=accept), 406, "not_acceptable")
        assert get(f"{address(endpoint)}.{format_}").status_code == 404

    @every_object
    def test_are_served_in_json_to_those_who_also_accept_it(self, client: Client, endpoint: str, case: Case) -> None:
        case.rows()
        response = client.get(f"/api/{address(endpoint)}", headers={"accept": f"{PARQUET}, */*;q=0.1"})
        assert response.content.decode() == case.json


class TestActivity:
    """Items that leave fields out."""

    endpoint = "v0/courses/{course_id}/activity"

    @pytest.fixture(autouse=True)
    def _weeks(self) -> None:
        make.CourseActivityFactory(activity_type="PLAYED_VIDEO", count=None)
        earlier = make.MONDAY - timedelta(days=7)
        make.CourseActivityFactory(interval_start=earlier, activity_type="POSTED_FORUM", count=4)

    @pytest.mark.parametrize("format_", TYPED)
    def test_what_an_item_lacks_is_null(self, get: Get, format_: str) -> None:
        answer = get(address(self.endpoint), format=format_, start_date="2014-01-01", fields="posted_forum,any")
        table = read(format_, body(answer))
        assert table.schema == pa.schema([("posted_forum", pa.int64()), ("any", pa.int64())])
        assert table.to_pylist() == [{"posted_forum": 4, "any": None}, {"posted_forum": None, "any": None}]

    def test_lines_are_those_of_json(self, get: Get) -> None:
        answer = get(
            address(self.endpoint), format="ndjson", start_date="2014-01-01", fields="posted_forum,played_video"
        )
        assert body(answer) == b'{"posted_forum":4}\n{"played_video":null}\n'


class TestCompression:
    endpoint = "v0/courses/{course_id}/enrollment/birth_year"

    @pytest.fixture(autouse=True)
    def _years(self) -> None:
        for year in range(1950, 2000):
            make.EnrollmentBirthYearFactory(birth_year=year, count=year)

    @pytest.mark.parametrize("memory", [spool.MEMORY, 10], ids=["in memory", "in a file"])
    @pytest.mark.parametrize(("format_", "coding"), [("ndjson", "gzip"), ("arrow", "gzip"), ("parquet", None)])
    def test_parquet_is_not_compressed_once_more(
        self, client: Client, monkeypatch: pytest.MonkeyPatch, memory: int, format_: str, coding: str | None
    ) -> None:
        monkeypatch.setattr(spool, "MEMORY", memory)
        monkeypatch.setattr(conditional, "data_version", lambda *models, since: DataVersion("1", None))
        path = f"/api/{address(self.endpoint)}.{format_}"
        plain = client.get(path)
        response = client.get(path, headers={"accept-encoding": "gzip"})
        assert response.get("Content-Encoding") == coding
        assert response["ETag"] == (f"W/{plain['ETag']}" if coding else plain["ETag"])
        assert "Accept-Encoding" in response["Vary"]
        sent = body(response)
        assert (gzip.decompress(sent) if coding else sent) == body(plain)
        assert response["Content-Length"] == str(len(sent))


def test_each_format_has_its_own_etag(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditional, "data_version", lambda *models, since: DataVersion("1", None))
    make.EnrollmentFactory()
    path = f"/api/{address('v0/courses/{course_id}/enrollment')}"
    tags = {accept: client.get(path, headers={"accept": accept})["ETag"] for accept in ("*/*", *MEDIA_TYPES.values())}
    assert len(set(tags.values())) == len(tags)
    for accept, tag in tags.items():
        assert client.get(path, headers={"accept": accept, "if-none-match": tag}).status_code == 304
        other = client.get(path, headers={"accept": "text/csv", "if-none-match": tag})
        assert other.status_code == 200


class TestWithoutPyarrow:
    """A service where pyarrow is not installed."""

    path = f"/api/{address('v0/courses/{course_id}/enrollment')}"

    @pytest.fixture(autouse=True)
    def _not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(TypedRenderer, "available", False)
        make.EnrollmentFactory()

    @pytest.mark.parametrize("format_", TYPED)
    def test_406_says_what_to_install(self, client: Client, format_: str) -> None:
        detail = (
            f"The format {format_} needs the package pyarrow (pip install -r requirements/data.txt), "
            "which this service lacks."
        )
        for response in (
            client.get(f"{self.path}.{format_}"),
            client.get(self.path, query_params={"format": format_}),
            client.get(self.path, headers={"accept": MEDIA_TYPES[format_]}),
        ):
            assert problem_of(response, 406, "format_not_installed")["detail"] == detail

    def test_another_format_that_the_client_accepts_is_served(self, client: Client) -> None:
        response = client.get(self.path, headers={"accept": f"{PARQUET}, {ARROW};q=0.9, text/csv;q=0.5"})
        assert response["Content-Type"].startswith("text/csv")

    def test_nothing_offers_it(self, client: Client, browser: Client) -> None:
        assert client.get("/api/v0/").json()[0]["formats"] == ["json", "csv", "ndjson"]
        assert "PARQUET" not in browser.get(self.path).content.decode()
        for response in (
            client.get(self.path, query_params={"format": "xml"}),
            client.get(self.path, headers={"accept": "image/png"}),
        ):
            assert "parquet" not in response.json()["detail"]
