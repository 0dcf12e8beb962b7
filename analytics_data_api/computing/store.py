"""The event store: what the tables need of tracking logs, as Parquet files by day.

Its files, in a folder or in object storage (``places``)::

    store.json                            the version of the layout, the check of the key, users who are forgotten
    lock                                  who has the store open: command, process, host
    files/<file id>.json                  a record of each log that was read
    <kind>/date=YYYY-MM-DD/<prefix>-0.parquet   its rows of a kind and day: a part; more than one if it has many days

The record is written last and lists the parts: a part that no record lists is left over from a run that was ended, is
ignored by readers, and is removed by the next run. No two attempts to read a log write parts of the same names.

A log that is in the store twice, by its lines in files of different contents, has its rows here twice. What is computed
from them must not depend on that.
"""

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.places import NEW, Place, find_place, make_folder, open_private
from analytics_data_api.computing.user_names import NameKey

if TYPE_CHECKING:
    import duckdb

VERSION: Final = 1
COMPRESSION: Final = "zstd"
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
        prefix: What the names of the parts begin with; those of old records, with the file id.
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
    prefix: str = ""


class EventStore:
    """An event store.

    Attributes:
        place: Where it lies.
        name_key: The key of the hash of user names; None where it is not needed.
    """

    def __init__(self, place: Place, name_key: NameKey | None, state: dict[str, Any]) -> None:
        self.place = place
        self.name_key = name_key
        self.state = state

    @classmethod
    def create(cls, path: Path | str, key_file: Path | None = None) -> Self:
        """Return the store at a place, which is made where there is none.

        Args:
            path: The folder or URL.
            key_file: The file of the key of the hash of user names, which a new store makes; by default, it lies beside
                the folder.

        Raises:
            StoreError: The place holds something else, the key is not the store's, or either cannot be written.
        """
        place = find_place(path)
        if WILDCARDS & set(place.name):
            raise StoreError(f"The path of an event store cannot contain * ? or [: {place.name}.")
        try:
            top = place.top()
            if "store.json" not in top:
                if any(not name.startswith(NEW) for name in top):
                    raise StoreError(
                        f"{place.name} is no event store, and holds other files. Name an empty or a new folder."
                    )
                key_file = key_file or place.default_key_file()
                # Before there is a key: that it can be written.
                place.write(f"{NEW}store", b"")
                place.remove([f"{NEW}store"])
                key = NameKey.create(key_file)
                write_json(place, "store.json", {"version": VERSION, "time_zone": "UTC", "key_check": key.check})
        except StoreError:
            raise
        except OSError as error:
            raise StoreError(f"The event store {place.name} cannot be written: {error}.") from error
        return cls.open(path, key_file, needs_key=True)

    @classmethod
    def open(cls, path: Path | str, key_file: Path | None = None, *, needs_key: bool = False) -> Self:
        """Return the store at a place.

        Args:
            path: The folder or URL.
            key_file: The file of the key of the hash of user names; beside the folder by default.
            needs_key: Whether names are to be hashed. Otherwise the key is not read.

        Raises:
            StoreError: There is no store of this version, or the key is missing or is not the store's.
        """
        place = find_place(path)
        try:
            state = json.loads(place.read("store.json"))
        except FileNotFoundError:
            raise StoreError(f"There is no event store in {place.name}. `./manage.py ingest_logs` makes it.") from None
        except StoreError:
            raise
        except (OSError, ValueError) as error:
            raise StoreError(f"The event store {place.name} cannot be read: {error}.") from error
        if state.get("version") != VERSION:
            raise StoreError(
                f"The event store {place.name} has the layout {state.get('version')}, and this version reads {VERSION}."
                " Name a new folder, and read the logs again."
            )
        key = NameKey.read(key_file or place.default_key_file(), state["key_check"]) if needs_key else None
        return cls(place, key, state)

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
        write_json(self.place, "store.json", self.state)

    @contextmanager
    def lock(self, command: str) -> Iterator[None]:
        """Keep other commands out of the store.

        Args:
            command: The name of the command, for the message to another one.

        Raises:
            StoreError: Another command has the lock.
        """
        with self.place.lock(command):
            # It may have been changed before the lock was free.
            self.state = json.loads(self.place.read("store.json"))
            yield

    def records(self) -> list[FileRecord]:
        """Return the records of all logs that were read, sorted by file id."""
        return [FileRecord(**json.loads(record)) for record in self.place.read_all("files")]

    def has_location(self) -> bool:
        """Return whether the countries of any log were looked up."""
        return any(record.has_location for record in self.records())

    def days(self) -> list[date]:
        """Return the days of which there are rows of any kind, in order."""
        days = {day for record in self.records() for kind in record.days.values() for day in kind}
        return sorted(map(date.fromisoformat, days))

    def parts(self, kind: Kind, first: date | None = None, end: date | None = None) -> list[str]:
        """Return the names of the parts of a kind.

        Args:
            kind: The kind.
            first: The first day; without it, from the beginning.
            end: The day after the last; without it, to the end.
        """
        return [
            name
            for record in self.records()
            for day in record.days.get(kind.name, {})
            if (first is None or day >= first.isoformat()) and (end is None or day < end.isoformat())
            for name in parts_of(record, kind, day)
        ]

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
        paths = [self.place.url(name) for name in self.parts(kind, first, end)]
        if paths:
            self.place.register(connection)
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
    def work_folder(self) -> Iterator[Path]:
        """Make a folder for temporary files, as ``Place.work_folder`` does, after those of others were removed."""
        self.clear()
        with self.place.work_folder() as folder:
            yield folder

    @contextmanager
    def writer(self) -> Iterator["PartWriter"]:
        """Return what adds a log: its parts are in a folder of this machine until they are committed."""
        with self.place.work_folder() as folder:
            writer = PartWriter(self, folder)
            try:
                yield writer
            finally:
                with suppress(OSError):
                    # What was not written may not fit on the disk now either.
                    writer.close()

    def commit(self, record: FileRecord, prefix: str, days: dict[str, dict[str, int]]) -> None:
        """Have parts count, by the record of their log.

        Args:
            record: What was read.
            prefix: What the names of the parts begin with.
            days: For each kind, the days of which there are parts, and how many.
        """
        record.prefix, record.days = prefix, days
        self.write_record(record)

    def write_record(self, record: FileRecord) -> None:
        """Write the record of a log, in place of the one that it has."""
        write_json(self.place, f"files/{record.file_id}.json", asdict(record))

    def replace_part(self, name: str, kind: Kind, rows: pa.Table) -> None:
        """Replace the rows of a part: readers see the old ones or the new ones."""
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, kind.columns, compression=COMPRESSION) as writer:
            writer.write_table(rows)
        self.place.write(name, sink.getvalue().to_pybytes())

    def clear(self) -> None:
        """Remove what runs that were ended have left: temporary files, and parts that no record lists."""
        self.place.remove_temporary()
        listed = {name for record in self.records() for name in all_parts_of(record)}
        parts = (name for name in self.place.names() if name.partition("/")[0] in KINDS)
        self.place.remove(name for name in parts if name not in listed)


