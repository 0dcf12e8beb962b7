"""A site that others depend on: every value that has no safe default has to be given, or the service does not start."""

from split_settings.tools import include

from analyticsdataserver.demands import known_hosts, no_debug, users_database
from analyticsdataserver.environment import BASE_DIR, database, env, secret_key
from analyticsdataserver.observability.configuration import FORMATTERS, logging_settings
from analyticsdataserver.paths import PROBES
from analyticsdataserver.variables import choice, header, number, switch

include("base.py")

DEBUG = no_debug("DEBUG")
SECRET_KEY = secret_key("SECRET_KEY")
ALLOWED_HOSTS = known_hosts("ALLOWED_HOSTS")

DATABASES = {
    "default": users_database("DATABASE_URL", sqlite_allowed=switch("SQLITE_FOR_USERS", default=False)),
    "analytics": database("ANALYTICS_DATABASE_URL"),
}

# HTTPS ends at a proxy. That a request came by it is believed only of a header that the proxy is known to set: any
# client can send one.
SECURE_PROXY_SSL_HEADER = header("SECURE_PROXY_SSL_HEADER")
SECURE_SSL_REDIRECT = switch("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [f"^{PROBES}"]
SECURE_HSTS_SECONDS = number("SECURE_HSTS_SECONDS", 365 * 24 * 3600)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

# Whether other hosts of the domain are reached by HTTPS alone, and browsers are told so in advance, is not for one
# service of the domain to say. Django's middleware for security, clickjacking and CSRF, which the last three look for
# by name, is part of ours: see security.py and sessions.py.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021", "security.W001", "security.W002", "security.W003"]

# Where that has not run, files are served as they lie in their packages.
WHITENOISE_USE_FINDERS = True
# Where `./manage.py collectstatic` puts the files that WhiteNoise serves. Their names change with what they hold, so
# that browsers keep them.
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "analyticsdataserver.web.static_files.Storage"},
}

# Programs read the log.
LOGGING = logging_settings(env.str("LOG_LEVEL", "INFO"), choice("LOG_FORMAT", "json", FORMATTERS))
