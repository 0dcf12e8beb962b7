"""What the contract says of every endpoint, put to each one that is routed."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from analytics_data_api.conftest import Get
from analytics_data_api.http.views import course_file_name
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, IDS, OF_ENTITIES, Case, address
from analytics_data_api.versions import ENDPOINTS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

every_entity = pytest.mark.parametrize(("endpoint", "case"), OF_ENTITIES.items(), ids=OF_ENTITIES)
every_endpoint = pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)
DATED = {endpoint: case for endpoint, case in CASES.items() if case.dated}
UNDATED = {endpoint: case for endpoint, case in CASES.items() if not (case.dated or ENDPOINTS[endpoint].is_list)}


LISTS = {endpoint: case for endpoint, case in CASES.items() if ENDPOINTS[endpoint].is_list}
NO_LISTS = {endpoint: case for endpoint, case in CASES.items() if endpoint not in LISTS}


def is_nothing(endpoint: str, response: Any) -> bool:
    """Return whether a response is the one of an endpoint where there is no row."""
    return response.json() == [] if endpoint in LISTS else bool(response.status_code == 404)


def test_every_endpoint_has_a_case() -> None:
    assert list(CASES) == list(ENDPOINTS)


@every_endpoint
def test_the_body_is_the_contracts(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    response = get(address(endpoint))
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response.content.decode() == case.json


@every_endpoint
@pytest.mark.parametrize("asked_by", ["format", "Accept"])
def test_csv_is_the_contracts_however_it_is_asked_for(
    get: Get, client: Client, endpoint: str, case: Case, asked_by: str
) -> None:
    case.rows()
    if asked_by == "format":
        response = get(address(endpoint), format="csv")
    else:
        response = client.get(f"/api/{address(endpoint)}", headers={"accept": "text/csv"})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response.content.decode() == case.csv.replace("\n", "\r\n")
    assert response.get("Content-Disposition") == (case.file and f"attachment; filename={case.file}")


@every_endpoint
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("safe", ["/|:", "/", ""])
def test_ids_are_taken_raw_and_encoded_with_and_without_a_slash(
    client: Client, endpoint: str, case: Case, slash: str, safe: str
) -> None:
    case.rows()
    path = address(endpoint, **{name: quote(value, safe=safe) for name, value in IDS.items()})
    response = client.get(f"/api/{path}{slash}")
    assert (response.status_code, response.content.decode()) == (200, case.json)


@pytest.mark.parametrize("safe", ["+:@", ""])
def test_ids_of_the_newer_form_are_taken_raw_and_encoded(client: Client, safe: str) -> None:
    course_id, module_id = "course-v1:edX+DemoX+Demo_2014", "block-v1:edX+DemoX+Demo_2014+type@problem+block@1f"
    make.EnrollmentFactory(course_id=course_id, count=12)
    make.GradeFactory(course_id=course_id, module_id=module_id)
    enrollment = client.get(f"/api/v0/courses/{quote(course_id, safe=safe)}/enrollment/?format=csv")
    assert enrollment.content.decode().splitlines()[1] == f"12,{course_id},2014-12-10T193146,2014-12-10"
    assert enrollment["Content-Disposition"] == "attachment; filename=edX-DemoX-Demo_2014--enrollment.csv"
    grades = client.get(f"/api/v0/problems/{quote(module_id, safe=safe)}/grade_distribution")
    assert [grade["module_id"] for grade in grades.json()] == [module_id]


@pytest.mark.parametrize(
    ("course_id", "name"),
    [
        ("edX/DemoX/Demo_2014", "edX-DemoX-Demo_2014"),
        ("course-v1:edX+DemoX+Demo_2014", "edX-DemoX-Demo_2014"),
        ("course-v1:edX+DemoX+Demo+2014", "edX-DemoX-Demo-2014"),
        ("ccx-v1:edX+DemoX+Demo_2014+ccx@15", "edX-DemoX-Demo_2014"),
        ("course-v1:edX+DemoX+北京", "edX-DemoX-北京"),
    ],
)
def test_a_file_has_the_name_of_the_course(course_id: str, name: str) -> None:
    assert course_file_name(course_id) == name


def test_a_file_of_a_course_beyond_ascii(get: Get) -> None:
    make.EnrollmentFactory(course_id="course-v1:edX+Démo+2014")
    response = get(address("v0/courses/{course_id}/enrollment", course_id="course-v1:edX+Démo+2014"), format="csv")
    assert response["Content-Disposition"] == (
        "attachment; filename=edX-Demo-2014--enrollment.csv; filename*=UTF-8''edX-D%C3%A9mo-2014--enrollment.csv"
    )


@pytest.mark.parametrize("activity_type", ["ACTIVE", "POSTED_FORUM"])
def test_csv_of_activity_has_the_same_columns_whatever_the_week_has(get: Get, activity_type: str) -> None:
    make.CourseActivityFactory(activity_type=activity_type)
    header, line = get(address("v0/courses/{course_id}/activity"), format="csv").content.decode().splitlines()
    assert header == ("any,attempted_problem,course_id,created,interval_end,interval_start,played_video,posted_forum")
    assert len(line.split(",")) == 8


@every_endpoint
def test_no_key_is_401(endpoint: str, case: Case) -> None:
    response = Client().get(f"/api/{address(endpoint)}")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Token"
    assert response["Content-Type"] == "application/problem+json"


@every_endpoint
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "trace"])
def test_other_methods_are_405(client: Client, endpoint: str, case: Case, method: str) -> None:
    methods = ENDPOINTS[endpoint].http_method_names
    response = client.generic(method.upper(), f"/api/{address(endpoint)}")
    assert (response.status_code == 405) == (method not in methods)
    assert response["Allow"] == ", ".join(methods).upper()


@every_endpoint
def test_head_tells_of_get_without_a_body(client: Client, endpoint: str, case: Case) -> None:
    case.rows()
    response = client.head(f"/api/{address(endpoint)}")
    assert (response.status_code, response.content) == (200, b"")
    assert response["Content-Length"] == str(len(case.json))


@every_endpoint
def test_options_describes_the_endpoint(client: Client, endpoint: str, case: Case) -> None:
    response = client.options(f"/api/{address(endpoint)}")
    assert response.status_code == 200
    assert response["Allow"] == ", ".join(ENDPOINTS[endpoint].http_method_names).upper()
    assert response.json()["description"] == "\n".join(
        line.strip() for line in (ENDPOINTS[endpoint].__doc__ or "").strip().splitlines()
    )


@every_entity
def test_an_unknown_id_is_404_and_named(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    unknown = dict.fromkeys(IDS, "edX/Unknown/Run")
    response = get(address(endpoint, **unknown))
    assert response.status_code == 404
    assert "'edX/Unknown/Run'" in response.json()["detail"]
    assert response.json()["error_code"].startswith("unknown_")


@every_entity
def test_ids_that_differ_in_case_or_spaces_are_others(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    for other in (str.swapcase, lambda value: f"{value} "):
        ids = {name: other(value) for name, value in IDS.items()}
        assert get(address(endpoint, **ids)).status_code == 404


@every_endpoint
def test_fields_selects_in_the_shapes_order_in_json(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    header, *_ = case.csv.splitlines()
    names = [name for name in header.split(",") if "." not in name][:2]
    whole = get(address(endpoint)).json()
    items = whole if isinstance(whole, list) else [whole]
    answer = get(address(endpoint), fields=",".join(names)).json()
    expected = [{name: value for name, value in item.items() if name in names} for item in items]
    assert answer == (expected if isinstance(whole, list) else expected[0])


@every_endpoint
def test_fields_selects_and_orders_columns_in_csv(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    header, *_ = case.csv.splitlines()
    names = header.split(",")[::-1]
    answer = get(address(endpoint), fields=",".join(names), format="csv").content.decode()
    assert answer.splitlines()[0] == ",".join(names)


@every_endpoint
def test_an_unknown_field_is_400(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    known = case.csv.split(",")[0]
    response = get(address(endpoint), fields=f"{known},nonsense")
    assert response.status_code == 400
    assert "fields names 'nonsense'" in response.json()["detail"]


@pytest.mark.parametrize(("endpoint", "case"), NO_LISTS.items(), ids=NO_LISTS)
def test_unknown_parameters_are_ignored(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    assert get(address(endpoint), page="2", start_date="", end_date="").content.decode() == case.json


@pytest.mark.parametrize(("endpoint", "case"), UNDATED.items(), ids=UNDATED)
def test_dates_are_ignored_where_there_are_none(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    answer = get(address(endpoint), start_date="2030-01-01", end_date="nonsense").content.decode()
    assert answer == case.json


@pytest.mark.parametrize(("endpoint", "case"), DATED.items(), ids=DATED)
class TestDates:
    @pytest.mark.parametrize("name", ["start_date", "end_date"])
    @pytest.mark.parametrize("value", ["yesterday", "2014-02-30", "2014-12-1", "20141210", "2014-12-10T25:00:00"])
    def test_no_date_is_400(self, get: Get, endpoint: str, case: Case, name: str, value: str) -> None:
        case.rows()
        response = get(address(endpoint), **{name: value})
        assert response.status_code == 400
        assert f"{name} is '{value}'" in response.json()["detail"]

    def test_a_range_that_ends_before_it_starts_is_400(self, get: Get, endpoint: str, case: Case) -> None:
        response = get(address(endpoint), start_date="2014-12-10", end_date="2014-12-09")
        assert response.status_code == 400
        assert "start_date" in response.json()["detail"]

    def test_a_range_without_data_is_404_and_tells_what_is_on_record(self, get: Get, endpoint: str, case: Case) -> None:
        case.rows()
        response = get(address(endpoint), start_date="2001-01-01", end_date="2001-01-01")
        if endpoint not in OF_ENTITIES:
            assert (response.status_code, response.json()) == (200, [])
            return
        assert response.status_code == 404
        assert response.json()["error_code"] == "no_data_in_range"
        assert "'2001-01-01'" in response.json()["detail"]
        assert "from 2014-12-" in response.json()["detail"]

    def test_either_end_may_be_open(self, get: Get, endpoint: str, case: Case) -> None:
        case.rows()
        everything = get(address(endpoint), start_date="1990-01-01", end_date="2030-01-01")
        assert everything.status_code == 200
        assert get(address(endpoint), start_date="1990-01-01").content == everything.content
        assert get(address(endpoint), end_date="2030-01-01").content == everything.content
        assert len(everything.json()) > len(get(address(endpoint)).json())


DAILY = {endpoint: case for endpoint, case in DATED.items() if "enrollment" in endpoint}


@pytest.mark.parametrize(("endpoint", "case"), DAILY.items(), ids=DAILY)
@pytest.mark.parametrize(
    ("start_date", "end_date", "dates"),
    [
        ("2014-12-10", "", {"2014-12-10"}),
        ("2014-12-10T000000", "", {"2014-12-10"}),
        ("2014-12-10T00:00:00Z", "", {"2014-12-10"}),
        ("2014-12-09T000001", "", {"2014-12-10"}),
        ("2014-12-10T000001", "", set()),
        ("2014-12-11", "", set()),
        ("", "2014-12-10", {"2014-12-09"}),
        ("", "2014-12-10T00:00:01", {"2014-12-09", "2014-12-10"}),
        ("", "2014-12-09", set()),
        ("2014-12-09", "2014-12-11", {"2014-12-09", "2014-12-10"}),
        ("2014-12-09", "2014-12-10", {"2014-12-09"}),
        ("2014-12-10", "2014-12-10", set()),
        ("2014-12-10T02:00:00+02:00", "", {"2014-12-10"}),
        ("0001-01-01", "9999-12-31T235959", {"2014-12-09", "2014-12-10"}),
        ("9999-12-31T235959", "", set()),
    ],
)
def test_days_are_selected_from_start_inclusive_to_end_exclusive(
    get: Get, endpoint: str, case: Case, start_date: str, end_date: str, *, dates: set[str]
) -> None:
    case.rows()
    response = get(address(endpoint), start_date=start_date, end_date=end_date)
    assert {item["date"] for item in response.json()} == dates if dates else is_nothing(endpoint, response)


@pytest.mark.parametrize(
    ("start_date", "end_date", "weeks"),
    [
        ("2014-12-01", "", ["2014-12-01T000000", "2014-12-08T000000"]),
        ("2014-12-01T000001", "", ["2014-12-08T000000"]),
        ("2014-12-08", "", ["2014-12-08T000000"]),
        ("2014-12-08T000001", "", []),
        ("", "2014-12-15T000001", ["2014-12-01T000000", "2014-12-08T000000"]),
        ("", "2014-12-15", ["2014-12-01T000000"]),
        ("", "2014-12-08", []),
        ("2014-12-01", "2014-12-08T000001", ["2014-12-01T000000"]),
    ],
)
def test_weeks_are_selected_that_start_in_the_range_and_end_before_its_end(
    get: Get, start_date: str, end_date: str, weeks: list[str]
) -> None:
    endpoint = "v0/courses/{course_id}/activity"
    CASES[endpoint].rows()
    response = get(address(endpoint), start_date=start_date, end_date=end_date)
    assert [item["interval_start"] for item in response.json()] == weeks if weeks else response.status_code == 404


@pytest.mark.parametrize(
    "course_id",
    ["edX", "edX/DemoX", "edX/DemoX/Run/more", "edX//Run", "course-v1:edX+DemoX", "a+b", "a+b+", "+a+b", "/a/b"],
)
def test_a_course_id_of_another_form_is_404(get: Get, course_id: str) -> None:
    response = get(f"v0/courses/{course_id}/enrollment")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["error_code"] == "not_found"
