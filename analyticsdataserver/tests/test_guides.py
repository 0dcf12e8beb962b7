"""The guides show what the service answers, and the pages that are written from the code are up to date."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from analytics_data_api.access import keys
from analytics_data_api.loading import sample_data
from analytics_data_api.tables import ANALYTICS_DATABASE
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.docs.openapi.views import document
from analyticsdataserver.tests.guides import checking, examples, pages, reference, tables, variables

WRITTEN = (reference.PAGE, tables.PAGE)
GUIDES = [page for page in pages() if page not in WRITTEN and examples.has_examples(page.read_text())]

Check = Callable[[Path, str], None]


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Compare a page with what it should be; with ``--write-guides``, make it that."""

    def check(page: Path, text: str) -> None:
        if request.config.getoption("--write-guides"):
            page.write_text(text)
        assert page.read_text() == text, "`make guides` writes it anew."

    return check


def test_the_pages_with_examples_are_found() -> None:
    names = {page.relative_to(BASE_DIR).as_posix() for page in GUIDES}
    assert {"README.rst", "docs/getting_started.rst", "docs/calling.rst", "docs/numbers.rst"} <= names


@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_examples_print_what_stands_there(page: Path, live_server: Any, check: Check) -> None:
    for fixture in sorted(sample_data.FIXTURES.glob("*.json")):
        sample_data.load_fixture(fixture, ANALYTICS_DATABASE)
    keys.set_key("edx", examples.KEY)
    user = User.objects.get(username="edx")
    user.set_password("a password")
    user.save()
    check(page, examples.run(page.read_text(), live_server.url))


def test_the_reference_is_what_the_schema_says(check: Check) -> None:
    check(reference.PAGE, reference.text(document()))


# The page shows SQL as SQLite quotes it.
@pytest.mark.sqlite_only
@pytest.mark.django_db(transaction=True, databases=["default", "analytics"])
def test_checked_tables_look_as_they_are_shown(check: Check) -> None:
    out = io.StringIO()
    with checking.old_pipeline(), pytest.raises(SystemExit):
        call_command("check_tables", stdout=out)
    check(checking.PAGE, f"$ ./manage.py check_tables\n{out.getvalue()}")


def test_the_tables_are_those_of_the_models(check: Check) -> None:
    check(tables.PAGE, tables.text())


def test_the_settings_are_those_of_the_configuration(check: Check) -> None:
    check(variables.EXAMPLE, variables.example())
    check(variables.TABLE, variables.settings_table())


class TestExamples:
    @pytest.mark.parametrize(
        "page",
        [
            ".. code-block:: python\n\n   print(1)\n\n.. code-block:: console\n\n   $ ls\n",
            ".. code-block:: console\n\n   $ curl http://elsewhere.example.com/\n",
            ".. code-block:: console\n\n   $ curl http://localhost:8000/ | sort\n",
            ".. code-block:: console\n\n   $ curl http://localhost:8000/ | python3 x.py\n",
        ],
    )
    def test_that_cannot_be_run_are_told(self, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
        if "elsewhere" not in page:
            monkeypatch.setattr(examples, "curl", lambda arguments, server: "")
        with pytest.raises(examples.NoExampleError):
            examples.run(page, "http://localhost:1")

    def test_that_went_stale_are_rewritten_and_nothing_else_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(examples, "curl", lambda arguments, server: f"{server}: {arguments}\n\nend")
        page = (
            "Title\n=====\n\n.. code-block:: console\n\n   $ ls\n   files\n   $ curl \\\n       -i x | head -1\n"
            "   old\n   $ curl y\n\n\nText.\n\n.. code-block:: python\n\n   a = 3\n   if a:\n\n       print(a, 'http://localhost:8000')"
            "\n\n.. code-block:: text\n\n   4\n\n.. code-block:: text\n\n   kept\n"
        )
        assert examples.run(page, "http://localhost:1") == (
            "Title\n=====\n\n.. code-block:: console\n\n   $ ls\n   files\n   $ curl \\\n       -i x | head -1\n"
            "   http://localhost:8000: ['-i', 'x']\n"
            "   $ curl y\n   http://localhost:8000: ['y']\n\n   end\n\n\n"
            "Text.\n\n.. code-block:: python\n\n   a = 3\n   if a:\n\n       print(a, 'http://localhost:8000')"
            "\n\n.. code-block:: text\n\n   3 http://localhost:8000\n\n.. code-block:: text\n\n   kept\n"
        )

    def test_of_commands_other_than_curl_are_left_alone(self) -> None:
        page = ".. code-block:: console\n\n   $ make test\n   fine\n"
        assert examples.run(page, "http://localhost:1") == page
        assert not examples.has_examples(page)
