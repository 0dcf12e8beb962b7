"""The settings that all sites have in common. Values that differ between sites come from ``config.py``."""

import warnings

from analytics_data_api import NAME, TAG
from analyticsdataserver.config import BASE_DIR, Config
from analyticsdataserver.docs.openapi.introduction import DESCRIPTION, TAG_DESCRIPTION
from analyticsdataserver.observability.configuration import logging_settings
from analyticsdataserver.paths import API_PATHS
from analyticsdataserver.web.security import add_policy

config = Config.read()

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_countries",
    "analytics_data_api",
    "analytics_data_api.tables",
    "analyticsdataserver",
    # In this order: the template of the latter is overridden by one of the former.
    "analyticsdataserver.docs.swagger",
    "rest_framework_swagger",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    # Outermost: it measures all others.
    "analyticsdataserver.observability.middleware.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "analytics_data_api.http.spool.GZipMiddleware",
    # Django's CommonMiddleware, extended.
    "analyticsdataserver.web.middleware.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]

ROOT_URLCONF = "analyticsdataserver.urls"
WSGI_APPLICATION = "analyticsdataserver.serving.wsgi.application"
# Every endpoint answers with and without a trailing slash, so that nothing is ever redirected to the other form.
APPEND_SLASH = False
AUTHENTICATION_BACKENDS = ["analytics_data_api.access.passwords.LimitedBackend"]
# No script of the pages needs it: their forms hold what the cookie is compared with.
CSRF_COOKIE_HTTPONLY = True
# Origins besides the service's own whose forms are accepted.
CSRF_TRUSTED_ORIGINS = config.CSRF_TRUSTED_ORIGINS
# Of a form; endpoints that take a body have the same limit.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024
# Django's, which writes again after a conflict.
SESSION_ENGINE = "analyticsdataserver.web.session_store"
CSRF_FAILURE_VIEW = "analyticsdataserver.web.errors.csrf_failure"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ],
        },
    },
]

DATABASE_ROUTERS = ["analyticsdataserver.databases.router.AnalyticsRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Every time that goes in or out is UTC, and country names are those of the pipeline's users: English.
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = False

STATIC_URL = "/static/"
# Where `./manage.py collectstatic` puts the files that WhiteNoise serves, each also compressed. Their names contain a
# hash of their content, so that browsers can cache them for good.
STATIC_ROOT = BASE_DIR / "static"
# WhiteNoise says in each process that there is no such folder yet; the server says it once, with what to run.
warnings.filterwarnings("ignore", "No directory at", UserWarning)
# Until collectstatic has run, and with DEBUG, files are served from their packages' folders.
WHITENOISE_USE_FINDERS = True
# Files of the pages are for the pages; the usual is to let scripts of any site read them.
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_ADD_HEADERS_FUNCTION = add_policy
STATICFILES_FINDERS = ["analyticsdataserver.docs.swagger.finders.UsedFilesFinder"]

# How often an address may send wrong passwords or wrong keys, and a key may request data; None for no limit.
THROTTLE_PASSWORDS = config.THROTTLE_PASSWORDS
THROTTLE_WRONG_KEYS = config.THROTTLE_WRONG_KEYS
THROTTLE_DATA = config.THROTTLE_DATA
# Another rate for requests of data, for the keys of users with these names.
THROTTLE_SERVICE = config.THROTTLE_SERVICE
THROTTLE_SERVICE_USERS = frozenset(config.THROTTLE_SERVICE_USERS)

# Whether /api-token-auth/ gives a key to a user who sends name and password.
KEYS_BY_PASSWORD = config.KEYS_BY_PASSWORD
# Whether a link logs in a browser on this machine.
LOGIN_LINKS = config.LOGIN_LINKS
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "analyticsdataserver.web.static_files.Storage"},
    "reports": config.reports_storage(),
}
# The reports that are served, and for how many seconds a link to one works.
REPORT_NAMES = frozenset(config.REPORT_NAMES)
REPORT_LINK_SECONDS = config.REPORT_LINK_SECONDS
# What is kept of tracking logs.
EVENT_STORE = config.EVENT_STORE
EVENT_STORE_KEY_FILE = config.EVENT_STORE_KEY_FILE

