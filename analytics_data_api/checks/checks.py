"""All checks of a database."""

from typing import Any

from django.db import DatabaseError, Error, connections
from django.db.models import Model

from analytics_data_api.checks import columns, contents, duplicates, indexes, updates
from analytics_data_api.checks.contents import Contents
from analytics_data_api.checks.databases import database
from analytics_data_api.checks.databases.base import ForbiddenTableError, MissingTableError
from analytics_data_api.checks.findings import Finding, Kind, Report, TableReport
from analytics_data_api.checks.table import Table, models


class DatabaseUnavailableError(Exception):
    """The database does not answer; the message tells why, in the database's words."""


def check(alias: str, *, quick: bool = False) -> Report:
    """Check every table that the service reads.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        quick: Whether to leave out what takes a pass over a table: the number of rows, duplicates, similar ids.

    Returns:
        What was found out.

    Raises:
        DatabaseUnavailableError: The database does not answer.
    """
    connection: Any = connections[alias]
    if absence := database(connection).absence():
        raise DatabaseUnavailableError(absence)
    try:
        # Reads the database, which a mere connection to a file does not.
        connection.introspection.table_names()
        noted = updates.read(connection)
        reports = [report(model, alias, noted.loads, quick=quick) for model in models()]
    except Error as error:
        raise DatabaseUnavailableError(words(error)) from error
    return Report(alias, connection.vendor, quick, (*reports, *([noted.report] if noted.report else [])))


def report(model: type[Model], alias: str, loads: dict[str, str], *, quick: bool) -> TableReport:
    """Check a table.

    Raises:
        django.db.Error: The database does not answer any more.
    """
    name = model._meta.db_table
    found: list[Finding] = []
    held = Contents()
    try:
        table = Table(model, alias)
        found += (*columns.findings(table), *indexes.findings(table))
        held = contents.glanced(table) if quick else contents.counted(table)
        found += contents.findings(table, held)
        if held.rows is not None:
            found += duplicates.findings(table, held.rows)
    except MissingTableError:
        found.append(missing(alias))
    except ForbiddenTableError as error:
        found.append(forbidden(error))
    except DatabaseError as error:
        if not answers(connections[alias]):
            raise
        found.append(Finding(Kind.UNREADABLE_TABLE, f"The database could not read it: {words(error)}."))
    found.sort(key=lambda finding: finding.kind.severity)
    return TableReport(name, tuple(found), *held, loads.get(name))


def missing(alias: str) -> Finding:
    return Finding(
        Kind.MISSING_TABLE,
        "It is not there: requests that read it get 503. Have the pipeline's task for it run; in a database of your "
        f"own, `./manage.py migrate --database {alias}` makes it.",
    )


def forbidden(error: ForbiddenTableError) -> Finding:
    return Finding(
        Kind.FORBIDDEN_TABLE,
        f"{error.user} may not read it, or not all of it; or it is not there, which MySQL does not tell those who may "
        "not read it. As somebody who may grant it:",
        statement=error.grant,
    )


def answers(connection: Any) -> bool:
    """Tell whether a database answers, after a statement has failed."""
    try:
        if connection.connection is not None and not connection.is_usable():
            connection.close()
        connection.ensure_connection()
    except Error:
        return False
    return True


def words(error: Error) -> str:
    """Return what a database says, without its number for that and a full stop."""
    return str(error.args[-1] if error.args else error).rstrip(".")
