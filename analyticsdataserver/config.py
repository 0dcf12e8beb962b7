"""The variables that configure the service: their names, types, defaults and descriptions.

``.env.example`` and the table in ``docs/operating.rst`` are written from this list by ``make guides``.
"""

import json
import re
import socket
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ByteSize,
    DirectoryPath,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from analytics_data_api.access.throttling import rates
from analytics_data_api.access.throttling.rates import Rate

BASE_DIR: Final = Path(__file__).resolve().parent.parent
ENV_FILE: Final = BASE_DIR / ".env"

# Django's storage of files in a folder.
FOLDER: Final = "django.core.files.storage.FileSystemStorage"

INSECURE_PREFIX: Final = "insecure-"
SHORTEST_SECRET_KEY: Final = 50
# An origin as browsers send it, in lower case: it is compared byte by byte.
ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::\d{1,5})?")
HEADER: Final = re.compile(r"([A-Za-z0-9-]+)(?:\s*:\s*([\x21-\x7e]+))?", re.ASCII)
# MySQL 8 caches the time of a table's last change for a day by default; MariaDB reads the second part as a comment.
INIT_COMMAND: Final = "SET time_zone = '+00:00' /*!80000 , information_schema_stats_expiry = 0 */"


def variable(default: Any, description: str, *, shown: str | None = None) -> Any:
    """Return a field of :class:`Config`.

    Args:
        default: The default, as the variable would hold it. It is validated like a value that is given.
        description: What the variable means, in reStructuredText without references.
        shown: How the documentation describes a default that depends on the machine.
    """
    return Field(default, description=description, validate_default=True, json_schema_extra={"shown": shown})


def split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def check_origins(origins: list[str]) -> list[str]:
    if all(map(ORIGIN.fullmatch, origins)):
        return origins
    raise ValueError(
        "takes origins, separated by commas: https://, a host in lower case, and its port if it is not the default, "
        "for example https://dashboard.example.com. No slash at the end."
    )


def check_form_origins(origins: list[str]) -> list[str]:
    check_origins([origin.replace("://*.", "://", 1) for origin in origins])
    return origins


def check_database_url(url: str) -> str:
    # No message quotes the URL, because it holds a password.
    if not url.startswith(("sqlite://", "mysql://")):
        raise ValueError(
            "names a database of an unknown kind: set it to sqlite:////path/to/file.db or "
            "mysql://user:password@host:3306/name."
        )
    try:
        dj_database_url.parse(url)
    except ValueError:
        raise ValueError(
            "cannot be read as mysql://user:password@host:3306/name. Percent-encode characters such as / ? % in the "
            "user name and the password."
        ) from None
    return url


def read_rate(value: str) -> Rate | None:
    if value.lower() == "off":
        return None
    try:
        return rates.read(value.lower())
    except ValueError:
        raise ValueError("takes a rate, such as 100/minute (or second, hour, day), of at least 1; or off.") from None


def read_header(value: str) -> tuple[str, str] | None:
    """Return a header and its value as Django's SECURE_PROXY_SSL_HEADER takes them."""
    if not value:
        return None
    found = HEADER.fullmatch(value)
    if found is None:
        raise ValueError(
            "takes the name of a header, such as X-Forwarded-Proto, or a header with its value, such as "
            "Front-End-Https: on."
        )
    return f"HTTP_{found[1].upper().replace('-', '_')}", found[2] or "https"


def read_options(value: Any) -> Any:
    """Return the object that a text holds as JSON; an empty one for an empty text."""
    if not isinstance(value, str):
        return value
    try:
        options = json.loads(value or "{}")
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise ValueError("takes a JSON object.")
    return options


Options = Annotated[dict[str, Any], NoDecode, BeforeValidator(read_options)]
PositiveNumber = Annotated[int, Field(gt=0)]
Names = Annotated[list[str], NoDecode, BeforeValidator(split)]
Number = Annotated[int, Field(ge=0, lt=10**9)]
# The representation of the configuration shows neither keys nor passwords.
Secret = Annotated[str, Field(repr=False)]
DatabaseURL = Annotated[Secret, AfterValidator(check_database_url)]
OptionalURL = Annotated[Secret, AfterValidator(lambda url: url and check_database_url(url))]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)]
LogFormat = Annotated[Literal["json", "text"], BeforeValidator(str.lower)]
RateOrOff = Annotated[Rate | None, NoDecode, BeforeValidator(read_rate)]


