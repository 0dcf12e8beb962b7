"""The headers of deprecated endpoints (RFC 9745)."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.encoding import escape_uri_path


@dataclass(frozen=True)
class Deprecation:
    """Since when an endpoint is deprecated, and which one replaces it.

    Attributes:
        since: The start of the deprecation.
        successor: The last word of the other endpoint's path, which is the same otherwise.
    """

    since: datetime
    successor: str

    def address(self, path: str) -> str:
        """Return the path of the other endpoint, percent-encoded.

        Args:
            path: The path of this endpoint, percent-encoding resolved.
        """
        above, _, _ = path.removesuffix("/").rpartition("/")
        return f"{escape_uri_path(above)}/{self.successor}"

    def headers(self, path: str) -> dict[str, str]:
        """Return the headers of the responses of the endpoint at a path, whose percent-encoding is resolved."""
        return {
            "Deprecation": f"@{int(self.since.timestamp())}",
            "Link": f'<{self.address(path)}>; rel="successor-version"',
        }
