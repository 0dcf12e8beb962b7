"""The event store: what the tables need of tracking logs, as Parquet files by day.

Layout of the folder::

    store.json                            the version of the layout, the check of the key, users who are forgotten
    lock                                  who has the store open: command, process, host
    files/<file id>.json                  a record of each log that was read
    <kind>/date=YYYY-MM-DD/<file id>-0.parquet   its rows of a kind and day: a part; more than one if it has many days

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
from contextlib import ExitStack, contextmanager, suppress
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
# How many parts are written at a time: each is an open file.
MAX_OPEN: Final = 200
# What DuckDB reads as more than the name of a file.
WILDCARDS: Final = frozenset("*?[")


@dataclass(frozen=True)
class Kind:
    """A kind of rows.

    Attributes:
        name: Its folder.
        columns: The columns of its files. The day, ``date``, is in the name of the folder.
    """

    name: str
    columns: pa.Schema


TEXT, INTEGER, NUMBER, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()

# What a user did in a course, mostly once for a log and day. The label is one of ACTIVE, ATTEMPTED_PROBLEM,
# POSTED_FORUM and PLAYED_VIDEO.
ACTIVITY: Final = Kind(
    "activity",
    pa.schema({"course_id": TEXT, "user_id": INTEGER, "label": TEXT}),
)
# An enrollment that changed. The type is activated, deactivated or mode_changed.
ENROLLMENT: Final = Kind(
    "enrollment",
    pa.schema({"course_id": TEXT, "user_id": INTEGER, "mode": TEXT, "type": TEXT, "time": TEXT}),
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
)
# The country of the address of a user's event, mostly of the newest of a log and day: an ISO 3166 alpha-2 code, or
# UNKNOWN.
LOCATION: Final = Kind(
    "location",
    pa.schema({"user_id": INTEGER, "time": TEXT, "country": TEXT}),
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
        days: For each kind, the days of which there are rows, and how many parts.
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
    days: dict[str, dict[str, int]] = field(default_factory=dict)


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
                if any(not each.name.startswith(NEW) for each in path.iterdir()):
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
            self.part(kind, day, record.file_id, number)
            for record in self.records()
            for day, count in record.days.get(kind.name, {}).items()
            if (first is None or day >= first.isoformat()) and (end is None or day < end.isoformat())
            for number in range(count)
        ]

    def part(self, kind: Kind, day: str, file_id: str, number: int) -> Path:
        """Return the path of a file's rows of a kind and day, of which there may be several parts."""
        return self.path / kind.name / f"date={day}" / f"{file_id}-{number}.parquet"

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
            connection.execute(f"CREATE OR REPLACE VIEW {kind.name} AS SELECT {columns}, date FROM {source}")  # noqa: S608 - quoted above
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
        writer = PartWriter(self, folder)
        try:
            yield writer
        finally:
            with suppress(OSError):
                # What was not written may not fit on the disk now either.
                writer.close()
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
    """Adds a log to a store."""

    def __init__(self, store: EventStore, folder: Path) -> None:
        """Begin without parts.

        Args:
            store: The store.
            folder: A temporary folder of it.
        """
        self.store = store
        self.folder = folder
        self.files = ExitStack()
        self.open: dict[tuple[str, str], pq.ParquetWriter] = {}
        self.written: dict[str, dict[str, int]] = {}

    def write(self, kind: Kind, day: str, rows: pa.Table) -> None:
        """Add rows of a kind and day, with the columns of the kind."""
        writer = self.open.get((kind.name, day))
        if writer is None:
            if len(self.open) >= MAX_OPEN:
                self.close()
            days = self.written.setdefault(kind.name, {})
            number = days.get(day, 0)
            days[day] = number + 1
            path = self.folder / f"{kind.name}-{day}-{number}"
            writer = self.files.enter_context(part_writer(path, kind))
            self.open[kind.name, day] = writer
        writer.write_table(rows)

    def close(self) -> None:
        """End all parts that are open; further rows of their days begin others."""
        self.open.clear()
        self.files.close()

    def commit(self, record: FileRecord) -> None:
        """Put the parts into the store, and the record at last.

        Args:
            record: What was read. Its days are set here.
        """
        self.close()
        for name, days in self.written.items():
            for day, count in days.items():
                for number in range(count):
                    target = self.store.part(KINDS[name], day, record.file_id, number)
                    make_folder(target.parent)
                    (self.folder / f"{name}-{day}-{number}").replace(target)
        # All at once, which is faster than each of many parts.
        os.sync()
        record.days = self.written
        self.store.write_record(record)


def default_key_file(path: Path) -> Path:
    """Return where the key of a store lies unless a setting names another file: beside the store, not in it."""
    path = path.absolute()
    return path.with_name(f"{path.name}.key")


@contextmanager
def part_writer(path: Path, kind: Kind) -> Iterator[pq.ParquetWriter]:
    """Return what writes a Parquet file that only its owner can read."""
    with open_private(path, "wb") as file, pq.ParquetWriter(file, kind.columns, compression=COMPRESSION) as writer:
        yield writer


def replace_part(path: Path, kind: Kind, rows: pa.Table) -> None:
    """Replace the rows of a part: readers see the old ones or the new ones."""
    beside = path.with_name(f"{NEW}{path.name}")
    with part_writer(beside, kind) as writer:
        writer.write_table(rows)
    beside.replace(path)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that only its owner can open, where it does not exist."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file, which only its owner can read if it is made here."""
    opener: Callable[[str, int], int] = lambda name, flags: os.open(name, flags, 0o600)  # noqa: E731 - typed
    return open(path, mode, opener=opener)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file by one with a value: readers see the old file or the new one."""
    beside = path.with_name(f"{NEW}{path.name}")
    with open_private(beside, "w") as file:
        json.dump(value, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
