"""Pointed at a database that holds the tables, the service needs to read them and nothing else."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError

from analytics_data_api.conftest import Get
from analytics_data_api.tables.models import CourseEnrollmentDaily
from analytics_data_api.tables.tests import altered
from analytics_data_api.tests.cases import CASES, IDS, OF_ENTITIES, Case, address
from analytics_data_api.v0.tests.test_counting import load_again

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)


@pytest.fixture
def read_only() -> Iterator[None]:
    with altered.read_only():
        yield


@pytest.mark.usefixtures("read_only")
def test_reading_is_allowed_here_and_writing_is_not() -> None:
    assert not CourseEnrollmentDaily.objects.exists()
    with pytest.raises(DatabaseError):
        CourseEnrollmentDaily.objects.create(course_id="a/b/c", date="2014-12-10", count=1)


@pytest.mark.parametrize(("endpoint", "case"), CASES.items(), ids=CASES)
def test_every_endpoint_answers(get: Get, request: pytest.FixtureRequest, endpoint: str, case: Case) -> None:
    case.rows()
    load_again(later=timedelta(0))
    request.getfixturevalue("read_only")
    assert get(address(endpoint)).content.decode() == case.json
    if endpoint in OF_ENTITIES:
        assert get(address(endpoint, **dict.fromkeys(IDS, "a/b/c"))).status_code == 404
