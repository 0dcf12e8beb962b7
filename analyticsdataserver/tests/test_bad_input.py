"""Requests of every kind that the description allows, and of kinds that it does not: none breaks the service."""

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
from conftest import KEY

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"], transaction=True)]

# Of each operation.
EXAMPLES: Final = 50

# Without a server in between, nobody would unpack what is compressed.
HEADERS: Final = {"Authorization": f"Token {KEY}", "Accept-Encoding": "identity"}

# What a description cannot say: that a range may not end before it starts, nor each month have a 31st day; and that a
# value may be empty, which counts as none.
MORE_OR_LESS: Final = [negative_data_rejection, positive_data_acceptance]

description: Any = schemathesis.openapi.from_dict(json.loads(json.dumps(SchemaGenerator().get_schema(public=True))))
description.app = get_wsgi_application()


@pytest.fixture(autouse=True)
def _sample_data(reader: Any) -> None:
    for fixture in sample_data.FIXTURES.glob("*.json"):
        sample_data.load_fixture(fixture, "analytics")


@description.parametrize()  # type: ignore[untyped-decorator]  # made of the description
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: Any) -> None:
    case.call_and_validate(headers=HEADERS, excluded_checks=MORE_OR_LESS)


LATIN: Final = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"))
DATES: Final = st.datetimes().map(lambda time: time.strftime("%a, %d %b %Y %H:%M:%S GMT"))


@given(
    none_match=LATIN | st.text('W/",* -gzip0123456789abcdef'),
    modified_since=LATIN | DATES,
    encoding=LATIN | st.text("gzip*;q=01., "),
)
@settings(max_examples=500, suppress_health_check=list(HealthCheck))
def test_whatever_a_caller_claims_to_have_or_to_take(
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
