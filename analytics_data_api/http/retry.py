"""Reading again after a table has got another layout."""

from django.db import Error, connections

from analytics_data_api.http.database_errors import COLUMN_MISSING, TABLE_MISSING, cause_of
from analytics_data_api.tables import introspection


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
