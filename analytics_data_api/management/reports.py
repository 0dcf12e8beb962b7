"""What the commands that write analytics tables share: the choice of the database, and their output."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.core.management.base import CommandError
from django.db import DatabaseError, connections

from analytics_data_api.loading.course_tables import Outcome
from analytics_data_api.loading.errors import LoadError
from analytics_data_api.loading.loader import loading_database
from analytics_data_api.tables import ANALYTICS_DATABASE


def require_database(alias: str) -> None:
    """Check that the settings have a database.

    Args:
        alias: Its key in the setting ``DATABASES``.

    Raises:
        CommandError: There is none of that name.
    """
    if alias not in connections:
        raise CommandError(f"There is no database {alias!r}; the settings have {', '.join(sorted(connections))}.")


def loadable_tables() -> list[str]:
    """Return the names of the tables that are filled from outside."""
    models = apps.get_app_config("v0").get_models()
    return sorted(model._meta.db_table for model in models if model._meta.managed)


@contextmanager
def analytics_database(alias: str) -> Iterator[None]:
    """Report an error of a database that is being written in one line.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.

    Raises:
        CommandError: There is no such database, it does not answer, it lacks the tables, or a load of them is refused.
    """
    require_database(alias)
    try:
        yield
    except LoadError as error:
        raise CommandError(str(error)) from error
    except DatabaseError as error:
        # The tables are made by the settings of the database that is served.
        migrated = ANALYTICS_DATABASE if alias == loading_database() else alias
        raise CommandError(
            f"The database {alias!r} did not take the rows: {error}. "
            f"`./manage.py migrate --database {migrated}` makes the tables where they are missing."
        ) from error


def course_report(course_id: str, outcomes: list[Outcome]) -> str:
    """Return a line about a course, and one about each table that it has, or had, rows in."""
    lines = (
        f"  {outcome.table}: {outcome.rows} rows{'' if outcome.written else ', unchanged'}"
        for outcome in outcomes
        if outcome.rows or outcome.written
    )
    return "\n".join((course_id, *lines))
