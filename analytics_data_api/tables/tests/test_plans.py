"""How databases find the rows of lists: by jumping in indexes, and never by reading a table from end to end."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from analytics_data_api.conftest import Get
from analytics_data_api.tables import introspection, models
from analytics_data_api.tables.course_list import has_courses, present_tables
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import OF_TABLES

# MySQL plans by statistics, which it takes of rows that are committed.
pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"], transaction=True)]

COURSES = [f"edX/C{number:02}/x" for number in range(20)]
COUNTRIES = ("CA", "DE", "FR", "GB", "IN", "JP", "MX", "NO", "US", "ZA")
# The tables with many rows here; of others, the database may well read all.
LARGE = ("course_enrollment_daily", "grade_distribution", "sequential_open_distribution")
# Reads an index once after each load, and is remembered.
REMEMBERED = ("BIT_OR(CRC32", "information_schema")


@pytest.fixture
def _rows() -> Iterator[None]:
    """Make two years of enrollment in twenty courses, and what the other tables have in their cases."""
    for case in OF_TABLES.values():
        case.rows()
    days = [date(2015, 1, 1) + timedelta(days=number) for number in range(730)]
    make.insert(
        models.CourseEnrollmentDaily,
        ("course_id", "date", "count", "cumulative_count", "created"),
        ((course, day, 1, 1, make.CREATED) for day in days for course in COURSES),
    )
    for table in (models.GradeDistribution, models.SequentialOpenDistribution):
        make.insert(
            table,
            ("course_id", "module_id", "count", "created"),
            ((course, f"{course}/{number}", 1, make.CREATED) for course in COURSES for number in range(200)),
        )
    connection = connections["analytics"]
    with connection.cursor() as cursor:
        for model in altered.tables():
            cursor.execute(f"ANALYZE {'TABLE ' * (connection.vendor == 'mysql')}{model._meta.db_table}")
            cursor.fetchall()
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_stat1")
    # Rows of other transactions are gone at the end of the test, and with them what is known of the tables.
    introspection.columns.cache_clear()


def scans(captured: CaptureQueriesContext) -> list[str]:
    """Return the steps of the plans of queries that read a table, or an index, from end to end."""
    connection = connections["analytics"]
    tables = {model._meta.db_table for model in altered.tables()}
    found = []
    for query in captured:
        sql = query["sql"]
        if not any(f" {quote}{table}" in sql for table in tables for quote in ("", '"', "`")):
            continue
        if any(word in sql for word in REMEMBERED) or not sql.lstrip().startswith(("SELECT", "WITH")):
            continue
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
                steps = [row[3] for row in cursor.fetchall()]
                found += [step for step in steps if step.startswith("SCAN") and {*step.split()} & {*LARGE, "t"}]
            else:
                cursor.execute(f"EXPLAIN {sql}")
                columns = [column[0] for column in cursor.description]
                steps = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
                found += [
                    f"{step} in {sql}"
                    for step in steps
                    if step["table"] in {*tables, "t"}
                    and step["type"] in ("ALL", "index")
                    # Of few rows, the server may read all; of some queries it decides for each of the others' rows.
                    and int(step["rows"] or 0) > 500
                ]
    return found


@pytest.mark.usefixtures("_rows")
@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("v1/courses", {}),
        ("v1/courses", {"sort": "-count"}),
        ("v1/enrollment", {"last": "1"}),
        ("v1/enrollment", {"interval": "month"}),
        ("v1/enrollment", {"interval": "week", "last": "3"}),
        ("v1/enrollment", {"interval": "month", "start_date": "2015-03-01", "end_date": "2016-03-05"}),
    ],
    ids=str,
)
def test_no_table_is_read_from_end_to_end(get: Get, path: str, parameters: dict[str, str]) -> None:
    assert get(path, **parameters).status_code == 200
    with CaptureQueriesContext(connections["analytics"]) as captured:
        response = get(path, **parameters)
        assert len(response.json()) >= len(COURSES)
    if "interval" in parameters and "last" not in parameters and connections["analytics"].vendor == "mysql":
        # Of so many intervals, it takes less time to read every row than to jump.
        assert scans(captured) != []
        return
    assert len(captured) > 1
    assert scans(captured) == []


@pytest.mark.usefixtures("_rows")
def test_a_table_without_an_index_is_read_from_end_to_end(get: Get) -> None:
    introspection.has_index.cache_clear()
    of_module, _ = models.GradeDistribution._meta.indexes
    try:
        with altered.other_indexes(models.GradeDistribution, of_module):
            with CaptureQueriesContext(connections["analytics"]) as captured:
                get("v1/courses")
            assert scans(captured) != []
    finally:
        introspection.has_index.cache_clear()


@pytest.mark.mysql_only
def test_of_a_course_with_many_rows_only_the_latest_are_read(get: Get) -> None:
    days = [date(2015, 1, 1) + timedelta(days=number) for number in range(300)]
    make.insert(
        models.CourseEnrollmentByCountry,
        ("course_id", "date", "country_code", "count", "cumulative_count", "created"),
        ((COURSES[0], day, code, 1, 1, make.CREATED) for day in days for code in COUNTRIES),
    )
    # Which keys are alike takes reading the index once, until the load is some seconds old.
    for path, parameters, alike in (
        ("v1/courses", {}, 3000),
        ("v1/enrollment/location", {"course_ids": COURSES[0]}, 0),
    ):
        with connections["analytics"].cursor() as cursor:
            cursor.execute("FLUSH STATUS")
            assert get(path, **parameters).status_code == 200
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read_next'")
            ((_, rows),) = cursor.fetchall()
        assert int(rows) < alike + 1000


def test_each_table_has_an_index_for_its_courses() -> None:
    for model in filter(has_courses, present_tables()):
        assert introspection.has_index("analytics", model._meta.db_table, "course_id"), model