class PartWriter:
    """Adds a log to a store.

    Attributes:
        prefix: What the names of the parts begin with, which no other attempt has.
        written: For each kind, the days of which there are parts, and how many.
    """

    def __init__(self, store: EventStore, folder: Path) -> None:
        """Begin without parts.

        Args:
            store: The store.
            folder: A folder of this machine.
        """
        self.store = store
        self.folder = folder
        self.prefix = secrets.token_hex(16)
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
            path = self.folder / part_name(kind, day, self.prefix, number)
            make_folder(path.parent)
            writer = self.files.enter_context(part_writer(path, kind))
            self.open[kind.name, day] = writer
        writer.write_table(rows)

    def close(self) -> None:
        """End all parts that are open; further rows of their days begin others."""
        self.open.clear()
        self.files.close()

    def publish(self) -> None:
        """Put the parts into the store, where they do not count yet."""
        self.close()
        self.store.place.add(self.folder, durable=True)

    def commit(self, record: FileRecord) -> None:
        """Put the parts into the store, and the record of their log at last."""
        self.publish()
        self.store.commit(record, self.prefix, self.written)


def part_name(kind: Kind, day: str, prefix: str, number: int) -> str:
    return f"{kind.name}/date={day}/{prefix}-{number}.parquet"


def parts_of(record: FileRecord, kind: Kind, day: str) -> list[str]:
    """Return the names of the parts of a log, a kind and a day."""
    count = record.days.get(kind.name, {}).get(day, 0)
    return [part_name(kind, day, record.prefix or record.file_id, number) for number in range(count)]


def all_parts_of(record: FileRecord) -> list[str]:
    """Return the names of all parts of a log."""
    return [
        name
        for kind in KINDS.values()
        for day in record.days.get(kind.name, {})
        for name in parts_of(record, kind, day)
    ]


@contextmanager
def part_writer(path: Path, kind: Kind) -> Iterator[pq.ParquetWriter]:
    """Return what writes a Parquet file that only its owner can read."""
    with open_private(path, "wb") as file, pq.ParquetWriter(file, kind.columns, compression=COMPRESSION) as writer:
        yield writer


def write_json(place: Place, name: str, value: dict[str, Any]) -> None:
    """Replace a file by one with a value."""
    place.write(name, json.dumps(value, indent=1, sort_keys=True).encode())
