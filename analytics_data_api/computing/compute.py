"""Computes tables from the event store and the LMS's tables, and replaces each whole by the loader."""

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from django.apps import apps
from django.db import connections, models

from analytics_data_api.computing import computed
from analytics_data_api.computing.engines import DUCKDB, TableEngine, open_engine
from analytics_data_api.computing.errors import ComputeError
from analytics_data_api.computing.lms import LmsDatabase, LmsFiles, LmsSource
from analytics_data_api.computing.store import LOCATION, EventStore
from analytics_data_api.computing.tables import RULES, Rule
from analytics_data_api.computing.tables.rules import Period
from analytics_data_api.loading import loader

SECONDS_OF_DAY: Final = 24 * 60 * 60
ONE_DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)


@dataclass
class Result:
    """What came of a table.

    Attributes:
        table: Its name.
        rows: The number of its rows now; None where it was left as it was.
        seconds: How long that took.
        reason: Why it was left as it was.
        failed: Whether that is a failure.
        dropped: What its rule dropped: the numbers of events, rows or viewings, by reason.
    """

    table: str
    rows: int | None = None
    seconds: float = 0
    reason: str = ""
    failed: bool = False
    dropped: dict[str, int] = field(default_factory=dict)


def run(
    path: Path | str,
    tables: Iterable[str] | None,
    first: date | None,
    end: date | None,
    *,
    lms_url: str | None = None,
    lms_files: Path | None = None,
    engine: str = DUCKDB,
    memory: int | None = None,
    allow_narrower: bool = False,
    database: str | None = None,
) -> Iterator[Result]:
    """Compute tables, replace each, and yield what came of it.

    Args:
        path: The folder or URL of the event store.
        tables: The names of the tables; None for all.
        first: The first day of the range; by default the store's.
        end: The day after the last; by default today, UTC.
        lms_url: The URL of the LMS's database, or None.
        lms_files: The folder of the LMS's tables, or None.
        engine: ``duckdb``, or the address of a cluster of Spark.
        memory: The bytes of memory that the process may take; by default half of the machine's.
        allow_narrower: Whether tables may lose rows that are outside the range, or all.
        database: The database, by its key in the setting ``DATABASES``; by default that of the loader.

    Raises:
        ComputeError: A table cannot be computed, or would lose rows.
        LoadError: A table cannot be loaded.
        StoreError: There is no store, or another command uses it.
        django.db.Error: The database fails.
    """
    chosen = list(dict.fromkeys(tables or RULES))
    if unknown := [table for table in chosen if table not in RULES]:
        raise ComputeError(f"{', '.join(unknown)} cannot be computed; these can: {', '.join(RULES)}.")
    store = EventStore.open(path)
    lms: LmsSource | None = None
    if lms_files is not None:
        lms = LmsFiles(lms_files)
    elif lms_url and any(RULES[table].lms for table in chosen):
        lms = LmsDatabase(lms_url)
    yield from compute(
        store,
        chosen,
        period_of(store, first, end),
        lms=lms,
        engine=engine,
        memory=memory or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2,
        allow_narrower=allow_narrower,
        database=database,
    )


def period_of(store: EventStore, first: date | None, end: date | None) -> Period:
    """Return the range of days: by default from the store's first day to today, which is left out.

    Raises:
        ComputeError: No day is in it.
    """
    today = datetime.now(UTC).date()
    end = end or today
    if first is None:
        first = min([*store.days(), end - ONE_DAY])
    if first >= end:
        raise ComputeError(f"No day is from {first} to {end}, which is not part of the range.")
    return Period(first, end, today)


