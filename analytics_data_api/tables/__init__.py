"""The tables that the data pipeline fills: models, queries, and the version of their data."""

from typing import Final

# The database that holds them, by its key in the setting ``DATABASES``.
ANALYTICS_DATABASE: Final = "analytics"
