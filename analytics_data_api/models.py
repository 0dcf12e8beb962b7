"""The models of this app, where Django looks for them."""

from analytics_data_api.access.models import Counter

__all__ = ["Counter"]
