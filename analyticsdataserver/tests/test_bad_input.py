"""Random requests, within the OpenAPI description and beyond it: none breaks the service."""

import json
from typing import Any, Final

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from analytics_data_api.loading import sample_data
from analytics_data_api.versions import ENDPOINTS
from conftest import KEY

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"], transaction=True)]

# Of each operation.
EXAMPLES: Final = 50

# The test client does not decompress.
HEADERS: Final = {"Authorization": f"Token {KEY}", "Accept-Encoding": "identity"}

# What a description cannot say: that a range may not end before it starts, that not every month has a 31st day, and
# that an empty value counts as none.
MORE_OR_LESS: Final = [negative_data_rejection, positive_data_acceptance]

description: Any = schemathesis.openapi.from_dict(json.loads(json.dumps(SchemaGenerator().get_schema(public=True))))
description.app = get_wsgi_application()


@pytest.fixture(autouse=True)
def _sample_data(reader: Any) -> None:
    for fixture in sample_data.FIXTURES.glob("*.json"):
        sample_data.load_fixture(fixture, "analytics")


# By method and path, so that each has a test id of its own, and pytest-xdist runs them all.
OPERATIONS: Final[dict[str, Any]] = {
    operation.label: operation for operation in (result.ok() for result in description.get_all_operations())
}


def test_every_endpoint_is_an_operation() -> None:
    assert {f"GET /api/{path}/" for path in ENDPOINTS} <= set(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
@given(data=st.data())
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_response_is_as_described(label: str, data: st.DataObject) -> None:
    case = data.draw(OPERATIONS[label].as_strategy())
    case.call_and_validate(headers=HEADERS, excluded_checks=MORE_OR_LESS)


LATIN: Final = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"))
DATES: Final = st.datetimes().map(lambda time: time.strftime("%a, %d %b %Y %H:%M:%S GMT"))


@given(
    none_match=LATIN | st.text('W/",* -gzip0123456789abcdef'),
    modified_since=LATIN | DATES,
    encoding=LATIN | st.text("gzip*;q=01., "),
)
@settings(max_examples=500, suppress_health_check=list(HealthCheck))
def test_conditional_headers_and_encodings_of_any_text(
    client: Client, none_match: str, modified_since: str, encoding: str
) -> None:
    headers = {"if-none-match": none_match, "if-modified-since": modified_since, "accept-encoding": encoding}
    response = client.get("/api/v0/courses/edX/DemoX/Demo_Course/enrollment/", headers=headers)
    if response.status_code == 304:
        assert response.content == b""
        assert "*" in none_match
    else:
        assert response.status_code == 200
        assert response.json()[0]["count"] == 1892
