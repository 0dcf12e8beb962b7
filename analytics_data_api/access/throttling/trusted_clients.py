"""Which keys have been used from where, so that those who guess keys there lock nobody out."""

from hashlib import blake2b
from threading import Lock
from time import monotonic
from typing import Final

from analytics_data_api.access.throttling import counters

# Senders that a process remembers, and seconds for which every process does once it matters.
REMEMBERED_CLIENTS: Final = 10_000
REMEMBERED_FOR: Final = 7 * 24 * 3600
# Seconds after which it is looked anew whether it matters.
LOOK_INTERVAL: Final = 10.0

# A network and what a key is known by; no key is kept itself.
ClientKey = tuple[str, bytes]


class Memory:
    """The senders that a process has met last, up to a number of them, and when it has looked at each."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.looked: dict[ClientKey, float] = {}
        self.lock = Lock()

    def add(self, client_key: ClientKey) -> None:
        with self.lock:
            self.looked.pop(client_key, None)
            self.looked[client_key] = monotonic()
            if len(self.looked) > self.size:
                del self.looked[next(iter(self.looked))]

    def has(self, client_key: ClientKey) -> bool:
        return client_key in self.looked

    def has_lately(self, client_key: ClientKey) -> bool:
        looked = self.looked.get(client_key)
        return looked is not None and monotonic() - looked < LOOK_INTERVAL


memory: Final = Memory(REMEMBERED_CLIENTS)


def client_key(network: str, key: str) -> ClientKey:
    return network, blake2b(key.encode(), digest_size=16).digest()


def is_trusted(client_key: ClientKey, user_id: int) -> bool:
    """Tell whether a key has come from a network before; if so, have every process know it.

    Args:
        client_key: The network and the key.
        user_id: The user whom the key belongs to.

    Raises:
        django.db.Error: The database does not answer.
    """
    subject = f"trusted_clients {client_key[0]} {user_id}"
    if memory.has(client_key):
        counters.note(subject, REMEMBERED_FOR)
        return True
    return counters.is_noted(subject)
