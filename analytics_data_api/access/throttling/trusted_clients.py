"""Which keys were used in which networks, so that a client that guesses keys does not lock out the others there."""

from threading import Lock
from time import monotonic
from typing import Final, NamedTuple

from analytics_data_api.access.throttling import counters

# Client keys that a process remembers, and seconds for which the database does.
MAX_CLIENT_KEYS: Final = 10_000
DATABASE_TTL: Final = 7 * 24 * 3600
# Seconds for which the limit of a network is not read again for the same key.
RECENT: Final = 10.0


class ClientKey(NamedTuple):
    """A network, and the hash of a key that was used there; the key itself is not kept."""

    network: str
    digest: bytes


class Memory:
    """The client keys that a process used last, up to a number of them, with the time of their last query."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.queried: dict[ClientKey, float] = {}
        self.lock = Lock()

    def add(self, client_key: ClientKey) -> None:
        with self.lock:
            self.queried.pop(client_key, None)
            self.queried[client_key] = monotonic()
            if len(self.queried) > self.size:
                del self.queried[next(iter(self.queried))]

    def has(self, client_key: ClientKey) -> bool:
        return client_key in self.queried

    def is_recent(self, client_key: ClientKey) -> bool:
        """Return whether a client key was added within the last few seconds."""
        queried = self.queried.get(client_key)
        return queried is not None and monotonic() - queried < RECENT

    def clear(self) -> None:
        with self.lock:
            self.queried.clear()


memory: Final = Memory(MAX_CLIENT_KEYS)


def is_trusted(client_key: ClientKey, user_id: int) -> bool:
    """Return whether a key was used in a network before; a process that remembers it notes it for the others.

    Args:
        client_key: The network and the key.
        user_id: The primary key of the key's user.

    Raises:
        django.db.Error: The database does not answer.
    """
    subject = f"trusted_clients {client_key.network} {user_id}"
    if memory.has(client_key):
        counters.note(subject, DATABASE_TTL)
        return True
    return counters.is_noted(subject)
