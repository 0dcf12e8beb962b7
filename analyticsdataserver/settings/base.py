"""What holds wherever the service runs. Values that differ between sites come from the environment, or from ``.env``.

Each of them is listed, with what it means, in ``.env.example``.
"""

from analyticsdataserver.environment import env

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "django_countries",
    "analytics_data_api",
    "analytics_data_api.v0",
    "analyticsdataserver",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "analyticsdataserver.middleware.RequestTextMiddleware",
    "analyticsdataserver.middleware.RefusedMethodMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "analyticsdataserver.urls"
WSGI_APPLICATION = "analyticsdataserver.wsgi.application"
# Every endpoint answers with and without a trailing slash, so that nothing is ever redirected to the other form.
APPEND_SLASH = False
CSRF_FAILURE_VIEW = "analyticsdataserver.errors.csrf_failure"

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

DATABASE_ROUTERS = ["analyticsdataserver.router.AnalyticsRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Every time that goes in or out is UTC, and country names are those of the pipeline's users: English.
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = False

STATIC_URL = "/static/"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": (
        "analytics_data_api.http.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ),
    "DEFAULT_PERMISSION_CLASSES": ("rest_framework.permissions.IsAuthenticated",),
    "DEFAULT_RENDERER_CLASSES": ("analytics_data_api.http.renderers.JSONRenderer",),
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "analytics_data_api.http.negotiation.FormatNegotiation",
    "EXCEPTION_HANDLER": "analytics_data_api.http.problems.exception_handler",
}

LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # Django's own handlers print only with DEBUG, or mail administrators; the root's are meant instead.
    "loggers": {"django": {"handlers": [], "level": LOG_LEVEL}},
}
