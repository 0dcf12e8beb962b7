"""The event store: what the tables need of tracking logs, as Parquet files by day.

Layout of the folder::

    store.json                            the version of the layout, the check of the key, users who are forgotten
    lock                                  who has the store open: command, process, host
    files/<file id>.json                  a record of each log that was read
    <kind>/date=YYYY-MM-DD/<file id>.parquet   its rows of a kind and day: a part

The record is written last and lists the parts: a part that no record lists is left over from a run that was ended, is
ignored by readers, and is removed by the next run. Folders have the mode 0700, files 0600.

A log that is in the store twice, by its lines in files of different contents, has its rows here twice. What is computed
from them must not depend on that.
"""

import fcntl
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.user_names import NameKey

if TYPE_CHECKING:
    import duckdb

VERSION: Final = 1
COMPRESSION: Final = "zstd"
# What the names of temporary files and folders begin with.
NEW: Final = "new-"
# What DuckDB reads as more than the name of a file.
WILDCARDS: Final = frozenset("*?[")


@dataclass(frozen=True)
class Kind:
    """A kind of rows.

    Attributes:
        name: Its folder.
        columns: The columns of its files. The day, ``date``, is in the name of the folder.
        order: The columns by which the rows of a file are sorted.
    """

    name: str
    columns: pa.Schema
    order: tuple[str, ...]


TEXT, INTEGER, NUMBER, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

# What a user did in a course: each label once for a file and day. One of ACTIVE, ATTEMPTED_PROBLEM, POSTED_FORUM and
# PLAYED_VIDEO.
ACTIVITY: Final = Kind(
    "activity",
    pa.schema({"course_id": TEXT, "user_id": INTEGER, "label": TEXT}),
    ("course_id", "user_id", "label"),
)
# An enrollment that changed. The type is activated, deactivated or mode_changed.
ENROLLMENT: Final = Kind(
    "enrollment",
    pa.schema({"course_id": TEXT, "user_id": INTEGER, "mode": TEXT, "type": TEXT, "time": TEXT}),
    ("course_id", "user_id", "time", "type", "mode"),
)
# An event of a video player. The type is play, pause, seek or stop. The position is a seek's new_time; only seeks have
# an old_position, and only plays whose video has a known duration have that.
VIDEO: Final = Kind(
    "video",
    pa.schema(
        {
            "course_id": TEXT,
            "user_id": INTEGER,
            "video_id": TEXT,
            "type": TEXT,
            "time": TEXT,
            "position": NUMBER,
            "old_position": NUMBER,
            "duration": NUMBER,
        }
    ),
    ("course_id", "video_id", "user_id", "time", "type", "position"),
)
# A part of an answer to a problem: of a problem_check event, one row for each id in ``answers`` that counts, or one
# whose part_id is null. ``event`` tells events of one user and time apart: a digest of all that is kept of the event. A
# list is one text, ``[a|b]``. ``value_id`` is the raw answer where there is a submission and its answer differs.
# ``answer`` is the answer as it is; ``text`` has no white space around it; ``plain`` has neither that nor mark-up, and
# entities are resolved, which is what describes a value that has a value_id. Both are null where that leaves nothing.
# Without a submission, question, input_type and response_type are null. An empty variant is null. ``user_id`` serves to
# forget users alone: it may be null, and who answered is the hash.
ANSWERS: Final = Kind(
    "answers",
    pa.schema(
        {
            "course_id": TEXT,
            "problem_id": TEXT,
            "username_hash": TEXT,
            "user_id": INTEGER,
            "time": TEXT,
            "event": TEXT,
            "part_id": TEXT,
            "has_submission": FLAG,
            "answer": TEXT,
            "text": TEXT,
            "plain": TEXT,
            "value_id": TEXT,
            "correct": FLAG,
            "variant": TEXT,
            "question": TEXT,
            "input_type": TEXT,
            "response_type": TEXT,
            "display_name": TEXT,
        }
    ),
    ("course_id", "problem_id", "username_hash", "time", "event", "part_id"),
)
# The country of a user's newest event of a file and day: an ISO 3166 alpha-2 code, or UNKNOWN.
LOCATION: Final = Kind(
    "location",
    pa.schema({"user_id": INTEGER, "time": TEXT, "country": TEXT}),
    ("user_id",),
)

KINDS: Final = {kind.name: kind for kind in (ACTIVITY, ENROLLMENT, VIDEO, ANSWERS, LOCATION)}


