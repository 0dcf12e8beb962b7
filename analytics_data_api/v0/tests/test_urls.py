"""Which paths lead to an endpoint: ids, as clients and proxies write them, and the suffixes that name a format."""

from urllib.parse import quote

import pytest
from django.test import Client

from analytics_data_api.http.tests.shape import problem_of
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, Case, address

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

every_endpoint = pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)
slash = pytest.mark.parametrize("slash", ["", "/"])


@slash
@pytest.mark.parametrize("safe", ["/+:@", "/", ""])
@pytest.mark.parametrize(
    "course_id",
    [
        "edX/DemoX/Demo_Course",
        "edX/DemoX/Demo+Course+2",
        "course-v1:edX+DemoX+2014",
        "course-v1:edX+DemoX+2014+b",
        "ccx-v1:edX+DemoX+2014+ccx@15",
        "edX+DemoX+2014",
        "edX/DemoX/enrollment.csv",
    ],
)
def test_a_course_id_has_three_parts(client: Client, course_id: str, safe: str, slash: str) -> None:
    make.EnrollmentFactory(course_id=course_id)
    response = client.get(f"/api/v0/courses/{quote(course_id, safe)}/enrollment{slash}")
    assert [item["course_id"] for item in response.json()] == [course_id]


@slash
@pytest.mark.parametrize("written", ["i4x://", "i4x:/", "i4x%3A%2F%2F", "i4x:%2F%2F", "i4x:%2f", "i4x%3a/"])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_a_proxy_may_have_merged_the_slashes_of_a_module_id(
    client: Client, written: str, suffix: str, slash: str
) -> None:
    module_id = "i4x://edX/DemoX/problem/p1"
    make.GradeFactory(module_id=module_id)
    path = f"/api/v0/problems/{written}edX/DemoX/problem/p1/grade_distribution{suffix}{slash}"
    assert [item["module_id"] for item in client.get(path).json()] == [module_id]


def test_an_id_with_merged_slashes_has_a_page(browser: Client) -> None:
    make.GradeFactory(module_id="i4x://edX/DemoX/problem/p1")
    response = browser.get("/api/v0/problems/i4x:/edX/DemoX/problem/p1/grade_distribution")
    assert response.status_code == 200
    assert "grade distribution" in response.content.decode()


@every_endpoint
@slash
@pytest.mark.parametrize("accept", ["*/*", "text/html", "image/png"])
class TestSuffix:
    def test_csv(self, client: Client, endpoint: str, case: Case, slash: str, accept: str) -> None:
        case.rows()
        response = client.get(f"/api/{address(endpoint)}.csv{slash}", headers={"accept": accept})
        assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
        assert response.content.decode() == case.csv.replace("\n", "\r\n")
        assert response.get("Content-Disposition") == (case.file and f"attachment; filename={case.file}")

    def test_json(self, client: Client, endpoint: str, case: Case, slash: str, accept: str) -> None:
        case.rows()
        path = f"/api/{address(endpoint)}.json{slash}?format=csv"
        response = client.get(path, headers={"accept": accept})
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")
        assert response.content.decode() == case.json


@pytest.mark.parametrize("suffix", [".xml", ".CSV", ".api", ".html", ".", ".csv.json", "/.csv", ".csv/x"])
def test_another_suffix_is_an_unknown_path(client: Client, suffix: str) -> None:
    make.EnrollmentFactory()
    path = f"/api/v0/courses/{make.COURSE_ID}/enrollment{suffix}"
    detail = problem_of(client.get(path), 404, "not_found")["detail"]
    assert detail.startswith(f"There is nothing at {path!r}.")


def test_errors_of_a_suffix_are_problem_documents_also_for_browsers(browser: Client) -> None:
    path = "/api/v0/courses/edX/DemoX/Nobodys/enrollment.csv"
    assert problem_of(browser.get(path), 404, "unknown_course")["detail"] == (
        "No enrollment on record for the course_id 'edX/DemoX/Nobodys'; "
        "it takes an id that has been computed, spelled exactly (capitals count)."
    )
    problem_of(browser.get("/nowhere.json"), 404, "not_found")
