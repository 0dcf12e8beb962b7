"""Which database each app's tables lie in."""

from typing import Any

from django.db.models import Model

from analytics_data_api.tables import ANALYTICS_DATABASE

ANALYTICS_APPS = frozenset({"v0"})


class AnalyticsRouter:
    """Sends the apps that map pipeline tables to ``analytics`` and every other app to ``default``.

    Django's protocol: a method answers for every app, so that no table of one database is ever read, written or
    migrated in the other.
    """

    def database(self, app_label: str) -> str:
        return ANALYTICS_DATABASE if app_label in ANALYTICS_APPS else "default"

    def db_for_read(self, model: type[Model], **hints: Any) -> str:
        return self.database(model._meta.app_label)

    def db_for_write(self, model: type[Model], **hints: Any) -> str:
        return self.database(model._meta.app_label)

    def allow_relation(self, first: Model, second: Model, **hints: Any) -> bool:
        return self.database(first._meta.app_label) == self.database(second._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == self.database(app_label)
