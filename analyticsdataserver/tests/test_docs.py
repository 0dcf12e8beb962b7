"""The documentation names everything that exists; the tests find each list in the code."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.core.management import find_commands, load_command_class
from django.urls import URLPattern, URLResolver
from rest_framework import exceptions
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.fields import CharField

from analytics_data_api.checks import output
from analytics_data_api.checks.messages import LEVELS, TableReport, message
from analytics_data_api.versions import ENDPOINTS
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.docs import examples
from analyticsdataserver.docs.openapi.views import document
from analyticsdataserver.tests.guides import DOCS, README, pages, reference
from analyticsdataserver.urls import OPERATIONS, urlpatterns

OUR_APPS = ("analytics_data_api", "analyticsdataserver")
# The options of every Django command.
DJANGO_OPTIONS = {
    *("-h", "--help", "--version", "-v", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"),
    *("--force-color", "--skip-checks"),
}


def guide(name: str) -> str:
    return (DOCS / f"{name}.rst").read_text()


def all_guides() -> str:
    return "\n".join(page.read_text() for page in pages())


def code(text: str) -> set[str]:
    """Return what a text marks as code."""
    return set(re.findall(r"``([^`]+)``", text))


def sources() -> Iterator[Path]:
    for app in OUR_APPS:
        yield from (path for path in (BASE_DIR / app).rglob("*.py") if "tests" not in path.parts)


class TestEndpoints:
    @pytest.mark.parametrize("endpoint", ENDPOINTS)
    def test_each_has_a_section(self, endpoint: str) -> None:
        title = f"GET /api/{endpoint}/"
        assert f"\n{title}\n{'~' * len(title)}\n" in reference.PAGE.read_text()

    @pytest.mark.parametrize("path", document()["paths"])
    def test_each_section_has_every_parameter_and_field(self, path: str) -> None:
        for method, operation in document()["paths"][path].items():
            title = f"{method.upper()} {path}\n"
            _, _, rest = reference.PAGE.read_text().partition(title)
            section = rest.partition("\n.. _")[0]
            assert section
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in code(section)
            model = operation["responses"]["200"]["content"]["application/json"]["schema"]
            for name, _, meaning in reference.described(document(), model.get("items", model)):
                assert name in section
                assert meaning in " ".join(section.split())
                assert meaning

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_of_operations_are_in_their_guide(self, name: str) -> None:
        assert f"/{name}/" in code(guide("operating"))

    def test_the_path_of_every_route_is_in_a_guide(self) -> None:
        text = all_guides()
        routes = [pattern.pattern for pattern in urlpatterns if isinstance(pattern, URLPattern | URLResolver)]
        addresses = {re.sub(r"\^|/\?\\Z", "", str(each)).partition("(")[0].strip("/") for each in routes}
        assert {"docs", "api/schema", "api/v0"} < addresses
        # Not those of the root, and of the page for unknown paths.
        for address in addresses - {""}:
            assert f"/{address}/" in text, address


@pytest.mark.parametrize(
    "name",
    sorted(
        {
            parameter["name"]
            for path in document()["paths"].values()
            for operation in path.values()
            for parameter in operation.get("parameters", ())
            if parameter["in"] == "query"
        }
    ),
)
def test_each_parameter_is_explained(name: str) -> None:
    explained = guide("calling") + guide("many_courses")
    assert name in code(explained) or f"?{name}=" in explained


def commands() -> dict[str, Any]:
    return {
        name: load_command_class(app, name)
        for app in OUR_APPS
        for name in find_commands(str(Path(str(import_module(app).__file__)).parent / "management"))
    }


@pytest.mark.parametrize(("name", "command"), commands().items(), ids=commands())
class TestCommands:
    def test_each_is_explained(self, name: str, command: Any) -> None:
        assert re.search(rf"\./manage\.py {name}\b", all_guides())

    def test_each_option_is_explained_with_it(self, name: str, command: Any) -> None:
        actions = command.create_parser("manage.py", name)._actions
        options = {option for action in actions for option in action.option_strings} - DJANGO_OPTIONS
        _, _, explained = all_guides().partition(f"./manage.py {name}")
        for option in options:
            assert option in explained


class TestChecksOfTables:
    """The operators' guide describes the findings of ``check_tables``."""

    @property
    def explained(self) -> str:
        _, _, section = guide("operating").partition(".. _checking-tables:")
        return section.partition("\nBackup\n")[0]

    def test_each_kind_of_finding_with_its_severity_and_no_other(self) -> None:
        rows = re.findall(r"^   \* - ``(\w+)``\n     - (\w+)$", self.explained, re.MULTILINE)
        assert rows == [(code, output.SEVERITIES[level]) for code, level in LEVELS.items()]

    def test_each_key_of_the_document_and_no_other(self) -> None:
        _, _, explained = self.explained.partition("``--format json`` prints")
        named = {name for name in code(explained) if re.fullmatch("[a-z_]+", name)}
        report = TableReport("", [message("similar_ids", "")])
        document = json.loads(output.as_json("", [report], quick=False))
        keys = document.keys() | document["tables"][0].keys() | document["tables"][0]["findings"][0].keys()
        assert named == keys | {"ok", "warning", "error", "unavailable", "similar_ids"}


def make_targets() -> list[str]:
    return re.findall(r"^([a-z-]+):.*## ", (BASE_DIR / "Makefile").read_text(), re.MULTILINE)


