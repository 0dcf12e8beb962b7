"""The app that holds the management commands and what every version of the API shares."""

from django.apps import AppConfig


class AnalyticsDataApiConfig(AppConfig):
    name = "analytics_data_api"
