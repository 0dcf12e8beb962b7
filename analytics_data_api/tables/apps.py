"""The app whose models map the pipeline's tables."""

from django.apps import AppConfig


class TablesConfig(AppConfig):
    name = "analytics_data_api.tables"
    # The migrations of existing databases are recorded under it.
    label = "v0"
    default_auto_field = "django.db.models.BigAutoField"
