"""Files of tracking logs: where they lie, what they hold, and their lines in blocks."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from tqdm import tqdm

from analytics_data_api.computing.errors import StoreError, reason_of

BLOCK_SIZE: Final = 2 * 1024**2
MAX_LINE_SIZE: Final = 16 * 1024**2
# Of a line that is too long, what is kept for a message.
KEPT_OF_LONG: Final = 1000
GZIP: Final = b"\x1f\x8b"
WILDCARDS: Final = frozenset("*?[")


class UnreadableLogError(StoreError):
    """A file cannot be read to its end, and nothing of it is kept."""


class Block(NamedTuple):
    """Lines of a log.

    Attributes:
        lines: Whole lines with their ends, of which the last of a file may have none.
        too_long: The beginning of the line behind these that is too long to be read; None if there is none.
    """

    lines: bytes
    too_long: bytes | None = None


@dataclass(frozen=True)
class Log:
    """A file of tracking logs.

    Attributes:
        files: The file system that it lies in.
        path: Its path there.
        name: Its path or URL, as it is named in messages.
    """

    files: fsspec.AbstractFileSystem
    path: str
    name: str

    def version(self) -> str:
        """Return what tells quickly whether the file is one that was read before.

        The digest of a local file as it lies, compressed or not; of another one what its file system has as identity,
        so that it is not fetched.
        """
        try:
            if not isinstance(self.files, LocalFileSystem):
                return f"ukey:{self.files.ukey(self.path)}"
            with open(self.path, "rb") as file:  # noqa: PTH123 The file system's own form of a path.
                return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        except Exception as error:
            raise UnreadableLogError(f"{self.name} cannot be read: {reason_of(error)}") from error

    @contextmanager
    def open(self) -> Iterator["LogContents"]:
        """Open the file for reading, once.

        Raises:
            UnreadableLogError: It cannot be read.
        """
        with ExitStack() as opened:
            try:
                raw = opened.enter_context(self.files.open(self.path, "rb", block_size=BLOCK_SIZE))
                is_gzip = raw.read(len(GZIP)) == GZIP
                raw.seek(0)
                size = self.files.size(self.path)
            except Exception as error:
                raise UnreadableLogError(f"{self.name} cannot be read: {reason_of(error)}") from error
            # A bar on a terminal, nothing elsewhere.
            file: Any = opened.enter_context(
                tqdm.wrapattr(raw, "read", total=size, desc=self.name, leave=False, disable=None)
            )
            yield LogContents(gzip.GzipFile(mode="rb", fileobj=file) if is_gzip else file, self.name)


class LogContents:
    """The contents of a log, uncompressed.

    Attributes:
        size: How many bytes were read.
        lines: How many lines they are, counted by their ends.
    """

    def __init__(self, file: Any, name: str) -> None:
        """Begin at the beginning of a file, which is named in messages."""
        self.file = file
        self.name = name
        self.size = 0
        self.lines = 0
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """A digest of all that was read."""
        return self._digest.hexdigest()[:32]

    def _read(self) -> bytes:
        try:
            data: bytes = self.file.read(BLOCK_SIZE)
        except EOFError as error:
            raise UnreadableLogError(
                f"{self.name} is cut off: the end of its compressed data is missing. Nothing of it was kept."
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableLogError(f"{self.name} is damaged ({error}). Nothing of it was kept.") from error
        except Exception as error:
            raise UnreadableLogError(
                f"{self.name} cannot be read to its end: {reason_of(error)} Nothing of it was kept."
            ) from error
        return data

    def blocks(self) -> Iterator[Block]:
        """Yield all lines, in order. Memory is bounded, whatever the length of the lines.

        Raises:
            UnreadableLogError: The file cannot be read to its end.
        """
        # The beginning of a line whose end is still to come.
        begun: list[bytes] = []
        length = 0
        while data := self._read():
            self.size += len(data)
            self.lines += data.count(b"\n")
            self._digest.update(data)
            end = data.find(b"\n") + 1
            if length + (end - 1 if end else len(data)) > MAX_LINE_SIZE:
                beginning = b"".join((*begun, data[:KEPT_OF_LONG]))[:KEPT_OF_LONG]
                begun, length = [beginning], max(length, MAX_LINE_SIZE) + 1
                if not end:
                    continue
                yield Block(b"", beginning)
                begun, length = [], 0
                data = data[end:]
            end = data.rfind(b"\n") + 1
            if end:
                yield Block(b"".join((*begun, data[:end])))
                begun, length = [], 0
            if end < len(data):
                begun.append(data[end:])
                length += len(data) - end
        self.lines += bool(begun)
        if length > MAX_LINE_SIZE:
            yield Block(b"", b"".join(begun))
        elif begun:
            yield Block(b"".join(begun))


def find_logs(names: list[str]) -> list[Log]:
    """Return the files of paths, globs and URLs, each once, in the order of their names.

    Args:
        names: Paths or URLs, such as ``s3://bucket/logs/*.gz``, that may have wildcards.

    Raises:
        StoreError: One names no file, or its file system cannot be used.
    """
    found: dict[tuple[Any, str], Log] = {}
    for name in names:
        try:
            files, path = url_to_fs(name)
            paths = files.glob(path) if WILDCARDS & set(path) and not files.exists(path) else [path]
            paths = [path for path in paths if files.isfile(path)]
        except ImportError as error:
            raise StoreError(f"{name} cannot be read without another package: {error}.") from error
        except Exception as error:
            raise StoreError(f"{name} cannot be read: {reason_of(error)}") from error
        if not paths:
            raise StoreError(f"There is no file {name}.")
        is_local = isinstance(files, LocalFileSystem)
        for path in paths:
            found[files, path] = Log(files, path, path if is_local else str(files.unstrip_protocol(path)))
    return sorted(found.values(), key=lambda log: log.name)
