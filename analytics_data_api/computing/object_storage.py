"""A store in object storage: Amazon S3, and what has its interface.

Objects are written whole, and there is no rename: files that count are those that a record of the store lists, and the
record is written last.

The lock is an object that is only written under conditions: that there is none, or that it is still the one that was
seen. Its owner writes it again all the time; one that was not written for ``SECONDS_TO_EXPIRE`` is taken over. An owner
that finds that it has lost the lock, or may have, writes nothing more.

Credentials, and the address of storage that is not Amazon's, are found on each machine by the AWS SDK's own ways:
variables such as AWS_ENDPOINT_URL, profiles, roles of machines.
"""

import logging
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from analytics_data_api.computing.errors import StoreError, UnreachableError, reason_of
from analytics_data_api.computing.places import NEW, files_below, owner_of

if TYPE_CHECKING:
    import duckdb

LOCK: Final = "lock"
SECONDS_TO_RENEW: Final = 30
SECONDS_TO_EXPIRE: Final = 300
# An owner that could not renew its lock stops this long before others may take it.
SECONDS_OF_MARGIN: Final = 60
# How many files are sent at a time, and the size of the pieces of large ones.
UPLOADS: Final = 8
PIECE_SIZE: Final = 8 * 2**20


class ObjectPlace:
    """A place in a bucket.

    Attributes:
        bucket: The name of the bucket.
        prefix: What the names of its objects begin with, before a slash; empty for the whole bucket.
        held: The lock, while this process has it.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self.held: ObjectLock | None = None
        self.contents: dict[tuple[str, str], bytes] = {}

    def __reduce__(self) -> tuple[type["ObjectPlace"], tuple[str, str]]:
        return ObjectPlace, (self.bucket, self.prefix)

    @property
    def name(self) -> str:
        return f"s3://{self.root}"

    @property
    def needs(self) -> str:
        return "Each machine of the cluster needs the package s3fs, and credentials for the bucket."

    @property
    def root(self) -> str:
        return f"{self.bucket}/{self.prefix}".rstrip("/")

    def path(self, name: str) -> str:
        return f"{self.root}/{name}"

    @cached_property
    def files(self) -> Any:
        """The file system, one for this process: each makes a client of its own, which takes most of a second.

        It remembers what it has listed until it writes there, or the lock is acquired.
        """
        try:
            import s3fs
        except ImportError as error:
            raise UnreachableError(f"A store in s3:// takes the package s3fs: {error}.") from None
        for name in ("aiobotocore", "botocore"):
            # They log where they find credentials.
            logging.getLogger(name).setLevel(logging.WARNING)
        # Readers of Parquet files ask for what they need; nothing is to be read ahead.
        return s3fs.S3FileSystem(default_cache_type="none")

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Raise an UnreachableError in place of what the file system raises, but for a file that is missing."""
        _ = self.files
        from aiohttp import ClientError
        from botocore.exceptions import BotoCoreError

        try:
            yield
        except StoreError:
            raise
        except (OSError, BotoCoreError, ClientError, ValueError) as error:
            if isinstance(error, FileNotFoundError) and code_of(error) != "NoSuchBucket":
                raise
            raise UnreachableError(f"The event store {self.name} cannot be reached: {reason_of(error)}") from error

    def require_lock(self) -> None:
        """Raise a StoreError if this process had the lock and has lost it."""
        if self.held is not None:
            self.held.require()

    def top(self) -> list[str]:
        with self.reached(), suppress(FileNotFoundError):
            paths = [str(path).rstrip("/") for path in self.files.ls(self.root, detail=False)]
            # The folder may be an object, too.
            return [path.removeprefix(self.path("")) for path in paths if path != self.root]
        return []

    def names(self) -> list[str]:
        with self.reached():
            return [str(path).removeprefix(self.path("")) for path in self.files.find(self.root)]

    def url(self, name: str) -> str:
        return f"{self.name}/{name}"

    def register(self, connection: "duckdb.DuckDBPyConnection") -> None:
        if not connection.filesystem_is_registered("s3"):
            connection.register_filesystem(self.files)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        with self.reached(), self.files.open(self.path(name), "rb") as file:
            yield file

    def read(self, name: str) -> bytes:
        with self.reached():
            return bytes(self.files.cat_file(self.path(name)))

    def read_all(self, folder: str) -> list[bytes]:
        with self.reached():
            try:
                found = self.files.ls(self.path(folder), detail=True)
            except FileNotFoundError:
                return []
            versions = sorted((each["name"], each["ETag"]) for each in found if each["name"].endswith(".json"))
            missing = [path for path, version in versions if (path, version) not in self.contents]
            fetched = self.files.cat(missing, batch_size=UPLOADS) if missing else {}
            self.contents = {each: self.contents.get(each) or bytes(fetched[each[0]]) for each in versions}
            return list(self.contents.values())

    def fetch(self, name: str, folder: Path) -> Path:
        target = folder / name.rpartition("/")[2]
        with self.reached():
            self.files.get_file(self.path(name), str(target))
        return target

    def write(self, name: str, data: bytes) -> None:
        self.require_lock()
        with self.reached():
            self.files.pipe_file(self.path(name), data)

    def add(self, folder: Path, into: str = "", *, durable: bool = False) -> None:
        self.require_lock()
        paths = files_below(folder)
        targets = [self.path(str(Path(into) / path.relative_to(folder))) for path in paths]
        if paths:
            with self.reached():
                self.files.put([str(path) for path in paths], targets, batch_size=UPLOADS, chunksize=PIECE_SIZE)
        for path in paths:
            path.unlink()

    def remove(self, names: Iterable[str]) -> None:
        self.require_lock()
        paths = [self.path(name) for name in names]
        if paths:
            with self.reached():
                self.files.rm(paths)

    def remove_temporary(self) -> None:
        self.remove_beginning(NEW)

    def remove_beginning(self, text: str) -> None:
        with self.reached():
            found = self.files.find(self.root, prefix=text)
        self.remove(str(path).removeprefix(self.path("")) for path in found)

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=NEW))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            # What is left, a later command removes.
            with suppress(StoreError, FileNotFoundError):
                self.remove_beginning(f"{folder.name}/")

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        lock = ObjectLock(self, owner_of(command))
        lock.acquire()
        # Others may have written before.
        self.files.invalidate_cache()
        self.held = lock
        try:
            yield
        finally:
            self.held = None
            lock.release()

    def default_key_file(self) -> Path:
        raise StoreError(
            f"The key of the hash of user names does not lie in the event store {self.name}: name a file on this "
            "machine in EVENT_STORE_KEY_FILE."
        )


