"""What the settings read from the environment, and what they refuse."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from analyticsdataserver.config import BASE_DIR, INIT_COMMAND, INSECURE_PREFIX, Config, ProductionConfig
from analyticsdataserver.serving.wsgi import limited
from analyticsdataserver.tests.served import NEEDED, Copy

# All that production needs; SQLITE_FOR_USERS because DATABASE_URL names an SQLite file.
GOOD = NEEDED | {"SQLITE_FOR_USERS": "true"}

Read = Callable[..., Any]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Read:
    """A function that returns the configuration of an environment that has its keyword arguments only."""

    def read(cls: type[Config] = Config, **variables: str) -> Config:
        monkeypatch.setattr(os, "environ", variables)
        return cls.read(env_file=None)

    return read


@pytest.fixture
def refusal(read: Read) -> Callable[..., str]:
    """A function that returns the message about an environment, which names one variable."""

    def refusal(cls: type[Config] = Config, **variables: str) -> str:
        with pytest.raises(ImproperlyConfigured) as caught:
            read(cls, **variables)
        heading, line = str(caught.value).splitlines()
        assert heading == "Set these variables in the environment, or in the file .env:"
        return line

    return refusal


@pytest.fixture(scope="module")
def shared_copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy(tmp_path_factory.mktemp("project"))


@pytest.fixture
def copy(shared_copy: Copy) -> Iterator[Copy]:
    yield shared_copy
    (shared_copy.folder / ".env").unlink(missing_ok=True)


class TestProduction:
    def test_starts_with_what_it_needs_without_a_warning_of_django(self, copy: Copy) -> None:
        result = copy.run("check", "--deploy", "--fail-level", "WARNING", settings="production", **GOOD)
        assert result.returncode == 0, result.stderr

    def test_reads_a_file(self, copy: Copy) -> None:
        (copy.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in GOOD.items()))
        result = copy.check("production")
        assert result.returncode == 0, result.stderr

    def test_an_empty_variable_of_the_environment_overrides_one_of_the_file(self, copy: Copy) -> None:
        (copy.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in GOOD.items()))
        result = copy.check("production", ALLOWED_HOSTS="")
        assert result.returncode != 0
        assert result.stderr.splitlines()[-1].startswith("ALLOWED_HOSTS is not set.")

    def test_refuses_to_start_and_names_every_fault_but_no_secret(self, copy: Copy) -> None:
        result = copy.check(
            "production", SECRET_KEY="too-short", DATABASE_URL="mysql://u:pa55/word@host/name", DEBUG="true"
        )
        assert result.returncode != 0
        heading, *faults = result.stderr.splitlines()[-6:]
        assert heading.endswith("ImproperlyConfigured: Set these variables in the environment, or in the file .env:")
        assert " ".join(fault.partition(" ")[0] for fault in faults) == (
            "SECRET_KEY ALLOWED_HOSTS DATABASE_URL ANALYTICS_DATABASE_URL DEBUG"
        )
        assert "too-short" not in result.stderr
        assert "pa55" not in result.stderr

    @pytest.mark.parametrize("value", [None, "", " "])
    @pytest.mark.parametrize("variable", sorted(NEEDED))
    def test_requires(self, refusal: Callable[..., str], variable: str, value: str | None) -> None:
        variables = {name: given for name, given in GOOD.items() if name != variable}
        if value is not None:
            variables[variable] = value
        assert refusal(ProductionConfig, **variables).startswith(f"{variable} is not set. ")

    @pytest.mark.parametrize(
        ("variable", "value", "message"),
        [
            ("SECRET_KEY", "k" * 49, "SECRET_KEY is shorter than 50 characters"),
            ("SECRET_KEY", INSECURE_PREFIX + "k" * 50, "or the public default of the local settings. Make one with: "),
            ("DEBUG", "true", "DEBUG is on, which shows source code and settings to any client: set DEBUG=false"),
            ("DEBUG", "On", "set DEBUG=false"),
            ("DEBUG", "ture", "DEBUG should be a valid boolean"),
            ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS has an asterisk"),
            ("ALLOWED_HOSTS", "analytics.example.com,*.example.org", "ALLOWED_HOSTS has an asterisk"),
            ("ALLOWED_HOSTS", " , ", "ALLOWED_HOSTS is not set. "),
            ("DATABASE_URL", "sqlite://", "DATABASE_URL is a database in memory"),
            ("DATABASE_URL", "sqlite://:memory:", "DATABASE_URL is a database in memory"),
            ("DATABASE_URL", "sqlite:///:memory:", "DATABASE_URL is a database in memory"),
            ("DATABASE_URL", "sqlite:///file%3Ax%3Fmode=memory", "DATABASE_URL is a database in memory"),
            ("SQLITE_FOR_USERS", "", "or SQLITE_FOR_USERS=true"),
            ("SQLITE_FOR_USERS", "false", "SQLITE_FOR_USERS is not true, but DATABASE_URL is an SQLite file"),
            ("SECURE_SSL_REDIRECT", "2", "SECURE_SSL_REDIRECT should be a valid boolean"),
            ("SECURE_HSTS_SECONDS", "a year", "SECURE_HSTS_SECONDS should be a valid integer"),
            ("SECURE_PROXY_SSL_HEADER", "X Forwarded", "SECURE_PROXY_SSL_HEADER takes the name of a header"),
            ("CSRF_TRUSTED_ORIGINS", "analytics.example.com", "CSRF_TRUSTED_ORIGINS takes origins"),
            ("LOG_FORMAT", "xml", "LOG_FORMAT should be 'json' or 'text'"),
            ("THROTTLE_DATA", "many", "THROTTLE_DATA takes a rate"),
            ("NUM_PROXIES", "one", "NUM_PROXIES should be a valid integer"),
        ],
    )
    def test_refuses(self, refusal: Callable[..., str], variable: str, value: str, message: str) -> None:
        assert message in refusal(ProductionConfig, **{**GOOD, variable: value})

    def test_tables_are_loaded_by_a_user_of_its_own(self, read: Read) -> None:
        assert set(read(ProductionConfig, **GOOD).databases()) == {"default", "analytics"}
        loader = "mysql://loader:pa55word@db.example.com/reports"
        databases = read(ProductionConfig, **GOOD, LOAD_DATABASE_URL=loader).databases()
        assert databases["loading"]["USER"] == "loader"
        assert set(databases) == {"default", "analytics", "loading"}

    def test_needs_no_permission_for_mysql(self, read: Read) -> None:
        url = "mysql://root@db.example.com/users"
        config = read(ProductionConfig, **NEEDED | {"DATABASE_URL": url})
        assert url == config.DATABASE_URL

    @pytest.mark.parametrize(
        ("value", "header"),
        [
            ("", None),
            ("X-Forwarded-Proto", ("HTTP_X_FORWARDED_PROTO", "https")),
            ("x-forwarded-proto: https", ("HTTP_X_FORWARDED_PROTO", "https")),
            (" Front-End-Https:on ", ("HTTP_FRONT_END_HTTPS", "on")),
        ],
    )
    def test_header(self, read: Read, value: str, header: tuple[str, str] | None) -> None:
        assert header == read(ProductionConfig, **GOOD, SECURE_PROXY_SSL_HEADER=value).SECURE_PROXY_SSL_HEADER

    @pytest.mark.parametrize("value", ["X_Forwarded_Proto", "X-Forwarded-Proto:", ":https", "é"])
    def test_no_header(self, refusal: Callable[..., str], value: str) -> None:
        line = refusal(ProductionConfig, **GOOD, SECURE_PROXY_SSL_HEADER=value)
        assert line.startswith("SECURE_PROXY_SSL_HEADER takes the name of a header")

    def test_keeps_secrets_out_of_its_representation(self, read: Read) -> None:
        config = read(ProductionConfig, **GOOD | {"DATABASE_URL": "mysql://user:pa55word@host/name"})
        assert "0123456789" not in repr(config)
        assert "pa55word" not in repr(config)


def line_of_the_log(copy: Copy, settings: str, **variables: str) -> str:
    """Return the line that is written for a warning."""
    warn = "import logging; logging.getLogger('some.where').warning('hello')"
    return copy.run("shell", "--no-imports", "--command", warn, settings=settings, **variables).stderr


class TestLog:
    def test_is_text_by_default(self, copy: Copy) -> None:
        assert line_of_the_log(copy, "local").endswith("Z WARNING some.where - hello\n")
        assert json.loads(line_of_the_log(copy, "local", LOG_FORMAT="JSON"))["message"] == "hello"

    def test_is_json_by_default_in_production(self, copy: Copy) -> None:
        line = json.loads(line_of_the_log(copy, "production", **GOOD))
        assert line.pop("time")
        assert line == {"level": "WARNING", "logger": "some.where", "request_id": None, "message": "hello"}
        line = line_of_the_log(copy, "production", **GOOD, LOG_FORMAT="text")
        assert line.endswith("Z WARNING some.where - hello\n")

    def test_level(self, read: Read, refusal: Callable[..., str]) -> None:
        assert read(LOG_LEVEL="debug").LOG_LEVEL == "DEBUG"
        assert refusal(LOG_LEVEL="LOUD").startswith("LOG_LEVEL should be 'DEBUG', 'INFO',")


class TestLocal:
    def test_needs_nothing(self, copy: Copy) -> None:
        result = copy.check("local")
        assert result.returncode == 0, result.stderr

    def test_takes_the_example_file(self, copy: Copy) -> None:
        shutil.copy(BASE_DIR / ".env.example", copy.folder / ".env")
        result = copy.check("local")
        assert result.returncode == 0, result.stderr

    def test_hosts(self, read: Read) -> None:
        assert read(ALLOWED_HOSTS="a.example.com, b.example.com,").ALLOWED_HOSTS == ["a.example.com", "b.example.com"]
        assert read(ALLOWED_HOSTS=" , ").ALLOWED_HOSTS == read().ALLOWED_HOSTS
        assert "localhost" in read().ALLOWED_HOSTS


def database(config: Config) -> dict[str, Any]:
    return config.database(config.DATABASE_URL)


class TestDatabase:
    def test_mysql(self, read: Read) -> None:
        assert database(read(DATABASE_URL="mysql://reader:p%40ss%2Fword@db.example.com:3307/reports")) == {
            "ENGINE": "analyticsdataserver.databases.mysql",
            "NAME": "reports",
            "USER": "reader",
            "PASSWORD": "p@ss/word",
            "HOST": "db.example.com",
            "PORT": 3307,
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "DISABLE_SERVER_SIDE_CURSORS": False,
            "OPTIONS": {
                "charset": "utf8mb4",
                "init_command": INIT_COMMAND,
                "isolation_level": "read committed",
                "connect_timeout": 5,
            },
            "TEST": {"CHARSET": "utf8mb4"},
        }

    def test_mysql_through_a_socket(self, read: Read) -> None:
        found = database(read(DATABASE_URL="mysql://root@localhost/reports?unix_socket=/run/my%20server/socket"))
        assert found["OPTIONS"]["unix_socket"] == "/run/my server/socket"

    def test_the_url_overrides_options(self, read: Read) -> None:
        options = database(read(DATABASE_URL="mysql://root@localhost/reports?connect_timeout=1&charset=utf8"))[
            "OPTIONS"
        ]
        assert (options["connect_timeout"], options["charset"]) == (1, "utf8")

    def test_times(self, read: Read) -> None:
        found = database(
            read(DATABASE_URL="mysql://root@localhost/reports", DATABASE_CONNECTION_MAX_AGE="0", DATABASE_TIMEOUT="2")
        )
        assert (found["CONN_MAX_AGE"], found["OPTIONS"]["connect_timeout"]) == (0, 2)

    @pytest.mark.parametrize(
        ("query", "seconds", "wait"), [("", 5, 4), ("?connect_timeout=2", 2, 1), ("?connect_timeout=1", 2, 1)]
    )
    def test_the_service_waits_for_a_lock_less_than_for_the_server(
        self, read: Read, query: str, seconds: int, wait: int
    ) -> None:
        options = limited(database(read(DATABASE_URL=f"mysql://root@localhost/reports{query}"))["OPTIONS"])
        assert (options["read_timeout"], options["write_timeout"]) == (seconds, seconds)
        assert options["init_command"] == (
            f"SET lock_wait_timeout = {wait}, innodb_lock_wait_timeout = {wait}, "
            "time_zone = '+00:00' /*!80000 , information_schema_stats_expiry = 0 */"
        )

    def test_the_service_does_not_limit_what_is_unlimited(self, read: Read) -> None:
        before = database(read(DATABASE_URL="mysql://root@localhost/reports", DATABASE_TIMEOUT="0"))["OPTIONS"]
        assert limited(before) == before | {"read_timeout": 0, "write_timeout": 0}

    @pytest.mark.parametrize(
        ("command", "expected"),
        [
            ("", "SET lock_wait_timeout = 4, innodb_lock_wait_timeout = 4"),
            (
                "set lock_wait_timeout = 9",
                "SET lock_wait_timeout = 4, innodb_lock_wait_timeout = 4, lock_wait_timeout = 9",
            ),
            ("DO 1", "DO 1"),
        ],
    )
    def test_the_service_keeps_the_init_command_of_the_url(self, command: str, expected: str) -> None:
        assert limited({"connect_timeout": 5, "init_command": command})["init_command"] == expected

    def test_sqlite(self, read: Read) -> None:
        found = database(read(DATABASE_URL="sqlite:////var/lib/my reports/default.db?timeout=20"))
        assert found["ENGINE"] == "analyticsdataserver.databases.sqlite"
        assert found["NAME"] == "/var/lib/my reports/default.db"
        assert found["OPTIONS"] == {"transaction_mode": "IMMEDIATE", "timeout": 20}

    def test_default(self, read: Read) -> None:
        assert database(read(DATABASE_URL=""))["NAME"] == str(BASE_DIR / "default.db")

    @pytest.mark.parametrize("url", ["postgres://user:pa55word@host/name", "default.db", "sqlite"])
    def test_of_another_kind(self, refusal: Callable[..., str], url: str) -> None:
        line = refusal(DATABASE_URL=url)
        assert line.startswith("DATABASE_URL names a database of an unknown kind: set it to sqlite:////path/to/file.db")
        assert "pa55word" not in line

    @pytest.mark.parametrize("variable", ["DATABASE_URL", "ANALYTICS_DATABASE_URL", "TEST_MYSQL_URL"])
    @pytest.mark.parametrize("url", ["mysql://user:pa55/word@host/name", "mysql://user:pa55?word@host/name"])
    def test_a_password_that_is_not_encoded(self, refusal: Callable[..., str], url: str, variable: str) -> None:
        line = refusal(**{variable: url})
        assert line.startswith(f"{variable} cannot be read as mysql://user:password@host:3306/name. Percent-encode")
        assert "pa55" not in line


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
    def test_valid(self, read: Read, value: str, origins: list[str]) -> None:
        assert origins == read(CORS_ALLOWED_ORIGINS=value).CORS_ALLOWED_ORIGINS

    @pytest.mark.parametrize(
        "value",
        [
            *("*", "null", "a.example.com", "https://", "https://a.example.com/", "https://a.example.com/path"),
            *("https://*.example.com", "https://a.example.com?x", "ftp://a.example.com", "https://user@a.example.com"),
            *("https://A.example.com", "HTTPS://a.example.com", "https://a.example.com:port", "https://a b"),
            *("https://a.example.com https://b.example.com", "https://[::1", "http://a.example.com:99999999"),
        ],
    )
    def test_invalid(self, refusal: Callable[..., str], value: str) -> None:
        line = refusal(CORS_ALLOWED_ORIGINS=f"https://good.example.com,{value}")
        assert line.startswith("CORS_ALLOWED_ORIGINS takes origins, separated by commas: ")

    def test_of_a_whole_domain_for_forms_only(self, read: Read, refusal: Callable[..., str]) -> None:
        assert read(CSRF_TRUSTED_ORIGINS="https://*.example.com").CSRF_TRUSTED_ORIGINS == ["https://*.example.com"]
        assert refusal(CSRF_TRUSTED_ORIGINS="https://*").startswith("CSRF_TRUSTED_ORIGINS takes origins")


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), (" NO ", False), ("1", True), ("off", False), ("", False)]
)
def test_booleans(read: Read, value: str, expected: bool) -> None:
    assert read(METRICS=value).METRICS is expected


@pytest.mark.parametrize(
    ("value", "rate"),
    [("", (10, 60)), ("5/hour", (5, 3600)), (" 5/HOUR ", (5, 3600)), ("off", None), ("OFF", None)],
)
def test_rates(read: Read, value: str, rate: tuple[int, int] | None) -> None:
    assert rate == read(THROTTLE_PASSWORDS=value).THROTTLE_PASSWORDS


@pytest.mark.parametrize("value", ["10", "0/minute", "ten/minute", "10/week", "none", "false"])
def test_invalid_rates(refusal: Callable[..., str], value: str) -> None:
    line = refusal(THROTTLE_PASSWORDS=value)
    assert line == "THROTTLE_PASSWORDS takes a rate, such as 100/minute (or second, hour, day), of at least 1; or off."


@pytest.mark.parametrize(("value", "number"), [("", 600), ("0", 0), (" 12 ", 12)])
def test_numbers(read: Read, value: str, number: int) -> None:
    assert number == read(DATABASE_CONNECTION_MAX_AGE=value).DATABASE_CONNECTION_MAX_AGE


@pytest.mark.parametrize("value", ["-1", "1.5", "one", "٣", "1 000", "1" * 10])
def test_invalid_numbers(refusal: Callable[..., str], value: str) -> None:
    assert refusal(NUM_PROXIES=value).startswith("NUM_PROXIES should be ")


class TestSpool:
    @pytest.mark.parametrize(
        ("value", "size"), [("", 2 * 10**9), ("2000000000", 2 * 10**9), ("500 MB", 5 * 10**8), ("1GiB", 2**30)]
    )
    def test_size(self, read: Read, value: str, size: int) -> None:
        assert size == read(SPOOL_MAX=value).SPOOL_MAX

    @pytest.mark.parametrize("value", ["much", "-1", "2 gallons"])
    def test_invalid_size(self, refusal: Callable[..., str], value: str) -> None:
        assert refusal(SPOOL_MAX=value).startswith("SPOOL_MAX could not ")

    def test_directory(self, read: Read, refusal: Callable[..., str], tmp_path: Path) -> None:
        assert tmp_path == read(SPOOL_DIR=str(tmp_path)).SPOOL_DIR
        assert refusal(SPOOL_DIR=str(tmp_path / "missing")) == "SPOOL_DIR does not point to a directory"


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
