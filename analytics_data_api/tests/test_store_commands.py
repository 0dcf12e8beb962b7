"""What the commands about the event store print."""

import json
import stat
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analytics_data_api.computing.tests.events import event

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on a store, and return what it prints."""

    def run(name: str, *arguments: str) -> str:
        out = StringIO()
        try:
            call_command(name, *arguments, store=tmp_path / "events", stdout=out, stderr=out)
        except CommandError as error:
            return f"{out.getvalue()}CommandError: {error}\n"
        return out.getvalue()

    return run


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of one line that is kept, two of no use and three that are refused."""
    lines = [event(), event(source="task"), event(context={"user_id": 0}), "", "nonsense", "more nonsense"]
    path = tmp_path / "a.log"
    path.write_text("".join(f"{json.dumps(line) if isinstance(line, dict) else line}\n" for line in lines))
    return path


def test_ingest_logs(run: Run, log: Path) -> None:
    printed = run("ingest_logs", str(log))
    start = '{"username": "ada", "ip": "192.0.2.7", "time": "2025-09-01T10:20:30.123456+00:00", "event_source": "'
    task, browser = (f'{start}{source}"'[:100] for source in ("task", "browser"))
    assert printed == (
        f"{log}: 1 kept + 2 of no use + 3 refused = 6 lines\n"
        f"  of no use           1  of source task; line 2: {task}\n"
        f"  of no use           1  without a valid user id; line 3: {browser}\n"
        "  refused             2  not JSON; line 5: nonsense\n"
        "  refused             1  empty; line 4: \n"
        "Files: 1 read, 0 skipped, 0 refused. 1 kept + 2 of no use + 3 refused = 6 lines\n"
    )
    assert run("ingest_logs", str(log)) == (
        f"{log}: skipped, was read before\n"
        "Files: 0 read, 1 skipped, 0 refused. 0 kept + 0 of no use + 0 refused = 0 lines\n"
    )
    other = log.with_name("b.log")
    other.write_bytes(log.read_bytes())
    assert run("ingest_logs", str(other)).startswith(f"{other}: skipped, was read before as {log}\n")


def test_a_file_that_is_cut(run: Run, log: Path) -> None:
    cut = log.with_name("cut.log.gz")
    cut.write_bytes(b"\x1f\x8b\x08")
    assert run("ingest_logs", str(cut), str(log)).splitlines()[-3:] == [
        f"{cut} is cut off: the end of its compressed data is missing. Nothing of it was kept.",
        "Files: 1 read, 0 skipped, 1 refused. 1 kept + 2 of no use + 3 refused = 6 lines",
        "CommandError: 1 of 2 files could not be read.",
    ]


def test_a_file_that_is_missing(run: Run, tmp_path: Path) -> None:
    assert run("ingest_logs", str(tmp_path / "*.log")) == f"CommandError: There is no file {tmp_path}/*.log.\n"


def test_prune_store(run: Run, log: Path) -> None:
    run("ingest_logs", str(log))
    assert run("prune_store", "--before", "2025-09-01") == (
        "Removed: 0 of activity, 0 of video, 0 of answers, 0 of location.\n"
    )
    assert run("prune_store", "--before", "2025-09-02") == (
        "Removed: 1 of activity, 0 of video, 0 of answers, 0 of location.\n"
    )


@pytest.mark.parametrize("day", ["", "2025-02-29", "20250901", "2025-9-1", "yesterday"])
def test_prune_store_takes_a_date(run: Run, day: str) -> None:
    assert f"{day!r} is not a date that exists, as YYYY-MM-DD" in run("prune_store", "--before", day)


def test_forget_user(run: Run, log: Path) -> None:
    run("ingest_logs", str(log))
    removed = "of activity, 0 of enrollment, 0 of video, 0 of answers, 0 of location.\n"
    assert run("forget_user", "8") == f"Removed: 0 {removed}"
    assert run("forget_user", "7", "--username", "ada") == f"Removed: 1 {removed}"


@pytest.mark.parametrize("arguments", [("prune_store", "--before", "2025-09-01"), ("forget_user", "7")])
def test_there_is_no_store(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run(*arguments) == (
        f"CommandError: There is no event store in {tmp_path / 'events'}. `./manage.py ingest_logs` makes it.\n"
    )


def test_ctrl_c(run: Run, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("analytics_data_api.computing.blocks.BlockReader.read", interrupt)
    assert run("ingest_logs", str(log)) == "CommandError: Interrupted. What was finished before is kept.\n"


def test_the_settings_name_the_store_and_its_key(log: Path, tmp_path: Path, settings: object) -> None:
    settings.EVENT_STORE = tmp_path / "elsewhere"  # type: ignore[attr-defined] # pytest-django's fixture.
    settings.EVENT_STORE_KEY_FILE = tmp_path / "secret"  # type: ignore[attr-defined]  # a setting of ours
    call_command("ingest_logs", str(log), stdout=StringIO())
    assert (tmp_path / "elsewhere" / "store.json").exists()
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