class ObjectLock:
    """The lock of a store.

    Attributes:
        place: The place of the store.
        owner: Who takes the lock.
        token: What tells owners apart.
        version: The ETag of the object that this process has written last.
        renewed: When that was, by the monotonic clock.
        is_lost: Whether another process was found to have the lock.
    """

    def __init__(self, place: ObjectPlace, owner: str) -> None:
        self.place = place
        self.owner = owner
        self.token = secrets.token_hex(16)
        self.version = ""
        self.renewed = 0.0
        self.is_lost = False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.keep, name="lock", daemon=True)

    def call(self, method: str, **arguments: Any) -> Any:
        key = f"{self.place.prefix}/{LOCK}".lstrip("/")
        with self.place.reached():
            return self.place.files.call_s3(method, Bucket=self.place.bucket, Key=key, **arguments)

    def put(self, owner: str, **condition: str) -> bool:
        """Write the object under a condition, and return whether that held."""
        started = time.monotonic()
        try:
            # Each time other contents, and so another ETag.
            body = f"{owner}\n{secrets.token_hex(16)}\n".encode()
            written = self.call("put_object", Body=body, Metadata={"owner": owner, "token": self.token}, **condition)
        except (UnreachableError, FileNotFoundError) as error:
            if code_of(error) in {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "412"}:
                return False
            raise
        self.version, self.renewed = written["ETag"], started
        return True

    def look(self) -> tuple[dict[str, str], str, float] | None:
        """Return what is known of the owner, the version, and the seconds since it was written; None if there is none.

        Both times are the storage's, so that clocks of machines do not matter.
        """
        try:
            head = self.call("head_object")
        except FileNotFoundError:
            return None
        now = parsedate_to_datetime(head["ResponseMetadata"]["HTTPHeaders"]["date"])
        return head["Metadata"], head["ETag"], (now - head["LastModified"]).total_seconds()

    def acquire(self) -> None:
        """Take the lock, and keep it from now on; raises a StoreError if another command has it."""
        if not self.put(self.owner, IfNoneMatch="*"):
            seen, version, age = self.look() or ({}, "", 0.0)
            if seen.get("token") != self.token:
                if seen.get("owner") and age < SECONDS_TO_EXPIRE:
                    raise StoreError(
                        f"The event store {self.place.name} is in use by {seen['owner']}, which was there "
                        f"{max(age, 0):.0f} s ago. Wait until it has ended. If it was killed, the store is free "
                        f"{SECONDS_TO_EXPIRE} s after it was there last."
                    )
                if not self.put(self.owner, IfMatch=version):
                    raise StoreError(
                        f"The event store {self.place.name} is in use: another command took it at the same time. "
                        "Wait until it has ended."
                    )
            else:
                # An answer was lost, and the request was repeated.
                self.version, self.renewed = version, time.monotonic()
        if self.put(self.owner, IfNoneMatch="*") or self.put(self.owner, IfMatch=f'"{self.token}"'):
            raise StoreError(
                f"The object storage of {self.place.name} ignores the conditions If-None-Match and If-Match of PUT. "
                "Without them, nothing keeps two commands from writing into one store at a time."
            )
        self.thread.start()

    def keep(self) -> None:
        """Renew the lock until it is released or lost."""
        while not self.ended.wait(SECONDS_TO_RENEW):
            # A store that cannot be reached for a while may be reached the next time.
            with suppress(StoreError, FileNotFoundError):
                if not self.renew():
                    self.is_lost = True
                    return

    def renew(self) -> bool:
        """Write the object again, and return whether this process still has the lock."""
        if self.put(self.owner, IfMatch=self.version):
            return True
        seen, version, age = self.look() or ({}, "", 0.0)
        if seen.get("token") == self.token:
            # An answer was lost, and the request was repeated.
            self.version, self.renewed = version, time.monotonic() - age
            return True
        return False

    def require(self) -> None:
        """Raise a StoreError if another process has the lock, or may have it."""
        age = time.monotonic() - self.renewed
        if self.is_lost or age > SECONDS_TO_EXPIRE - SECONDS_OF_MARGIN:
            raise UnreachableError(
                f"The lock of the event store {self.place.name} was lost: it could not be renewed for {age:.0f} s, and "
                "another command may have taken it. Nothing more was written. Run the command again."
            )

    def release(self) -> None:
        """Give the lock back, if this process still has it."""
        self.ended.set()
        self.thread.join()
        if not self.is_lost:
            # Otherwise it expires.
            with suppress(StoreError, FileNotFoundError):
                self.put("", IfMatch=self.version)


def code_of(error: BaseException | None) -> str:
    """Return the code with which the storage has refused a request: that of the error, or of its cause."""
    while error is not None:
        response = getattr(error, "response", None)
        if response:
            return str(response.get("Error", {}).get("Code", ""))
        error = error.__cause__
    return ""
