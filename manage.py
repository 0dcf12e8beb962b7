#!/usr/bin/env python3
"""Runs the project's management commands: ``./manage.py help`` lists them."""

import os
import sys


def use_virtual_environment() -> None:
    """Start over with the interpreter of ``.venv``, unless a virtual environment is already in use.

    ``make develop`` installs into ``.venv`` where no environment is active; ``./manage.py`` runs without activating
    it.
    """
    # Not imported above: it takes a while, in which Ctrl-C would show a traceback.
    from pathlib import Path

    interpreter = Path(__file__).resolve().parent / ".venv" / "bin" / "python"
    if sys.prefix == sys.base_prefix and interpreter.exists():
        os.execv(interpreter, [str(interpreter), *sys.argv])


def run() -> None:
    """Run the command that the arguments name, with the local settings unless DJANGO_SETTINGS_MODULE names others.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    import signal

    from analytics_data_api.management.interrupts import interruptible

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.local")
    try:
        with interruptible():
            try:
                from django.core.management import execute_from_command_line
            except ImportError:
                sys.exit("Django is not installed here: run `make develop` first.")
            execute_from_command_line(sys.argv)
    finally:
        # All is done. Ctrl-C would only show a traceback of the end of the interpreter.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def main() -> None:
    """Run the command; where Ctrl-C has ended it, say so, with the exit status that shells give."""
    try:
        use_virtual_environment()
        run()
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
