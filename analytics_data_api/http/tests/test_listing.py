"""The lists of versions and endpoints."""

import pytest
from django.test import Client

from analytics_data_api.formats.tests.page import Page
from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.versions import VERSIONS


@pytest.mark.parametrize("path", ["/api/", "/api"])
def test_versions(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response["Content-Type"]) == (200, "application/json")
    assert response.json() == [{"name": "v0", "path": "/api/v0/"}, {"name": "v1", "path": "/api/v1/"}]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("accept", ["*/*", "", "application/json, text/html;q=0.9"])
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


class TestPages:
    """What a browser shows of the same lists."""

    def shown(self, path: str) -> Page:
        response = Client().get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert response.status_code == 200
        assert response["Vary"] == "Accept, Accept-Encoding"
        assert response["Content-Security-Policy"].startswith("default-src 'none'; style-src 'self'")
        page = Page(response)
        page.require_own_files_only()
        return page

    def test_versions_lead_to_their_endpoints(self) -> None:
        page = self.shown("/api/")
        for version, endpoints in VERSIONS.items():
            assert f"/api/{version}/" in [each["href"] for each in page.all("a")]
            assert f"{version}/ {len(endpoints)} endpoints" in page.text

    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_endpoints_lead_to_their_documentation_or_answer(self, version: str, slash: str) -> None:
        page = self.shown(f"/api/{version}{slash}")
        prefix = "" if version == "v0" else f"{version}_"
        listed = Client().get(f"/api/{version}/").json()
        expected = [
            f"/docs/#!/api/get_{prefix}{each['name']}" if "{" in each["path"] else each["path"] for each in listed
        ]
        # Behind those to other pages.
        assert [each["href"] for each in page.all("a")][-len(expected) :] == expected
        assert [each["path"] for each in listed if each["path"] not in "".join(page.texts)] == []
        assert "Get the weekly activity in a course. json, csv, ndjson, parquet, arrow" in page.text
        assert page.links["API"] == "/api/"
        assert page.links["Documentation"].rstrip("/") == "/docs"
        assert Client().get(page.links["of this list"]).json() == listed

    def test_endpoints_are_in_groups(self) -> None:
        page = self.shown("/api/v1/")
        ids = [each["aria-labelledby"] for each in page.all("section")]
        assert [each["id"] for each in page.all("h2")] == ids
        words = page.text
        places = [words.index(f" {group} / api/ v1/") for group in ("Courses", "Problems", "Videos", "Many courses")]
        assert places == sorted(places)


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
