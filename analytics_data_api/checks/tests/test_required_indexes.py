"""What the checks take for the service's queries is what requests really ask."""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.db.models import Q
from django.test import Client

from analytics_data_api.checks import required_indexes
from analytics_data_api.checks.runner import layouts
from analytics_data_api.checks.table import Table
from analytics_data_api.http.courses import CoursesReportView, TableListView
from analytics_data_api.tables import introspection
from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.models import CourseEnrollmentDaily, CourseMetaSummaryEnrollment
from analytics_data_api.tables.querysets import many, summaries
from analytics_data_api.tests.cases import CASES, address
from analytics_data_api.versions import ENDPOINTS

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"])]

TIMES = ("", "2014-12-01", "2014-12-01T120000", "2014-12-31", "2014-12-31T120000", "1999-01-01")


def tables() -> list[Table]:
    return [Table(models, "analytics", {}) for models in layouts()]


def requests(client: Client, endpoint: str) -> Iterator[Any]:
    """Send every kind of request to an endpoint."""
    yield client.get(f"/api/{address(endpoint)}")
    for start in TIMES:
        for end in TIMES:
            yield client.get(f"/api/{address(endpoint)}", query_params={"start_date": start, "end_date": end})
    for query in ({"programs": "1", "recent_date": "2014-12-01"}, {"course_ids": "a/b/c"}):
        yield client.get(f"/api/{address(endpoint)}", query_params=query)
    for name in activity_types.NAMES:
        yield client.get(f"/api/{address(endpoint)}", query_params={"activity_type": name})


@pytest.fixture(autouse=True)
def _one_size_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one query for any number of courses."""
    monkeypatch.setattr(summaries, "BLOCK_SIZES", (1000,))
    monkeypatch.setattr(many, "LENGTHS", (1000,))


# What the first kind sends finds rows as the requests about one course do: by the course, and by dates. The other reads
# the ends of tables.
LISTS = {path for path, view in ENDPOINTS.items() if issubclass(view, CoursesReportView | TableListView)}


@pytest.fixture(scope="module")
def kept() -> dict[str, set[str]]:
    return defaultdict(set)


@pytest.fixture
def statements(client: Client, kept: dict[str, set[str]]) -> dict[str, set[str]]:
    """The statements that requests make, by table; found once."""
    if not kept:
        find(client, kept)
    return kept


def find(client: Client, statements: dict[str, set[str]]) -> None:
    names = {models[0]._meta.db_table for models in layouts()}

    def keep(execute: Any, sql: str, *rest: Any) -> Any:
        # Not those that read the layout or the version of the data, nor those by which a database finds the courses, or
        # when a course was loaded last.
        of_report = re.match(r"SELECT (?!\*|DISTINCT)", sql) and "created_last" not in sql
        if of_report and (table := re.search(r"FROM [`\"](\w+)", sql)) and table[1] in names:
            statements[table[1]].add(sql)
        return execute(sql, *rest)

    for endpoint in ENDPOINTS:
        CASES[endpoint].rows()
    for name in names:
        introspection.columns("analytics", name)
    with connections["analytics"].execute_wrapper(keep):
        for endpoint in ENDPOINTS.keys() - LISTS:
            assert {response.status_code for response in requests(client, endpoint)} <= {200, 400, 404}
        # Summaries are derived now.
        CourseMetaSummaryEnrollment.objects.all().delete()
        assert client.get("/api/v0/course_summaries").status_code == 200


def test_every_statement_of_a_request_is_known_and_no_other(statements: dict[str, set[str]]) -> None:
    known = {
        table.name: {query.get_compiler("analytics").as_sql()[0] for query in required_indexes.queries(table.rows)}
        for table in tables()
    }
    assert known == statements


def test_every_column_in_a_statement_is_known_and_no_other(statements: dict[str, set[str]]) -> None:
    for table in tables():
        named = set(re.findall(rf"(?:\bU\d+|.\b{table.name}.)\..(\w+)", " ".join(statements[table.name])))
        assert table.read_columns == named


def test_every_query_is_about_an_id() -> None:
    for table in tables():
        for search in table.searches:
            assert search.entity in search.equal


def test_tables_without_an_id_in_a_query_are_few() -> None:
    for table in tables():
        queries = required_indexes.queries(table.rows)
        whole = any(not search.equal for query in queries for search in required_indexes.searches(query))
        assert whole == (table.name in {"course_meta_summary_enrollment", "course_program_metadata"})


def test_the_ways_to_find_rows() -> None:
    searches = {table.name: set(table.searches) for table in tables()}
    both = frozenset({"course_id", "label"})
    assert searches["course_activity"] == {
        required_indexes.Search(both, None),
        required_indexes.Search(both, "interval_end"),
    }
    assert searches["answer_distribution"] == {
        required_indexes.Search(frozenset({"course_id"}), None),
        required_indexes.Search(frozenset({"module_id"}), None),
    }


@pytest.mark.parametrize("condition", [Q(course_id="a") | Q(count=1), ~Q(course_id="a", count=1)])
def test_conditions_that_a_row_need_not_meet_are_refused(condition: Q) -> None:
    query = CourseEnrollmentDaily.objects.filter(condition).query
    with pytest.raises(TypeError, match="AND"):
        list(required_indexes.searches(query))