def sentence(name: str, kind: str, message: str) -> str:
    """Return a sentence about a variable that is missing or invalid, without its value.

    Args:
        name: Its name.
        kind: Pydantic's type of the error.
        message: Pydantic's message, or that of a ``ValueError``.
    """
    if kind == "missing":
        return f"{name} is not set. {Config.model_fields[name].description}".replace("``", "")
    return f"{name} {re.sub('^(Value error, |Input |Path )', '', message)}"


class Config(BaseSettings):
    """The variables and their local defaults.

    A variable is read from the environment, or else from ``.env`` beside ``manage.py``. An empty one counts as not set.
    """

    model_config = SettingsConfigDict(case_sensitive=True, extra="ignore", frozen=True, hide_input_in_errors=True)

    SECRET_KEY: Secret = variable(
        f"{INSECURE_PREFIX}key-of-the-local-settings",
        f"Signs sessions. At least {SHORTEST_SECRET_KEY} characters, kept secret. "
        '``python3 -c "import secrets; print(secrets.token_urlsafe(50))"`` makes one.',
        shown="a public one",
    )
    ALLOWED_HOSTS: Names = variable(
        f"localhost,127.0.0.1,[::1],{socket.gethostname()}",
        "The host names that requests may name, separated by commas. ``.example.com`` stands for every host of a "
        "domain. Requests for ``/status/``, ``/health/`` and ``/metrics/`` may name any host.",
        shown="``localhost``, ``127.0.0.1``, ``[::1]``, the host name of the machine",
    )
    DATABASE_URL: DatabaseURL = variable(
        f"sqlite:///{BASE_DIR / 'default.db'}",
        "The database of users and keys: ``mysql://user:password@host:3306/name`` or "
        "``sqlite:////absolute/path/to/file.db``.",
        shown="the file ``default.db`` beside ``manage.py``",
    )
    ANALYTICS_DATABASE_URL: DatabaseURL = variable(
        f"sqlite:///{BASE_DIR / 'analytics.db'}",
        "The database that the pipeline fills. Serving it needs the privilege ``SELECT``.",
        shown="the file ``analytics.db`` beside ``manage.py``",
    )
    LOAD_DATABASE_URL: OptionalURL = variable(
        "",
        "The same database, by a user who may fill it: ``load_table`` and the other commands that write there use it. "
        "Loading needs ``SELECT``, ``INSERT``, ``UPDATE``, ``DELETE``, ``CREATE``, ``ALTER``, ``INDEX`` and ``DROP``.",
        shown="``ANALYTICS_DATABASE_URL``",
    )
    LMS_DATABASE_URL: OptionalURL = variable(
        "",
        "The database of the LMS, for ``./manage.py compute_tables``: ``mysql://user:password@host:3306/edxapp``. It "
        "needs ``SELECT`` on ``auth_userprofile``, ``student_courseenrollment`` and ``courseware_studentmodule``.",
    )
    DATABASE_CONNECTION_MAX_AGE: Number = variable(
        600, "Seconds that a database connection is kept for further requests; 0 closes it after each request."
    )
    DATABASE_TIMEOUT: Number = variable(5, "Seconds to wait for a MySQL server that does not respond.")
    CSRF_TRUSTED_ORIGINS: Annotated[Names, AfterValidator(check_form_origins)] = variable(
        "",
        "Origins besides the service's own whose forms are accepted, separated by commas, such as "
        "``https://analytics.example.com``: for a proxy that hides the host or the scheme that the browser sees.",
    )
    CORS_ALLOWED_ORIGINS: Annotated[Names, AfterValidator(check_origins)] = variable(
        "",
        "Other sites whose pages may call the API from a browser, separated by commas, such as "
        "``https://dashboard.example.com``.",
    )
    THROTTLE_PASSWORDS: RateOrOff = variable(
        "10/minute",
        "How many wrong user names and passwords a client address may send: a number, a slash, and ``second``, "
        "``minute``, ``hour`` or ``day``; or ``off``.",
    )
    THROTTLE_WRONG_KEYS: RateOrOff = variable(
        "30/minute", "How many wrong keys a client address may send, as a rate or ``off``."
    )
    THROTTLE_DATA: RateOrOff = variable(
        "off", "How many requests for data may be sent with a key, as a rate or ``off``."
    )
    THROTTLE_SERVICE: RateOrOff = variable(
        "off",
        "How many requests for data may be sent with a key of a user of ``THROTTLE_SERVICE_USERS``, as a rate or "
        "``off``.",
    )
    THROTTLE_SERVICE_USERS: Names = variable(
        "",
        "The names of users that are services, such as a dashboard, separated by commas: ``THROTTLE_SERVICE`` is "
        "their rate in place of ``THROTTLE_DATA``.",
    )
    KEYS_BY_PASSWORD: bool = variable(
        True,
        "Whether ``/api-token-auth/`` gives a key, which sees everything, to a user who sends name and password.",
    )
    LOGIN_LINKS: bool = variable(
        False,
        "Whether links of ``./manage.py make_login_link`` log in browsers on this machine, as for ``make demo``.",
    )
    NUM_PROXIES: Number = variable(
        0,
        "How many proxies of yours a request passes, one behind the other, each of which adds the address of its "
        "client to ``X-Forwarded-For``.",
    )
    SPOOL_DIR: DirectoryPath = variable(
        tempfile.gettempdir(),
        "The directory of the temporary files that hold large responses until they are sent.",
        shown="the system's directory for temporary files (``TMPDIR``)",
    )
    SPOOL_MAX: ByteSize = variable(
        "2GB", "The size of all these temporary files together, in bytes or with a unit, such as ``2GB``."
    )
    REPORTS_DIR: Path = variable(
        str(BASE_DIR / "reports"),
        "The folder of the files of reports, such as ``org_course_run_problem_response.csv``.",
        shown="``reports`` beside ``manage.py``",
    )
    REPORTS_BACKEND: str = variable(
        FOLDER,
        "Where the files of reports lie, as a storage of Django: a folder, or, with django-storages, "
        "``storages.backends.s3.S3Storage`` and others, whose own settings ``REPORTS_OPTIONS`` has.",
    )
    REPORTS_OPTIONS: Options = variable(
        "",
        'The options of ``REPORTS_BACKEND``, unless it is a folder, as a JSON object: ``{"bucket_name": "reports"}``.',
    )
    REPORT_NAMES: Names = variable("problem_response", "The names of the reports that are served, separated by commas.")
    REPORT_LINK_SECONDS: PositiveNumber = variable(120, "For how many seconds a link to a file of a report works.")
    EVENT_STORE: str = variable(
        str(BASE_DIR / "events"),
        "The folder of what ``./manage.py ingest_logs`` keeps of tracking logs, or ``s3://bucket/prefix``.",
        shown="``events`` beside ``manage.py``",
    )
    EVENT_STORE_KEY_FILE: Path | None = variable(
        None,
        "The file of the key with which user names are hashed there. The first ``ingest_logs`` makes it.",
        shown="beside the folder, with ``.key`` behind its name; none for ``s3://``",
    )
    LOG_LEVEL: LogLevel = variable(
        "INFO",
        "The lowest level that is logged, on standard error: ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR`` or "
        "``CRITICAL``.",
    )
    LOG_FORMAT: LogFormat = variable("text", "The format of the log: ``text`` or ``json``.")
    METRICS: bool = variable(False, "Whether ``/metrics/`` shows metrics for Prometheus.")
    DEBUG: bool = variable(
        False,
        "Whether ``./manage.py runserver`` shows Django's error pages, which contain source code and settings. "
        "Production refuses to start with it.",
    )
    TEST_MYSQL_URL: OptionalURL = variable(
        "",
        "For developers: the MySQL or MariaDB server for ``make test-mysql``, as ``mysql://user:password@host:3306/``. "
        "Its user needs privileges to create and drop databases. Without it, a temporary server is started.",
    )

    def reports_storage(self) -> dict[str, Any]:
        """Return the storage of reports, as the setting ``STORAGES`` has it."""
        is_folder = self.REPORTS_BACKEND == FOLDER
        return {
            "BACKEND": self.REPORTS_BACKEND,
            "OPTIONS": {"location": self.REPORTS_DIR} if is_folder else self.REPORTS_OPTIONS,
        }

    @classmethod
    def read(cls, env_file: Path | None = ENV_FILE) -> Self:
        """Return the configuration that the environment and a file hold.

        Raises:
            ImproperlyConfigured: Variables are missing or invalid. The message has a line for each of them.
        """
        try:
            return cls(_env_file=env_file)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
        lines = (sentence(str(fault["loc"][0]), fault["type"], fault["msg"]) for fault in faults)
        raise ImproperlyConfigured("\n".join(["Set these variables in the environment, or in the file .env:", *lines]))

    @model_validator(mode="before")
    @classmethod
    def drop_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        # Here rather than by env_ignore_empty: an empty variable of the environment overrides one in the file.
        return {name: value.strip() for name, value in values.items() if value.strip(", ")}

    def databases(self) -> dict[str, Any]:
        """Return the setting ``DATABASES``; tables are loaded by a connection of its own where that is configured."""
        databases = {
            "default": self.database(self.DATABASE_URL),
            "analytics": self.database(self.ANALYTICS_DATABASE_URL),
        }
        if self.LOAD_DATABASE_URL:
            databases["loading"] = self.database(self.LOAD_DATABASE_URL)
        return databases

    def database(self, url: str) -> dict[str, Any]:
        """Return Django's settings of the database that a URL names.

        On MySQL, text is utf8mb4, the session's time zone is UTC (TIMESTAMP columns are converted to it), and each
        statement reads what is committed. The query string of the URL can override these options.
        """
        settings: dict[str, Any] = {
            **dj_database_url.parse(url),
            "CONN_MAX_AGE": self.DATABASE_CONNECTION_MAX_AGE,
            "CONN_HEALTH_CHECKS": True,
        }
        options = settings.get("OPTIONS", {})
        if url.startswith("mysql://"):
            return settings | {
                "ENGINE": "analyticsdataserver.databases.mysql",
                "OPTIONS": {
                    "charset": "utf8mb4",
                    "init_command": INIT_COMMAND,
                    "isolation_level": "read committed",
                    "connect_timeout": self.DATABASE_TIMEOUT,
                    **options,
                },
                "TEST": {"CHARSET": "utf8mb4"},
            }
        return settings | {
            "ENGINE": "analyticsdataserver.databases.sqlite",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", **options},
        }


