"""The causes of database errors, by the numbers of MySQL and MariaDB and the result codes of SQLite."""

import logging
import re
import sqlite3
from collections.abc import Hashable
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections

from analytics_data_api.tables import ANALYTICS_DATABASE, introspection

logger = logging.getLogger(__name__)

# Seconds within which the same cause is logged once.
LOG_INTERVAL: Final = 60.0

NAMES: Final = {"default": "The users database", ANALYTICS_DATABASE: "The analytics database"}


class Cause(NamedTuple):
    """Why a database did not serve a request.

    Attributes:
        code: The ``error_code`` of the response.
        detail: A sentence for the client, with ``{database}`` and ``{table}`` to fill in.
    """

    code: str
    detail: str


NO_ANSWER: Final = Cause("database_unavailable", "{database} does not answer at the moment.")
TOO_MANY_CONNECTIONS: Final = Cause("database_unavailable", "{database} accepts no more connections at the moment.")
LOGIN_REFUSED: Final = Cause("database_unavailable", "{database} does not accept the login of this service.")
NO_DATABASE: Final = Cause("database_unavailable", "{database} does not exist on its server.")
CANNOT_OPEN: Final = Cause("database_unavailable", "{database} cannot be opened.")
DAMAGED: Final = Cause("database_unavailable", "{database} is damaged.")
READ_ONLY: Final = Cause("database_unavailable", "{database} cannot be written at the moment.")
TOO_SLOW: Final = Cause("database_unavailable", "{database} stopped a query that took too long.")
OTHER_ERROR: Final = Cause("database_unavailable", "{database} reports an error.")
TABLE_MISSING: Final = Cause("table_missing", "{database} lacks the table {table}.")
COLUMN_MISSING: Final = Cause("column_missing", "{database} lacks a column that this request needs.")
TABLE_DENIED: Final = Cause("table_denied", "{database} does not allow this service to use the table {table}.")
TABLE_LOCKED: Final = Cause("table_locked", "{database} has a table that is locked by another client.")

MYSQL: Final = {
    **dict.fromkeys((1040, 1203, 1226), TOO_MANY_CONNECTIONS),
    **dict.fromkeys((1044, 1045, 1698), LOGIN_REFUSED),
    1049: NO_DATABASE,
    **dict.fromkeys((1047, 1053, 1927, 4031), NO_ANSWER),
    1054: COLUMN_MISSING,
    **dict.fromkeys((1142, 1143), TABLE_DENIED),
    **dict.fromkeys((1051, 1146), TABLE_MISSING),
    **dict.fromkeys((145, 1034, 1194, 1195), DAMAGED),
    **dict.fromkeys((1205, 1213, 3572), TABLE_LOCKED),
    **dict.fromkeys((1290, 1792, 1836), READ_ONLY),
    **dict.fromkeys((1317, 1969, 3024), TOO_SLOW),
}
# Those of the client library: no connection, or one that broke.
MYSQL_CLIENT: Final = range(2000, 3000)

SQLITE: Final = {
    sqlite3.SQLITE_BUSY: TABLE_LOCKED,
    sqlite3.SQLITE_LOCKED: TABLE_LOCKED,
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN,
    sqlite3.SQLITE_PERM: CANNOT_OPEN,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_FULL: READ_ONLY,
    sqlite3.SQLITE_INTERRUPT: TOO_SLOW,
    sqlite3.SQLITE_IOERR: OTHER_ERROR,
}
# SQLite has one code for every mistake in a statement.
SQLITE_MESSAGES: Final = {"no such table": TABLE_MISSING, "no such column": COLUMN_MISSING}
# The low byte of an extended result code is the primary one.
PRIMARY: Final = 0xFF

# What MySQL writes between quotation marks, and what SQLite writes behind the colon. The last one is the table.
QUOTED: Final = re.compile(r"['`]([^'`]+)['`](?!\w)|no such table: (\S+)")
IDENTIFIER: Final = re.compile(r"\w+", re.ASCII)


def cause_of(error: Error) -> Cause | None:
    """Return why a database raised an error; None where the statement is at fault, which is this service's own."""
    number = error.args[0] if error.args else None
    if isinstance(number, int) and not isinstance(number, bool):
        if cause := MYSQL.get(number):
            return cause
        if number in MYSQL_CLIENT:
            return NO_ANSWER
        return OTHER_ERROR if isinstance(error, OperationalError) else None
    code = getattr(error.__cause__, "sqlite_errorcode", None)
    if code is not None:
        by_message = (cause for text, cause in SQLITE_MESSAGES.items() if str(error).startswith(text))
        return SQLITE.get(code & PRIMARY) or next(by_message, None)
    return NO_ANSWER if isinstance(error, (OperationalError, InterfaceError)) or type(error) is DatabaseError else None


def table_of(error: Error) -> str:
    """Return the name of the table that a message ends with, quoted; an empty text where it names none."""
    names = [mysql or sqlite for mysql, sqlite in QUOTED.findall(str(error.args[-1] if error.args else ""))]
    table = names[-1].rpartition(".")[2] if names else ""
    return repr(table) if IDENTIFIER.fullmatch(table) else ""


def database_of_error() -> str:
    """Return the name of the database that has failed, "A database" where Django marks none, or several."""
    failed = [each.alias for each in connections.all(initialized_only=True) if each.errors_occurred]
    return NAMES.get(failed[0], "A database") if len(failed) == 1 else "A database"


class ErrorLog:
    """Logs each cause with its traceback once in an interval, and how often it was left out since.

    Args:
        interval: In seconds.
    """

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.lock = Lock()
        # When each was logged last, and how often it came since.
        self.logged: dict[Hashable, tuple[float, int]] = {}

    def log(self, key: Hashable, message: str, error: Error) -> None:
        now = monotonic()
        with self.lock:
            time, suppressed = self.logged.get(key, (-self.interval, 0))
            is_due = now - time >= self.interval
            self.logged[key] = (now, 0) if is_due else (time, suppressed + 1)
        if is_due:
            more = f" {suppressed} further errors of this kind were not logged." if suppressed else ""
            logger.error("%s%s", message, more, exc_info=error)


error_log: Final = ErrorLog(LOG_INTERVAL)


def sentence(cause: Cause, database: str, error: Error) -> str:
    """Return a cause's detail for a database and the table that an error names."""
    return " ".join(cause.detail.format(database=database, table=table_of(error)).split()).replace(" .", ".")


def explain(error: Error) -> tuple[str, str] | None:
    """Return the error code and the detail of the response to a request that a database error ended; log the error.

    Returns:
        None where the statement is at fault, not the database.
    """
    cause = cause_of(error)
    if cause is None:
        return None
    if cause is TABLE_MISSING:
        # It may be one that a database need not have, and that was there when its columns were looked up.
        introspection.columns.cache_clear()
    detail = sentence(cause, database_of_error(), error)
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    error_log.log((detail, type(error), number), detail, error)
    return cause.code, detail
