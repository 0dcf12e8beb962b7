"""A developer's or newcomer's machine: nothing needs to be set, and both databases are SQLite files beside the code."""

import socket

from split_settings.tools import include

from analyticsdataserver.environment import BASE_DIR, INSECURE_PREFIX, database, env, hosts

include("base.py")

DEBUG = env.bool("DEBUG", False)
# Good for one machine only; the production settings refuse to start with it.
SECRET_KEY = env.str("SECRET_KEY", "") or f"{INSECURE_PREFIX}key-of-the-local-settings"
ALLOWED_HOSTS = hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", socket.gethostname()])

DATABASES = {
    "default": database("DATABASE_URL", f"sqlite:///{BASE_DIR / 'default.db'}"),
    "analytics": database("ANALYTICS_DATABASE_URL", f"sqlite:///{BASE_DIR / 'analytics.db'}"),
}

# Static files are served as they lie in the apps, so that no collectstatic is needed.
WHITENOISE_USE_FINDERS = True
