"""What gunicorn itself has to say."""

import logging.config

from django.conf import settings
from gunicorn.config import Config
from gunicorn.glogging import Logger


class ServerLogger(Logger):
    """Hands gunicorn's lines to the log of the application: about its processes, and about what it cannot read."""

    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        # Also for what is told before the application is loaded, which then does the same.
        logging.config.dictConfig(settings.LOGGING)
        self.error_log.propagate = True
