"""How many queries each endpoint makes: a baseline, so that one more has to be meant."""

import re
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from analytics_data_api.conftest import Get
from analytics_data_api.tables import introspection
from analytics_data_api.tests.cases import CASES, OF_ENTITIES, address
from analytics_data_api.versions import ENDPOINTS

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])


@pytest.fixture(scope="module", autouse=True)
def _fresh_column_cache() -> None:
    """Look up the columns of all tables once: no test changes them."""
    introspection.columns.cache_clear()
    introspection.has_index.cache_clear()


# Queries of MySQL for keys that its collation does not distinguish, made once for each load.
REMEMBERED = r"UPDATE_TIME, CREATE_TIME, AUTO_INCREMENT, \(SELECT|BIT_OR\(CRC32"


def queries(get: Get, path: str, **parameters: str) -> tuple[int, int, Any]:
    """Return how many queries a request makes in the database of keys and in that of the tables, and the answer."""
    for table in ("table_updates", *connections["analytics"].introspection.table_names()):
        if introspection.columns("analytics", table):
            introspection.has_index("analytics", table, "course_id")
    with (
        CaptureQueriesContext(connections["default"]) as users,
        CaptureQueriesContext(connections["analytics"]) as tables,
    ):
        response = get(path, **parameters)
    counted = [query for query in tables if not re.search(REMEMBERED, query["sql"])]
    return len(users), len(counted), response


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_one_query_finds_the_key_one_the_version_and_one_reads_the_rows(get: Get, endpoint: str) -> None:
    case = CASES[endpoint]
    case.rows()
    users, tables, _ = queries(get, address(endpoint))
    assert users == 1
    if connections["analytics"].vendor == "sqlite":
        assert tables == case.queries
    else:
        # Which courses a table has takes MySQL two more. It has no version of a table that was changed just now, and
        # then that of the others is not looked up.
        assert tables <= case.queries + (2 if case.queries_before else 0)


@pytest.mark.parametrize("endpoint", [endpoint for endpoint, case in OF_ENTITIES.items() if case.dated])
def test_an_empty_range_asks_at_most_twice_more_what_is_on_record(get: Get, endpoint: str) -> None:
    CASES[endpoint].rows()
    users, tables, response = queries(get, address(endpoint), end_date="2001-01-01")
    assert (users, response.status_code) == (1, 404)
    assert tables <= 4


def test_a_wrong_parameter_is_told_before_the_tables_are_asked(get: Get) -> None:
    users, tables, response = queries(get, address("v0/courses/{course_id}/enrollment"), start_date="x")
    assert (users, tables, response.status_code) == (1, 0, 400)
    users, tables, response = queries(get, address("v0/courses/{course_id}/enrollment"), fields="x")
    assert (users, tables, response.status_code) == (1, 0, 400)
