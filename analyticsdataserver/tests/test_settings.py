"""What the settings take from the environment, and what they refuse."""

import ast
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from analyticsdataserver import demands, environment, variables
from analyticsdataserver.environment import BASE_DIR, INSECURE_PREFIX
from analyticsdataserver.tests.served import NEEDED, Copy

# All that production takes; what is allowed to be an SQLite file need not be one.
GOOD = NEEDED | {"SQLITE_FOR_USERS": "true"}


def variables_read() -> set[str]:
    """The names in ``env.kind("NAME", …)`` and in the calls of functions that read the environment."""
    modules = [ast.parse(Path(str(module.__file__)).read_text()) for module in (environment, variables, demands)]
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

    @pytest.mark.parametrize("variable", sorted(NEEDED))
    def test_refuses_to_start_without(self, copy: Copy, variable: str) -> None:
        result = copy.check("production", **{name: value for name, value in GOOD.items() if name != variable})
        assert result.returncode != 0
        assert f"ImproperlyConfigured: {variable} is " in result.stderr

    @pytest.mark.parametrize("variable", sorted(NEEDED))
    def test_refuses_to_start_with_an_empty(self, copy: Copy, variable: str) -> None:
        result = copy.check("production", **{**GOOD, variable: ""})
        assert result.returncode != 0
        assert f"ImproperlyConfigured: {variable} is " in result.stderr

    @pytest.mark.parametrize(
        ("variable", "value", "told"),
        [
            ("DEBUG", "true", "DEBUG is on, which shows source code and settings to anybody: set DEBUG=false"),
            ("DEBUG", "On", "set DEBUG=false"),
            ("DEBUG", "ture", "DEBUG is neither true nor false"),
            ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS has an asterisk"),
            ("ALLOWED_HOSTS", "analytics.example.com,*.example.org", "ALLOWED_HOSTS has an asterisk"),
            ("DATABASE_URL", "sqlite://", "DATABASE_URL is a database in memory"),
            ("DATABASE_URL", "sqlite://:memory:", "DATABASE_URL is a database in memory"),
            ("DATABASE_URL", "sqlite:///:memory:", "DATABASE_URL is a database in memory"),
            ("SQLITE_FOR_USERS", "", "set SQLITE_FOR_USERS=true"),
            ("SQLITE_FOR_USERS", "false", "set SQLITE_FOR_USERS=true"),
            ("SECURE_SSL_REDIRECT", "2", "SECURE_SSL_REDIRECT is neither true nor false"),
            ("SECURE_HSTS_SECONDS", "a year", "SECURE_HSTS_SECONDS takes a whole number"),
            ("SECURE_PROXY_SSL_HEADER", "X Forwarded", "SECURE_PROXY_SSL_HEADER takes the name of a header"),
            ("CSRF_TRUSTED_ORIGINS", "analytics.example.com", "CSRF_TRUSTED_ORIGINS takes origins"),
            ("THROTTLE_DATA", "many", "THROTTLE_DATA takes a rate"),
            ("NUM_PROXIES", "one", "NUM_PROXIES takes a whole number"),
        ],
    )
    def test_refuses_to_start_with(self, copy: Copy, variable: str, value: str, told: str) -> None:
        result = copy.check("production", **{**GOOD, variable: value})
        assert result.returncode != 0
        last = result.stderr.strip().splitlines()[-1]
        assert "ImproperlyConfigured: " in last
        assert told in last
        assert "Traceback" not in last

    def test_has_nothing_that_django_would_warn_of(self, copy: Copy) -> None:
        result = copy.run("check", "--deploy", "--fail-level", "WARNING", settings="production", **GOOD)
        assert result.returncode == 0, result.stderr


def line_of_the_log(copy: Copy, settings: str, **variables: str) -> str:
    """Return the line that is written for a warning."""
    warn = "import logging; logging.getLogger('some.where').warning('hello')"
    return copy.run("shell", "--no-imports", "--command", warn, settings=settings, **variables).stderr


