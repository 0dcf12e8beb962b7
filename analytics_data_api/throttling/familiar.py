"""Which keys have been used from where, so that those who guess keys there lock nobody out."""

from hashlib import blake2b
from threading import Lock
from time import monotonic
from typing import Final

from analytics_data_api.throttling import counters

# Senders that a process remembers, and seconds for which every process does once it matters.
REMEMBERED_SENDERS: Final = 10_000
REMEMBERED_FOR: Final = 7 * 24 * 3600
# Seconds after which it is looked anew whether it matters.
LOOK_INTERVAL: Final = 10.0

# A network and what a key is known by; no key is kept itself.
Sender = tuple[str, bytes]


class Memory:
    """The senders that a process has met last, up to a number of them, and when it has looked at each."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.looked: dict[Sender, float] = {}
        self.lock = Lock()

    def add(self, sender: Sender) -> None:
        with self.lock:
            self.looked.pop(sender, None)
            self.looked[sender] = monotonic()
            if len(self.looked) > self.size:
                del self.looked[next(iter(self.looked))]

    def has(self, sender: Sender) -> bool:
        return sender in self.looked

    def has_lately(self, sender: Sender) -> bool:
        looked = self.looked.get(sender)
        return looked is not None and monotonic() - looked < LOOK_INTERVAL


memory: Final = Memory(REMEMBERED_SENDERS)


def sender(network: str, key: str) -> Sender:
    return network, blake2b(key.encode(), digest_size=16).digest()


def is_familiar(sender: Sender, user_id: int) -> bool:
    """Tell whether a key has come from a network before; if so, have every process know it.

    Args:
        sender: The network and the key.
        user_id: The user whom the key belongs to.

    Raises:
        django.db.Error: The database does not answer.
    """
    subject = f"familiar {sender[0]} {user_id}"
    if memory.has(sender):
        counters.note(subject, REMEMBERED_FOR)
        return True
    return counters.is_noted(subject)