def test_targets_are_found() -> None:
    assert {"help", "develop", "demo", "test", "docs", "guides"} < set(make_targets())


@pytest.mark.parametrize("target", make_targets())
def test_each_target_of_make_is_explained(target: str) -> None:
    assert re.search(rf"\bmake {target}\b(?!-)", all_guides())


# Calls whose arguments name error codes.
RAISES_OR_RETURNS_AN_ERROR = (
    "AuthenticationFailed",
    "BadRequest",
    "Cause",
    "NoData",
    "NotFound",
    "PermissionDenied",
    "Unavailable",
    "problem",
    "unavailable",
)


@cache
def error_codes() -> set[str]:
    """Return every error_code: those in the code, REST framework's, and those of the serializer of the key's form."""
    found: set[str] = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in RAISES_OR_RETURNS_AN_ERROR:
                found.update(codes(node))
            if isinstance(node, ast.keyword) and node.arg == "error_code" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "default_code":
                found.add(str(ast.literal_eval(node.value)))
    found.update(each.default_code for each in exception_classes(exceptions.APIException))
    for field in AuthTokenSerializer().fields.values():
        if isinstance(field, CharField) and not field.read_only:
            found.update(set(field.error_messages) - {"max_length", "min_length"})
            found.update(validator.code for validator in field.validators if hasattr(validator, "code"))
    found.add("authorization")
    return found


def exception_classes(base: type[exceptions.APIException]) -> Iterator[type[exceptions.APIException]]:
    """Yield the classes below a class of exceptions."""
    for each in base.__subclasses__():
        yield each
        yield from exception_classes(each)


def codes(call: ast.Call) -> Iterator[str]:
    """Yield the snake_case words among a call's arguments; one that an id's name completes is each of them."""
    subjects = {view.entity.removesuffix("_id") for view in ENDPOINTS.values() if view.entity}
    for argument in chain(call.args, (keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Constant) and re.fullmatch(r"[a-z]+(_[a-z]+)+", str(argument.value)):
            yield str(argument.value)
        if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
            prefix = str(argument.values[0].value)
            if re.fullmatch(r"[a-z]+_", prefix):
                yield from (f"{prefix}{subject}" for subject in subjects)


def listed_codes() -> list[tuple[int, str]]:
    """Return the statuses and the error codes in the table of ``docs/errors.rst``."""
    rows = re.findall(r"^   \* - (\d+)\n     - ((?:``.*\n\s*)+)", guide("errors"), re.MULTILINE)
    return [(int(status), code) for status, cell in rows for code in re.findall(r"``([a-z_]+)``", cell)]


def test_error_codes_are_found() -> None:
    shown = {
        code for example in examples.load().values() for problems in example["problems"].values() for code in problems
    }
    assert len(shown) > 5
    assert shown < error_codes()
    assert {"unknown_video", "database_unavailable", "throttled", "csrf_failed", "server_error"} < error_codes()


def test_the_page_of_errors_lists_each_error_code_once_and_no_other() -> None:
    assert sorted(code for _, code in listed_codes()) == sorted(error_codes())


def test_the_page_of_errors_has_the_statuses_of_exceptions() -> None:
    given = {(int(each.status_code), each.default_code) for each in exception_classes(exceptions.APIException)}
    assert given <= set(listed_codes())


class TestPages:
    @pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
    def test_name_only_files_that_exist(self, page: Path) -> None:
        for name in code(page.read_text()):
            if re.fullmatch(
                r"(docs|analytics_data_api|analyticsdataserver|requirements|fixtures|benchmarks)/[\w./]+", name
            ):
                assert "_build" in name or (BASE_DIR / name).exists(), name

    def test_are_all_in_the_table_of_contents(self) -> None:
        listed = set()
        for index in DOCS.rglob("index.rst"):
            for name in re.findall(r"^   ([\w/-]+)$", index.read_text(), re.MULTILINE):
                listed.add((index.parent / f"{name}.rst").resolve())
        assert listed == {page.resolve() for page in pages()} - {README, DOCS / "index.rst"}


@pytest.mark.process
class TestLinkCheck:
    PAGE = '<a href="{}">x</a><h1 id="a b">'

    def check(self, folder: Path, link: str) -> subprocess.CompletedProcess[str]:
        (folder / "one.html").write_text(self.PAGE.format(link))
        (folder / "inner").mkdir()
        (folder / "inner" / "two.html").write_text(self.PAGE.format("../one.html#a%20b"))
        (folder / "x.css").touch()
        command = [sys.executable, str(DOCS / "check_links.py"), str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    @pytest.mark.parametrize(
        "link", ["#a%20b", "inner/two.html", "inner/two.html#a%20b", "x.css", "x.css?v=1", "https://example.com/y"]
    )
    def test_accepts_a_link_with_a_target(self, tmp_path: Path, link: str) -> None:
        result = self.check(tmp_path, link)
        assert (result.returncode, result.stderr) == (0, "")

    @pytest.mark.parametrize("link", ["#b", "two.html", "inner", "inner/two.html#b", "y.css"])
    def test_reports_a_broken_one(self, tmp_path: Path, link: str) -> None:
        result = self.check(tmp_path, link)
        assert result.returncode == 1
        assert result.stderr == f"Broken link in one.html: {link}\n"
