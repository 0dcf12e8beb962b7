"""Requests drawn at random, also hostile ones: every format has the same status and the same rows."""

import csv
import io
import random
from datetime import date, timedelta
from typing import Any, Final

import orjson
import pyarrow as pa
import pytest
from django.test import Client

from analytics_data_api.tables.tests import factories as make
from analytics_data_api.tests.cases import CASES, OF_TABLES, address
from analytics_data_api.tests.typed import READ, TYPED, TYPES, read

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases=["default", "analytics"])]

LISTS: Final = [endpoint for endpoint, case in OF_TABLES.items() if case.json.startswith("[")]
REQUESTS: Final = 12

COURSES: Final = (
    *(
        make.COURSE_ID,
        make.COURSE_ID.lower(),
        "course-v1:edX+DemoX+2015",
        "edX/Empty/2015",
        "北京/c/d",
        "a_b/c/%",
        "x/y/z+",
    ),
    *("'/\"/--", "🎓/é/\N{COMBINING ACUTE ACCENT}", "a/b/c" * 50, "${7*7}/{{7}}/<b>"),
)
# Also impossible ones.
VALUES: Final[dict[str, tuple[str, ...]]] = {
    "course_ids": (*COURSES, "", ",", ",".join(COURSES), ",".join(f"a/b/{n}" for n in range(3000)), "no id", "a/b/ "),
    "org": ("edX", "edx", "北京", "a_b", "", "%", "edX,edX,,edX"),
    "start_date": ("2014-12-01", "2014-12-09T120000", "0001-01-01", "9999-12-31", "2014-02-30", ""),
    "end_date": ("2014-12-10", "2015-01-01T00:00:00+14:00", "9999-12-31", "0001-01-01", "x"),
    "last": ("1", "2", "10000", "0", "-1", "1e3"),
    "interval": ("week", "month", "Month", ""),
    "limit": ("1", "3", "10000", "0"),
    "fields": ("course_id", "count,course_id", "created,created", "nonsense", ",", "country", "country.alpha2,count"),
    "exclude": ("count", "created,course_id", "nonsense", "enrollment_modes", "programs"),
    "programs": ("1", ""),
    "recent_date": ("2014-12-03", "9999-01-01"),
    "order_by": ("count", "created", "catalog_course_title", "x"),
    "sort_order": ("desc", "asc", "up"),
    "text_search": ("demo", "%", "_", "İ", "ß"),
    "search": ("demo", "%", "_", "İ", "ß"),
    "sort": ("-count", "last_date", "-last_date", "x"),
    "birth_year": ("1960", "unknown", "1960,unknown", "0000", "x"),
    "education_level": ("bachelors", "unknown", "'", "北京"),
    "country": ("CA", "chn,unknown", "ß", "CA,CA"),
    "mode": ("audit", "honor,verified", "Audit"),
    "gender": ("female", "male,unknown", "f"),
    "program_ids": ("x", "acb243a0-1234-5abe-099e-ffcae2a340d4", ""),
    "cursor": ("WyI1ZjJj", "é", ""),
}


def flat(item: Any, path: str) -> Any:
    """Return the value of an item that a path of names leads to; None where there is none."""
    for name in path.split("."):
        item = item.get(name) if isinstance(item, dict) else None
    return item


def as_csv(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return orjson.dumps(value).decode() if isinstance(value, dict) else "" if value is None else str(value)


def as_typed(value: Any, column: pa.Field) -> Any:
    if value is None or isinstance(value, list):
        return value
    return orjson.dumps(value).decode() if isinstance(value, dict) else READ[column.type](str(value))


def drawn(rng: random.Random) -> list[tuple[str, str]]:
    """Return some parameters, one of which may be there twice."""
    names = rng.sample(list(VALUES), rng.choice([0, 1, 1, 2, 3]))
    given = [(name, rng.choice(VALUES[name])) for name in names]
    return [*given, *([(name, rng.choice(VALUES[name])) for name, _ in given[:1]] if rng.random() < 0.2 else [])]


def make_rows(endpoint: str) -> None:
    """Make the rows of the case, and of courses and dates of all kinds."""
    CASES[endpoint].rows()
    for number, course in enumerate(COURSES):
        if len(course) < 100:
            make.EnrollmentFactory(course_id=course, date=date(2014, 11, 28) + timedelta(days=number))
            make.EnrollmentModeFactory(course_id=course, count=None if number % 2 else 5)
            make.SummaryFactory(course_id=course, enrollment_mode=f"mode {number}", catalog_course_title='a, "b"\r\nc')


@pytest.mark.parametrize("endpoint", LISTS)
def test_every_format_has_the_same_rows(client: Client, endpoint: str) -> None:
    rng = random.Random(endpoint)
    make_rows(endpoint)
    found = 0
    for number in range(REQUESTS):
        given = drawn(rng) if number else []
        parameters: dict[str, list[str]] = {}
        for name, value in given:
            parameters.setdefault(name, []).append(value)

        def get(format_: str, parameters: dict[str, list[str]] = parameters) -> Any:
            return client.get(f"/api/{address(endpoint)}/", query_params={**parameters, "format": format_})

        response = get("json")
        assert response.status_code in (200, 400, 404), (given, response.content)
        if response.status_code != 200:
            others = {get(format_).status_code for format_ in ("csv", "ndjson", *TYPED)}
            # A cursor is of a page in one format.
            assert others == {response.status_code}, given
            continue
        items = orjson.loads(response.getvalue())
        found += bool(items)
        assert [orjson.loads(line) for line in b"".join(get("ndjson")).splitlines()] == items, given
        header, *rows = csv.reader(io.StringIO(get("csv").getvalue().decode(), newline=""))
        assert rows == [[as_csv(flat(item, name)) for name in header] for item in items], given
        for format_ in TYPED:
            table = read(format_, b"".join(get(format_)))
            assert table.column_names == header, given
            assert [field.type for field in table.schema] == [TYPES.get(name, pa.string()) for name in header]
            expected = [
                {column.name: as_typed(flat(item, column.name), column) for column in table.schema} for item in items
            ]
            assert table.to_pylist() == expected, given
    assert found
