"""The keyed hash of user names in the event store.

The key lies outside the store, so that a copy of the store alone is not enough to find the hash of a guessed name.
"""

import hashlib
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from analytics_data_api.computing.errors import StoreError

KEY_BYTES: Final = 32
HASH_BYTES: Final = 16
# One hash is of a name, the other of nothing: neither can be taken for the other.
NAME: Final = b"name"
CHECK: Final = b"check"


class NameKey:
    """The key of the hash of user names.

    Attributes:
        check: What a store keeps of the key, to recognise it.
    """

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.check = hashlib.blake2b(digest_size=HASH_BYTES, key=key, person=CHECK).hexdigest()
        # Users come back all the time.
        self.hash = lru_cache(100_000)(self._hash)

    def _hash(self, name: str) -> str:
        """Return the hash of a user name."""
        return hashlib.blake2b(name.encode(), digest_size=HASH_BYTES, key=self.key, person=NAME).hexdigest()

    @classmethod
    def create(cls, path: Path) -> Self:
        """Return the key in a file, which is made, readable for its owner only, where there is none.

        Raises:
            StoreError: The file cannot be read or written, or holds something else.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls.read(path)
        except OSError as error:
            raise StoreError(f"The key {path} of the hash of user names cannot be written: {error}.") from error
        key = secrets.token_bytes(KEY_BYTES)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(descriptor)
        return cls(key)

    @classmethod
    def read(cls, path: Path, check: str | None = None) -> Self:
        """Return the key in a file.

        Args:
            path: The file.
            check: What a store has kept of its key.

        Raises:
            StoreError: The file is missing, or does not hold a key, or not the one of the store.
        """
        try:
            key = bytes.fromhex(path.read_text())
        except FileNotFoundError:
            raise StoreError(
                f"The key of the hash of user names, {path}, is missing. Put it back, or name its file in "
                "EVENT_STORE_KEY_FILE. If it is lost, remove the store and read the logs again."
            ) from None
        except (OSError, ValueError) as error:
            raise StoreError(f"The key of the hash of user names, {path}, cannot be read: {error}.") from None
        if len(key) != KEY_BYTES:
            raise StoreError(f"{path} does not hold a key of the hash of user names: 64 hexadecimal digits.")
        found = cls(key)
        if check is not None and found.check != check:
            raise StoreError(f"The key in {path} is not the one with which this store has hashed user names.")
        return found
