"""Tables that are missing, or that the connected user may not read."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connections
from django.test.utils import CaptureQueriesContext

from analytics_data_api.checks import runner
from analytics_data_api.checks.tests.conftest import Document, Found, check
from analytics_data_api.tables import models
from analytics_data_api.tables.tests import altered
from analytics_data_api.tests.cases import every_case
from analytics_data_api.v0.tests.test_counting import load_again

pytestmark = pytest.mark.django_db(databases=["default", "analytics"], transaction=True)


def test_a_missing_table(found: Found) -> None:
    with altered.without_table(models.Video):
        findings = found("video")
        assert found("video_timeline") == {}
    assert list(findings) == ["missing_table"]
    assert findings["missing_table"]["severity"] == "error"
    assert "migrate --database analytics" in findings["missing_table"]["message"]


def test_a_database_without_any() -> None:
    document = check("default")
    assert [[finding["code"] for finding in table["findings"]] for table in document["tables"]] == [
        *[["missing_table"]] * 12,
        *[["absent_table"]] * 3,
    ]
    assert (document["status"], document["errors"]) == ("error", 12)


def test_to_read_is_all_it_takes() -> None:
    every_case()
    load_again(later=timedelta(hours=1))
    document = check()
    with altered.read_only():
        assert check() == document
        assert check(quick=True)["status"] == "ok"


@pytest.mark.parametrize("quick", [False, True])
def test_it_only_reads(quick: bool) -> None:
    every_case()
    with CaptureQueriesContext(connections["analytics"]) as captured:
        check(quick=quick)
    first = {query["sql"].split()[0] for query in captured}
    assert "SELECT" in first
    assert first <= {"SELECT", "SHOW", "PRAGMA"}
    assert not [query["sql"] for query in captured if "FOR UPDATE" in query["sql"] or "INSERT" in query["sql"]]


@pytest.mark.usefixtures("mysql")
class TestForbidden:
    @pytest.fixture
    def grants(self) -> list[str]:
        """SELECT on every table but one."""
        name = connections["analytics"].settings_dict["NAME"]
        tables = [model._meta.db_table for model in altered.tables() if model is not models.Video]
        return [f"SELECT ON `{name}`.`{table}`" for table in tables]

    @pytest.fixture
    def _reader(self, grants: list[str], mysql: None) -> Iterator[None]:
        with altered.reader(*grants):
            yield

    @pytest.mark.usefixtures("_reader")
    def test_table_is_reported_with_its_grant(self) -> None:
        name = connections["analytics"].settings_dict["NAME"]
        tables = {table["table"]: table for table in check()["tables"]}
        assert [name for name, table in tables.items() if table["status"] != "ok"] == ["video"]
        (finding,) = tables["video"]["findings"]
        assert finding["code"] == "forbidden_table"
        user = f"'{connections['analytics'].settings_dict['USER']}'@'localhost'"
        assert finding["statement"] == f"GRANT SELECT ON `{name}`.`video` TO {user};"
        assert user in finding["message"]
        assert "only reads" not in finding["message"]

    def test_statement_allows_it(self, grants: list[str], found: Found) -> None:
        with altered.reader(*grants):
            statement = found("video")["forbidden_table"]["statement"]
        assert statement is not None
        granted, _, _ = statement.removeprefix("GRANT ").partition(" TO ")
        with altered.reader(*grants, granted):
            assert found("video") == {}

    @pytest.mark.parametrize("right", ["INSERT", "SELECT (id, course_id)"])
    def test_table_of_which_something_else_is_allowed(self, grants: list[str], found: Found, right: str) -> None:
        name = connections["analytics"].settings_dict["NAME"]
        with altered.reader(*grants, f"{right} ON `{name}`.video"):
            assert list(found("video")) == ["forbidden_table"]

    @pytest.mark.usefixtures("_reader")
    def test_notes_of_loads_are_only_a_note(self, checked: Document) -> None:
        report = checked("table_updates")
        assert (report["status"], report["rows"], report["noted_load"]) == ("ok", None, None)
        (finding,) = report["findings"]
        assert finding["code"] == "not_checked"
        assert str(finding["statement"]).startswith("GRANT SELECT ON ")


def failing(error: Exception, table: str) -> Any:
    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if "COUNT(*)" in sql and table in sql:
            raise error
        return execute(sql, *rest)

    return connections["analytics"].execute_wrapper(fail)


def test_a_table_that_the_database_cannot_read(found: Found) -> None:
    quoted = connections["analytics"].ops.quote_name("video")
    with failing(DatabaseError(1194, "Table 'video' is marked as crashed and should be repaired."), quoted):
        finding = found("video")["unreadable_table"]
        assert found("grade_distribution") == {}
    assert finding["severity"] == "error"
    assert (
        finding["message"]
        == "The database could not read it: Table 'video' is marked as crashed and should be repaired."
    )


class TestUnavailable:
    def test_from_the_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise OperationalError(2002, "Can't connect to server on 'db.example.com' (115).")

        monkeypatch.setattr(connections["analytics"], "ensure_connection", fail)
        monkeypatch.setattr(connections["analytics"], "connection", None)
        with pytest.raises(runner.DatabaseUnavailableError) as error:
            runner.check("analytics")
        assert str(error.value) == "Can't connect to server on 'db.example.com' (115)"

    def test_from_some_table_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection: Any = connections["analytics"]

        def refuse() -> None:
            raise OperationalError(2002, "Can't connect")

        def fail(execute: Any, sql: str, *rest: Any) -> Any:
            if "COUNT(*)" in sql and connection.ops.quote_name("video") in sql:
                monkeypatch.setattr(connection, "ensure_connection", refuse)
                raise OperationalError(2013, "Lost connection to server during query")
            return execute(sql, *rest)

        with (
            connection.execute_wrapper(fail),
            pytest.raises(runner.DatabaseUnavailableError, match="Can't connect"),
        ):
            runner.check("analytics")