class ProductionConfig(Config):
    """The variables of a production site: those without a safe default are required, and insecure values are refused.

    Variables that are declared here but not in :class:`Config` have an effect in production only.
    """

    SECRET_KEY: Secret
    ALLOWED_HOSTS: Names
    DATABASE_URL: DatabaseURL
    ANALYTICS_DATABASE_URL: DatabaseURL
    LOG_FORMAT: LogFormat = "json"
    SQLITE_FOR_USERS: bool = variable(
        False,
        "Whether ``DATABASE_URL`` may be an SQLite file, which only one machine can use, and only one process at a "
        "time can write to.",
    )
    SECURE_PROXY_SSL_HEADER: Annotated[tuple[str, str] | None, NoDecode, BeforeValidator(read_header)] = variable(
        "",
        "The header by which the proxy says that a request came by HTTPS, such as ``X-Forwarded-Proto``; with a colon "
        "and its value if that is not ``https``. The proxy has to set it, or remove it, on every request.",
    )
    SECURE_SSL_REDIRECT: bool = variable(True, "Whether plain HTTP is redirected to HTTPS.")
    SECURE_HSTS_SECONDS: Number = variable(
        365 * 24 * 3600,
        "Seconds for which browsers use HTTPS only (``Strict-Transport-Security``); 0 to leave the header out.",
    )

    @field_validator("SECRET_KEY")
    @classmethod
    def check_secret_key(cls, key: str) -> str:
        if len(key) < SHORTEST_SECRET_KEY or key.startswith(INSECURE_PREFIX):
            raise ValueError(
                f"is shorter than {SHORTEST_SECRET_KEY} characters, or the public default of the local settings. "
                'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
            )
        return key

    @field_validator("ALLOWED_HOSTS")
    @classmethod
    def check_hosts(cls, hosts: list[str]) -> list[str]:
        if any("*" in host for host in hosts):
            raise ValueError(
                "has an asterisk, so that a request could name any host and get links to it: list the names that "
                "requests will use. .example.com stands for every host of example.com. Load balancers that request "
                "/status/ and /health/ by address need no entry."
            )
        return hosts

    @field_validator("DATABASE_URL")
    @classmethod
    def check_users_database(cls, url: str) -> str:
        name = dj_database_url.parse(url)["NAME"]
        if url.startswith("sqlite://") and (":memory:" in name or "mode=memory" in name):
            raise ValueError(
                "is a database in memory, of which every process would have its own: set it to "
                "mysql://user:password@host:3306/name."
            )
        return url

    @field_validator("SQLITE_FOR_USERS")
    @classmethod
    def check_sqlite_for_users(cls, allowed: bool, info: ValidationInfo) -> bool:
        if not allowed and info.data.get("DATABASE_URL", "").startswith("sqlite://"):
            raise ValueError(
                "is not true, but DATABASE_URL is an SQLite file, which one machine can use and one process at a time "
                "can write to: set DATABASE_URL to mysql://user:password@host:3306/name, or SQLITE_FOR_USERS=true."
            )
        return allowed

    @field_validator("DEBUG")
    @classmethod
    def check_debug(cls, debug: bool) -> bool:
        if debug:
            raise ValueError("is on, which shows source code and settings to any client: set DEBUG=false, or unset it.")
        return debug
