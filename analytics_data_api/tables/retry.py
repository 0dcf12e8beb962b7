"""Running again what a database has not done, because a connection broke, a node was away, or transactions met.

The numbers are those of MySQL and MariaDB; no other database raises such errors.
"""

from collections.abc import Callable, Collection
from functools import wraps
from time import monotonic
from typing import Final, ParamSpec, TypeVar

from django.db import Error, InterfaceError, OperationalError, connections

# Gone away, lost during a query, killed, lost (with a system error), closed after a timeout.
LOST: Final = frozenset({2006, 2013, 1927, 2055, 4031})
# The node of a cluster is not synced with the others. It has refused the statement.
NOT_READY: Final = 1047
# The transaction met another one, on this node or on another, and was rolled back.
CONFLICT: Final = 1213
# What was not done at all.
REFUSED: Final = frozenset({NOT_READY, CONFLICT})

# Seconds after which a read is not repeated: the server hangs, or the answer takes long anyhow.
REPEATED_WITHIN: Final = 5.0

P = ParamSpec("P")
T = TypeVar("T")


def number_of(error: BaseException) -> int | None:
    """Return the number of an error of MySQL or MariaDB; None for another one."""
    number = error.args[0] if error.args else None
    return number if isinstance(number, int) else None


def reconnect(alias: str, error: Error, began: float) -> bool:
    """Close a connection if it has broken, or led to a node that is away; Django opens a new one for the next query.

    Args:
        alias: The database, by its key in the setting ``DATABASES``.
        error: What reading raised.
        began: When reading began, by the monotonic clock.

    Returns:
        Whether to read again. Within a transaction, whose other statements are lost, it is not.
    """
    connection = connections[alias]
    lost = isinstance(error, InterfaceError) or number_of(error) in LOST | REFUSED
    if not lost or connection.in_atomic_block or monotonic() - began > REPEATED_WITHIN:
        return False
    connection.close()
    return True


def repeated_after(numbers: Collection[int]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function that writes in a transaction of its own, to be called once more after certain errors.

    The second call has a new connection. Within another transaction, there is no second call.

    Args:
        numbers: The errors: REFUSED; also LOST, after which the first call may have written, if writing twice does no
            harm.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return function(*args, **kwargs)
            except OperationalError as error:
                used = connections.all(initialized_only=True)
                if number_of(error) not in numbers or any(connection.in_atomic_block for connection in used):
                    raise
            for connection in used:
                if connection.errors_occurred:
                    connection.close()
            return function(*args, **kwargs)

        return call

    return decorated
