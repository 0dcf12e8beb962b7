"""The lists of versions and endpoints."""

import pytest
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.versions import VERSIONS


@pytest.mark.parametrize("path", ["/api/", "/api"])
def test_versions(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == [{"name": "v0", "path": "/api/v0/"}, {"name": "v1", "path": "/api/v1/"}]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8"])
def test_endpoints(version: str, slash: str, accept: str) -> None:
    response = Client().get(f"/api/{version}{slash}", headers={"accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    endpoints = response.json()
    assert [each["path"] for each in endpoints] == [f"/api/{version}/{path}/" for path in VERSIONS[version]]
    assert len({each["name"] for each in endpoints}) == len(VERSIONS[version])
    assert endpoints[0] == {
        "name": "activity",
        "path": f"/api/{version}/courses/{{course_id}}/activity/",
        "methods": ["GET", "HEAD", "OPTIONS"],
        "formats": ["json", "csv", "ndjson", "parquet", "arrow"],
    }
    assert endpoints[1]["formats"] == ["json", "csv"]


def test_version_1_has_every_endpoint_of_version_0() -> None:
    assert VERSIONS["v0"].keys() <= VERSIONS["v1"].keys()


@pytest.mark.parametrize(("version", "prefix"), [("v0", ""), ("v1", "v1_")])
def test_the_names_are_those_of_the_operations(version: str, prefix: str) -> None:
    described = Client().get("/api/schema/").json()["paths"]
    for each in Client().get(f"/api/{version}/").json():
        assert described[each["path"]]["get"]["operationId"] == f"get_{prefix}{each['name']}"


@pytest.mark.parametrize("path", ["/api/", "/api/v0/", "/api/v1/"])
def test_a_list_has_one_format(path: str) -> None:
    problem_of(Client().get(path, headers={"accept": "text/csv"}), 406, "not_acceptable")
