"""A run of the tests fails where some of them did not run; those of another database are one line."""

from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.process

PLUGIN: Final = "analyticsdataserver.testing.pytest_plugin"

DUPLICATES: Final = """
import pytest

def pytest_collection_modifyitems(items):
    items.extend(
        pytest.Function.from_parent(item.parent, name=item.name, callobj=item.obj) for item in list(items)
    )
"""
LOST: Final = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    # As a runner that forgets a test.
    return True if item.name == "test_two" else None
"""
TESTS: Final = """
def test_one():
    pass

def test_two():
    pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.test")
    monkeypatch.setenv("TEST_MYSQL_URL", "")
    # Those that are installed take seconds to import.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")], ids=["alone", "xdist"])
class TestRun:
    def go(self, run: pytest.Pytester, workers: tuple[str, ...]) -> pytest.RunResult:
        return run.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider", *workers)

    def test_in_which_every_test_ran_passes(self, run: pytest.Pytester, workers: tuple[str, ...]) -> None:
        run.makepyfile(TESTS)
        result = self.go(run, workers)
        result.assert_outcomes(passed=2)
        assert result.ret == 0
        result.stdout.no_fnmatch_line("*did not run*")

    def test_in_which_a_test_did_not_run_fails(self, run: pytest.Pytester, workers: tuple[str, ...]) -> None:
        run.makeconftest(LOST)
        run.makepyfile(TESTS)
        result = self.go(run, workers)
        assert result.ret == 1
        result.stdout.fnmatch_lines(["1 of 2 collected tests did not run:", "*::test_two"])

    def test_in_which_two_tests_share_an_id_fails(self, run: pytest.Pytester, workers: tuple[str, ...]) -> None:
        run.makeconftest(DUPLICATES)
        run.makepyfile(TESTS)
        result = self.go(run, workers)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*Several tests have the id *::test_one, and several *::test_two*"])

    def test_leaves_out_tests_of_another_database_in_one_line(
        self, run: pytest.Pytester, workers: tuple[str, ...]
    ) -> None:
        run.makepyfile(
            """
            import pytest

            @pytest.mark.mysql_only
            @pytest.mark.parametrize("number", range(40))
            def test_mysql(number):
                raise AssertionError

            @pytest.mark.sqlite_only
            def test_sqlite():
                pass
            """
        )
        result = self.go(run, workers)
        result.assert_outcomes(passed=1, deselected=0 if workers else 40)
        assert result.ret == 0
        result.stdout.fnmatch_lines(["40 tests of another database were left out."])


def test_a_fast_run_has_each_value_of_each_parameter(run: pytest.Pytester) -> None:
    run.makepyfile(
        test_servers="""
        from analyticsdataserver.testing.service import Service

        raise AssertionError
        """,
        test_slow="""
        import pytest

        pytestmark = [pytest.mark.slow]
        raise AssertionError
        """,
        test_units="""
        import pytest

        @pytest.fixture(params=["f", "g"])
        def fixture(request):
            return request.param

        @pytest.mark.parametrize(("number", "name"), [(1, "one"), (2, "two"), (2, "one")])
        @pytest.mark.parametrize("letter", "ab")
        def test_combinations(number, name, letter, fixture):
            pass

        @pytest.mark.parametrize("number", [1, 1])
        def test_values(number):
            pass

        @pytest.mark.parametrize("number", range(13))
        def test_every_second(number):
            pass

        @pytest.mark.parametrize("number", range(12))
        def test_each(number):
            pass

        @pytest.mark.slow
        def test_slow():
            raise AssertionError
        """,
    )
    result = run.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider", "--fast", "-v")
    result.assert_outcomes(passed=4 + 7 + 12, deselected=11 + 6)
    result.stdout.fnmatch_lines_random(
        [f"*::test_combinations[[]{each}] PASSED*" for each in ("f-a-1-one", "g-b-2-two", "f-a-2-one")]
    )


def test_tests_that_start_servers_are_marked(run: pytest.Pytester) -> None:
    run.makepyfile(
        test_servers="""
        from analyticsdataserver.tests.served import served

        def test_server():
            pass
        """,
        test_units="""
        import django

        def test_unit():
            pass
        """,
    )
    result = run.runpytest_subprocess("-p", PLUGIN, "-p", "no:cacheprovider", "-m", "not process", "-v")
    result.assert_outcomes(passed=1, deselected=1)
    result.stdout.fnmatch_lines(["*::test_unit PASSED*"])
