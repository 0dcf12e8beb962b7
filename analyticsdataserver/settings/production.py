"""A site that others depend on: the service does not start until each variable without a safe default is set."""

from split_settings.tools import include

from analyticsdataserver.config import ProductionConfig
from analyticsdataserver.observability.configuration import logging_settings
from analyticsdataserver.paths import PROBES

# Before base.py reads its part, so that one message names every variable that is missing or invalid.
production = ProductionConfig.read()

include("base.py")

DEBUG = production.DEBUG
SECRET_KEY = production.SECRET_KEY
ALLOWED_HOSTS = production.ALLOWED_HOSTS

DATABASES = production.databases()

# A proxy ends HTTPS. Only a header that the proxy is known to set says that a request came by HTTPS, because any client
# can send one.
SECURE_PROXY_SSL_HEADER = production.SECURE_PROXY_SSL_HEADER
SECURE_SSL_REDIRECT = production.SECURE_SSL_REDIRECT
SECURE_REDIRECT_EXEMPT = [f"^{PROBES}"]
SECURE_HSTS_SECONDS = production.SECURE_HSTS_SECONDS
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

# Whether all hosts of the domain use HTTPS only (includeSubDomains, preload) is not for one service of the domain to
# decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LOGGING = logging_settings(production.LOG_LEVEL, production.LOG_FORMAT)
