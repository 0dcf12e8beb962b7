"""A pytest plugin for this project's tests, which the root ``conftest.py`` loads.

A run fails where two tests share an id, or where a test that was collected did not run: with pytest-xdist, which
schedules by id, both would go unnoticed. Tests of another database are left out, with one line in the summary. Tests
that start processes or servers have the mark ``process``. The option ``--fast`` leaves out these and the slow ones, and
does not import the modules that have no others; of a test with several parameters it runs so many combinations that
each value of each parameter is in one of them, and of more than MOST_COMBINATIONS every nth one.
"""

import re
import signal
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pytest

# What a test module imports where its tests start a server, a database or a browser.
STARTERS: Final = (
    "analyticsdataserver.observability.tests.serving",
    "analyticsdataserver.testing",
    "analyticsdataserver.tests.served",
    "selenium",
)
# At the start of a line, so that it is read without importing anything.
STARTS: Final = re.compile(rf"^(?:from|import) (?:{'|'.join(map(re.escape, STARTERS))})\b", re.MULTILINE)
ALL_SLOW: Final = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow\b", re.MULTILINE)
# Marks of tests that run on one database only, and its ``vendor`` in Django; a fixture of that name does the same.
VENDORS: Final = {"mysql_only": "mysql", "sqlite_only": "sqlite"}
CLUSTER: Final = "cluster"
SPARK: Final = "spark"
MARKS: Final = {
    "process": "starts processes; set where its module imports what starts a server, a database or a browser",
    "slow": "takes half a second or more",
    CLUSTER: "needs a cluster of databases, and HAProxy; only -m cluster runs it",
    SPARK: "needs Apache Spark, and Java; only -m spark runs it",
    **{mark: f"runs on a {vendor} database only" for mark, vendor in VENDORS.items()},
}
# What --fast leaves out.
NOT_FAST: Final = ("process", "slow")
# Of a test, with --fast: a quarter of the endpoints.
MOST_COMBINATIONS: Final = 12
OTHER_DATABASE: Final = "dataapi_other_database"


class RunCheck:
    """Compares the tests that ran with those that were collected; in the process that reports to the terminal."""

    def __init__(self) -> None:
        self.collected: set[str] = set()
        self.ran: set[str] = set()
        self.other_database = 0

    @property
    def missing(self) -> Collection[str]:
        return sorted(self.collected - self.ran)

    def expect(self, ids: Sequence[str]) -> None:
        """Note the ids of the tests to come.

        Raises:
            pytest.UsageError: Two of them are the same.
        """
        duplicates = [nodeid for nodeid, count in Counter(ids).items() if count > 1]
        if duplicates:
            raise pytest.UsageError("Several tests have the id " + ", and several ".join(duplicates))
        self.collected.update(ids)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not session.config.getoption("collectonly"):
            self.expect([item.nodeid for item in session.items])
        self.other_database = session.config.stash.get(LEFT_OUT, 0)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        self.expect(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        self.other_database = max(self.other_database, getattr(node, "workeroutput", {}).get(OTHER_DATABASE, 0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self.missing and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        if self.other_database:
            terminalreporter.write_line(f"{self.other_database} tests of another database were left out.")
        # An interrupted run has said so.
        if self.missing and exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            terminalreporter.write_line(f"{len(self.missing)} of {len(self.collected)} collected tests did not run:")
            for nodeid in self.missing:
                terminalreporter.write_line(f"  {nodeid}")


LEFT_OUT: Final = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="run no process, nothing slow, not all combinations")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not config.getoption("fast") or collection_path.suffix != ".py":
        return None
    return starts_processes(collection_path) or is_all_slow(collection_path) or None


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell has it in the background: commands that tests start would not notice Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for mark, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    # A worker of pytest-xdist reports to the process that started it.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunCheck())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "live_server" in getattr(item, "fixturenames", ()) or starts_processes(item.path):
            item.add_marker("process")
    if config.getoption("fast"):
        fast = set(combinations(item for item in items if not any(map(item.get_closest_marker, NOT_FAST))))
        deselect(config, items, [item for item in items if item not in fast])
    for mark in (CLUSTER, SPARK):
        if mark not in config.getoption("markexpr"):
            deselect(config, items, [item for item in items if item.get_closest_marker(mark)])
    left_out = [item for item in items if is_for_another_database(item)]
    if left_out:
        deselect(config, items, left_out)
        config.stash[LEFT_OUT] = len(left_out)
        if hasattr(config, "workeroutput"):
            config.workeroutput[OTHER_DATABASE] = len(left_out)


def deselect(config: pytest.Config, items: list[pytest.Item], left_out: Collection[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=left_out)
    out = set(left_out)
    items[:] = [item for item in items if item not in out]


@cache
def starts_processes(path: Path) -> bool:
    """Return whether a test module imports anything that starts a server, a database or a browser."""
    return bool(STARTS.search(path.read_text()))


def is_all_slow(path: Path) -> bool:
    """Return whether a test module marks all its tests as slow."""
    return bool(ALL_SLOW.search(path.read_text()))


def combinations(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield so many of the tests that each value of each parameter of a function is in one of them, within limits."""
    for name, tests in groupby(items, lambda item: item.nodeid.partition("[")[0]):
        left = [(item, parameters(item)) for item in tests]
        seen: set[Any] = set()
        # First those of which each value is new, so that the values of two parameters are combined in many ways.
        rules: tuple[Callable[[set[Any], set[Any]], bool], ...] = (set.isdisjoint, has_more)
        chosen = []
        for is_chosen in rules:
            for item, values in left:
                if is_chosen(seen, values):
                    seen |= values
                    chosen.append(item)
        step = ceil(len(chosen) / MOST_COMBINATIONS)
        # What one test leaves out another one has.
        yield from chosen[crc32(name.encode()) % step :: step]


def has_more(seen: set[Any], values: set[Any]) -> bool:
    return not values <= seen


def parameters(item: pytest.Item) -> set[Any]:
    """Return the parameters of a test with their values; those that are given together are one."""
    values = item.callspec.params if hasattr(item, "callspec") else {}
    together = [mark.args[0] for mark in item.iter_markers("parametrize")]
    together = [names.replace(",", " ").split() if isinstance(names, str) else names for names in together]
    fixtures = [[name] for name in values if not any(name in names for names in together)]
    # A value is the same object in each combination.
    return {tuple((name, id(values[name])) for name in names) for names in (*together, *fixtures)}


def is_for_another_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    vendors = {vendor for mark, vendor in VENDORS.items() if item.get_closest_marker(mark) or vendor in fixtures}
    if not vendors:
        return False
    from django.db import connections

    return connections["analytics"].vendor not in vendors
