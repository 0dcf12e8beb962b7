"""The service as a WSGI application; a server that is told nothing else runs it with the production settings."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "analyticsdataserver.settings.production")

application = get_wsgi_application()
