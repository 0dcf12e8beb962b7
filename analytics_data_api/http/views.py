"""The way of a request for a report, which every endpoint shares."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, ClassVar, Final

from django.db.models import Model
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.functional import cached_property
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from analytics_data_api.access.throttles import UserThrottle
from analytics_data_api.access.throttling.policies import DATA, Policy
from analytics_data_api.formats.page import PageRenderer
from analytics_data_api.formats.renderers import CSVRenderer, JSONRenderer, RowRenderer
from analytics_data_api.formats.row_set import RowSet, with_row_set
from analytics_data_api.http import parameters
from analytics_data_api.http.conditional import IF_NONE_MATCH, Validators, validators
from analytics_data_api.http.deprecation import Deprecation
from analytics_data_api.http.disposition import attachment
from analytics_data_api.http.headers import SharedHeaders, put
from analytics_data_api.http.parameters import Parameter
from analytics_data_api.http.problems import NoData, quote_value
from analytics_data_api.tables.rows import Rows

METHODS: Final = ("get", "head", "options")

# What every answer says, also one that refuses the request.
SHARED_HEADERS: Final = SharedHeaders(
    {
        "Allow": ", ".join(METHODS).upper(),
        # Whoever keeps an answer has to ask each time whether it is still the present one, and no proxy may keep it for
        # others.
        "Cache-Control": "private, no-cache",
        # Whether it will be compressed or not.
        "Vary": "Accept, Accept-Encoding",
    }
)

# Bytes up to which an answer is sent in one piece, with its length; longer ones are sent while they are read.
WHOLE_ANSWER_SIZE = 512 * 1024


class ReportView(APIView):
    """An endpoint that hands out rows of a table.

    A subclass says which rows (:meth:`report`), in which shape, and what to tell where there are none.

    Attributes:
        serializer_class: Declares the shape of an item.
        model: The table that the rows are read from.
        entity: The name of the id in the address.
        what: What the items are about, as messages name it.
        single: Whether the answer is one item by itself, not a list.
        query: What :meth:`report` reads of the query string, as callers are told.
        deprecation: Since when, and by which one, the endpoint is replaced; None for one that is not.
        policy: The limit on how often a user may ask.
        meta: That of the request (PEP 3333), with its headers.
        error_statuses: The statuses of answers to requests that are not served, as callers are told.
    """

    http_method_names = list(METHODS)
    # What a request may bring along is not read.
    parser_classes = ()
    renderer_classes = (JSONRenderer, CSVRenderer, PageRenderer)
    throttle_classes = (UserThrottle,)

    serializer_class: ClassVar[type[Serializer[Any]]]
    model: ClassVar[type[Model]]
    entity: ClassVar[str]
    label: ClassVar[str]
    single: ClassVar[bool] = False
    query: ClassVar[tuple[Parameter, ...]] = ()
    deprecation: ClassVar[Deprecation | None] = None
    policy: ClassVar[Policy] = DATA
    meta: Mapping[str, Any]
    error_statuses = (400, 401, 404, 406, 429, 500, 503)

    @property
    def entity_id(self) -> str:
        """The id in the address, percent-encoding resolved."""
        return parameters.entity_id(self.kwargs[self.entity])

    @property
    def query_params(self) -> Mapping[str, str]:
        """The parameters of the query string."""
        return parameters.query_params(self.request)

    @abstractmethod
    def report(self) -> Rows:
        """Return the rows that the address and the query string ask for; none is read before they are taken.

        Raises:
            BadRequest: A parameter has a value that it does not take.
            NoData: A parameter asks for something that cannot be on record.
        """

    def nothing(self) -> NoData:
        """Return what to tell where the report has no row."""
        return NoData(
            f"No {self.label} on record for the {self.entity} {quote_value(self.entity_id)}; "
            "it takes an id that has been computed, spelled exactly (capitals count).",
            f"unknown_{self.entity.removesuffix('_id')}",
        )

    def file_name(self) -> str | None:
        """Return the name for the answer as a CSV file, None for no name."""
        return None

    @cached_property
    def validators(self) -> Validators | None:
        """What tells the present version of the answer from others; None where the database cannot tell."""
        query = self.meta.get("QUERY_STRING", "")
        return validators(self.model, self.request.accepted_renderer.format, self.request.path, query)

    def table(self) -> RowSet:
        """Return the report, with the fields that the query string asks for."""
        fields = parameters.fields(self.query_params)
        return RowSet(self.serializer_class, self.report(), fields, single=self.single)

    def get(self, request: Request, **ids: str) -> HttpResponseBase:
        renderer = request.accepted_renderer
        if not isinstance(renderer, RowRenderer):
            # The page shows who is logged in, which no version of the data tells of.
            table = self.table()
            if table.is_empty:
                raise self.nothing()
            return with_row_set(Response(table), table)
        # Whoever has had an answer from this address need not have its parameters read.
        meta = self.meta
        if IF_NONE_MATCH in meta and self.validators and (not_modified := self.validators.if_none_match(meta)):
            return not_modified
        table = self.table()
        # Before the rows are read.
        validators = self.validators
        if table.is_empty:
            raise self.nothing()
        if validators is not None and (not_modified := validators.if_modified_since(meta)):
            return not_modified
        response = with_row_set(render_response(renderer, table), table)
        if validators is not None:
            validators.apply(response)
        if isinstance(renderer, CSVRenderer) and (name := self.file_name()):
            response["Content-Disposition"] = attachment(name)
        return response

    def head(self, request: Request, **ids: str) -> HttpResponseBase:
        # Django would set this to the bound method above, so that the view held itself.
        return self.get(request, **ids)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # What this address never does is told to everybody, before a key is query_params for.
        method = request.method or ""
        if method.lower() not in self.http_method_names:
            raise MethodNotAllowed(
                method, f"The method is {quote_value(method)}; this address takes GET, HEAD and OPTIONS."
            )
        super().initial(request, *args, **kwargs)

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self.meta = request.META
        made = super().initialize_request(request, *args, **kwargs)
        # Only parsers look at it. With the request in it, the request, the view and the answer would hold each other in
        # memory until the garbage collector comes by.
        made.parser_context = {}
        return made

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None, since ``finalize_response`` has them."""
        return {}

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finalized = super().finalize_response(request, response, *args, **kwargs)
        SHARED_HEADERS.complete(finalized)
        if self.deprecation is not None:
            for name, value in self.deprecation.headers(request.path).items():
                put(finalized, name, value)
        return finalized

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the formats of the answer; a description of the endpoint has no rows that would make a CSV."""
        described = self.request.method == "OPTIONS"
        return [renderer() for renderer in self.renderer_classes if not (described and renderer is CSVRenderer)]


def render_response(renderer: RowRenderer, table: RowSet) -> HttpResponse | StreamingHttpResponse:
    """Return a table in a format: in one piece while it is small, and else sent while its rows are read."""
    content_type = renderer.media_type + (f"; charset={renderer.charset}" if renderer.charset else "")
    chunks: Iterator[bytes] = renderer.stream(table)
    begun: list[bytes] = []
    size = 0
    for chunk in chunks:
        begun.append(chunk)
        size += len(chunk)
        if size > WHOLE_ANSWER_SIZE:
            return StreamingHttpResponse(chain(begun, chunks), content_type=content_type)
    return HttpResponse(b"".join(begun), content_type=content_type)
