"""Reading again after a database connection has broken, or a table has got another layout."""

from time import monotonic
from typing import Final

from django.db import Error, InterfaceError, connections

from analytics_data_api.http.database_errors import COLUMN_MISSING, TABLE_MISSING, cause_of
from analytics_data_api.tables import introspection

# MySQL and MariaDB: gone away, lost during a query, killed, lost (with a system error), closed after a timeout.
LOST: Final = {2006, 2013, 1927, 2055, 4031}

# Seconds after which a read is not repeated: the server hangs, or the answer takes long anyhow.
REPEATED_WITHIN: Final = 5.0


def reconnect(alias: str, error: Error, began: float) -> bool:
    """Close a connection if it has broken; Django opens a new one for the next query.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        error: What reading raised.
        began: When reading began, by the monotonic clock.

    Returns:
        Whether to read again. Within a transaction, whose other statements are lost, it is not.
    """
    connection = connections[alias]
    lost = isinstance(error, InterfaceError) or (error.args and error.args[0] in LOST)
    if not lost or connection.in_atomic_block or monotonic() - began > REPEATED_WITHIN:
        return False
    connection.close()
    return True


def forget_layout(alias: str, error: Error) -> bool:
    """Forget which tables, columns and indexes a database had, if it lacks one that a query has named.

    A table that a database need not have may have gone, or a table may have got another layout, since they were looked
    up.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        error: What reading raised.

    Returns:
        Whether to read again.
    """
    if connections[alias].in_atomic_block or cause_of(error) not in (TABLE_MISSING, COLUMN_MISSING):
        return False
    introspection.columns.cache_clear()
    introspection.has_index.cache_clear()
    return True
