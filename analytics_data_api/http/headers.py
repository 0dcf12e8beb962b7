"""Headers that many answers share, looked at once and not for each answer."""

from collections.abc import Mapping

from django.http.response import HttpResponseBase, ResponseHeaders


class SharedHeaders:
    """Headers that are the same in every answer which has none of its own by that name.

    Django checks and converts each header that it is given, which takes longer than anything else about an answer that
    is small. These are checked when they are declared.

    Args:
        headers: Their values, by name.

    Raises:
        django.http.BadHeaderError: A name or value is none that a header may have.
    """

    def __init__(self, headers: Mapping[str, str]) -> None:
        # By name in small letters: the name as it is written, and the value.
        self.checked: dict[str, tuple[str, str]] = dict(stored(ResponseHeaders(headers)))

    def complete(self, response: HttpResponseBase) -> None:
        """Give an answer those of the headers that it does not have."""
        given = stored(response.headers)
        for key, header in self.checked.items():
            given.setdefault(key, header)


def put(response: HttpResponseBase, name: str, value: str) -> None:
    """Give an answer a header that need not be checked: the value is of the service's own making, and ASCII."""
    stored(response.headers)[name.lower()] = (name, value)


def stored(headers: ResponseHeaders) -> dict[str, tuple[str, str]]:
    """Return what Django keeps an answer's headers in."""
    kept: dict[str, tuple[str, str]] = vars(headers)["_store"]
    return kept
