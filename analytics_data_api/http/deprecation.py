"""Endpoints that another one has taken the place of, and how their callers hear of it (RFC 9745)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse


@dataclass(frozen=True)
class Deprecation:
    """What callers of an endpoint are told once another one should be called.

    Attributes:
        since: From when on.
        successor: The name of the other one's route, which takes the same ids.
    """

    since: datetime
    successor: str

    def headers(self, ids: Mapping[str, str]) -> dict[str, str]:
        """Return the headers of each answer of the endpoint for these ids."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Link": f'<{reverse(self.successor, kwargs=dict(ids))}>; rel="successor-version"',
        }
