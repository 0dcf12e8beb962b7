"""What the settings take from the environment, and what they refuse."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from analyticsdataserver import environment, variables
from analyticsdataserver.environment import BASE_DIR, INSECURE_PREFIX

GOOD = {
    "SECRET_KEY": "0123456789" * 5,
    "ALLOWED_HOSTS": "analytics.example.com",
    "DATABASE_URL": "sqlite:///default.db",
    "ANALYTICS_DATABASE_URL": "sqlite:///analytics.db",
}


def variables_read() -> set[str]:
    """The names in ``env.kind("NAME", …)`` and in the calls of functions that read the environment."""
    modules = [ast.parse(Path(str(module.__file__)).read_text()) for module in (environment, variables)]
    trees = [*modules, *(ast.parse(path.read_text()) for path in BASE_DIR.glob("analyticsdataserver/settings/*.py"))]
    readers = {node.name for module in modules for node in module.body if isinstance(node, ast.FunctionDef)}
    return {
        argument.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args
        if ast.unparse(node.func).startswith("env.") or ast.unparse(node.func) in readers
        if isinstance(argument := node.args[0], ast.Constant) and isinstance(argument.value, str)
    }


class TestDocumentation:
    def test_variables_are_found(self) -> None:
        assert variables_read() > {*GOOD, "LOG_LEVEL", "DEBUG", "DATABASE_TIMEOUT", "TEST_MYSQL_URL"}

    def test_example_file_lists_each_variable(self) -> None:
        listed = re.findall(r"^([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE)
        assert sorted(listed) == sorted(variables_read())

    def test_guide_for_operators_lists_each_variable(self) -> None:
        listed = re.findall(r"^   \* - ``([A-Z_]+)``", (BASE_DIR / "docs" / "operating.rst").read_text(), re.MULTILINE)
        assert sorted(listed) == sorted(variables_read())


class Copy:
    """The project's code in a folder without a ``.env`` file, to be run with a clean environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copy(BASE_DIR / "manage.py", folder)
        for package in ("analytics_data_api", "analyticsdataserver"):
            shutil.copytree(BASE_DIR / package, folder / package, ignore=shutil.ignore_patterns("__pycache__", "tests"))

    def check(self, settings: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run ``manage.py check``, which loads the settings like whatever else starts the service."""
        return subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=self.folder,
            env={"DJANGO_SETTINGS_MODULE": f"analyticsdataserver.settings.{settings}", **variables},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def shared_copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("project"))


@pytest.fixture
def copy(shared_copy: Copy) -> Iterator[Copy]:
    yield shared_copy
    (shared_copy.folder / ".env").unlink(missing_ok=True)


class TestProduction:
    def test_starts_with_what_it_needs(self, copy: Copy) -> None:
        result = copy.check("production", **GOOD)
        assert result.returncode == 0, result.stderr

    def test_takes_it_from_a_file(self, copy: Copy) -> None:
        (copy.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in GOOD.items()))
        result = copy.check("production")
        assert result.returncode == 0, result.stderr

    @pytest.mark.parametrize("variable", sorted(GOOD))
    def test_refuses_to_start_without(self, copy: Copy, variable: str) -> None:
        result = copy.check("production", **{name: value for name, value in GOOD.items() if name != variable})
        assert result.returncode != 0
        assert f"ImproperlyConfigured: {variable} is " in result.stderr

    @pytest.mark.parametrize("variable", sorted(GOOD))
    def test_refuses_to_start_with_an_empty(self, copy: Copy, variable: str) -> None:
        result = copy.check("production", **{**GOOD, variable: ""})
        assert result.returncode != 0
        assert f"ImproperlyConfigured: {variable} is " in result.stderr


class TestLocal:
    def test_needs_nothing(self, copy: Copy) -> None:
        result = copy.check("local")
        assert result.returncode == 0, result.stderr

    def test_takes_the_example_file(self, copy: Copy) -> None:
        shutil.copy(BASE_DIR / ".env.example", copy.folder / ".env")
        result = copy.check("local")
        assert result.returncode == 0, result.stderr


Set = Callable[..., None]


@pytest.fixture
def set_to(monkeypatch: pytest.MonkeyPatch) -> Set:
    """A function that makes its arguments all there is in the environment."""

    def replace(**variables: str) -> None:
        monkeypatch.setattr(environment.env, "ENVIRON", variables)

    return replace


class TestSecretKey:
    def test_a_good_one(self, set_to: Set) -> None:
        set_to(SECRET_KEY="k" * 50)
        assert environment.secret_key("SECRET_KEY") == "k" * 50

    @pytest.mark.parametrize("key", ["", "k" * 49, INSECURE_PREFIX + "k" * 50])
    def test_a_bad_one(self, set_to: Set, key: str) -> None:
        set_to(SECRET_KEY=key)
        with pytest.raises(ImproperlyConfigured, match=r"SECRET_KEY is missing.*token_urlsafe"):
            environment.secret_key("SECRET_KEY")


class TestHosts:
    def test_spaces_between_names_do_not_count(self, set_to: Set) -> None:
        set_to(ALLOWED_HOSTS="a.example.com, b.example.com,")
        assert environment.hosts("ALLOWED_HOSTS", ["localhost"]) == ["a.example.com", "b.example.com"]

    @pytest.mark.parametrize("variables", [{}, {"ALLOWED_HOSTS": ""}, {"ALLOWED_HOSTS": " , "}])
    def test_none(self, set_to: Set, variables: dict[str, str]) -> None:
        set_to(**variables)
        assert environment.hosts("ALLOWED_HOSTS", ["localhost"]) == ["localhost"]
        with pytest.raises(ImproperlyConfigured, match=r"ALLOWED_HOSTS is not set: .* ALLOWED_HOSTS=analytics"):
            environment.hosts("ALLOWED_HOSTS")


class TestDatabase:
    def test_mysql(self, set_to: Set) -> None:
        set_to(DATABASE_URL="mysql://reader:p%40ss%2Fword@db.example.com:3307/reports")
        assert environment.database("DATABASE_URL") == {
            "ENGINE": "analyticsdataserver.mysql",
            "NAME": "reports",
            "USER": "reader",
            "PASSWORD": "p@ss/word",
            "HOST": "db.example.com",
            "PORT": 3307,
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                "charset": "utf8mb4",
                "init_command": "SET time_zone = '+00:00'",
                "isolation_level": "read committed",
                "connect_timeout": 5,
            },
            "TEST": {"CHARSET": "utf8mb4"},
        }

    def test_mysql_through_a_socket(self, set_to: Set) -> None:
        set_to(DATABASE_URL="mysql://root@localhost/reports?unix_socket=/run/my%20server/socket")
        assert environment.database("DATABASE_URL")["OPTIONS"]["unix_socket"] == "/run/my server/socket"

    def test_the_url_has_the_last_word(self, set_to: Set) -> None:
        set_to(DATABASE_URL="mysql://root@localhost/reports?connect_timeout=1&charset=utf8")
        options = environment.database("DATABASE_URL")["OPTIONS"]
        assert (options["connect_timeout"], options["charset"]) == (1, "utf8")

    def test_times(self, set_to: Set) -> None:
        set_to(DATABASE_URL="mysql://root@localhost/reports", DATABASE_CONNECTION_MAX_AGE="0", DATABASE_TIMEOUT="2")
        found = environment.database("DATABASE_URL")
        assert (found["CONN_MAX_AGE"], found["OPTIONS"]["connect_timeout"]) == (0, 2)

    def test_sqlite(self, set_to: Set) -> None:
        set_to(DATABASE_URL="sqlite:////var/lib/my reports/default.db")
        found = environment.database("DATABASE_URL")
        assert (found["ENGINE"], found["NAME"]) == ("django.db.backends.sqlite3", "/var/lib/my reports/default.db")

    def test_not_set(self, set_to: Set) -> None:
        set_to(DATABASE_URL="")
        assert environment.database("DATABASE_URL", "sqlite:///default.db")["NAME"] == "default.db"
        with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL is not set: .*mysql://user:password@host"):
            environment.database("DATABASE_URL")

    @pytest.mark.parametrize("url", ["postgres://user:pa55word@host/name", "default.db", "sqlite"])
    def test_another_kind(self, set_to: Set, url: str) -> None:
        set_to(DATABASE_URL=url)
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL names a database of another kind") as caught:
            environment.database("DATABASE_URL")
        assert "pa55word" not in str(caught.value)

    @pytest.mark.parametrize("url", ["mysql://user:pa55/word@host/name", "mysql://user:pa55?word@host/name"])
    def test_a_password_that_is_not_encoded(self, set_to: Set, url: str) -> None:
        set_to(DATABASE_URL=url)
        with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL cannot be read.*percent-encoded") as caught:
            environment.database("DATABASE_URL")
        assert "pa55" not in str(caught.value)


class TestRate:
    @pytest.mark.parametrize(
        ("value", "rate"),
        [("", (10, 60)), ("5/hour", (5, 3600)), (" 5/HOUR ", (5, 3600)), ("off", None), ("OFF", None)],
    )
    def test_one(self, set_to: Set, value: str, rate: tuple[int, int] | None) -> None:
        set_to(THROTTLE_PASSWORDS=value)
        assert variables.rate("THROTTLE_PASSWORDS", "10/minute") == rate

    def test_default(self, set_to: Set) -> None:
        set_to()
        assert variables.rate("THROTTLE_PASSWORDS", "10/minute") == (10, 60)
        assert variables.rate("THROTTLE_DATA", "off") is None

    @pytest.mark.parametrize("value", ["10", "0/minute", "ten/minute", "10/week", "none", "false"])
    def test_none(self, set_to: Set, value: str) -> None:
        set_to(THROTTLE_PASSWORDS=value)
        with pytest.raises(
            ImproperlyConfigured, match=r"THROTTLE_PASSWORDS takes a rate, such as 100/minute .* or off"
        ):
            variables.rate("THROTTLE_PASSWORDS", "10/minute")


class TestNumber:
    @pytest.mark.parametrize(("value", "number"), [("", 7), ("0", 0), (" 12 ", 12)])
    def test_one(self, set_to: Set, value: str, number: int) -> None:
        set_to(NUM_PROXIES=value)
        assert variables.number("NUM_PROXIES", 7) == number

    @pytest.mark.parametrize("value", ["-1", "1.5", "one", "٣", "1 000", "1" * 10])
    def test_none(self, set_to: Set, value: str) -> None:
        set_to(NUM_PROXIES=value)
        with pytest.raises(ImproperlyConfigured, match="NUM_PROXIES takes a whole number"):
            variables.number("NUM_PROXIES", 0)


def test_limits_are_on_by_default_but_the_one_on_data() -> None:
    assert (settings.THROTTLE_PASSWORDS, settings.THROTTLE_WRONG_KEYS) == ((10, 60), (30, 60))
    assert settings.THROTTLE_DATA is None
    assert settings.REST_FRAMEWORK["NUM_PROXIES"] == 0


@pytest.mark.django_db(databases=["default", "analytics"])
@pytest.mark.parametrize("alias", ["default", "analytics"])
def test_a_mysql_session_is_utf8mb4_utc_and_read_committed(alias: str) -> None:
    if connections[alias].vendor != "mysql":
        pytest.skip("asks a MySQL server, and this is none")
    with connections[alias].cursor() as cursor:
        # The level has one of two names, depending on the server and its version.
        cursor.execute(
            "SHOW SESSION VARIABLES WHERE Variable_name IN"
            " ('character_set_connection', 'time_zone', 'tx_isolation', 'transaction_isolation')"
        )
        found = {name.replace("tx_", "transaction_"): value for name, value in cursor.fetchall()}
    assert found == {
        "character_set_connection": "utf8mb4",
        "time_zone": "+00:00",
        "transaction_isolation": "READ-COMMITTED",
    }