class TestLog:
    def test_is_text_unless_told_otherwise(self, copy: Copy) -> None:
        assert line_of_the_log(copy, "local").endswith("Z WARNING some.where - hello\n")
        assert json.loads(line_of_the_log(copy, "local", LOG_FORMAT="JSON"))["message"] == "hello"

    def test_is_json_in_production_unless_told_otherwise(self, copy: Copy) -> None:
        line = json.loads(line_of_the_log(copy, "production", **GOOD))
        assert line.pop("time")
        assert line == {"level": "WARNING", "logger": "some.where", "request_id": None, "message": "hello"}
        line = line_of_the_log(copy, "production", **GOOD, LOG_FORMAT="text")
        assert line.endswith("Z WARNING some.where - hello\n")

    @pytest.mark.parametrize("settings", ["local", "production"])
    def test_has_no_other_form(self, copy: Copy, settings: str) -> None:
        result = copy.check(settings, **GOOD, LOG_FORMAT="xml")
        assert result.returncode != 0
        assert "ImproperlyConfigured: LOG_FORMAT takes one of: json, text." in result.stderr


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
            "ENGINE": "analyticsdataserver.databases.mysql",
            "NAME": "reports",
            "USER": "reader",
            "PASSWORD": "p@ss/word",
            "HOST": "db.example.com",
            "PORT": 3307,
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {
                "charset": "utf8mb4",
                "init_command": "SET time_zone = '+00:00' /*!80000 , information_schema_stats_expiry = 0 */",
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
        assert (found["ENGINE"], found["NAME"]) == (
            "analyticsdataserver.databases.sqlite",
            "/var/lib/my reports/default.db",
        )

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


class TestUsersDatabase:
    def test_mysql_needs_no_leave(self, set_to: Set) -> None:
        set_to(DATABASE_URL="mysql://root@db.example.com/users")
        assert demands.users_database("DATABASE_URL", sqlite_allowed=False)["NAME"] == "users"

    def test_a_file_needs_leave(self, set_to: Set) -> None:
        set_to(DATABASE_URL="sqlite:////var/lib/users.db")
        with pytest.raises(ImproperlyConfigured, match=r"DATABASE_URL is an SQLite file.*SQLITE_FOR_USERS=true"):
            demands.users_database("DATABASE_URL", sqlite_allowed=False)
        assert demands.users_database("DATABASE_URL", sqlite_allowed=True)["NAME"] == "/var/lib/users.db"

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite://:memory:", "sqlite:///:memory:"])
    def test_memory_will_not_do(self, set_to: Set, url: str) -> None:
        set_to(DATABASE_URL=url)
        with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is a database in memory"):
            demands.users_database("DATABASE_URL", sqlite_allowed=True)


class TestOrigins:
    @pytest.mark.parametrize(
        ("value", "origins"),
        [
            ("", []),
            (" , ", []),
            ("https://a.example.com", ["https://a.example.com"]),
            ("https://a.example.com, http://localhost:3000,", ["https://a.example.com", "http://localhost:3000"]),
            ("http://127.0.0.1:8080,http://[::1]:8080", ["http://127.0.0.1:8080", "http://[::1]:8080"]),
        ],
    )
    def test_some(self, set_to: Set, value: str, origins: list[str]) -> None:
        set_to(ORIGINS=value)
        assert variables.origins("ORIGINS") == origins

    @pytest.mark.parametrize(
        "value",
        [
            *("*", "null", "a.example.com", "https://", "https://a.example.com/", "https://a.example.com/path"),
            *("https://*.example.com", "https://a.example.com?x", "ftp://a.example.com", "https://user@a.example.com"),
            *("https://A.example.com", "HTTPS://a.example.com", "https://a.example.com:port", "https://a b"),
            *("https://a.example.com https://b.example.com", "https://[::1", "http://a.example.com:99999999"),
        ],
    )
    def test_what_is_none(self, set_to: Set, value: str) -> None:
        set_to(ORIGINS=f"https://good.example.com,{value}")
        with pytest.raises(ImproperlyConfigured, match=r"ORIGINS takes origins.*https://dashboard\.example\.com"):
            variables.origins("ORIGINS")

    def test_of_a_whole_domain_only_where_that_is_meant(self, set_to: Set) -> None:
        set_to(ORIGINS="https://*.example.com")
        assert variables.origins("ORIGINS", wildcards=True) == ["https://*.example.com"]
        set_to(ORIGINS="https://*")
        with pytest.raises(ImproperlyConfigured, match="ORIGINS takes origins"):
            variables.origins("ORIGINS", wildcards=True)


class TestHeader:
    @pytest.mark.parametrize(
        ("value", "header"),
        [
            ("", None),
            ("X-Forwarded-Proto", ("HTTP_X_FORWARDED_PROTO", "https")),
            ("x-forwarded-proto: https", ("HTTP_X_FORWARDED_PROTO", "https")),
            (" Front-End-Https:on ", ("HTTP_FRONT_END_HTTPS", "on")),
        ],
    )
    def test_one(self, set_to: Set, value: str, header: tuple[str, str] | None) -> None:
        set_to(HEADER=value)
        assert variables.header("HEADER") == header

    @pytest.mark.parametrize("value", ["X Forwarded", "X_Forwarded_Proto", "X-Forwarded-Proto:", ":https", "é"])
    def test_none(self, set_to: Set, value: str) -> None:
        set_to(HEADER=value)
        with pytest.raises(ImproperlyConfigured, match="HEADER takes the name of a header"):
            variables.header("HEADER")


class TestSwitch:
    @pytest.mark.parametrize("default", [True, False])
    @pytest.mark.parametrize(("value", "expected"), [("true", True), (" NO ", False), ("1", True), ("off", False)])
    def test_on_or_off(self, set_to: Set, value: str, expected: bool, default: bool) -> None:
        set_to(SWITCH=value)
        assert variables.switch("SWITCH", default=default) is expected

    @pytest.mark.parametrize("default", [True, False])
    def test_empty(self, set_to: Set, default: bool) -> None:
        set_to(SWITCH="")
        assert variables.switch("SWITCH", default=default) is default


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
@pytest.mark.mysql_only
@pytest.mark.parametrize("alias", ["default", "analytics"])
def test_a_mysql_session_is_utf8mb4_utc_and_read_committed(alias: str) -> None:
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
