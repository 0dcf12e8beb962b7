"""A pytest plugin for this project's tests, which the root ``conftest.py`` loads.

A run fails where two tests share an id, or where a test that was collected did not run: with pytest-xdist, which
schedules by id, both would go unnoticed. Tests of another database are left out, with one line in the summary. Tests
that start processes or servers have the mark ``process``.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from types import ModuleType
from typing import Any, Final

import pytest

# What a test module imports where its tests start a server, a database or a browser.
STARTERS: Final = (
    "analyticsdataserver.observability.tests.serving",
    "analyticsdataserver.testing",
    "analyticsdataserver.tests.served",
    "selenium",
)
# Marks of tests that run on one database only, and its ``vendor`` in Django; a fixture of that name does the same.
VENDORS: Final = {"mysql_only": "mysql", "sqlite_only": "sqlite"}
CLUSTER: Final = "cluster"
SPARK: Final = "spark"
MARKS: Final = {
    "process": "starts processes; set where its module imports what starts a server, a database or a browser",
    "slow": "takes many seconds; make test-fast leaves it out",
    CLUSTER: "needs a cluster of databases, and HAProxy; only -m cluster runs it",
    SPARK: "needs Apache Spark, and Java; only -m spark runs it",
    **{mark: f"runs on a {vendor} database only" for mark, vendor in VENDORS.items()},
}
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


def pytest_configure(config: pytest.Config) -> None:
    for mark, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{mark}: {meaning}")
    # A worker of pytest-xdist reports to the process that started it.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RunCheck())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if "live_server" in getattr(item, "fixturenames", ()) or starts_processes(getattr(item, "module", None)):
            item.add_marker("process")
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
    items[:] = [item for item in items if item not in set(left_out)]


def starts_processes(module: ModuleType | None) -> bool:
    """Return whether a test module has imported anything that starts a server, a database or a browser."""
    imported = (
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for value in (vars(module).values() if module else ())
    )
    return any(isinstance(name, str) and f"{name}.".startswith(tuple(f"{s}." for s in STARTERS)) for name in imported)


def is_for_another_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    vendors = {vendor for mark, vendor in VENDORS.items() if item.get_closest_marker(mark) or vendor in fixtures}
    if not vendors:
        return False
    from django.db import connections

    return connections["analytics"].vendor not in vendors
