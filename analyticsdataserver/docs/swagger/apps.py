"""The page as a Django app, so that its template and static files are found."""

from django.apps import AppConfig
from django.core import checks


class DocsPageConfig(AppConfig):
    name = "analyticsdataserver.docs.swagger"

    def ready(self) -> None:
        from analyticsdataserver.docs.swagger.ui import check_settings

        checks.register(check_settings)
