"""``table_updates``, where the pipeline notes each of its loads."""

from typing import Any, Final, NamedTuple

from analytics_data_api.checks.databases import database
from analytics_data_api.checks.databases.base import ForbiddenTableError, MissingTableError
from analytics_data_api.checks.findings import Finding, Kind, TableReport
from analytics_data_api.tables.loads import table_of

TABLE: Final = "table_updates"
COLUMNS: Final = {"target_table", "inserted"}
LOADS: Final = "SELECT target_table, COUNT(*), MAX(inserted) FROM table_updates GROUP BY target_table"

# YYYY-mm-dd HH:MM:SS, of whichever way a driver has to give a time.
TIME_LENGTH: Final = 19


class Updates(NamedTuple):
    """What the pipeline has noted.

    Attributes:
        loads: The newest load of each table, ``YYYY-mm-dd HH:MM:SS``, UTC.
        report: What was found out about ``table_updates``; None where there is none.
    """

    loads: dict[str, str]
    report: TableReport | None


def read(connection: Any) -> Updates:
    """Return what the pipeline has noted, nothing where it notes nothing.

    Raises:
        django.db.DatabaseError: The database does not answer.
    """
    try:
        structure = database(connection).structure(TABLE)
    except MissingTableError:
        return Updates({}, None)
    except ForbiddenTableError as error:
        message = f"It is not there, or {error.user} may not read it: the pipeline's own notes of loads are not told."
        return unread(message, error.grant)
    if missing := COLUMNS - structure.columns.keys():
        return unread(f"It lacks {', '.join(sorted(missing))}: the pipeline's own notes of loads are not told.")
    with connection.cursor() as cursor:
        cursor.execute(LOADS)
        noted = cursor.fetchall()
    loads: dict[str, str] = {}
    for target, _, inserted in noted:
        if target is not None and inserted is not None:
            table, time = table_of(target), str(inserted)[:TIME_LENGTH]
            loads[table] = max(time, loads.get(table, time))
    newest = max(loads.values(), default=None)
    return Updates(loads, TableReport(TABLE, rows=sum(count for _, count, _ in noted), noted_load=newest))


def unread(message: str, statement: str | None = None) -> Updates:
    return Updates({}, TableReport(TABLE, findings=(Finding(Kind.NOT_CHECKED, message, statement=statement),)))
