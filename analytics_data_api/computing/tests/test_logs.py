"""Where logs lie, and their lines."""

import gzip
import hashlib
import io
import tracemalloc
from pathlib import Path

import fsspec
import pytest

from analytics_data_api.computing import logs
from analytics_data_api.computing.errors import StoreError
from analytics_data_api.computing.logs import (
    BLOCK_SIZE,
    MAX_LINE_SIZE,
    Block,
    LogContents,
    UnreadableLogError,
    find_logs,
)
from analytics_data_api.computing.tests.conftest import WriteLog


def names(*patterns: Path | str) -> list[str]:
    """Return the names of the files that are found, without their folders."""
    return [log.name.rpartition("/")[2] for log in find_logs([str(pattern) for pattern in patterns])]


def contents(path: Path) -> bytes:
    """Return what is read of a file."""
    (log,) = find_logs([str(path)])
    with log.open() as opened:
        return b"".join(block.lines for block in opened.blocks())


def test_globs(tmp_path: Path) -> None:
    for name in ("b.log", "a.log.gz", "c.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "d.log").mkdir()
    assert names(tmp_path / "*.log*") == ["a.log.gz", "b.log"]
    assert names(tmp_path / "b.log", tmp_path / "*", tmp_path / "?.txt") == ["a.log.gz", "b.log", "c.txt"]
    assert names(tmp_path / "[bc].*") == ["b.log", "c.txt"]


def test_a_file_whose_name_has_wildcards(tmp_path: Path) -> None:
    (tmp_path / "a[1].log").write_text("x")
    (tmp_path / "a1.log").write_text("x")
    assert names(tmp_path / "a[1].log") == ["a[1].log"]


@pytest.mark.parametrize("name", ["missing.log", "*.log", ""])
def test_no_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match=r"^There is no file .*\.$"):
        find_logs([str(tmp_path / name)])


def test_file_systems_of_fsspec(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/logs/a.log.gz", gzip.compress(b"one\ntwo\n"))
    memory.pipe("/logs/b.log", b"three")
    try:
        found = find_logs(["memory://logs/*"])
        assert [log.name for log in found] == ["memory:///logs/a.log.gz", "memory:///logs/b.log"]
        assert found[0].version().startswith("ukey:")
        with found[0].open() as opened:
            assert list(opened.blocks()) == [Block(b"one\ntwo\n")]
    finally:
        memory.rm("/logs", recursive=True)
    (tmp_path / "c.log").write_text("x")
    assert find_logs([f"file://{tmp_path}/c.log"])[0].name == str(tmp_path / "c.log")


def test_a_file_system_that_takes_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(logs, "url_to_fs", missing)
    with pytest.raises(
        StoreError, match=r"^s3://b/a.gz cannot be read without another package: Install s3fs to access S3\.$"
    ):
        find_logs(["s3://b/a.gz"])


def test_an_unknown_file_system() -> None:
    with pytest.raises(StoreError, match=r"^nonsense://a cannot be read: "):
        find_logs(["nonsense://a"])


def test_gzip_by_contents(tmp_path: Path) -> None:
    data = b"one\ntwo\n"
    (tmp_path / "plain.gz").write_bytes(data)
    (tmp_path / "gzipped.log").write_bytes(gzip.compress(data))
    (tmp_path / "members.gz").write_bytes(gzip.compress(b"one\nt") + gzip.compress(b"wo\n") + b"\0" * 512)
    for name in ("plain.gz", "gzipped.log", "members.gz"):
        assert contents(tmp_path / name) == data


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"")
    (tmp_path / "a.log.gz").write_bytes(gzip.compress(b""))
    assert contents(tmp_path / "a.log") == contents(tmp_path / "a.log.gz") == b""


@pytest.mark.parametrize("kept", [1, 9, 100, -1, -8])
def test_a_gzipped_file_that_is_cut(tmp_path: Path, kept: int) -> None:
    whole = gzip.compress(b"".join(hashlib.sha256(bytes([n])).hexdigest().encode() + b"\n" for n in range(200)))
    path = tmp_path / "cut.log.gz"
    path.write_bytes(whole[: max(kept, 2)] if kept > 0 else whole[:kept])
    with pytest.raises(
        UnreadableLogError, match=r"cut.log.gz is cut off: the end of its compressed data is missing\. Noth"
    ):
        contents(path)


