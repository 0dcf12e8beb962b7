"""The machine of a developer or newcomer: no variable is required; both databases are SQLite files beside the code."""

from split_settings.tools import include

from analyticsdataserver.config import Config

include("base.py")

local = Config.read()

DEBUG = local.DEBUG
SECRET_KEY = local.SECRET_KEY
ALLOWED_HOSTS = local.ALLOWED_HOSTS

DATABASES = local.databases()