def compute(
    store: EventStore,
    tables: Iterable[str],
    period: Period,
    *,
    lms: LmsSource | None,
    memory: int,
    engine: str = DUCKDB,
    allow_narrower: bool = False,
    database: str | None = None,
) -> Iterator[Result]:
    """Do what ``run`` does, with a store, a range and the LMS's tables; None where these were not given."""
    alias = database or loader.loading_database()
    with store.lock("compute_tables"), store.work_folder() as folder:
        computable = []
        for table in tables:
            if reason := why_skipped(RULES[table], store, lms):
                yield Result(table, reason=reason)
            else:
                computable.append(table)
        if not allow_narrower:
            refuse_narrower(store, computable, period, alias)
        with open_engine(engine, store, period, memory, folder) as opened:
            for tables_of_kind in by_source(computable):
                for table in tables_of_kind:
                    yield compute_table(opened, table, lms, alias, allow_empty=allow_narrower)
                opened.forget()


def by_source(tables: list[str]) -> Iterator[list[str]]:
    """Yield tables that are computed from the same events together."""
    groups: dict[Any, list[str]] = {}
    for table in tables:
        rule = RULES[table]
        groups.setdefault(rule.kind.name if rule.kind else rule.lms, []).append(table)
    yield from groups.values()


def why_skipped(rule: Rule, store: EventStore, lms: LmsSource | None) -> str:
    """Return what a table takes that was not given; nothing where it can be computed."""
    if rule.kind is LOCATION and not store.has_location():
        return "it takes the countries of users: read the logs by ingest_logs with --geo FILE.mmdb"
    missing = ", ".join(table.name for table in rule.lms if lms is None or not lms.has(table))
    if not missing:
        return ""
    if lms is None:
        return f"it takes {missing} of the LMS: name its database by --lms, or a folder of files by --lms-files"
    return f"it takes {missing} of the LMS, {lms.lacks}"


def first_day(store: EventStore, rule: Rule, period: Period) -> date:
    """Return the first day that a table has events of: that of the range, or a later one of the store."""
    if rule.kind is None:
        return period.first
    days = [day for record in store.records() for day in record.days.get(rule.kind.name, ())]
    earliest = date.fromisoformat(min(days)) if days else period.first
    if rule.date == "interval_start":
        earliest -= earliest.weekday() * ONE_DAY
    return earliest if rule.whole else max(earliest, period.first)


def refuse_narrower(store: EventStore, tables: list[str], period: Period, alias: str) -> None:
    """Raise a ComputeError if a table has rows from outside the range, which it would lose."""
    records = computed.records(store.place, alias)
    lost = []
    for table in tables:
        rule = RULES[table]
        first = first_day(store, rule, period)
        if rule.date:
            held = held_days(table, rule.date, alias)
        elif rule.kind and not rule.whole and (record := records.get(table)):
            held = date.fromisoformat(record.first), date.fromisoformat(record.end) - ONE_DAY
        else:
            held = None
        if held and (held[0] < first or held[1] >= period.end):
            lost.append(f"{table} has {held[0]} to {held[1]}, and would have {first} to {period.end - ONE_DAY}.")
    if lost:
        raise ComputeError(
            "\n".join(["The range is narrower than what tables hold; nothing was changed.", *lost])
            + "\nGive a wider range by --from and --to; or lose these days by --allow-narrower."
        )


def held_days(table: str, column: str, alias: str) -> tuple[date, date] | None:
    """Return the first and the last day that a table has rows of; None where it has none."""
    connection = connections[alias]
    name, day = map(connection.ops.quote_name, (table, column))
    with connection.cursor() as cursor:
        # Without zero dates, which old loads have left.
        cursor.execute(f"SELECT MIN({day}), MAX({day}) FROM {name} WHERE {day} >= '1000-01-01'")  # noqa: S608 - quoted
        first, last = cursor.fetchone()
    if first is None or last is None:
        return None
    try:
        days = date.fromisoformat(str(first)[:10]), date.fromisoformat(str(last)[:10])
    except ValueError:
        raise ComputeError(
            f"{table} holds {str(last)[:10]!r} in the column {column}, which is no date: run ./manage.py check_tables."
        ) from None
    return (days[0], days[1] + WEEK - ONE_DAY) if column == "interval_start" else days


def holds_rows(table: str, alias: str) -> bool:
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(table)} LIMIT 1")  # noqa: S608 - a quoted name
        return cursor.fetchone() is not None