@dataclass
class FileRecord:
    """What was read of a log.

    Attributes:
        file_id: The digest of its contents, uncompressed.
        name: Where it was read.
        read: When, in UTC.
        size: The number of bytes of its contents.
        versions: What tells quickly that a file holds these contents: digests of files as they lie, compressed or not,
            and identities of remote files.
        lines: The number of lines.
        kept: The number of lines of which something is kept.
        of_no_use: The numbers of lines that no table needs, by reason.
        refused: The numbers of lines that cannot be read, by reason.
        dropped: For each kind, the numbers of events that would be its rows but lack something, by reason.
        has_location: Whether countries were looked up.
        days: For each kind, the days of which there is a part.
    """

    file_id: str
    name: str
    read: str = ""
    size: int = 0
    versions: list[str] = field(default_factory=list)
    lines: int = 0
    kept: int = 0
    of_no_use: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, dict[str, int]] = field(default_factory=dict)
    has_location: bool = False
    days: dict[str, list[str]] = field(default_factory=dict)


class EventStore:
    """An event store in a folder.

    Attributes:
        path: The folder.
        name_key: The key of the hash of user names; None where it is not needed.
    """

    def __init__(self, path: Path, name_key: NameKey | None, state: dict[str, Any]) -> None:
        self.path = path
        self.name_key = name_key
        self.state = state

    @classmethod
    def create(cls, path: Path, key_file: Path | None = None) -> Self:
        """Return the store in a folder, which is made where there is none.

        Args:
            path: The folder.
            key_file: The file of the key of the hash of user names, which a new store makes; by default, it lies beside
                the folder.

        Raises:
            StoreError: The folder holds something else, the key is not the store's, or either cannot be written.
        """
        if WILDCARDS & set(str(path)):
            raise StoreError(f"The path of an event store cannot contain * ? or [: {path}.")
        path = path.absolute()
        try:
            make_folder(path)
            if not (path / "store.json").exists():
                if any(path.iterdir()):
                    raise StoreError(f"{path} is no event store, and holds other files. Name an empty or a new folder.")
                key = NameKey.create(key_file or default_key_file(path))
                write_json(path / "store.json", {"version": VERSION, "time_zone": "UTC", "key_check": key.check})
        except OSError as error:
            raise StoreError(f"The event store {path} cannot be written: {error}.") from error
        return cls.open(path, key_file, needs_key=True)

    @classmethod
    def open(cls, path: Path, key_file: Path | None = None, *, needs_key: bool = False) -> Self:
        """Return the store in a folder.

        Args:
            path: The folder.
            key_file: The file of the key of the hash of user names; beside the folder by default.
            needs_key: Whether names are to be hashed. Otherwise the key is not read.

        Raises:
            StoreError: There is no store of this version, or the key is missing or is not the store's.
        """
        try:
            state = json.loads((path / "store.json").read_bytes())
        except FileNotFoundError:
            raise StoreError(f"There is no event store in {path}. `./manage.py ingest_logs` makes it.") from None
        except (OSError, ValueError) as error:
            raise StoreError(f"The event store {path} cannot be read: {error}.") from error
        if state.get("version") != VERSION:
            raise StoreError(
                f"The event store {path} has the layout {state.get('version')}, and this version reads {VERSION}. Name "
                "a new folder, and read the logs again."
            )
        key = NameKey.read(key_file or default_key_file(path), state["key_check"]) if needs_key else None
        return cls(path, key, state)

    @property
    def forgotten_users(self) -> frozenset[int]:
        """The ids of users of whom nothing is kept."""
        return frozenset(self.state.get("forgotten_users", ()))

    @property
    def forgotten_names(self) -> frozenset[str]:
        """The hashes of their names, as far as they are known."""
        return frozenset(self.state.get("forgotten_names", ()))

    def forget(self, users: Iterable[int], names: Iterable[str]) -> None:
        """Keep nothing of users from now on.

        Args:
            users: Their ids.
            names: The hashes of their names, as far as they are known.
        """
        self.state["forgotten_users"] = sorted(self.forgotten_users | set(users))
        self.state["forgotten_names"] = sorted(self.forgotten_names | set(names))
        write_json(self.path / "store.json", self.state)

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Keep other commands out of the store.

        The operating system releases the lock of a process that has ended.

        Args:
            command: The name of the command, for the message to another one.

        Raises:
            StoreError: Another command has the lock.
        """
        with open_private(self.path / "lock", "a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                owner = file.read().strip() or "another command"
                raise StoreError(
                    f"The event store {self.path} is in use by {owner}. Wait until it has ended."
                ) from None
            file.truncate(0)
            file.write(f"{command}, process {os.getpid()} on {socket.gethostname()}")
            file.flush()
            # It may have been changed before the lock was free.
            self.state = json.loads((self.path / "store.json").read_bytes())
            try:
                yield
            finally:
                file.truncate(0)

    def records(self) -> list[FileRecord]:
        """Return the records of all logs that were read, sorted by file id."""
        paths = sorted((self.path / "files").glob("*.json"))
        return [FileRecord(**json.loads(path.read_bytes())) for path in paths]

    def has_location(self) -> bool:
        """Return whether the countries of any log were looked up."""
        return any(record.has_location for record in self.records())

    def days(self) -> list[date]:
        """Return the days of which there are rows of any kind, in order."""
        days = {day for record in self.records() for kind in record.days.values() for day in kind}
        return sorted(map(date.fromisoformat, days))

    def parts(self, kind: Kind, first: date | None = None, end: date | None = None) -> list[Path]:
        """Return the files of a kind.

        Args:
            kind: The kind.
            first: The first day; without it, from the beginning.
            end: The day after the last; without it, to the end.
        """
        return [
            self.part(kind, day, record.file_id)
            for record in self.records()
            for day in record.days.get(kind.name, ())
            if (first is None or day >= first.isoformat()) and (end is None or day < end.isoformat())
        ]

    def part(self, kind: Kind, day: str, file_id: str) -> Path:
        """Return the path of a file's rows of a kind and day."""
        return self.path / kind.name / f"date={day}" / f"{file_id}.parquet"

    def create_view(
        self, connection: "duckdb.DuckDBPyConnection", kind: Kind, first: date | None = None, end: date | None = None
    ) -> None:
        """Make a view, named as the kind, of its rows and their ``date`` in a connection to DuckDB.

        Args:
            connection: The connection.
            kind: The kind.
            first: The first day; without it, from the beginning.
            end: The day after the last; without it, to the end.
        """
        paths = [str(path) for path in self.parts(kind, first, end)]
        if paths:
            quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
            # No path has a wildcard: create() accepts none.
            source = f"read_parquet([{quoted}], hive_partitioning = true, hive_types = {{'date': DATE}})"
            columns = ", ".join(f'"{name}"' for name in kind.columns.names)
            connection.execute(f"CREATE OR REPLACE VIEW {kind.name} AS SELECT {columns}, date FROM {source}")  # noqa: S608
        else:
            names = {TEXT: "VARCHAR", INTEGER: "BIGINT", NUMBER: "DOUBLE", FLAG: "BOOLEAN"}
            columns = ", ".join(f'CAST(NULL AS {names[column.type]}) AS "{column.name}"' for column in kind.columns)
            connection.execute(
                f"CREATE OR REPLACE VIEW {kind.name} AS SELECT {columns}, CAST(NULL AS DATE) AS date WHERE false"
            )

    @contextmanager
    def writer(self) -> Iterator["PartWriter"]:
        """Return what adds a log: its parts are in a temporary folder until they are committed."""
        folder = Path(tempfile.mkdtemp(prefix=NEW, dir=self.path))
        try:
            yield PartWriter(self, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def write_record(self, record: FileRecord) -> None:
        """Write the record of a log, in place of the one that it has."""
        make_folder(self.path / "files")
        write_json(self.path / "files" / f"{record.file_id}.json", asdict(record))

    def clear(self) -> None:
        """Remove what runs that were ended have left: temporary folders, and parts that no record lists."""
        for folder in self.path.glob(f"{NEW}*"):
            shutil.rmtree(folder, ignore_errors=True)
        listed = {path for kind in KINDS.values() for path in self.parts(kind)}
        for kind in KINDS.values():
            for path in (self.path / kind.name).glob("date=*/*"):
                if path not in listed:
                    path.unlink()


class PartWriter:
    """Adds a log to a store.

    Attributes:
        folder: A temporary folder.
    """

    def __init__(self, store: EventStore, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.written: list[tuple[Kind, str, Path]] = []

    def write(self, kind: Kind, day: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Write a part.

        Args:
            kind: The kind of the rows.
            day: Their day.
            batches: The rows, with the columns of the kind.
        """
        path = self.folder / f"{kind.name}-{day}.parquet"
        write_part(path, kind, batches)
        self.written.append((kind, day, path))

    def commit(self, record: FileRecord) -> None:
        """Put the parts into the store, and the record at last.

        Args:
            record: What was read. Its days are set here.
        """
        record.days = {}
        for kind, day, path in self.written:
            target = self.store.part(kind, day, record.file_id)
            make_folder(target.parent)
            path.replace(target)
            record.days.setdefault(kind.name, []).append(day)
        self.store.write_record(record)


def default_key_file(path: Path) -> Path:
    """Return where the key of a store lies unless a setting names another file: beside the store, not in it."""
    path = path.absolute()
    return path.with_name(f"{path.name}.key")


def write_part(path: Path, kind: Kind, batches: Iterable[pa.RecordBatch]) -> None:
    """Write a Parquet file that only its owner can read."""
    with open_private(path, "wb") as file, pq.ParquetWriter(file, kind.columns, compression=COMPRESSION) as writer:
        for batch in batches:
            writer.write_batch(batch)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that only its owner can open, where it does not exist."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file, which only its owner can read if it is made here."""
    opener: Callable[[str, int], int] = lambda name, flags: os.open(name, flags, 0o600)  # noqa: E731
    return open(path, mode, opener=opener)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file by one with a value: readers see the old file or the new one."""
    beside = path.with_name(f"{NEW}{path.name}")
    with open_private(beside, "w") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
