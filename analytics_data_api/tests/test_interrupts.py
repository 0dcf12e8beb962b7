"""Ctrl-C: noticed wherever it is pressed, also where the exception is lost."""
# ruff: noqa: PT012  What is raised depends on what runs within, step by step.

import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics_data_api.loading import loader
from analytics_data_api.management.interrupts import interruptible


def press() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Check that what Ctrl-C does is the same after a test, also if the tests run where it is turned off."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, former)


def lose() -> None:
    """Press Ctrl-C in a callback of a weak reference, which drops exceptions."""

    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, lambda _: press())
    del thing
    assert reference() is None


def test_ctrl_c_is_raised_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        press()
        pytest.fail("Nothing was raised.")


def test_a_lost_one_is_raised_where_the_work_can_stop(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible() as check:
        check()
        lose()
        check()
        pytest.fail("Nothing was raised.")
    assert capfd.readouterr().err == ""


def test_a_lost_one_is_raised_where_a_command_begins() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        lose()
        with interruptible():
            pytest.fail("Nothing was raised.")


def test_another_exception_in_its_place() -> None:
    with pytest.raises(KeyboardInterrupt), interruptible():
        try:
            press()
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None


def test_other_exceptions_stay() -> None:
    with pytest.raises(RuntimeError), interruptible():
        raise RuntimeError


def test_the_next_command_does_not_see_it() -> None:
    with interruptible():
        with pytest.raises(KeyboardInterrupt), interruptible():
            press()
        with interruptible() as check:
            check()


def test_where_ctrl_c_is_turned_off_it_stays_so() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interruptible() as check:
        press()
        check()
    assert signal.signal(signal.SIGINT, signal.default_int_handler) == signal.SIG_IGN


def test_ctrl_c_while_new_rows_take_their_place_comes_after_it() -> None:
    done: list[Any] = []
    with pytest.raises(loader.InterruptedAfterLoadError), loader.uninterrupted() as put_off:
        put_off()
        press()
        done.append("published")
    assert done == ["published"]


def test_ctrl_c_and_then_a_failure() -> None:
    with pytest.raises(KeyboardInterrupt) as raised, loader.uninterrupted() as put_off:
        put_off()
        press()
        raise RuntimeError
    assert not isinstance(raised.value, loader.InterruptedAfterLoadError)


def test_ctrl_c_before_it_is_put_off() -> None:
    with pytest.raises(KeyboardInterrupt) as raised, loader.uninterrupted():
        press()
    assert not isinstance(raised.value, loader.InterruptedAfterLoadError)


def test_ctrl_c_while_manage_begins(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    # The first module that manage.py imports beyond those of the interpreter.
    (tmp_path / "pathlib.py").write_text("raise KeyboardInterrupt\n")
    ended = subprocess.run(
        [sys.executable, "-S", str(pytestconfig.rootpath / "manage.py"), "help"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")
