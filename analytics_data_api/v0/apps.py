"""The app of API version 0, whose models map the pipeline's tables."""

from django.apps import AppConfig


class V0Config(AppConfig):
    name = "analytics_data_api.v0"
    label = "v0"
    default_auto_field = "django.db.models.BigAutoField"
