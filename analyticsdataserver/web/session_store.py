"""Sessions in the database of users."""

from typing import Any

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from analytics_data_api.tables.retry import LOST, REFUSED, repeated_after


class SessionStore(DatabaseStore):
    """Django's, which writes once more if that met another transaction, or the node of a cluster broke off.

    Writing the same session twice does no harm.
    """

    @repeated_after(LOST | REFUSED)
    def save(self, *args: Any, **kwargs: Any) -> None:
        super().save(*args, **kwargs)

    @repeated_after(LOST | REFUSED)
    def delete(self, *args: Any, **kwargs: Any) -> None:
        super().delete(*args, **kwargs)
