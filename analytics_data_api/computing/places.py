"""Where an event store lies, and what the commands do there: read, write, list and remove files, and keep others out.

Files have names, relative to the store, with slashes: ``files/0123.json``. A store lies in a folder, here, or in object
storage (``object_storage``). Names that begin with ``NEW`` are those of temporary files.
"""

import fcntl
import os
import re
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

from analytics_data_api.computing.errors import StoreError

if TYPE_CHECKING:
    import duckdb

# What the names of temporary files and folders begin with.
NEW: Final = "new-"
# The names of buckets that storage takes, older ones included.
S3: Final = re.compile(r"s3a?://(?P<bucket>[\w.-]{1,255})(?:/+(?P<prefix>.*?))?/*", re.ASCII)


class Place(Protocol):
    """A place of a store. It can be pickled, for the workers of a cluster, which only read and add.

    A file that is missing raises a FileNotFoundError, other faults an OSError, which is a StoreError too where the
    place is not on this machine.
    """

    @property
    def name(self) -> str:
        """The path or URL."""

    @property
    def needs(self) -> str:
        """What the machines of a cluster need to reach it, as a sentence."""

    def top(self) -> list[str]:
        """Return the names of the files and folders of the first level; none where there is nothing yet."""

    def names(self) -> list[str]:
        """Return the names of all files."""

    def url(self, name: str) -> str:
        """Return the name of a file for DuckDB."""

    def register(self, connection: "duckdb.DuckDBPyConnection") -> None:
        """Let a connection to DuckDB read files."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading."""

    def read(self, name: str) -> bytes:
        """Return the contents of a file."""

    def read_all(self, folder: str) -> list[bytes]:
        """Return the contents of the ``.json`` files of a folder, in the order of their names."""

    def fetch(self, name: str, folder: Path) -> Path:
        """Return the path of a file on this machine: itself, or a copy in a folder."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, or replace it: readers see the old contents or the new ones."""

    def add(self, folder: Path, into: str = "", *, durable: bool = False) -> None:
        """Put the files of a work folder, and of those in it, into a folder of the place.

        Args:
            folder: The work folder, which does not have them afterwards.
            into: The name of the folder; by default the place itself.
            durable: Whether they have to outlast a failure of power.
        """

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, if they are there."""

    def remove_temporary(self) -> None:
        """Remove all temporary files."""

    def work_folder(self) -> AbstractContextManager[Path]:
        """Make a folder on this machine for temporary files, and remove it at the end.

        Files that are added into the folder of its name in the place are temporary as well, and are removed with it.
        """

    def lock(self, command: str) -> AbstractContextManager[None]:
        """Keep other commands out; raises a StoreError, which names it, if one is in."""

    def default_key_file(self) -> Path:
        """Return where the key of the hash of user names lies unless a setting names its file."""


@dataclass(frozen=True)
class LocalPlace:
    """A folder, which may be on a file system that machines share. Folders have the mode 0700, files 0600."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def needs(self) -> str:
        return (
            "The store has to be on a file system that all machines of the cluster share, under one path, and belong "
            "to the user of Spark."
        )

    def top(self) -> list[str]:
        return [path.name for path in self.path.iterdir()] if self.path.exists() else []

    def names(self) -> list[str]:
        return [path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file()]

    def url(self, name: str) -> str:
        return str(self.path / name)

    def register(self, connection: "duckdb.DuckDBPyConnection") -> None:
        pass

    def open(self, name: str) -> IO[bytes]:
        return (self.path / name).open("rb")

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def read_all(self, folder: str) -> list[bytes]:
        return [path.read_bytes() for path in sorted((self.path / folder).glob("*.json"))]

    def fetch(self, name: str, folder: Path) -> Path:
        return self.path / name

    def write(self, name: str, data: bytes) -> None:
        target = self.path / name
        make_folder(target.parent)
        beside = self.path / f"{NEW}{secrets.token_hex(8)}"
        with open_private(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)

    def add(self, folder: Path, into: str = "", *, durable: bool = False) -> None:
        for path in files_below(folder):
            target = self.path / into / path.relative_to(folder)
            make_folder(target.parent)
            path.replace(target)
        if durable:
            # All at once, which is faster than each of many files.
            os.sync()

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def remove_temporary(self) -> None:
        for path in self.path.glob(f"{NEW}*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=NEW, dir=self.path))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        # The operating system releases the lock of a process that has ended.
        with open_private(self.path / "lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                owner = file.read().strip() or "another command"
                raise StoreError(
                    f"The event store {self.name} is in use by {owner}. Wait until it has ended."
                ) from None
            file.truncate(0)
            file.write(owner_of(command))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def default_key_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.key")


def find_place(text: Path | str) -> Place:
    """Return the place that a path, or a URL ``s3://bucket/prefix``, names.

    Raises:
        StoreError: The URL is another one.
    """
    found = S3.fullmatch(str(text))
    if found:
        from analytics_data_api.computing.object_storage import ObjectPlace

        return ObjectPlace(found["bucket"], found["prefix"] or "")
    if "://" in str(text):
        raise StoreError(f"An event store is a folder, or s3://bucket/prefix: {text} is neither.")
    return LocalPlace(Path(text).absolute())


def owner_of(command: str) -> str:
    """Return how the owner of a lock is named in messages."""
    return f"{command}, process {os.getpid()} on {socket.gethostname()}"


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of those in it."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that only its owner can open, where it does not exist."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file, which only its owner can read if it is made here."""
    opener: Callable[[str, int], int] = lambda name, flags: os.open(name, flags, 0o600)  # noqa: E731 - typed
    return open(path, mode, opener=opener)