def compute_table(engine: TableEngine, table: str, lms: LmsSource | None, alias: str, *, allow_empty: bool) -> Result:
    """Compute a table, replace it, and return what came of it."""
    started = time.monotonic()
    rule, store = RULES[table], engine.store
    if rule.kind:
        engine.add_events(rule.kind, whole=rule.whole)
    for needed in rule.lms:
        if lms is not None:
            engine.add_lms(lms, needed)
    logs, digest = computed.logs_of(store.place)
    found = rule.compute(engine)
    columns = columns_of(table, alias)
    rows = found.rows.select(**{name: found.rows[source] for name, (source, _) in columns.items()})
    batches = converted(engine.batches(rows), {name: type_ for name, (_, type_) in columns.items()})
    first = next(batches, None)
    result = Result(table, dropped=dropped_before(store, rule))
    for each in found.dropped:
        result.dropped |= {row["reason"]: int(row["count"]) for row in engine.rows(each)}
    if first is None and not allow_empty and holds_rows(table, alias):
        result.reason = "no row was computed, and it has some, which --allow-narrower would remove"
        result.failed = True
    else:
        period = str(first_day(store, rule, engine.period)), str(engine.period.end)
        try:
            loaded = loader.load_rows(
                table,
                list(columns),
                chain([] if first is None else [first], batches),
                allow_empty=True,
                database=alias,
                description=f"compute_tables {engine.period.today}",
            )
        except loader.InterruptedAfterLoadError:
            computed.note(store.place, alias, table, computed.TableRecord(*period, utc_now(), logs, digest))
            raise
        result.rows = loaded.rows
        computed.note(store.place, alias, table, computed.TableRecord(*period, utc_now(), logs, digest))
    result.seconds = time.monotonic() - started
    return result


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def dropped_before(store: EventStore, rule: Rule) -> dict[str, int]:
    """Return what was dropped of a table's events as logs were read, of whatever day, by reason."""
    counts: Counter[str] = Counter()
    for record in store.records() if rule.kind else ():
        counts.update(record.dropped.get(rule.kind.name, {}) if rule.kind else {})
    return {f"{reason} (as logs were read, all days)": number for reason, number in counts.items()}


def columns_of(table: str, alias: str) -> dict[str, tuple[str, pa.DataType | None]]:
    """Return the columns of a table that are computed: of which computed one, and the type of its values.

    A table of an older layout lacks some. The older ``answer_distribution`` has one count, that of last responses.
    """
    present = loader.columns_of(table, alias)
    model = next(
        each for each in apps.get_app_config("v0").get_models() if each._meta.db_table == table and each._meta.managed
    )
    columns = {
        str(each.column): (str(each.column), value_type(each))
        for each in model._meta.concrete_fields
        if each.column not in {"id", "created"} and each.column in present
    }
    if table == "answer_distribution" and "count" in present and "last_response_count" not in present:
        columns["count"] = ("last_response_count", pa.int64())
    return columns


def value_type(field: models.Field) -> pa.DataType:
    """Return the type of a column's values."""
    if isinstance(field, models.DateTimeField):
        return pa.timestamp("s")
    if isinstance(field, models.DateField):
        return pa.date32()
    if isinstance(field, models.FloatField):
        return pa.float64()
    return pa.int64() if isinstance(field, models.IntegerField | models.BooleanField) else pa.string()


def converted(batches: Iterator[pa.RecordBatch], types: dict[str, pa.DataType | None]) -> Iterator[pa.RecordBatch]:
    """Yield batches with values of these types, of which days and times are numbers of days since 1970."""
    for batch in batches:
        columns = []
        for column, type_ in zip(batch.columns, types.values(), strict=True):
            if pa.types.is_date(type_):
                values = column.cast(pa.int32())
            elif pa.types.is_timestamp(type_):
                values = pc.multiply(column.cast(pa.int64()), SECONDS_OF_DAY)
            else:
                values = column
            columns.append(values.cast(type_))
        yield pa.RecordBatch.from_arrays(columns, names=list(types))
