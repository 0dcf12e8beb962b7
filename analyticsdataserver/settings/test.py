"""The tests: SQLite in memory, or temporary databases on the MySQL server that ``TEST_MYSQL_URL`` names."""

from split_settings.tools import include

from analyticsdataserver.config import Config

include("base.py")

test = Config.read()

DEBUG = False
METRICS = False
SECRET_KEY = "the-tests-only"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]

DATABASES = {alias: test.database(test.TEST_MYSQL_URL or "sqlite://:memory:") for alias in ("default", "analytics")}
for alias, settings in DATABASES.items():
    # Django would prefix names with "test_", and MySQL servers may grant every user all privileges on such databases.
    name = ":memory:" if settings["NAME"] == ":memory:" else f"dataapi_tests_{alias}"
    settings.setdefault("TEST", {})["NAME"] = name

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "reports": {"BACKEND": "analyticsdataserver.testing.reports.ReportStorage"},
}
