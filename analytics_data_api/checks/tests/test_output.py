"""A report as people and as programs read it."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.checks import WARNING, CheckMessage
from django.core.management.color import make_style, no_style
from jsonschema import Draft202012Validator

from analytics_data_api.checks import output
from analytics_data_api.checks.messages import LEVELS, TableReport, message
from analytics_data_api.checks.runner import check
from analytics_data_api.tables.tests import altered
from analytics_data_api.tests.cases import every_case
from analytics_data_api.v0.tests.test_counting import load_again

TIME = {"anyOf": [{"type": "null"}, {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}]}
FINDING = {
    "code": {"enum": list(LEVELS)},
    "severity": {"enum": ["error", "warning", "note"]},
    "message": {"type": "string", "minLength": 10},
    "columns": {"type": "array", "items": {"type": "string"}},
    "count": {"type": ["integer", "null"], "minimum": 1},
    "example": {"type": ["object", "null"]},
    "statement": {"type": ["string", "null"], "pattern": "^(CREATE INDEX|GRANT SELECT ON) .*;$"},
}
TABLE = {
    "table": {"type": "string"},
    "status": {"enum": ["ok", "warning", "error"]},
    "rows": {"type": ["integer", "null"], "minimum": 0},
    "newest_date": {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\d$"},
    "newest_load": TIME,
    "noted_load": TIME,
    "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
}
DATABASE = {
    "database": {"const": "analytics"},
    "quick": {"type": "boolean"},
    "status": {"enum": ["ok", "warning", "error", "unavailable"]},
    "reason": {"type": ["string", "null"]},
    "errors": {"type": "integer"},
    "warnings": {"type": "integer"},
    "notes": {"type": "integer"},
    "tables": {"type": "array", "items": {"$ref": "#/$defs/table"}},
}


def exactly(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


SCHEMA = exactly(DATABASE) | {"$defs": {"table": exactly(TABLE), "finding": exactly(FINDING)}}


def read(text: str) -> Any:
    """Return a document, which has to be of the documented form."""
    document = json.loads(text)
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    return document


MISSING = message("missing_table", "It is not there.")
INDEX = message("missing_index", "It has no index.", ["a", "b"], hint="CREATE INDEX x ON y (a, b);")
EXAMPLE = {"a": "A", "b": None, "c": 1.5, "d": "x" * 200}
TWICE = message("duplicate_rows", "Some rows are twice.", ["a"], count=3, example=EXAMPLE)
NOTE = message("case_insensitive", "Case does not count.", ["a"])
ALIKE = message("similar_ids", "Some ids are alike.", ["a"], count=1, example={"a": ["x/y", "X/y"]})


def text(*tables: TableReport) -> str:
    return output.as_text("Database analytics (mysql)", list(tables), no_style())


def document(*tables: TableReport) -> Any:
    return read(output.as_json("analytics", list(tables), quick=False))


FINE = TableReport("fine", [], 1234567, "2014-12-10", "2014-12-10 19:31:46")


class TestText:
    def test_of_a_table_that_is_fine_is_a_line(self) -> None:
        assert text(FINE) == (
            "Database analytics (mysql)\n"
            "\n"
            "         table       rows  newest      loaded (UTC)\n"
            "ok       fine   1,234,567  2014-12-10  2014-12-10 19:31\n"
            "\n"
            "Every table is as answers need it; there is nothing to do."
        )

    def test_has_the_worst_first_and_says_the_same_once(self) -> None:
        written = text(
            TableReport("first", [NOTE]),
            TableReport("second", [TWICE, NOTE], 6, noted_load="2014-12-11 01:02:03"),
            TableReport("third", [INDEX, NOTE]),
            TableReport("fourth", [MISSING]),
            TableReport("fifth", [MISSING]),
        )
        assert written == (
            "Database analytics (mysql)\n"
            "\n"
            "         table   rows  newest  loaded (UTC)  noted\n"
            "ok       first\n"
            "warning  second     6                        2014-12-11\n"
            "error    third\n"
            "error    fourth\n"
            "error    fifth\n"
            "\n"
            "error    third\n"
            "         It has no index.\n"
            "           CREATE INDEX x ON y (a, b);\n"
            "\n"
            "error    fourth, fifth\n"
            "         It is not there.\n"
            "\n"
            "warning  second\n"
            "         Some rows are twice.\n"
            f"           a 'A', b NULL, c 1.5, d\n             '{'x' * 119}…\n"
            "\n"
            "note     first, second, third\n"
            "         Case does not count.\n"
            "\n"
            "3 errors, 1 warning, 3 notes. Mend the errors, with the SQL above where there is some, and run this\n"
            "again: until then, answers fail, are wrong or take long."
        )

    def test_gives_every_statement_below_what_is_said_once(self) -> None:
        tables = [
            TableReport(name, [message("missing_index", "None.", hint=f"CREATE INDEX {name};")])
            for name in ("a", "b", "c", "d")
        ]
        block = "\nerror    a, b, c and 1 more\n         None.\n" + "".join(
            f"           CREATE INDEX {name};\n" for name in ("a", "b", "c", "d")
        )
        assert block in text(*tables)
        assert "\n4 errors. " in text(*tables)

    def test_names_a_few_of_many_tables(self) -> None:
        written = text(*(TableReport(f"t{number}", [NOTE]) for number in range(5)))
        assert "\nnote     t0, t1, t2 and 2 more\n" in written
        assert written.endswith("\n5 notes. Every table is as answers need it; there is nothing to do.")

    def test_names_tables_in_two_lines_where_one_is_too_short(self) -> None:
        first, second, third = ("a" * 40, "b" * 40, "c" * 40)
        assert text(*(TableReport(name, [NOTE]) for name in (first, second, third))).split("\n\n")[2] == (
            f"note     {first}, {second},\n         {third}\n         Case does not count."
        )

    def test_ends_with_what_warnings_mean(self) -> None:
        assert text(TableReport("t", [TWICE])).splitlines()[-1].startswith("1 warning. Every answer is right")

    def test_shows_spellings_side_by_side(self) -> None:
        assert "           a 'x/y' and 'X/y'\n" in text(TableReport("t", [ALIKE]))

    def test_of_a_terminal_has_colors_that_change_nothing_else(self) -> None:
        tables = (FINE, TableReport("t", [TWICE, INDEX, NOTE]))
        colored = output.as_text("Database analytics (mysql)", list(tables), make_style("dark"))
        assert "\x1b[" in colored
        assert re.sub(r"\x1b\[[\d;]*m", "", colored) == text(*tables)


class TestJSON:
    def test_of_tables(self) -> None:
        tables = (FINE, TableReport("t", [INDEX, TWICE, NOTE], 6, noted_load="2014-12-11 01:02:03"))
        written = document(*tables)
        assert (written["status"], written["quick"], written["reason"]) == ("error", False, None)
        assert [written[name] for name in ("errors", "warnings", "notes")] == [1, 1, 1]
        assert written["tables"][0] == {
            "table": "fine",
            "status": "ok",
            "rows": 1234567,
            "newest_date": "2014-12-10",
            "newest_load": "2014-12-10T19:31:46Z",
            "noted_load": None,
            "findings": [],
        }
        assert written["tables"][1]["noted_load"] == "2014-12-11T01:02:03Z"
        assert written["tables"][1]["findings"][1] == {
            "code": "duplicate_rows",
            "severity": "warning",
            "message": "Some rows are twice.",
            "columns": ["a"],
            "count": 3,
            "example": {"a": "A", "b": None, "c": 1.5, "d": "x" * 200},
            "statement": None,
        }

    def test_of_the_end_of_a_week_is_a_date(self) -> None:
        written = document(TableReport("t", [], newest_date="2014-12-15 00:00:00"))
        assert written["tables"][0]["newest_date"] == "2014-12-15"

    def test_shows_any_value(self) -> None:
        odd = message("duplicate_rows", "Some rows are twice.", ["a"], count=1, example={"a": b"\xff"})
        written = document(TableReport("t", [odd]))
        assert written["tables"][0]["findings"][0]["example"] == {"a": "b'\\xff'"}

    def test_of_a_database_that_does_not_answer(self) -> None:
        written = read(output.as_json("analytics", [], quick=True, reason="Can't connect"))
        assert (written["status"], written["reason"], written["tables"]) == ("unavailable", "Can't connect", [])


@pytest.mark.parametrize(
    ("findings", "status"),
    [([], "ok"), ([NOTE], "ok"), ([NOTE, TWICE], "warning"), ([TWICE, INDEX, NOTE], "error")],
)
def test_the_status_is_that_of_the_worst_finding(findings: list[CheckMessage], status: str) -> None:
    written = document(FINE, TableReport("t", findings))
    assert (written["status"], [table["status"] for table in written["tables"]]) == (status, ["ok", status])


def test_what_is_served_right_but_costs_more_is_a_warning() -> None:
    assert {code for code, level in LEVELS.items() if level == WARNING} == {"duplicate_rows", "unlisted_courses"}


@pytest.mark.django_db(databases=["default", "analytics"], transaction=True)
@pytest.mark.parametrize("quick", [False, True])
def test_every_finding_is_written(quick: bool) -> None:
    every_case()
    load_again(later=timedelta(0))
    with altered.pipeline_indexes():
        found = check("analytics", quick=quick)
    written = read(output.as_json("analytics", found, quick=quick))
    assert {table["table"]: table["rows"] for table in written["tables"]} == {
        model._meta.db_table: None if quick else model._default_manager.count() for model in altered.tables()
    }
    assert (written["errors"], written["warnings"], written["status"]) == (1, 0 if quick else 15, "error")
    assert max(map(len, text(*found).splitlines())) <= 100
