"""A site that others depend on: every value that has no safe default has to be given, or the service does not start."""

from split_settings.tools import include

from analyticsdataserver.environment import BASE_DIR, database, hosts, secret_key

include("base.py")

DEBUG = False
SECRET_KEY = secret_key("SECRET_KEY")
ALLOWED_HOSTS = hosts("ALLOWED_HOSTS")

DATABASES = {
    "default": database("DATABASE_URL"),
    "analytics": database("ANALYTICS_DATABASE_URL"),
}

# Where `./manage.py collectstatic` puts the files that WhiteNoise serves.
STATIC_ROOT = BASE_DIR / "static"
