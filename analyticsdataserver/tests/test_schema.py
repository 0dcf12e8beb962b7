"""The description at /api/schema/: it is valid, and what the service answers is what it describes."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from analytics_data_api.formats import registry
from analytics_data_api.formats.registry import FORMATS, OBJECT_FORMATS
from analytics_data_api.tests.cases import CASES, IDS, Case, address
from analytics_data_api.versions import ENDPOINTS, VERSIONS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

DATA_FORMATS = {each.media_type: each for each in registry.DATA_FORMATS}

every_endpoint = pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)


@pytest.fixture(scope="module")
def description() -> Any:
    return json.loads(json.dumps(SchemaGenerator().get_schema(public=True)))


def operation(description: Any, endpoint: str) -> Any:
    return description["paths"][f"/api/{endpoint}/"]["get"]


def resolved(description: Any, part: Any) -> Any:
    """Return a part of the description, or what it refers to."""
    if "$ref" not in part:
        return part
    found = description
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return found


Faults = Callable[[Any, Any], list[str]]


def strict(part: Any) -> Any:
    """Return a part of the description that allows only what it names."""
    if isinstance(part, dict):
        closed = {"additionalProperties": False} if "properties" in part else {}
        return closed | {name: strict(value) for name, value in part.items()}
    return [strict(each) for each in part] if isinstance(part, list) else part


@pytest.fixture(scope="module")
def faults(description: Any) -> Faults:
    """Return what of a body is not as a schema says; what the schema does not name may not be there."""
    # The one that finds what a schema refers to.
    validator = Draft202012Validator(strict({"components": description["components"]}))

    def faults(schema: Any, body: Any) -> list[str]:
        return [error.message for error in validator.evolve(schema=strict(schema)).iter_errors(body)]

    return faults


def test_it_is_valid_openapi_3_1(description: Any) -> None:
    assert description["openapi"].startswith("3.1.")
    assert [str(error) for error in OpenAPIV31SpecValidator(description).iter_errors()] == []


def test_it_is_made_without_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    SchemaGenerator().get_schema(public=True)
    assert capsys.readouterr().err == ""


def test_the_introduction_names_every_format(description: Any) -> None:
    text = description["info"]["description"]
    assert "{" not in text
    assert all(f"`{each.format}`" in text for each in registry.DATA_FORMATS)


def test_it_describes_every_endpoint_and_nothing_else(description: Any) -> None:
    reports = {path for path in description["paths"] if path.startswith("/api/v")}
    assert reports == {f"/api/{endpoint}/" for endpoint in ENDPOINTS}
    assert description["paths"].keys() - reports == {"/api-token-auth/", "/status/", "/health/", "/authenticated/"}


def test_operation_ids_are_names_of_functions_and_differ(description: Any) -> None:
    names = [each["operationId"] for path in description["paths"].values() for each in path.values()]
    assert all(name.isidentifier() and name.islower() for name in names)
    assert len(set(names)) == len(names)
    assert {"get_enrollment_by_gender", "get_v1_enrollment_by_gender"} < set(names)


@every_endpoint
def test_every_operation_says_everything(description: Any, endpoint: str, case: Case) -> None:
    described = operation(description, endpoint)
    assert described["summary"]
    assert described["tags"] == ["api"]
    assert {"key": []} in described["security"]
    assert {"session": []} in described["security"]
    expected = {"200", "304", "400", "401", "403", "404", "406", "412", "429", "500", "503"}
    # A list may have no item.
    expected -= {"404"} if ENDPOINTS[endpoint].is_list else set()
    # What reads no table has no version: links to reports, and the key, which everybody may see.
    expected ^= (
        set() if case.queries else {"304", "403", "404", "412"} if endpoint == "v1/key" else {"304", "412", "501"}
    )
    assert described["responses"].keys() == expected
    names = {parameter["name"] for parameter in described["parameters"]}
    assert {"fields", "format"} <= names
    assert ({"start_date", "end_date"} <= names) == case.dated
    for parameter in described["parameters"]:
        assert parameter["description"]
        assert "example" in parameter
    answer = described["responses"]["200"]["content"]
    formats = OBJECT_FORMATS if ENDPOINTS[endpoint].single else FORMATS
    assert answer.keys() == {each.media_type for each in formats if each.media_type != "text/html"}
    assert all(bool(content) != DATA_FORMATS[name].binary for name, content in answer.items())
    (format_,) = (each for each in described["parameters"] if each["name"] == "format")
    assert format_["schema"]["enum"] == [DATA_FORMATS[name].format for name in answer]
    for status, refusal in described["responses"].items():
        if int(status) >= 400:
            assert resolved(description, refusal)["content"].keys() == {"application/problem+json"}


def test_only_what_has_a_body_can_wait_for_it_in_vain_and_has_no_version(description: Any) -> None:
    for path in description["paths"].values():
        for method, described in path.items():
            statuses = described["responses"].keys()
            assert ("408" in statuses) == ("413" in statuses) == (method == "post")
            assert ("412" in statuses) == ("304" in statuses)
    for name, code in (("RequestTimeout", "body_timeout"), ("PreconditionFailed", "precondition_failed")):
        examples = description["components"]["responses"][name]["content"]["application/problem+json"]["examples"]
        assert examples.keys() == {code}


@every_endpoint
def test_every_field_says_what_it_means(description: Any, endpoint: str, case: Case) -> None:
    schema = operation(description, endpoint)["responses"]["200"]["content"]["application/json"]["schema"]
    model = resolved(description, schema.get("items", schema))
    assert model["description"]
    assert all(field.get("description") for field in model["properties"].values())
    assert {field.get("format") for field in model["properties"].values()} <= {None, "date", "date-time", "double"}


def test_only_the_password_is_not_to_be_seen(description: Any) -> None:
    hidden = [
        (name, field)
        for name, model in description["components"]["schemas"].items()
        for field, schema in model.get("properties", {}).items()
        if schema.get("format") == "password"
    ]
    assert hidden == [("Credentials", "password")]


@every_endpoint
def test_bodies_are_as_described(client: Client, description: Any, faults: Faults, endpoint: str, case: Case) -> None:
    case.rows()
    schema = operation(description, endpoint)["responses"]["200"]["content"]["application/json"]["schema"]
    assert faults(schema, client.get(f"/api/{address(endpoint)}").json()) == []


@every_endpoint
def test_the_description_would_show_what_is_not_as_described(
    description: Any, faults: Faults, endpoint: str, case: Case
) -> None:
    schema = operation(description, endpoint)["responses"]["200"]["content"]["application/json"]["schema"]
    body = json.loads(case.json)
    item = body[0] if isinstance(body, list) else body
    item["unheard_of"] = 1
    assert faults(schema, body)
    del item["unheard_of"]
    item["count" if "count" in item else "created" if "created" in item else "any"] = ["of another type"]
    assert faults(schema, body)


@every_endpoint
def test_examples_are_as_described(description: Any, faults: Faults, endpoint: str, case: Case) -> None:
    content = operation(description, endpoint)["responses"]["200"]["content"]["application/json"]
    assert content["example"]
    assert faults(content["schema"], content["example"]) == []


@every_endpoint
def test_refusals_are_as_described(client: Client, description: Any, faults: Faults, endpoint: str, case: Case) -> None:
    unknown = address(endpoint, **{**dict.fromkeys(IDS, "edX/Unknown/Run"), "report_name": "unknown"})
    answers = [
        Client().get(f"/api/{unknown}"),
        client.get(f"/api/{unknown}"),
        client.get(f"/api/{unknown}", query_params={"format": "xml"}),
        client.get(f"/api/{unknown}", query_params={"fields": "unheard_of"}),
    ]
    is_always_there = ENDPOINTS[endpoint].is_list or endpoint == "v1/key"
    if is_always_there:
        # It has no id in its path that could be unknown.
        del answers[1]
    expected = [401, 406, 400] if is_always_there else [401, 404, 406, 400]
    assert [answer.status_code for answer in answers] == expected
    for answer in answers:
        refusal = resolved(description, operation(description, endpoint)["responses"][str(answer.status_code)])
        schema = refusal["content"]["application/problem+json"]["schema"]
        assert faults(schema, answer.json()) == []


def test_limits_are_described_where_they_hold(description: Any) -> None:
    told = {"RateLimit", "RateLimit-Policy"}
    for path, methods in description["paths"].items():
        for method in methods.values():
            responses = {status: resolved(description, each) for status, each in method["responses"].items()}
            is_limited = path.startswith("/api/v") or path == "/api-token-auth/"
            assert (told <= responses["200"].get("headers", {}).keys()) == is_limited
            if "401" in responses or is_limited:
                assert told | {"Retry-After"} <= responses["429"]["headers"].keys()
            if "401" in responses:
                assert told <= responses["401"]["headers"].keys()
            assert ("429" in responses) == (path not in ("/status/", "/health/"))


@pytest.mark.parametrize("created", ["2014-12-10T19:31:46", "2014-12-10", "2014-12-10T193146Z"])
def test_formats_are_exact(description: Any, faults: Faults, created: str) -> None:
    body = json.loads(CASES["v0/courses/{course_id}/enrollment"].json)
    body[0]["created"] = created
    described = operation(description, "v0/courses/{course_id}/enrollment")
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]
    assert faults(schema, body)


def test_it_is_json_or_yaml_and_asks_for_no_key(description: Any) -> None:
    for path in ("/api/schema", "/api/schema/"):
        response = Client().get(path)
        assert (response.status_code, response["Content-Type"]) == (200, "application/json")
        assert response.json() == description
    response = Client().get("/api/schema/", query_params={"format": "yaml"})
    assert response["Content-Type"] == "application/yaml"
    # The loader in C: the one in Python takes a second.
    assert yaml.load(response.content, yaml.CSafeLoader) == description
    assert Client().get("/api/schema/", headers={"accept": "application/yaml"}).content == response.content


def test_it_is_sent_again_only_where_it_has_changed() -> None:
    first = Client().get("/api/schema/")
    assert Client().get("/api/schema/", headers={"if-none-match": first["ETag"]}).status_code == 304
    assert Client().get("/api/schema/", headers={"if-none-match": '"other"'}).status_code == 200


class TestDeprecation:
    def test_it_is_marked(self, description: Any) -> None:
        marked = [
            path for path, methods in description["paths"].items() if methods.get("get", {}).get("deprecated", False)
        ]
        assert marked == [f"/api/{version}/courses/{{course_id}}/recent_activity/" for version in VERSIONS]

    @pytest.mark.parametrize("version", VERSIONS)
    def test_answers_and_refusals_tell_of_the_replacement(self, client: Client, version: str) -> None:
        endpoint = f"{version}/courses/{{course_id}}/recent_activity"
        CASES[endpoint].rows()
        for query in ({}, {"activity_type": "slept"}):
            response = client.get(f"/api/{address(endpoint)}", query_params=query)
            # RFC 9745: seconds since 1970, behind an @.
            assert response["Deprecation"].startswith("@")
            assert int(response["Deprecation"][1:]) > 0
            path = f"/api/{version}/courses/edX/DemoX/Demo_Course/activity"
            assert response["Link"] == f'<{path}>; rel="successor-version"'

    def test_other_endpoints_say_nothing_of_the_kind(self, client: Client) -> None:
        response = client.get(f"/api/{address('v0/courses/{course_id}/activity')}")
        assert not {"Deprecation", "Link"} & set(response.headers)
