"""Events and LMS rows made by tests, and what the rules compute from them."""

from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import duckdb
import ibis
import pyarrow as pa
from django.apps import apps

from analytics_data_api.computing import compute, store
from analytics_data_api.computing.tables import RULES
from analytics_data_api.computing.tables.rules import Period
from analytics_data_api.tests.duck import connected

Event = dict[str, Any]
# Rows of text, by the name of the LMS's table.
Lms = dict[str, list[dict[str, str | None]]]

COURSE = "course-v1:Org+CS+2025"
# Three weeks from a Monday on.
FIRST, END = date(2025, 9, 1), date(2025, 9, 22)
# The day of the run.
TODAY = date(2025, 12, 24)


def sent(kind: store.Kind, day: int, time: str = "12:00:00", **values: Any) -> Event:
    """Return an event of a kind, of a day in September 2025; what is not given is NULL."""
    text = f"2025-09-{day:02}"
    return (
        dict.fromkeys(kind.columns.names)
        | {"date": date.fromisoformat(text), "course_id": COURSE}
        | ({"time": f"{text}T{time}"} if "time" in kind.columns.names else {})
        | values
    )


class Recorder:
    """Stands for an engine: notes the statements that a rule runs, in the SQL of an engine."""

    def __init__(self, period: Period, dialect: str = "duckdb") -> None:
        self.period = period
        self.dialect = dialect
        self.statements: dict[str, str] = {}

    def save(self, name: str, expression: Any) -> Any:
        self.statements.setdefault(f"saved_{name}", self.compile(expression))
        return ibis.table(expression.schema(), name=f"saved_{name}")

    def compile(self, expression: Any) -> str:
        return str(ibis.to_sql(expression, dialect=self.dialect))


class Script(NamedTuple):
    """A rule as SQL: the tables that are saved, in order, the rows, and what was dropped."""

    saved: dict[str, str]
    rows: str
    dropped: list[str]


def types_of(table: str) -> dict[str, pa.DataType]:
    """Return the types of the values of a table's columns."""
    model = next(each for each in apps.get_app_config("v0").get_models() if each._meta.db_table == table)
    fields = [each for each in model._meta.concrete_fields if each.column not in {"id", "created"}]
    return {str(each.column): compute.value_type(each) for each in fields}


@cache
def script(table: str, first: date = FIRST, end: date = END, dialect: str = "duckdb") -> Script:
    """Return a rule as SQL; it is the same whatever the data, and takes longer to write than to run."""
    recorder = Recorder(Period(first, end, TODAY), dialect)
    found = RULES[table].compute(recorder)
    rows = recorder.compile(found.rows.select(*types_of(table)))
    return Script(recorder.statements, rows, [recorder.compile(each) for each in found.dropped])


def create(connection: duckdb.DuckDBPyConnection, name: str, rows: list[Any], schema: pa.Schema) -> None:
    made = [{column: row.get(column) for column in schema.names} for row in rows]
    connection.register("made", pa.Table.from_pylist(made, schema=schema))
    connection.execute(f"CREATE TABLE {name} AS SELECT * FROM made")  # noqa: S608 A name of ours.


def computed(
    table: str, events: Iterable[Event] = (), lms: Lms | None = None, first: date = FIRST, end: date = END
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the rows of a table, sorted, and what its rule dropped, by reason."""
    rule, types, sql = RULES[table], types_of(table), script(table, first, end)
    with connected() as connection:
        if rule.kind:
            inside = [event for event in events if rule.whole or first <= event["date"] < end]
            create(connection, rule.kind.name, inside, pa.schema([*rule.kind.columns, pa.field("date", pa.date32())]))
        for needed in rule.lms:
            schema = pa.schema([(column, pa.string()) for column in needed.columns])
            create(connection, needed.name, (lms or {}).get(needed.name, []), schema)
        for name, statement in sql.saved.items():
            connection.execute(f"CREATE TABLE {name} AS {statement}")
        batches = connection.sql(sql.rows).to_arrow_table().to_batches()
        rows = [row for batch in compute.converted(iter(batches), types) for row in batch.to_pylist()]
        dropped = {reason: int(count) for each in sql.dropped for reason, count in connection.execute(each).fetchall()}
    return sorted(rows, key=lambda row: [(value is not None, str(value)) for value in row.values()]), dropped


def rows_of(table: str, events: Iterable[Event] = (), lms: Lms | None = None, **period: date) -> list[tuple[Any, ...]]:
    """Return the rows of a table as tuples, sorted."""
    return [tuple(row.values()) for row in computed(table, events, lms, **period)[0]]
