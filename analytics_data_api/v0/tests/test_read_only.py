"""Pointed at a database that holds the tables, the service needs to read them and nothing else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connections

from analytics_data_api.v0.models import CourseEnrollmentDaily
from analytics_data_api.v0.tests.cases import CASES, IDS, Case, address
from analytics_data_api.v0.tests.conftest import Get
from analytics_data_api.v0.tests.test_counting import load_again

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

# A server may have nameless users at localhost, which would be taken for one that is named for every host.
HOSTS = ("localhost", "%")


@pytest.fixture
def read_only() -> Iterator[None]:
    """Only SELECT is allowed on the analytics database: a user without other rights, or SQLite's own switch."""
    connection: Any = connections["analytics"]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON")
        yield
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")
        return
    owner = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    # The tests run side by side on one server, which has its users in common.
    reader = f"reader_{connection.settings_dict['NAME']}"[-32:]
    with connection.cursor() as cursor:
        for host in HOSTS:
            cursor.execute("DROP USER IF EXISTS %s@%s", [reader, host])
            cursor.execute("CREATE USER %s@%s IDENTIFIED BY 'only reads'", [reader, host])
            cursor.execute(f"GRANT SELECT ON {database}.* TO %s@%s", [reader, host])
    connection.close()
    connection.settings_dict.update(USER=reader, PASSWORD="only reads")
    yield
    connection.close()
    connection.settings_dict.update(owner)
    with connection.cursor() as cursor:
        for host in HOSTS:
            cursor.execute("DROP USER %s@%s", [reader, host])


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
    assert get(address(endpoint, **dict.fromkeys(IDS, "a/b/c"))).status_code == 404
