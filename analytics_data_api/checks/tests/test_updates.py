"""What the pipeline notes of its loads."""

from collections.abc import Iterator

import pytest
from django.db import connections

from analytics_data_api.checks.tests.conftest import Document, check

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)

COLUMNS = {
    "id": "id BIGINT",
    "update_id": "update_id VARCHAR(128) NOT NULL PRIMARY KEY",
    "target_table": "target_table VARCHAR(128)",
    "inserted": "inserted TIMESTAMP DEFAULT CURRENT_TIMESTAMP",
}
NOTED = [
    ("a", "video", "2014-12-10 01:02:03"),
    ("b", "reports.video", "2014-12-12 01:02:03"),
    ("c", "reports.video", "2014-12-11 01:02:03"),
    ("d", "course_activity", "2014-12-13 04:05:06"),
    ("e", "some_table_of_others", "2014-12-14 04:05:06"),
]


def make(*columns: str) -> None:
    with connections["analytics"].cursor() as cursor:
        cursor.execute(f"CREATE TABLE table_updates ({', '.join(COLUMNS[name] for name in columns)})")


@pytest.fixture
def _gone_afterwards() -> Iterator[None]:
    yield
    with connections["analytics"].cursor() as cursor:
        cursor.execute("DROP TABLE table_updates")


@pytest.fixture
def updates(_gone_afterwards: None) -> None:
    make(*COLUMNS)


@pytest.mark.usefixtures("updates")
@pytest.mark.parametrize("quick", [False, True])
def test_the_newest_note_of_each_table_is_shown(checked: Document, quick: bool) -> None:
    with connections["analytics"].cursor() as cursor:
        cursor.executemany("INSERT INTO table_updates (update_id, target_table, inserted) VALUES (%s, %s, %s)", NOTED)
    assert checked("video", quick=quick)["noted_load"] == "2014-12-12T01:02:03Z"
    assert checked("course_activity", quick=quick)["noted_load"] == "2014-12-13T04:05:06Z"
    assert checked("grade_distribution", quick=quick)["noted_load"] is None
    report = checked("table_updates", quick=quick)
    assert (report["rows"], report["noted_load"], report["findings"]) == (5, "2014-12-14T04:05:06Z", [])


def test_nothing_is_said_where_there_is_no_such_table() -> None:
    assert [report["table"] for report in check()["tables"]][-1] == "tags_distribution"


@pytest.mark.usefixtures("updates")
def test_none_may_be_noted(checked: Document) -> None:
    report = checked("table_updates")
    assert (report["rows"], report["noted_load"], report["findings"]) == (0, None, [])


@pytest.mark.usefixtures("_gone_afterwards")
@pytest.mark.parametrize("missing", ["target_table", "inserted"])
def test_one_of_another_layout_is_a_note(checked: Document, missing: str) -> None:
    make(*(name for name in COLUMNS if name != missing))
    report = checked("table_updates")
    (finding,) = report["findings"]
    assert (finding["code"], report["status"]) == ("not_checked", "ok")
    assert missing in finding["message"]