def test_a_gzipped_file_that_is_damaged(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"line\n" * 1000))
    for data in (bytes(whole) + b"garbage", bytes(whole[:-8] + b"\0" * 8), bytes(whole[:10] + b"\xff" * 30)):
        (tmp_path / "a.gz").write_bytes(data)
        with pytest.raises(UnreadableLogError, match=r"a.gz is damaged \(.*\)\. Nothing of it was kept\.$"):
            contents(tmp_path / "a.gz")


def test_a_file_that_may_not_be_read(tmp_path: Path, write_log: WriteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    (log,) = find_logs([str(write_log("a.log", "x"))])
    Path(log.path).unlink()
    with pytest.raises(UnreadableLogError, match=r"a.log cannot be read: No such file or directory\.$"):
        log.version()


def test_a_file_that_fails_while_it_is_read(write_log: WriteLog, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if size == BLOCK_SIZE:
                raise OSError(5, "Input/output error")
            return super().read(size)

    (log,) = find_logs([str(write_log("a.log", "x"))])
    monkeypatch.setattr(log.files, "open", lambda *arguments, **options: Failing(b"x\n"))
    with pytest.raises(
        UnreadableLogError, match=r"a.log cannot be read to its end: Input/output error\. Nothing of it"
    ):
        contents(Path(log.path))


def test_a_file_that_is_gone(write_log: WriteLog) -> None:
    path = write_log("a.log", "x")
    (log,) = find_logs([str(path)])
    path.unlink()
    with pytest.raises(UnreadableLogError, match=r"a.log cannot be read: No such file or directory\.$"), log.open():
        pass


def read(data: bytes) -> tuple[list[Block], LogContents]:
    """Return the blocks of data, and the contents they are of."""
    opened = LogContents(io.BytesIO(data), "a.log")
    return list(opened.blocks()), opened


def physical_lines(blocks: list[Block]) -> list[int]:
    """Return the lengths of the lines of blocks; -1 for those that are too long."""
    lengths: list[int] = []
    for block in blocks:
        lengths += [
            len(line) for line in block.lines.split(b"\n")[: None if block.lines[-1:] not in (b"\n", b"") else -1]
        ]
        if block.too_long is not None:
            lengths.append(-1)
    return lengths


# Sizes of blocks and lines that take less time than the real ones.
BLOCK = 100
LONGEST = 1600


@pytest.mark.parametrize(
    "lengths",
    [
        [],
        [0],
        [0, 0, 3],
        [BLOCK - 1, BLOCK, BLOCK + 1],
        [5, LONGEST, 5],
        [LONGEST + 1],
        [5, LONGEST + 1, 0, 5],
        [LONGEST + 1, LONGEST + 1, 5],
        [LONGEST + BLOCK * 3 + 7, 1, LONGEST - 1],
    ],
)
@pytest.mark.parametrize("end", [b"\n", b""])
def test_lines_of_blocks(lengths: list[int], end: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "BLOCK_SIZE", BLOCK)
    monkeypatch.setattr(logs, "MAX_LINE_SIZE", LONGEST)
    data = b"".join(b"x" * length + b"\n" for length in lengths)
    if not end and lengths and lengths[-1]:
        data = data[:-1]
    blocks, opened = read(data)
    assert physical_lines(blocks) == [length if length <= LONGEST else -1 for length in lengths]
    assert (opened.size, opened.lines) == (len(data), len(lengths))
    assert opened.digest == hashlib.sha256(data).hexdigest()[:32]


def test_a_line_of_100_mb_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.log.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"a\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\nb\n")
    (log,) = find_logs([str(path)])
    tracemalloc.start()
    try:
        with log.open() as opened:
            assert physical_lines(list(opened.blocks())) == [1, -1, 1]
        assert tracemalloc.get_traced_memory()[1] < 2 * MAX_LINE_SIZE + 8 * BLOCK_SIZE
    finally:
        tracemalloc.stop()
    assert opened.lines == 3


def test_the_beginning_of_a_line_that_is_too_long() -> None:
    blocks, _ = read(b"beginning" + b"x" * (2 * MAX_LINE_SIZE))
    assert blocks[-1].too_long is not None
    assert blocks[-1].too_long.startswith(b"beginningxxx")
    assert len(blocks[-1].too_long) == 1000
