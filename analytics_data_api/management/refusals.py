"""What a command about keys says where it cannot do what it was told."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, Error

from analytics_data_api.access import keys
from analytics_data_api.http.database_errors import CANNOT_OPEN, NAMES, OTHER_ERROR, TABLE_MISSING, cause_of, sentence


@contextmanager
def reported() -> Iterator[None]:
    """Raise CommandError, whose message is one sentence, in place of a refusal and of an error of the database."""
    try:
        yield
    except keys.KeyRefusedError as error:
        raise CommandError(str(error)) from None
    except Error as error:
        raise CommandError(reason_of(error)) from None


def reason_of(error: Error) -> str:
    """Return why the database of users did not take a change; its own message is left out, which may quote the key."""
    cause = cause_of(error) or OTHER_ERROR
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    code = getattr(error.__cause__, "sqlite_errorname", number)
    reason = f"{sentence(cause, NAMES[DEFAULT_DB_ALIAS], error)} ({type(error).__name__}{f' {code}' if code else ''})"
    if cause in (TABLE_MISSING, CANNOT_OPEN):
        reason += " `./manage.py migrate` creates the tables, and a file of SQLite, where they are missing."
    return reason
