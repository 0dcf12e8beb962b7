"""Endpoints that another one has taken the place of, and how their callers hear of it (RFC 9745)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.encoding import escape_uri_path


@dataclass(frozen=True)
class Deprecation:
    """What callers of an endpoint are told once another one should be called.

    Attributes:
        since: From when on.
        successor: The last word of the other one's address, which is else the same.
    """

    since: datetime
    successor: str

    def address(self, path: str) -> str:
        """Return the address of the other endpoint, percent-encoded.

        Args:
            path: That of this one, percent-encoding resolved.
        """
        above, _, _ = path.removesuffix("/").rpartition("/")
        return f"{escape_uri_path(above)}/{self.successor}"

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers of each answer of the endpoint at a path, percent-encoding resolved."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Link": f'<{self.address(path)}>; rel="successor-version"',
        }