# The guides, as `make docs` renders them for the pages at /docs/guides/.
GUIDES = BASE_DIR / "docs" / "_build" / "json"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": (
        "analytics_data_api.access.authentication.KeyAuthentication",
        "analytics_data_api.access.authentication.KeySessionAuthentication",
    ),
    "DEFAULT_PERMISSION_CLASSES": ("rest_framework.permissions.IsAuthenticated",),
    "DEFAULT_RENDERER_CLASSES": ("analytics_data_api.formats.json.JSONRenderer",),
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "analytics_data_api.http.negotiation.FormatNegotiation",
    "EXCEPTION_HANDLER": "analytics_data_api.http.problems.exception_handler",
    "DEFAULT_SCHEMA_CLASS": "analyticsdataserver.docs.openapi.operations.OperationSchema",
    # How many of the addresses in X-Forwarded-For, counted from the right, proxies have written that are trusted.
    "NUM_PROXIES": config.NUM_PROXIES,
}

# Sites whose pages may call the API from a browser. They send a key; cookies are not accepted from them.
CORS_ALLOWED_ORIGINS = config.CORS_ALLOWED_ORIGINS
CORS_URLS_REGEX = API_PATHS
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]
CORS_ALLOW_HEADERS = [
    "Accept",
    "Authorization",
    "Content-Type",
    "If-Modified-Since",
    "If-None-Match",
    "X-Request-ID",
]
CORS_EXPOSE_HEADERS = [
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Last-Modified",
    "Link",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "X-Request-ID",
]
if CORS_ALLOWED_ORIGINS:
    INSTALLED_APPS.append("corsheaders")
    # Before whatever answers by itself, which a script could not read otherwise.
    MIDDLEWARE.insert(1, "corsheaders.middleware.CorsMiddleware")

# The page at /docs/; docs/decisions/0006-docs-page.rst lists the names that have an effect.
SWAGGER_SETTINGS = {
    "DOC_EXPANSION": "none",
    "SUPPORTED_SUBMIT_METHODS": ["get", "post"],
    "USE_SESSION_AUTH": True,
    "LOGIN_URL": "rest_framework:login",
    "LOGOUT_URL": "rest_framework:logout",
}

# The description at /api/schema/.
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": NAME,
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "0",
    "LICENSE": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
    "SERVERS": [{"url": "/"}],
    "TAGS": [{"name": TAG, "description": TAG_DESCRIPTION}],
    # Those of the routes, and of the declarations.
    "SORT_OPERATIONS": False,
    "SORT_OPERATION_PARAMETERS": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "analyticsdataserver.docs.openapi.hooks.declare_request_id",
        "analyticsdataserver.docs.openapi.hooks.describe_formats",
    ],
    "ENUM_NAME_OVERRIDES": {"HealthStatus": "analyticsdataserver.serving.health.STATUSES"},
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

LOGGING = logging_settings(config.LOG_LEVEL, config.LOG_FORMAT)
DEFAULT_EXCEPTION_REPORTER = "analyticsdataserver.observability.secrets.Report"
DEFAULT_EXCEPTION_REPORTER_FILTER = "analyticsdataserver.observability.secrets.ReportFilter"

# Whether there are metrics at /metrics.
METRICS = config.METRICS

# Where large responses lie until they are sent, and the most bytes that they may take together.
SPOOL_DIR = config.SPOOL_DIR
SPOOL_MAX = config.SPOOL_MAX

# The database of the LMS that tables are computed from; none where empty.
LMS_DATABASE_URL = config.LMS_DATABASE_URL
