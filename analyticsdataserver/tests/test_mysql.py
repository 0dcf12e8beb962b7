"""Long results of MySQL are read row by row, and a reader who stops early does not wait for the rest."""

from typing import Any

import pytest
from django.db import connections

from analytics_data_api.tables.models import CourseEnrollmentDaily
from analytics_data_api.tables.tests.factories import EnrollmentFactory

pytestmark = [
    pytest.mark.mysql_only,
    pytest.mark.django_db(databases=["default", "analytics"], transaction=True),
]


@pytest.fixture(autouse=True)
def _mysql_with_rows() -> None:
    for count in range(10):
        EnrollmentFactory(count=count)


def fetched_at_a_time(size: int) -> Any:
    return CourseEnrollmentDaily.objects.order_by("count").values_list("count", flat=True).iterator(chunk_size=size)


def test_rows_stay_on_the_server_until_they_are_fetched() -> None:
    connection: Any = connections["analytics"]
    driver = connection.Database
    rows = fetched_at_a_time(2)
    assert next(rows) == 0
    # The connection is busy with the rest of the rows, which it would not be if the driver held them.
    with pytest.raises(driver.ProgrammingError, match="out of sync"):
        CourseEnrollmentDaily.objects.count()
    rows.close()


def test_a_connection_is_free_when_the_last_row_was_fetched() -> None:
    assert list(fetched_at_a_time(2)) == list(range(10))
    assert CourseEnrollmentDaily.objects.count() == 10


@pytest.mark.parametrize("taken", [1, 2, 9, 10])
def test_a_reader_who_stops_early_leaves_a_usable_connection(taken: int) -> None:
    rows = fetched_at_a_time(2)
    for _ in range(taken):
        next(rows)
    rows.close()
    assert CourseEnrollmentDaily.objects.count() == 10


def test_a_connection_that_was_closed_is_known_to_be() -> None:
    connection: Any = connections["analytics"]
    connection.ensure_connection()
    assert connection.is_usable()
    connection.connection.close()
    assert not connection.is_usable()
    connection.connection = None
    assert CourseEnrollmentDaily.objects.count() == 10
