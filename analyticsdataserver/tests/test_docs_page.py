"""The page at /docs/, as far as it can be told without a browser."""

import re
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.core.cache import cache
from django.template.loader import get_template
from django.test import Client

from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.docs.examples import ids
from analyticsdataserver.docs.swagger import ui

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    cache.clear()


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_it_asks_for_no_key_and_loads_nothing_from_elsewhere(path: str) -> None:
    response = Client().get(path)
    page = response.content.decode()
    assert response.status_code == 200
    assert "Explore" in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    policy = dict(part.split(" ", 1) for part in response["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in response["Content-Security-Policy"]
    # Data for the script, which no browser runs.
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>", page) == ['<script id="page" type="application/json">']


def test_every_file_it_loads_is_served(client: Client) -> None:
    page = client.get("/docs/").content.decode()
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) >= 6
    for path in files:
        with closing(client.get(path)) as response:
            assert response.status_code == 200


def test_the_template_is_the_one_that_django_rest_swagger_lets_a_project_override() -> None:
    template: Any = get_template("rest_framework_swagger/index.html")
    assert "docs/swagger" in template.origin.name


@pytest.mark.parametrize(
    "path",
    [
        "rest_framework_swagger/swagger-ui-bundle.js",
        "rest_framework/js/jquery-3.7.1.min.js",
        "flags/de.gif",
        "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js",
    ],
)
def test_what_no_page_needs_is_not_served(path: str) -> None:
    assert finders.find(path) is None


@pytest.mark.process
def test_what_is_dead_of_django_rest_swagger_is_not_imported() -> None:
    program = """
import sys
from wsgiref.util import setup_testing_defaults
from analyticsdataserver.serving.wsgi import application
environ = {"PATH_INFO": "/docs/", "HTTP_HOST": "localhost"}
setup_testing_defaults(environ)
list(application(environ, lambda status, headers: print(status)))
print(sorted({"coreapi", "openapi_codec", "rest_framework_swagger.views"} & sys.modules.keys()))
"""
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines() == ["200 OK", "[]"]


def test_sample_ids_are_filled_in_only_where_they_are_on_record(client: Client) -> None:
    # Not of a table.
    always = {"report_name": "problem_response"}
    assert client.get("/docs/").context["page"]["sampleIds"] == always
    make.EnrollmentFactory(course_id=ids.SAMPLE_IDS["course_id"])
    # Asked once a minute at the most.
    assert client.get("/docs/").context["page"]["sampleIds"] == always
    cache.clear()
    assert client.get("/docs/").context["page"]["sampleIds"] == always | {"course_id": ids.SAMPLE_IDS["course_id"]}


def test_it_tells_of_a_session(browser: Client) -> None:
    assert "Log in" in Client().get("/docs/").content.decode()
    page = browser.get("/docs/").content.decode()
    assert "Log out" in page
    assert "reader" in page


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_405(method: str) -> None:
    response = Client().generic(method.upper(), "/docs/")
    assert (response.status_code, response["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert response["Content-Type"] == "application/problem+json"


def test_the_front_page_leads_there() -> None:
    response = Client().get("/")
    assert (response.status_code, response["Location"]) == (302, "/docs/")


class TestSettings:
    def test_options_are_passed_on_by_their_names_of_today(self, settings: Any) -> None:
        settings.SWAGGER_SETTINGS = {"OPERATIONS_SORTER": "alpha", "DOC_EXPANSION": "list"}
        assert ui.options()["operationsSorter"] == "alpha"
        assert ui.options()["docExpansion"] == "list"

    def test_headers_of_ones_own_are_passed_on(self, settings: Any) -> None:
        settings.SWAGGER_SETTINGS = {"CUSTOM_HEADERS": {"X-Team": "blue"}}
        assert ui.custom_headers() == {"X-Team": "blue"}

    def test_sessions_can_be_left_out(self, settings: Any) -> None:
        settings.SWAGGER_SETTINGS = {"USE_SESSION_AUTH": False}
        assert "Log in" not in Client().get("/docs/").content.decode()

    @pytest.mark.parametrize(("name", "code"), [("VALIDATOR_URL", "docs_page.W001"), ("NONSENSE", "docs_page.W002")])
    def test_names_without_effect_are_told(self, settings: Any, name: str, code: str) -> None:
        settings.SWAGGER_SETTINGS = {name: "x", "DOC_EXPANSION": "none"}
        assert [warning.id for warning in ui.check_settings()] == [code]

    def test_those_of_the_project_have_an_effect(self) -> None:
        assert ui.check_settings() == []
