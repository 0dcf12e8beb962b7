"""Which databases failed a request."""

from django.db import connections


def databases_in_error() -> list[str]:
    """Return the databases, by their keys in the setting ``DATABASES``, that failed in this thread's request.

    To be called before the response is closed, when Django checks its connections.
    """
    failed = []
    for connection in connections.all(initialized_only=True):
        # Django sets it where the driver raises an error that may have made the connection unusable.
        if connection.errors_occurred:
            failed.append(connection.alias)
            if connection.connection is None:
                # Django does not check a connection that could not be made: the flag would stay for later requests.
                connection.errors_occurred = False
    return failed
