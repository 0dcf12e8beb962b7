"""All checks of a database."""

from typing import Any, Final

from django.apps import apps
from django.core.checks import CheckMessage
from django.db import DatabaseError, Error, OperationalError, connections
from django.db.models import Count, Max, Model

from analytics_data_api.checks import contents, structure
from analytics_data_api.checks.databases import engine
from analytics_data_api.checks.messages import TableReport, message
from analytics_data_api.checks.table import Table, UnreadableTableError, describe
from analytics_data_api.tables.fields import AsText
from analytics_data_api.tables.models import (
    CourseMetaSummaryEnrollment,
    CourseProgramMetadata,
    TableUpdate,
    TagsDistribution,
)

# Tables that a database may lack, and what follows from that.
NEED_NOT_BE: Final[dict[type[Model], str]] = {
    CourseMetaSummaryEnrollment: "summaries of courses are derived from enrollment by mode",
    CourseProgramMetadata: "no course is part of a program",
    TagsDistribution: "no problem has tags",
}

NOT_SHOWN: Final = "the loads that the pipeline has noted are not shown"


class DatabaseUnavailableError(Exception):
    """The database does not answer; the message is why, in the database's words."""


def check(alias: str, *, quick: bool = False) -> list[TableReport]:
    """Check every table that the service reads, and ``table_updates`` if it exists.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        quick: Whether to leave out what reads a whole table: the number of rows, duplicates, similar ids.

    Raises:
        DatabaseUnavailableError: The database does not answer.
    """
    connection: Any = connections[alias]
    if reason := engine(connection).absence(connection):
        raise DatabaseUnavailableError(reason)
    try:
        with connection.cursor() as cursor:
            kinds = {each.name: each.type for each in connection.introspection.get_table_list(cursor)}
        loads, notes = noted_loads(connection, kinds)
        reports = [report(models, alias, kinds, quick=quick) for models in layouts()]
    except Error as error:
        reason = words(error)
        if connection.vendor == "sqlite" and not isinstance(error, OperationalError):
            reason += f"; restore it, or remove it and run `./manage.py migrate --database {alias}`"
        raise DatabaseUnavailableError(reason) from error
    return [*(each._replace(noted_load=loads.get(each.table)) for each in reports), *notes]


def layouts() -> list[list[type[Model]]]:
    """Return the models of each table that answers are read from, that of its newest layout first."""
    tables: dict[str, list[type[Model]]] = {}
    for model in apps.get_app_config("v0").get_models():
        if hasattr(model._default_manager.all(), "natural_key"):
            tables.setdefault(model._meta.db_table, []).append(model)
    return [sorted(models, key=lambda model: not model._meta.managed) for models in tables.values()]


def report(models: list[type[Model]], alias: str, kinds: dict[str, str], *, quick: bool) -> TableReport:
    """Check a table; raises a ``django.db.Error`` if the database does not answer any more."""
    found: list[CheckMessage] = []
    held: dict[str, Any] = {}
    try:
        table = Table(models, alias, kinds)
        found += (*structure.column_findings(table), *structure.index_findings(table))
        held = contents.peek(table) if quick else contents.count(table)
        found += contents.newest_findings(table, held)
        found += () if quick else contents.duplicate_findings(table, held["rows"])
    except UnreadableTableError as error:
        (reason,) = error.args
        if reason.id == "missing_table" and (effect := NEED_NOT_BE.get(models[0])):
            reason = message("absent_table", f"It is not there, and need not be: {effect}.")
        found.append(reason)
    except DatabaseError as error:
        # Raises another error if the database does not answer any more.
        connections[alias].close_if_unusable_or_obsolete()
        connections[alias].ensure_connection()
        found.append(message("unreadable_table", f"The database could not read it: {words(error)}."))
    return TableReport(models[0]._meta.db_table, sorted(found, key=lambda each: -each.level), **held)


def noted_loads(connection: Any, kinds: dict[str, str]) -> tuple[dict[str, str], list[TableReport]]:
    """Return the newest load of each table that the pipeline has noted, and the report on its notes, if it has any."""
    name, finding = TableUpdate._meta.db_table, None
    try:
        if lacking := {"target_table", "inserted"} - describe(connection, name, kinds).keys():
            finding = message("not_checked", f"It lacks {', '.join(sorted(lacking))}: {NOT_SHOWN}.")
    except UnreadableTableError as error:
        (reason,) = error.args
        if reason.id == "missing_table":
            return {}, []
        finding = message("not_checked", f"{NOT_SHOWN.capitalize()}. {reason.msg}", hint=reason.hint)
    if finding:
        return {}, [TableReport(name, [finding])]
    loads: dict[str, str] = {}
    rows = 0
    notes = TableUpdate._default_manager.using(connection.alias).values_list("target_table")
    for target, count, newest in notes.annotate(loads=Count("*"), newest=AsText(Max("inserted"))):
        rows += count
        if target is not None and newest is not None:
            # The pipeline may write its database's name in front: reports.video.
            table = target.rpartition(".")[2]
            loads[table] = max(newest[:19], loads.get(table, ""))
    return loads, [TableReport(name, [], rows, noted_load=max(loads.values(), default=None))]


def words(error: Error) -> str:
    """Return the message of a database without its number and full stop."""
    return str(error.args[-1] if error.args else error).rstrip(".")
