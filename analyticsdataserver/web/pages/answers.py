"""The answers of endpoints, read inside the service, with what the key or the session of the page's request may see."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from django.db import Error
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from analytics_data_api.formats.base import number
from analytics_data_api.http.database_errors import (
    COLUMN_MISSING,
    NAMES,
    TABLE_DENIED,
    TABLE_MISSING,
    cause_of,
    sentence,
)
from analytics_data_api.http.problems import Unavailable
from analytics_data_api.http.views import ReportView
from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.v1.urls import ENDPOINTS

# The version whose endpoints the pages read.
VERSION: Final = "v1"
# What an id in a path keeps as it is. Neither a quotation mark nor a dollar sign is among it, so that addresses can
# stand in quotation marks in any shell or language.
SAFE: Final = "/:+@~!()*,;="

# What may be missing of a database that others have filled.
LACKS: Final = (TABLE_MISSING, TABLE_DENIED, COLUMN_MISSING)


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
    view: ReportView | None
    error: APIException | None = None

    def in_format(self, format_: str) -> str:
        """Return the address of the same answer in a format."""
        return f"{self.address}{'&' if '?' in self.address else '?'}format={format_}"


def root() -> str:
    """Return the beginning of the path of every endpoint."""
    return f"{reverse('versions')}/{VERSION}/"


def address_of(name: str, ids: Mapping[str, str], parameters: Mapping[str, str]) -> str:
    """Return the path and the query string of a request, percent-encoded; parameters without a value are left out."""
    path = f"{root()}{name.format(**{key: quote(value, safe=SAFE) for key, value in ids.items()})}/"
    query = urlencode({key: value for key, value in parameters.items() if value})
    return f"{path}?{query}" if query else path


def answer_if_possible(request: Request, name: str, ids: Mapping[str, str], parameters: Mapping[str, str]) -> Answer:
    """Return the same as :func:`answer`, without an item where the database lacks what the endpoint reads.

    A database that others have filled may lack tables, or not let this service read them: the rest of a page stays.
    """
    try:
        return answer(request, name, ids, parameters)
    except Error as error:
        cause = cause_of(error)
        if cause not in LACKS:
            raise
        reason = Unavailable(sentence(cause, NAMES[ANALYTICS_DATABASE], error), cause.code)
        return Answer(address_of(name, ids, parameters), [], None, reason)


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
    address = address_of(name, ids, parameters)
    query = address.partition("?")[2]
    inner = HttpRequest()
    inner.method = "GET"
    inner.path = inner.path_info = f"{root()}{name.format(**ids)}/"
    inner.META = {**request.META, "QUERY_STRING": query, "HTTP_ACCEPT": "application/json"}
    inner.GET = QueryDict(query)
    view: Any = ENDPOINTS[name](throttle_classes=(), refuses_filters=True)
    view.setup(inner, **ids)
    view.request = view.initialize_request(inner, **ids)
    view.request.user, view.request.auth = request.user, request.auth
    view.initial(view.request, **ids)
    row_set = view.row_set()
    if row_set.is_empty and not view.is_list:
        return Answer(address, [], view, view.nothing())
    return Answer(address, [plain(item) for item in row_set.records()], view)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: sums that a database returns as DECIMAL become numbers."""
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return number(value) if isinstance(value, Decimal) else value
