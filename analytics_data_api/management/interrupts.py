"""Ctrl-C in commands: noticed also where the exception that it raises gets lost."""

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

# The exit status of a command that Ctrl-C has ended, as of shells.
INTERRUPTED: Final = 130

# Whether Ctrl-C was pressed since the outermost `interruptible` began, or since one within it ended.
_pressed = threading.Event()


def _press(number: int, frame: Any) -> None:
    _pressed.set()
    raise KeyboardInterrupt


def _check() -> None:
    if _pressed.is_set():
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt where Ctrl-C is pressed, and also where what it has raised became something else.

    Callbacks of weak references, which Python runs at any time, drop exceptions; so does code in C, such as DuckDB's,
    and other code raises others in their place. What was lost is raised where one of these begins within another:
    ``manage.py`` has the outer one, around all that a command imports.

    Yields:
        A function that raises KeyboardInterrupt if Ctrl-C was pressed before, for where the work can stop.
    """
    former = signal.getsignal(signal.SIGINT)
    is_outermost = former is not _press
    # Not where Ctrl-C is turned off, as by nohup. Only the main thread may say what a signal does.
    if former in (signal.SIG_IGN, None) or threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    hook = sys.unraisablehook
    if is_outermost:
        _pressed.clear()
        sys.unraisablehook = lambda lost: None if lost.exc_type is KeyboardInterrupt else hook(lost)
        signal.signal(signal.SIGINT, _press)
    try:
        _check()
        yield _check
    except Exception as error:
        if _pressed.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        _pressed.clear()
        if is_outermost:
            signal.signal(signal.SIGINT, former)
            sys.unraisablehook = hook
