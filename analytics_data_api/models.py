"""The models of this app, where Django looks for them."""

from analytics_data_api.access.models import Counter, Key, ScopeEntry

__all__ = ["Counter", "Key", "ScopeEntry"]
