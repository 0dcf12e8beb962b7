# ruff: noqa: S608  # the tests' own SQL
"""Whatever a column of SQLite holds, which has no types: no endpoint fails for it, in any format."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import BooleanField, FloatField, IntegerField

from analytics_data_api.conftest import Get
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import OF_TABLES, Case, address
from analytics_data_api.tests.typed import TYPED, read

pytestmark = [pytest.mark.django_db(databases=["default", "analytics"]), pytest.mark.sqlite_only]

NUMBERS = (BooleanField, FloatField, IntegerField)
NO_NUMBERS = ("'many'", "''", "'a,b'", "X''", "X'6e65'", "X'00ff'", "CAST(X'6eff65' AS TEXT)")
ODD = ("'a,b'", "X'00ff'", "CAST(X'6eff65' AS TEXT)", "9e999")
FORMATS = ("json", "parquet")


@pytest.fixture(autouse=True)
def _strict_again() -> Iterator[None]:
    yield
    connection: Any = connections["analytics"]
    connection.lenient = False
    connection.connection.text_factory = str


def execute(statement: str) -> None:
    with connections["analytics"].cursor() as cursor:
        cursor.execute(statement)


def with_values(values: tuple[str, ...], kinds: tuple[type, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Give each column of the last row each of some values; yield the table, the column and the value.

    Args:
        values: The values, as SQL.
        kinds: Only columns of these kinds that may be null; all columns where there are none.
    """
    for model in altered.tables():
        if not model._default_manager.exists():
            continue
        for field in model._meta.concrete_fields:
            if field.primary_key or (kinds and not (field.null and isinstance(field, kinds))):
                continue
            table, column = model._meta.db_table, str(field.column)
            for value in values:
                with transaction.atomic(using="analytics"):
                    execute(f"UPDATE {table} SET {column} = {value} WHERE id = (SELECT MAX(id) FROM {table})")
                    yield table, column, value
                    transaction.set_rollback(True, using="analytics")


def statuses(get: Get, path: str, **parameters: str) -> set[int]:
    return {get(path, format=format_, **parameters).status_code for format_ in FORMATS}


@pytest.mark.slow
@pytest.mark.parametrize(("endpoint", "case"), OF_TABLES.items(), ids=OF_TABLES)
def test_no_value_makes_an_endpoint_fail(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    # One object has no formats of columns.
    usual = statuses(get, address(endpoint)) - {200}
    for where in with_values(ODD):
        assert statuses(get, address(endpoint)) <= usual | {200, 404}, where
        if case.dated:
            assert statuses(get, address(endpoint), start_date="2000-01-01") <= usual | {200, 404}, where


LISTS = {endpoint: case for endpoint, case in OF_TABLES.items() if case.json.startswith("[")}


@pytest.mark.slow
@pytest.mark.parametrize(("endpoint", "case"), LISTS.items(), ids=LISTS)
def test_what_is_no_number_is_null_in_every_format(get: Get, endpoint: str, case: Case) -> None:
    """In sums it is 0, as null is."""
    case.rows()
    for where in with_values(("NULL",), NUMBERS):
        expected = get(address(endpoint)).content
        table, column, _ = where
        for value in NO_NUMBERS:
            execute(f"UPDATE {table} SET {column} = {value} WHERE {column} IS NULL")
            response = get(address(endpoint))
            assert (response.status_code, response.content) == (200, expected), (*where, value)
            execute(f"UPDATE {table} SET {column} = NULL WHERE typeof({column}) NOT IN ('integer', 'real')")


def test_a_count_that_is_no_number_is_null_in_every_format(get: Get) -> None:
    make.GradeFactory(grade=1.0, max_grade=2.0, count=3)
    path = address("v0/problems/{problem_id}/grade_distribution")
    for value in NO_NUMBERS:
        execute(f"UPDATE grade_distribution SET count = {value}, max_grade = {value}")
        (item,) = json.loads(get(path).content)
        assert (item["count"], item["max_grade"], item["grade"]) == (None, None, 1)
        assert json.loads(get(path, format="ndjson").getvalue()) == item
        assert ",," in get(path, format="csv").content.decode()
        for format_ in TYPED:
            (row,) = read(format_, b"".join(get(path, format=format_))).to_pylist()
            assert (row["count"], row["max_grade"], row["grade"]) == (None, None, 1.0)
