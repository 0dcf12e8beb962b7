"""The answers of endpoints, read inside the service, with what the key or the session of the page's request may see."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse
from rest_framework.request import Request

from analytics_data_api.formats.base import number
from analytics_data_api.http.problems import NoData
from analytics_data_api.http.views import ReportView
from analytics_data_api.v1.urls import ENDPOINTS

# The version whose endpoints the pages read.
VERSION: Final = "v1"
# What an id in a path keeps as it is. Neither a quotation mark nor a dollar sign is among it, so that addresses can
# stand in quotation marks in any shell or language.
SAFE: Final = "/:+@~!()*,;="


class Answer(NamedTuple):
    """What an endpoint returns.

    Attributes:
        address: The path and the query string of the request, percent-encoded.
        items: The items, as JSON has them.
        view: The view that has read them.
        error: Why there are none; None where there are some, or where a list is empty.
    """

    address: str
    items: list[dict[str, Any]]
    view: ReportView
    error: NoData | None = None

    def in_format(self, format_: str) -> str:
        """Return the address of the same answer in a format."""
        return f"{self.address}{'&' if '?' in self.address else '?'}format={format_}"


def answer(request: Request, name: str, ids: Mapping[str, str], parameters: Mapping[str, str]) -> Answer:
    """Return what an endpoint would answer to the sender of a request, who has been authenticated.

    The view checks the scope and the parameters, and hides small counts, as for a request of its own. The limit on
    requests has counted the page as one.

    Args:
        request: The page's request.
        name: The endpoint, as the list of endpoints names it.
        ids: The ids in its path, by name.
        parameters: The parameters.

    Raises:
        rest_framework.exceptions.APIException: A parameter is wrong, or the key may not see this.
        django.db.Error: The database does not answer.
    """
    root = f"{reverse('versions')}/{VERSION}/"
    query = urlencode({key: value for key, value in parameters.items() if value})
    path = f"{root}{name.format(**{key: quote(value, safe=SAFE) for key, value in ids.items()})}/"
    inner = HttpRequest()
    inner.method = "GET"
    inner.path = inner.path_info = f"{root}{name.format(**ids)}/"
    inner.META = {**request.META, "QUERY_STRING": query, "HTTP_ACCEPT": "application/json"}
    inner.GET = QueryDict(query)
    view: Any = ENDPOINTS[name](throttle_classes=(), refuses_filters=True)
    view.setup(inner, **ids)
    view.request = view.initialize_request(inner, **ids)
    view.request.user, view.request.auth = request.user, request.auth
    view.initial(view.request, **ids)
    address = f"{path}?{query}" if query else path
    row_set = view.row_set()
    if row_set.is_empty and not view.is_list:
        return Answer(address, [], view, view.nothing())
    return Answer(address, [plain(item) for item in row_set.records()], view)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: sums that a database returns as DECIMAL become numbers."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return number(value) if isinstance(value, Decimal) else value
