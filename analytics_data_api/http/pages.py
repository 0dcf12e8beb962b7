"""Pages of a list: the first items of it, and where the next page begins."""

import base64
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import escape_uri_path

from analytics_data_api.http.list_parameters import CURSOR, LIMIT, whole_number
from analytics_data_api.http.parameters import Given
from analytics_data_api.http.problems import BadRequest
from analytics_data_api.tables.rows import Row
from analytics_data_api.text import quote_value

SALT: Final = "analytics_data_api.http.pages"
# Characters of a digest, in hexadecimal: nothing secret depends on it.
DIGEST_SIZE: Final = 24


class Page:
    """The items of a request up to its limit, and the address of the page behind them.

    The cursor is the sort key of the page's last item, so that the next page begins behind it, whatever rows were added
    meanwhile, and a digest of this key and of the other parameters, which only this service can make, so that no key is
    one that a client has invented.

    Args:
        request: The request.
        given: Its parameters.

    Attributes:
        limit: How many items the page has at most; None for the whole list.
        after: The sort key of the item behind which the page begins; None for the first page.

    Raises:
        BadRequest: The limit is no number, or the cursor is none, or one of a request with other parameters.
    """

    def __init__(self, request: HttpRequest, given: Given) -> None:
        self.limit = whole_number(LIMIT, given)
        self.last: list[Any] | None = None
        others = sorted((name, given.getlist(name)) for name in given if name != CURSOR.name)
        self.request = [request.path, others]
        cursor = given.get(CURSOR.name)
        self.after = self.key(cursor) if cursor else None

    def digest(self, key: list[Any]) -> str:
        return salted_hmac(SALT, orjson.dumps([*self.request, key])).hexdigest()[:DIGEST_SIZE]

    def cursor(self, key: list[Any]) -> str:
        return base64.urlsafe_b64encode(orjson.dumps([self.digest(key), *key])).rstrip(b"=").decode()

    def key(self, cursor: str) -> list[Any]:
        """Return the sort key that a cursor is made of.

        Raises:
            BadRequest: It is none of a request with these parameters.
        """
        key: list[Any]
        try:
            digest, *key = orjson.loads(base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)))
        except (ValueError, TypeError):
            digest, key = "", []
        if not constant_time_compare(str(digest), self.digest(key)):
            raise BadRequest(
                f"cursor is {quote_value(cursor)}, which is none of a page with these parameters; it takes the one in "
                "the header Link of the page before, with all other parameters as they are there.",
                "invalid_cursor",
            )
        return key

    def rows(self, rows: Iterable[Row], key: Callable[[Row], Iterable[Any]]) -> Iterable[Row]:
        """Return the rows up to the limit; they are read while they are taken.

        Args:
            rows: The rows behind ``after``.
            key: Returns what an item is sorted by.
        """
        return rows if self.limit is None else self.limited(rows, self.limit, key)

    def limited(self, rows: Iterable[Row], limit: int, key: Callable[[Row], Iterable[Any]]) -> Iterator[Row]:
        row: Row | None = None
        for number, following in enumerate(rows):
            if number == limit:
                self.last = None if row is None else list(key(row))
                return
            row = following
            yield row

    def link(self, request: HttpRequest, given: Given) -> str | None:
        """Return the header ``Link`` of a page that has been written; None where it is the last one."""
        if self.last is None:
            return None
        query = [(name, value) for name in given if name != CURSOR.name for value in given.getlist(name)]
        query.append((CURSOR.name, self.cursor(self.last)))
        address = request.build_absolute_uri(escape_uri_path(request.path))
        return f'<{address}?{urlencode(query)}>; rel="next"'
