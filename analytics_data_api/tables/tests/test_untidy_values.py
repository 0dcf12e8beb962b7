# ruff: noqa: S608  # the tests' own SQL
"""Values that other programs left in the tables: dates that do not exist, bytes that are not text, sums of a view."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connections
from django.db.models import CharField, DateField, IntegerField, Model, TextField

from analytics_data_api.conftest import Get
from analytics_data_api.tables import models
from analytics_data_api.tables.loads import newest_loads
from analytics_data_api.tables.tests import altered
from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, OF_ENTITIES, OF_TABLES, Case, address
from analytics_data_api.tests.typed import TYPED, expected_table, lines, read

# Tables are altered, which a transaction would not take back on MySQL.
pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

every_case = pytest.mark.parametrize(("endpoint", "case"), OF_TABLES.items(), ids=OF_TABLES)
# Those with the time of a load that is one table's.
OF_LOADS = {endpoint: case for endpoint, case in OF_TABLES.items() if endpoint not in ("v1/courses", "v1/tables")}
NO_DATES = ("0000-00-00", "2015-00-00", "2015-03-00", "2015-02-30")
LISTS = {endpoint: case for endpoint, case in OF_TABLES.items() if case.json.startswith("[")}
every_list = pytest.mark.parametrize(("endpoint", "case"), LISTS.items(), ids=LISTS)
every_typed_format = pytest.mark.parametrize("format_", TYPED)
UNDECODABLE = {"sqlite": "CAST(X'6eff65' AS TEXT)", "mysql": "CONVERT(X'6eeda08065' USING utf8mb4)"}
# What the driver replaces: each byte of a sequence that stands for nothing.
REPLACED = {"sqlite": "n\ufffde", "mysql": "n\ufffd\ufffd\ufffde"}


@pytest.fixture(autouse=True)
def _sloppy() -> Iterator[None]:
    """Have MySQL take what servers of long ago took."""
    connection: Any = connections["analytics"]
    if connection.vendor != "mysql":
        yield
        return
    execute("SET @before = @@sql_mode", "SET sql_mode = 'ALLOW_INVALID_DATES'")
    yield
    connection.close()


@pytest.fixture(autouse=True)
def _strict_again() -> Iterator[None]:
    yield
    connection: Any = connections["analytics"]
    connection.lenient = False
    if connection.vendor == "sqlite":
        connection.connection.text_factory = str


def execute(*statements: str) -> None:
    with connections["analytics"].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def vendor() -> str:
    return connections["analytics"].vendor


def body(get: Get, endpoint: str, **parameters: str) -> str:
    response = get(endpoint, **parameters)
    assert response.status_code == 200, response.content
    return str(response.content.decode())


def table(get: Get, endpoint: str, format_: str, **parameters: str) -> Any:
    """Return an answer in a format with typed columns."""
    response = get(endpoint, format=format_, **parameters)
    assert response.status_code == 200, response.content
    return read(format_, b"".join(response))


def model_of(case: Case) -> type[Model]:
    """Return the model of the table that a case has rows in."""
    for model in apps.get_app_config("v0").get_models():
        if model._meta.managed and model._default_manager.exists():
            return model
    raise AssertionError(case)


@pytest.mark.parametrize(("endpoint", "case"), OF_LOADS.items(), ids=OF_LOADS)
@pytest.mark.parametrize("zero", NO_DATES)
def test_a_zero_date_of_a_load_is_null(get: Get, endpoint: str, case: Case, zero: str) -> None:
    case.rows()
    execute(f"UPDATE {model_of(case)._meta.db_table} SET created = '{zero} 00:00:00'")
    assert f"{zero}T" not in body(get, address(endpoint))
    assert f"{zero}T" not in body(get, address(endpoint), format="csv")
    items = get(address(endpoint)).json()
    for item in items if isinstance(items, list) else [items]:
        assert item.get("created") is None
    assert newest_loads("analytics") == {}


def test_a_load_with_a_date_is_newer_than_one_with_a_zero_date(get: Get) -> None:
    make.EnrollmentFactory(count=1)
    make.EnrollmentFactory(count=2)
    execute("UPDATE course_enrollment_daily SET created = '0000-00-00 00:00:00' WHERE count = 2")
    assert body(get, "v0/courses/edX/DemoX/Demo_Course/enrollment") == (
        '[{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","count":1,"created":"2014-12-10T193146"}]'
    )


@pytest.mark.parametrize("zero", NO_DATES)
def test_of_the_rows_of_one_item_a_load_with_a_date_counts(get: Get, zero: str) -> None:
    for mode in ("audit", "verified"):
        make.EnrollmentModeFactory(mode=mode)
    execute(f"UPDATE course_enrollment_mode_daily SET created = '{zero} 00:00:00' WHERE mode = 'audit'")
    (item,) = get("v0/courses/edX/DemoX/Demo_Course/enrollment/mode").json()
    assert item["created"] == "2014-12-10T193146"


@pytest.mark.mysql_only
@pytest.mark.parametrize("character_set", ["utf8mb3", "ascii"])
@pytest.mark.parametrize("factory", [make.EnrollmentFactory, make.EnrollmentModeFactory, make.SummaryFactory])
def test_a_course_that_a_table_cannot_express(get: Get, factory: Any, character_set: str) -> None:
    """The others are found, whether a request names it or another table has it."""
    other = "edX/\N{GRINNING FACE}/x"
    for each in (make.EnrollmentFactory, make.EnrollmentModeFactory):
        each()
    make.ProgramFactory()
    factory(count=7)
    make.GradeFactory(course_id=other)
    named = f"{other},{make.COURSE_ID}"
    paths: dict[str, dict[str, str]] = {
        "v0/course_summaries": {"course_ids": named, "recent_date": "2014-12-09"},
        "v1/course_totals": {"course_ids": named},
        "v1/courses": {},
        "v1/enrollment": {"course_ids": named},
        "v1/enrollment/mode": {"course_ids": named, "interval": "week"},
    }
    expected = {path: body(get, path, **given) for path, given in paths.items()}
    name = factory._meta.model._meta.db_table
    execute(f"ALTER TABLE {name} MODIFY course_id VARCHAR(255) CHARACTER SET {character_set} NOT NULL")
    try:
        assert {path: body(get, path, **given) for path, given in paths.items()} == expected
    finally:
        execute(f"ALTER TABLE {name} MODIFY course_id VARCHAR(255) NOT NULL")
    assert [path for path in paths if make.COURSE_ID not in expected[path]] == ["v1/course_totals"]


DATED = [endpoint for endpoint, case in CASES.items() if case.dated]


@pytest.mark.parametrize("endpoint", DATED)
@pytest.mark.parametrize("zero", NO_DATES)
@pytest.mark.parametrize(
    "parameters", [{}, {"start_date": "2000-01-01", "end_date": "2030-01-01"}], ids=["latest", "all"]
)
def test_a_row_whose_own_date_is_none_is_left_out(
    get: Get, endpoint: str, zero: str, parameters: dict[str, str]
) -> None:
    case = CASES[endpoint]
    case.rows()
    expected = body(get, address(endpoint), **parameters)
    table = model_of(case)._meta.db_table
    model = model_of(case)
    columns = [str(field.column) for field in model._meta.concrete_fields if field.column != "id"]
    dates = {
        field.column
        for field in model._meta.concrete_fields
        if isinstance(field, DateField) and field.column != "created"
    }
    values = ", ".join(f"'{zero}'" if column in dates else str(column) for column in columns)
    execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}")
    assert body(get, address(endpoint), **parameters) == expected
    only = get(address(endpoint), start_date="2001-01-01", end_date="2001-01-02")
    if endpoint in OF_ENTITIES:
        assert only.status_code == 404
        assert zero not in only.json()["detail"]
    else:
        assert (only.status_code, only.json()) == (200, [])


@pytest.mark.parametrize("zero", NO_DATES)
def test_a_week_without_a_date_is_not_the_latest(get: Get, zero: str) -> None:
    make.CourseActivityFactory(count=5)
    expected = body(get, "v0/courses/edX/DemoX/Demo_Course/recent_activity")
    execute(
        "INSERT INTO course_activity (course_id, label, interval_start, interval_end, count, created) "
        f"SELECT course_id, label, '{zero}', '{zero}', 7, created FROM course_activity"
    )
    assert body(get, "v0/courses/edX/DemoX/Demo_Course/recent_activity") == expected


@pytest.mark.parametrize("zero", NO_DATES)
@pytest.mark.parametrize("column", ["interval_start", "interval_end"])
def test_a_week_with_half_a_date_is_not_the_latest(get: Get, zero: str, column: str) -> None:
    """The latest whole week is served, though its end is the same, or earlier."""
    make.CourseActivityFactory(count=5)
    path = "v0/courses/edX/DemoX/Demo_Course/activity"
    expected = body(get, path)
    start, end = (zero, "2015-01-12") if column == "interval_start" else ("2015-01-05", zero)
    execute(
        "INSERT INTO course_activity (course_id, label, interval_start, interval_end, count, created) "
        f"SELECT course_id, label, '{start}', '{end}', 7, created FROM course_activity"
    )
    assert body(get, path) == expected
    assert body(get, path, start_date="2000-01-01") == expected
    none = get(path, start_date="2001-01-01", end_date="2001-01-02")
    assert none.status_code == 404
    assert "2015" not in none.json()["detail"]


@pytest.mark.parametrize("zero", NO_DATES)
def test_a_course_without_a_whole_week_has_no_activity(get: Get, zero: str) -> None:
    make.CourseActivityFactory(count=5)
    execute(f"UPDATE course_activity SET interval_start = '{zero}'")
    assert get("v0/courses/edX/DemoX/Demo_Course/activity").status_code == 404
    assert get("v0/courses/edX/DemoX/Demo_Course/recent_activity").status_code == 404


def texts(model: type[Model]) -> list[str]:
    """Return the columns of text that requests do not name."""
    ids = {"course_id", "module_id", "pipeline_video_id", "label"}
    return [
        str(field.column)
        for field in model._meta.concrete_fields
        if isinstance(field, (CharField, TextField)) and field.column not in ids
    ]


@every_case
def test_text_that_cannot_be_decoded_is_replaced(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    model = model_of(case)
    if not texts(model):
        assert model._meta.db_table not in ("answer_distribution", "video")
        return
    for column in texts(model):
        execute(f"UPDATE {model._meta.db_table} SET {column} = {UNDECODABLE[vendor()]}")
    content = body(get, address(endpoint))
    # Genders, modes and countries are mapped to columns or to "unknown"; other texts are shown.
    if "answer" in endpoint or "education" in endpoint or endpoint.endswith(("videos", "problems")):
        assert REPLACED[vendor()] in content
    assert body(get, address(endpoint)) == content


def test_the_bad_byte_may_come_late(get: Get) -> None:
    """Rows that were read before it are not read twice."""
    levels = [f"level {number:05}" for number in range(4500)]
    columns = ("course_id", "date", "education_level", "count", "created")
    rows = ((make.COURSE_ID, make.DAY, level, 1, make.CREATED) for level in levels)
    make.insert(models.CourseEnrollmentByEducation, columns, rows)
    execute(
        f"UPDATE course_enrollment_education_level_daily SET education_level = {UNDECODABLE[vendor()]} "
        "WHERE education_level = 'level 04400'"
    )
    items = json.loads(get("v0/courses/edX/DemoX/Demo_Course/enrollment/education").getvalue())
    found = [item["education_level"] for item in items]
    assert sorted(found) == sorted([*levels[:4400], *levels[4401:], REPLACED[vendor()]])


@pytest.mark.parametrize("value", ["X'6e65'", "X'6eff65'"], ids=["text", "no text"])
def test_a_column_of_bytes_is_read_as_text(get: Get, value: str) -> None:
    make.EnrollmentEducationFactory(count=3)
    table = "course_enrollment_education_level_daily"
    if vendor() == "mysql":
        execute(f"ALTER TABLE {table} MODIFY education_level VARBINARY(16)")
    execute(f"UPDATE {table} SET education_level = {value}")
    expected = "ne" if value == "X'6e65'" else "n\ufffde"
    try:
        assert body(get, "v0/courses/edX/DemoX/Demo_Course/enrollment/education") == (
            f'[{{"course_id":"edX/DemoX/Demo_Course","date":"2014-12-10","education_level":"{expected}","count":3,'
            '"created":"2014-12-10T193146"}]'
        )
    finally:
        if vendor() == "mysql":
            execute(f"DELETE FROM {table}", f"ALTER TABLE {table} MODIFY education_level VARCHAR(16)")


def summed(model: type[Model]) -> Callable[[], Any]:
    """Return a context in which a table is a view that sums its numbers, in DECIMAL on MySQL."""
    numbers = {f.column for f in model._meta.concrete_fields if isinstance(f, IntegerField) and f.column != "id"}
    keys = [str(f.column) for f in model._meta.concrete_fields if f.column not in numbers]
    selected = [
        f"SUM({f.column}) AS {f.column}" if f.column in numbers else str(f.column) for f in model._meta.concrete_fields
    ]
    return lambda: altered.as_view(model, f"SELECT {', '.join(selected)} FROM {{table}} GROUP BY {', '.join(keys)}")


@every_case
def test_whole_sums_of_a_view_are_integers(get: Get, endpoint: str, case: Case) -> None:
    case.rows()
    with summed(model_of(case))():
        assert body(get, address(endpoint)) == case.json


class TestTypedColumns:
    """What a column's type does not hold is null, and never another value."""

    @pytest.mark.parametrize("endpoint", sorted(LISTS.keys() & OF_LOADS.keys()))
    @every_typed_format
    @pytest.mark.parametrize("zero", NO_DATES)
    def test_a_zero_date_of_a_load_is_null(self, get: Get, endpoint: str, format_: str, zero: str) -> None:
        case = CASES[endpoint]
        case.rows()
        execute(f"UPDATE {model_of(case)._meta.db_table} SET created = '{zero} 00:00:00'")
        found, expected = table(get, address(endpoint), format_), expected_table(case)
        assert found.schema == expected.schema
        assert found.column("created").null_count == len(found)
        # Without its time, no load is newer than another, so that another of equal rows may count.
        assert found.column_names == expected.column_names

    @every_list
    @every_typed_format
    def test_sums_of_a_view(self, get: Get, endpoint: str, case: Case, format_: str) -> None:
        case.rows()
        with summed(model_of(case))():
            found, expected = table(get, address(endpoint), format_), expected_table(case)
            assert (found.schema, found.to_pylist()) == (expected.schema, expected.to_pylist())
            assert b"".join(get(address(endpoint), format="ndjson")) == lines(case)

    @every_list
    @every_typed_format
    def test_text_that_cannot_be_decoded(self, get: Get, endpoint: str, case: Case, format_: str) -> None:
        case.rows()
        model = model_of(case)
        for column in texts(model):
            execute(f"UPDATE {model._meta.db_table} SET {column} = {UNDECODABLE[vendor()]}")
        found = table(get, address(endpoint), format_)
        assert found.schema == expected_table(case).schema
        shown = REPLACED[vendor()] in body(get, address(endpoint))
        assert (REPLACED[vendor()] in str(found.to_pylist())) == shown

    @every_typed_format
    def test_a_fraction_in_a_column_of_counts(self, get: Get, format_: str) -> None:
        make.EnrollmentFactory(count=7)
        make.EnrollmentFactory(date=make.DAY.replace(day=9), count=8)
        halved = "CASE count WHEN 7 THEN 2.5 ELSE count END"
        columns = f"id, course_id, date, {halved} AS count, cumulative_count, created"
        with altered.as_view(models.CourseEnrollmentDaily, f"SELECT {columns} FROM {{table}}"):
            path = address("v0/courses/{course_id}/enrollment")
            assert '"count":2.5' in body(get, path)
            found = table(get, path, format_, start_date="2014-12-01", fields="count")
        assert found.to_pylist() == [{"count": 8}, {"count": None}]

    @every_typed_format
    def test_a_number_beyond_64_bits(self, get: Get, format_: str) -> None:
        make.EnrollmentFactory(count=7)
        large = "18446744073709551615" if vendor() == "mysql" else "1.8446744073709552e19"
        columns = f"id, course_id, date, count + {large} - 7 AS count, cumulative_count, created"
        if vendor() == "mysql":
            columns = columns.replace("count +", "CAST(count AS DECIMAL(30)) +", 1)
        with altered.as_view(models.CourseEnrollmentDaily, f"SELECT {columns} FROM {{table}}"):
            path = address("v0/courses/{course_id}/enrollment")
            assert json.loads(body(get, path))[0]["count"] > 2**63
            assert table(get, path, format_).column("count").to_pylist() == [None]

    @pytest.mark.sqlite_only
    @every_typed_format
    @pytest.mark.parametrize("value", ["'many'", "X'00ff'", "9e999", "2.5"])
    def test_what_sqlite_stores_in_columns_of_numbers(self, get: Get, format_: str, value: str) -> None:
        make.GradeFactory(grade=1.0, max_grade=2.0, count=3)
        execute(f"UPDATE grade_distribution SET count = {value}, max_grade = {value}")
        (item,) = table(get, address("v0/problems/{problem_id}/grade_distribution"), format_).to_pylist()
        assert item["count"] is None
        assert item["max_grade"] == (2.5 if value == "2.5" else None)

    @pytest.mark.sqlite_only
    @every_typed_format
    @pytest.mark.parametrize(
        ("stored", "found"),
        [
            ("2014-12-10 19:31:46.123456", "2014-12-10 19:31:46+00:00"),
            ("2014-12-10", "2014-12-10 00:00:00+00:00"),
            ("2014-02-30 00:00:00", "None"),
            ("yesterday", "None"),
            ("", "None"),
        ],
    )
    def test_what_sqlite_stores_in_columns_of_times(self, get: Get, format_: str, stored: str, found: str) -> None:
        make.EnrollmentFactory()
        execute(f"UPDATE course_enrollment_daily SET created = '{stored}'")
        (item,) = table(get, address("v0/courses/{course_id}/enrollment"), format_).to_pylist()
        assert str(item["created"]) == found
        assert str(item["date"]) == "2014-12-10"

    @pytest.mark.sqlite_only
    @every_typed_format
    def test_what_sqlite_stores_in_columns_of_dates(self, get: Get, format_: str) -> None:
        make.EnrollmentFactory()
        execute("UPDATE course_enrollment_daily SET date = '2014-12-10 00:00:00'")
        (item,) = table(get, address("v0/courses/{course_id}/enrollment"), format_).to_pylist()
        assert str(item["date"]) == "2014-12-10"

    @every_typed_format
    def test_a_table_of_the_older_layout(self, get: Get, format_: str) -> None:
        with altered.older_answers():
            models.ProblemResponseAnswerDistribution.objects.create(
                course_id=make.COURSE_ID, module_id=make.PROBLEM_ID, part_id="p", correct=True, count=3
            )
            path = address("v0/problems/{problem_id}/answer_distribution")
            header, _ = b"".join(get(path, format="csv")).decode().splitlines()
            found = table(get, path, format_)
        assert found.column_names == header.split(",")
        assert found.column("count").to_pylist() == [3]
