"""Writing a course's rows, sample data or generated data, into the pipeline's tables."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, NamedTuple

from django.db import connections, transaction
from django.db.models import Model, Q, QuerySet
from tqdm import tqdm

from analytics_data_api.loading import loader, locks
from analytics_data_api.loading.batches import rows_of
from analytics_data_api.tables.models import Video, VideoTimeline
from analytics_data_api.tables.rows import Row

# Rows handed to the driver at a time: enough for full statements, few enough for a progress bar that moves.
WRITE_SIZE: Final = 5000


@dataclass(frozen=True)
class CourseTable:
    """All the rows that a course has in a table.

    Attributes:
        model: The table.
        columns: The names of the model's fields but ``id``, in the order of the rows' values.
        rows: The rows, in table order; times are aware, in UTC, of whole seconds.
    """

    model: type[Model]
    columns: tuple[str, ...]
    rows: Sequence[Row]


class Outcome(NamedTuple):
    """The result of writing a course's rows into a table.

    Attributes:
        table: The table's name.
        rows: How many rows the course has in it now.
        written: Whether they were written; false where the table had them already.
    """

    table: str
    rows: int
    written: bool


def replace(course_id: str, tables: Sequence[CourseTable], database: str) -> list[Outcome]:
    """Replace the course's rows in these tables, in one transaction, while no other load of them runs.

    A table in which the course has the same rows in the same order stays untouched, ids included. A timeline belongs to
    the course that has the video.

    Args:
        course_id: The course; rows of others are neither changed nor removed.
        tables: The new rows.
        database: The database, by its key in the setting ``DATABASES``.

    Returns:
        The outcome for each table, in their order.

    Raises:
        LoadRunningError: Another load of one of the tables is running.
    """
    total = sum(len(table.rows) for table in tables)
    with (
        locks.held(database, [table.model._meta.db_table for table in tables]) as lock,
        transaction.atomic(using=database),
        tqdm(desc=course_id, total=total, unit=" rows", leave=False, disable=None) as progress,
    ):
        # Before any row is deleted, because the rows of videos select those of timelines.
        selections = [conditions(course_id, table, database) for table in tables]
        outcomes = [
            replace_table(table, selected, database, progress.update)
            for table, selected in zip(tables, selections, strict=True)
        ]
        for outcome in outcomes:
            if outcome.written:
                loader.note(database, outcome.table, f"{lock.token} {outcome.table} {course_id}")
    return outcomes


def conditions(course_id: str, table: CourseTable, database: str) -> list[Q]:
    """Return conditions, one of which each old and new row of the course in a table meets."""
    if table.model is not VideoTimeline:
        return [Q(course_id=course_id)]
    videos = set(Video.objects.using(database).filter(course_id=course_id).values_list("pipeline_video_id", flat=True))
    videos.update(row[table.columns.index("pipeline_video_id")] for row in table.rows)
    return [Q(pipeline_video_id=video_id) for video_id in sorted(videos)]


def replace_table(
    table: CourseTable, selections: Sequence[Q], database: str, advance: Callable[[float], object]
) -> Outcome:
    """Replace the rows that any of the conditions selects, unless they are the same.

    Args:
        table: The new rows.
        selections: The conditions; no row meets two of them.
        database: The database, by its key in the setting ``DATABASES``.
        advance: Called with the number of rows done since the last call.
    """
    objects = table.model._default_manager.using(database)
    existing = [objects.filter(selected) for selected in selections]
    unchanged = has_rows(table, existing)
    if unchanged:
        advance(len(table.rows))
    else:
        for rows_of_selection in existing:
            rows_of_selection.delete()
        for start in range(0, len(table.rows), WRITE_SIZE):
            rows = table.rows[start : start + WRITE_SIZE]
            insert(table.model, table.columns, rows, database)
            advance(len(rows))
    return Outcome(table.model._meta.db_table, len(table.rows), not unchanged)


def has_rows(table: CourseTable, existing: Iterable[QuerySet[Any]]) -> bool:
    """Return whether the existing rows, in table order, equal the new ones."""
    # Counting first, because it takes a fraction of the time of reading.
    if sum(rows.count() for rows in existing) != len(table.rows):
        return False
    rows = sorted((row for rows in existing for row in rows.values_list("pk", *table.columns)), key=itemgetter(0))
    return all(row[1:] == expected for row, expected in zip(rows, table.rows, strict=True))


def insert(model: type[Model], columns: Iterable[str], rows: Sequence[Row], database: str) -> None:
    """Append rows to a table; without model instances, which would take several times as long."""
    connection: Any = connections[database]
    named = {field.attname: str(field.column) for field in model._meta.concrete_fields}
    connection.insert_rows(model._meta.db_table, [named[column] for column in columns], rows_of(list(rows)))
