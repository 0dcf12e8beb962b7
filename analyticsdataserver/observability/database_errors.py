"""Which database it is that fails."""

from django.db import connections


def databases_in_error() -> list[str]:
    """Return the databases, by their keys in the setting ``DATABASES``, that have failed this thread's request.

    To be called before the request is over, when Django looks after its connections.
    """
    failed = []
    for connection in connections.all(initialized_only=True):
        # Django marks a connection where the driver raises an error that may have made it unusable.
        if connection.errors_occurred:
            failed.append(connection.alias)
            if connection.connection is None:
                # A connection that could not be made is not looked after: its mark would stay for later requests.
                connection.errors_occurred = False
    return failed
