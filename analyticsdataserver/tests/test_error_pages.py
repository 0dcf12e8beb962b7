"""Errors as browsers get them: pages that say what the problem document says, and lead on."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve
from django.views.generic import RedirectView

from analytics_data_api.access import keys
from analytics_data_api.formats.tests.page import Page
from analytics_data_api.http.tests.shape import error_page_of, problem_of
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.tests.forms import FormClient

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ENROLLMENT = f"/api/v0/courses/{make.COURSE_ID}/enrollment/"


def same(path: str, status: int, code: str, client: Client | None = None, method: str = "GET", **headers: str) -> Page:
    """Check that the page says what the problem document says, with the same headers, and return it."""
    client = client or Client(raise_request_exception=False)
    document = client.generic(method, path, headers={**headers, "accept": "*/*"})
    page = client.generic(method, path, headers={**headers, "accept": HTML})
    error_page_of(page, status, code)
    differing = {"Content-Type", "Content-Length", "Content-Security-Policy", "X-Request-ID", "Vary"}
    assert {name: value for name, value in page.headers.items() if name not in differing} == {
        name: value for name, value in document.headers.items() if name not in differing
    }
    shown = Page(page)
    shown.require_own_files_only()
    assert problem_of(document, status, code)["detail"] in shown.text
    assert shown.links["Documentation"] == "/docs"
    return shown


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/nowhere/", "/api/v0/courses/a/enrollment", "/favicon.ico", "/api/v2/", "/<b>&amp;"]
)
def test_an_unknown_path(path: str) -> None:
    same(path, 404, "not_found")


def test_an_unknown_host() -> None:
    same("/docs/", 400, "unknown_host", host="evil.example.com")


def test_text_that_is_none() -> None:
    same("/status/?x=%ff", 400, "invalid_text")


def test_more_parameters_than_django_reads(client: Client) -> None:
    same(f"{ENROLLMENT}?{'&'.join(f'a{number}=1' for number in range(2000))}", 400, "bad_request", client)


def test_a_method_that_is_not_allowed() -> None:
    same("/docs/", 405, "method_not_allowed", method="DELETE")
    same(ENROLLMENT, 405, "method_not_allowed", method="POST")


def test_a_form_from_elsewhere() -> None:
    page = same("/api-auth/login/", 403, "csrf_failed", Client(enforce_csrf_checks=True), "POST")
    assert page.links["Back to the form"] == "/api-auth/login/"


def test_a_fault_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("its secret")

    monkeypatch.setattr(RedirectView, "get", fail)
    assert "secret" not in same("/", 500, "server_error").source


def test_a_request_without_a_key_leads_to_the_login_and_back() -> None:
    page = same(f"{ENROLLMENT}?start_date=2014-12-01&x=a%26b", 401, "not_authenticated")
    login = page.links["Log in"]
    User.objects.create_user("teacher", password="chalk")
    browser = FormClient(headers={"accept": HTML})
    form = Page(browser.get(login))
    assert form.field("next")["value"] == f"{ENROLLMENT}?start_date=2014-12-01&x=a%26b"
    response = browser.post(login, {"username": "teacher", "password": "chalk"})
    assert response["Location"] == f"{ENROLLMENT}?start_date=2014-12-01&x=a%26b"


def test_a_wrong_parameter_leads_to_a_form_with_what_was_sent(client: Client) -> None:
    make.EnrollmentFactory()
    page = same(f'{ENROLLMENT}?start_date=yesterday&end_date="><script>', 400, "invalid_date", client)
    assert page.field("start_date")["value"] == "yesterday"
    assert page.field("end_date")["value"] == '"><script>'
    (form,) = page.all("form")
    assert (form["method"], form["action"]) == ("get", ENROLLMENT)


def test_a_fault_stands_beside_its_field(client: Client) -> None:
    make.EnrollmentFactory()
    page = same(f"{ENROLLMENT}?start_date=2014-12-01&end_date=2014-13-01&x=1", 400, "invalid_date", client)
    assert page.field("end_date")["aria-invalid"] == "true"
    assert "end_date-fault" in page.field("end_date")["aria-describedby"].split()
    (fault,) = (each for each in page.all("p") if each.get("class") == "fault")
    assert fault["id"] == "end_date-fault"
    # A browser's picker would drop what it cannot hold.
    assert (page.field("start_date")["type"], page.field("end_date")["type"]) == ("date", "text")
    assert "aria-invalid" not in page.field("start_date")
    assert {each["for"] for each in page.all("label")} == {"start_date", "end_date", "fields"}


def test_a_range_that_ends_before_it_starts_is_a_fault_of_its_start(client: Client) -> None:
    make.EnrollmentFactory()
    page = same(f"{ENROLLMENT}?start_date=2014-12-02&end_date=2014-12-01", 400, "invalid_date_range", client)
    assert page.field("start_date")["aria-invalid"] == "true"


def test_a_value_that_is_not_to_be_chosen_is_shown(client: Client) -> None:
    page = same("/api/v1/courses/?sort=nonsense", 400, "invalid_value", client)
    assert (page.field("sort")["value"], page.field("sort")["aria-invalid"]) == ("nonsense", "true")


def test_an_unknown_parameter_is_left_out_of_the_form(client: Client) -> None:
    page = same("/api/v1/courses/?serch=demo&org=edX", 400, "unknown_parameter", client)
    assert page.field("org")["value"] == "edX"
    assert not [each for each in page.all("input") if each.get("name") == "serch"]
    assert page.links["Without any parameter"] == "/api/v1/courses/"


def test_an_endpoints_error_has_its_ways(client: Client) -> None:
    make.EnrollmentFactory()
    page = same(f"{ENROLLMENT}?start_date=2020-01-01", 404, "no_data_in_range", client)
    assert client.get(page.links["Without any parameter"]).status_code == 200
    assert page.links["Documentation of this endpoint"] == "/docs/#!/api/get_enrollment"
    assert page.links["enrollment by mode"] == f"{ENROLLMENT}mode/?start_date=2020-01-01"
    assert resolve(page.links["Courses"]).url_name in ("courses", "CoursesView")


def test_an_unknown_course_leads_to_the_courses(client: Client) -> None:
    page = same("/api/v0/courses/a/b/c/enrollment/", 404, "unknown_course", client)
    assert client.get(page.links["Courses"], headers={"accept": "*/*"}).status_code == 200
    assert not page.all("form")


def test_a_course_outside_of_the_key_leads_to_those_inside() -> None:
    key = keys.create_key("reader", keys.Limits(courses=frozenset({"edX/OtherX/2015"}))).text
    client = Client(headers={"authorization": f"Token {key}"})
    page = same(ENROLLMENT, 403, "course_not_allowed", client)
    assert client.get(page.links["Courses"], headers={"accept": "*/*"}).status_code == 200
    assert client.get(page.links["What this key may see"]).json()["courses"] == ["edX/OtherX/2015"]
    assert resolve(urlsplit(page.links["Log in with another key"]).path).url_name == "login"


def test_a_method_that_is_not_allowed_leads_to_get() -> None:
    assert same(ENROLLMENT, 405, "method_not_allowed", method="POST").links["Open it with GET"] == ENROLLMENT


def test_a_range_without_data_leads_to_a_form_too(client: Client) -> None:
    make.EnrollmentFactory()
    page = same(f"{ENROLLMENT}?start_date=2020-01-01", 404, "no_data_in_range", client)
    assert page.field("start_date")["value"] == "2020-01-01"


@pytest.mark.parametrize(
    "accept", ["application/json, text/html", "*/*", "", "*", "text/*", "text/csv, text/html;q=.9"]
)
def test_a_client_that_does_not_prefer_html_gets_a_document(accept: str) -> None:
    response = Client().get("/nowhere", headers={"accept": accept})
    problem_of(response, 404, "not_found")
    assert "Accept" in response["Vary"]


@pytest.mark.parametrize("path", ["/nowhere?format=json", "/nowhere.csv", "/nowhere.json/", f"{ENROLLMENT}?format=csv"])
def test_a_client_that_names_a_format_gets_a_document(path: str) -> None:
    response = Client().get(path, headers={"accept": "text/html"})
    problem_of(response, response.status_code)
