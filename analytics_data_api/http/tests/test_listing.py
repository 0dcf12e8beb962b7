"""The lists of versions and endpoints."""

import pytest
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.v0.urls import ENDPOINTS


@pytest.mark.parametrize("path", ["/api/", "/api"])
def test_versions(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == [{"name": "v0", "path": "/api/v0/"}]


@pytest.mark.parametrize("path", ["/api/v0/", "/api/v0"])
@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8"])
def test_endpoints(path: str, accept: str) -> None:
    response = Client().get(path, headers={"accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    endpoints = response.json()
    assert [each["path"] for each in endpoints] == [f"/api/v0/{path}/" for path in ENDPOINTS]
    assert len({each["name"] for each in endpoints}) == len(ENDPOINTS)
    assert endpoints[0] == {
        "name": "activity",
        "path": "/api/v0/courses/{course_id}/activity/",
        "methods": ["GET", "HEAD", "OPTIONS"],
        "formats": ["json", "csv", "ndjson", "parquet", "arrow"],
    }
    assert endpoints[1]["formats"] == ["json", "csv"]


def test_the_names_are_those_of_the_operations() -> None:
    described = Client().get("/api/schema/").json()["paths"]
    for each in Client().get("/api/v0/").json():
        assert described[each["path"]]["get"]["operationId"] == f"get_{each['name']}"


@pytest.mark.parametrize("path", ["/api/", "/api/v0/"])
def test_a_list_has_one_format(path: str) -> None:
    problem_of(Client().get(path, headers={"accept": "text/csv"}), 406, "not_acceptable")
