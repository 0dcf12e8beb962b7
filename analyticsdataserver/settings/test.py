"""The tests: SQLite in memory, or throwaway databases on the MySQL server that ``TEST_MYSQL_URL`` names."""

from split_settings.tools import include

from analyticsdataserver.environment import database

include("base.py")

DEBUG = False
METRICS = False
METRICS = False
SECRET_KEY = "the-tests-only"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]

DATABASES = {
    "default": database("TEST_MYSQL_URL", "sqlite://:memory:"),
    "analytics": database("TEST_MYSQL_URL", "sqlite://:memory:"),
}
for alias, settings in DATABASES.items():
    # Django would put "test_" before a name, and a MySQL server may grant everybody everything on such databases.
    name = ":memory:" if settings["NAME"] == ":memory:" else f"dataapi_tests_{alias}"
    settings.setdefault("TEST", {})["NAME"] = name

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
