"""The views of reports: what the endpoints of every version of the API share."""

import re
from collections.abc import Collection, Mapping
from functools import cache
from time import monotonic
from typing import Any, ClassVar, Final

from django.db import Error
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from analytics_data_api.access.scope import Access, InScope
from analytics_data_api.access.throttling.clients import UserThrottle
from analytics_data_api.access.throttling.policies import DATA, Policy
from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.formats.page import SORT
from analytics_data_api.formats.registry import FORMATS, OBJECT_FORMATS
from analytics_data_api.formats.row_set import NoFieldsError, RowSet, UnknownFieldError, shape
from analytics_data_api.http import parameters, posted
from analytics_data_api.http.conditional import validate_report
from analytics_data_api.http.deprecation import Deprecation
from analytics_data_api.http.disposition import attachment
from analytics_data_api.http.list_parameters import PAGES, Dimension, courses_request, refuse_filters, refuse_unknown
from analytics_data_api.http.pages import Page
from analytics_data_api.http.parameters import Given, Parameter
from analytics_data_api.http.problems import BadRequest, NoData
from analytics_data_api.http.retry import forget_layout
from analytics_data_api.http.scoped_rows import rows_in_scope, without_numbers, without_small_counts
from analytics_data_api.http.spool import whole_response
from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.querysets import COURSE_ID
from analytics_data_api.tables.retry import reconnect
from analytics_data_api.tables.rows import Rows
from analytics_data_api.tables.statements import database_of
from analytics_data_api.tables.summaries import Report
from analytics_data_api.text import quote_value, require_text

METHODS: Final = ("get", "head", "options")
POST_METHODS: Final = ("get", "post", "head", "options")

HEADERS: Final = {
    "Allow": ", ".join(METHODS).upper(),
    # A client revalidates an answer before each use, and no proxy keeps it for other users.
    "Cache-Control": "private, no-cache",
    "Vary": "Accept, Accept-Encoding",
}
POST_HEADERS: Final = HEADERS | {"Allow": ", ".join(POST_METHODS).upper()}

CUSTOM_COURSE: Final = re.compile(r"ccx-v1:(.+)\+ccx@[^+]+")


@cache
def rows_of(model: type[Model]) -> Any:
    """Return the queryset of a table, which is made once, not for each request."""
    return model._default_manager.using(database_of(model))


class ReportView(APIView):
    """An endpoint that returns rows of tables.

    A subclass declares which ones. It may override :meth:`report`, which returns everything that the first table has
    about the entity in the path, and set ``models`` there where the tables depend on the request.

    Attributes:
        serializer_class: Declares the shape of an item.
        models: The tables that an answer is read from.
        entity: The name of the id in the path that the answer is about; None where it is about many.
        label: What the items are, as messages name them.
        slug: The end of the name of a file that an answer is saved as; None for no file name.
        single: Whether the answer is one item by itself, not a list.
        query: The parameters that :meth:`report` reads.
        is_scoped: Whether an endpoint about many courses reads only those that :meth:`Access.select` returns.
        is_report_file: Whether the answer can name learners, so that a limited key needs the right to it.
        dimension: The filter on what the items divide the users by; None for an endpoint that has none.
        is_list: Whether parameters that are not known are refused, and an answer may have no item.
        refuses_filters: Whether a filter on a dimension is refused that is not this endpoint's.
        has_exclude: Whether the parameter ``exclude`` leaves out fields.
        deprecation: Since when, and by which endpoint, this one is replaced; None for an endpoint that is not.
        policy: The limit on requests of a user.
        error_statuses: The statuses of error responses, for the description.
        common_headers: The headers of every response.
        access: What the key or the session of the request may see.
        entity_id: The id in the path, percent-encoding resolved.
        query_params: The parameters of the query string, or, for POST, of the body.
        page: The page that :meth:`report` has returned; None for the whole list.
    """

    http_method_names = list(METHODS)
    # By REST framework, no request body is read.
    parser_classes = ()
    renderer_classes = FORMATS
    permission_classes = (InScope,)
    throttle_classes = (UserThrottle,)

    serializer_class: ClassVar[type[Serializer[Any]]]
    models: tuple[type[Model], ...]
    entity: ClassVar[str | None]
    label: ClassVar[str]
    slug: ClassVar[str | None] = None
    single: ClassVar[bool] = False
    query: ClassVar[tuple[Parameter, ...]] = ()
    is_scoped: ClassVar[bool] = False
    is_report_file: ClassVar[bool] = False
    dimension: ClassVar[Dimension | None] = None
    is_list: ClassVar[bool] = False
    refuses_filters: bool = False
    page: Page | None = None
    has_exclude: ClassVar[bool] = False
    deprecation: ClassVar[Deprecation | None] = None
    policy: ClassVar[Policy] = DATA
    common_headers: ClassVar[Mapping[str, str]] = HEADERS
    access: Access
    entity_id: str
    query_params: Given
    error_statuses: ClassVar[tuple[int, ...]] = (400, 401, 403, 404, 406, 429, 500, 503)

    def report(self) -> Rows:
        """Return the rows that the request is for; no row is read before it is taken.

        Raises:
            BadRequest: A parameter has a value that it does not take.
            NoData: A parameter selects something that cannot be on record.
        """
        rows: Rows = rows_of(self.models[0]).report(self.entity_id)
        return rows

    def read(self, report: Report) -> Rows:
        """Return the rows of a report, and note the tables that they are read from."""
        self.models = report.models
        return report.rows

    def nothing(self) -> NoData:
        """Return the error for a report without a row."""
        if self.entity is None:
            return NoData(f"No {self.label} on record for this request.", "no_data")
        return NoData(
            f"No {self.label} on record for the {self.entity} {quote_value(self.entity_id)}; "
            "it takes an id that has been computed, spelled exactly (capitals count).",
            f"unknown_{self.entity.removesuffix('_id')}",
        )

    def file_name(self) -> str | None:
        """Return the name of the file that an answer is saved as, without its ending; None where it has none."""
        return f"{course_file_name(self.entity_id)}--{self.slug}" if self.slug else None

    def get(self, request: Request, **ids: str) -> HttpResponseBase:
        began = monotonic()
        response: HttpResponseBase
        try:
            response = self.respond(request)
        except Error as error:
            if not (reconnect(ANALYTICS_DATABASE, error, began) or forget_layout(ANALYTICS_DATABASE, error)):
                raise
            response = self.respond(request)
        return response

    def head(self, request: Request, **ids: str) -> HttpResponseBase:
        # Django would set this to the bound method above: the view would then hold a reference to itself.
        return self.get(request, **ids)

    def post(self, request: Request, **ids: str) -> HttpResponseBase:
        return self.get(request, **ids)

    def respond(self, request: Request) -> Any:
        """Return the answer, read completely, with the number of its rows as the attribute ``rows_written``.

        Raises:
            rest_framework.exceptions.APIException: There is none.
            django.db.Error: The database does not answer.
        """
        renderer: Any = request.accepted_renderer
        row_set = self.row_set()
        response: Any
        if not isinstance(renderer, RowRenderer):
            return self.excerpt(renderer, row_set)
        meta = request.META
        # Before the rows are read.
        validation = validate_report(
            request, self.models, renderer.format, request.path, meta.get("QUERY_STRING", ""), self.access.scope
        )
        not_modified = validation and validation.not_modified
        # An ETag is made of the path and the query string, too: only an answer with rows has had it.
        if not_modified and not_modified.headers["ETag"] in meta.get("HTTP_IF_NONE_MATCH", ""):
            return not_modified
        if row_set.is_empty and not self.is_list:
            raise self.nothing()
        if not_modified:
            return not_modified
        content_type = f"{renderer.media_type}; charset={renderer.charset}" if renderer.charset else renderer.media_type
        chunks, compressible = renderer.stream(row_set), not renderer.compressed
        response = whole_response(request, chunks, content_type, compressible=compressible)
        response.rows_written = row_set.written
        if validation:
            for name, value in validation.headers.items():
                response.headers[name] = value
            if response.has_header("Content-Encoding"):
                # As Django's middleware does: the compressed bytes are not those of the strong tag.
                response.headers["ETag"] = f"W/{response.headers['ETag']}"
        if renderer.extension or self.page:
            self.add_headers(response, renderer)
        return response

    def excerpt(self, renderer: Any, row_set: RowSet) -> Any:
        """Return a page, which shows the user, who is not part of a version of the data."""
        if row_set.is_empty and not self.is_list:
            raise self.nothing()
        response: Any = Response(renderer.excerpt(row_set, self.query_params.get(SORT)))
        response.rows_written = row_set.written
        return response

    def add_headers(self, response: Any, renderer: RowRenderer) -> None:
        """Add the name of the file that the answer is saved as, and the address of the next page."""
        if renderer.extension and (file_name := self.file_name()):
            response.headers["Content-Disposition"] = attachment(f"{file_name}.{renderer.extension}")
        if self.page is not None and (link := self.page.link(self.request, self.query_params)):
            response.headers["Link"] = link

    def row_set(self) -> RowSet:
        """Return the report, with the fields that the query string selects.

        Raises:
            BadRequest: A parameter has a value that it does not take.
        """
        fields = parameters.fields(self.query_params) if parameters.FIELDS in self.query_params else ()
        exclude = parameters.excluded_fields(self.query_params) if self.has_exclude else ()
        try:
            if self.dimension is not None:
                exclude = (*exclude, *self.left_out(self.dimension, fields))
            rows, access = self.report(), self.access
            if access.is_limited or access.min_count:
                rows = self.permitted(rows)
            return RowSet(self.serializer_class, rows, fields, exclude, single=self.single)
        except UnknownFieldError as error:
            raise BadRequest(
                f"{parameters.EXCLUDE if error.excluded else parameters.FIELDS} names {quote_value(error.field)}; it "
                f"takes a comma-separated list of: {', '.join(error.known)}.",
                "unknown_field",
            ) from None
        except NoFieldsError:
            raise BadRequest(
                "exclude names all fields that are selected; it leaves at least one.", "no_field"
            ) from None

    def permitted(self, rows: Rows) -> Rows:
        """Return what a key with a limit may see of a report."""
        if self.access.is_limited:
            rows = self.in_scope(rows)
        if self.access.min_count:
            if self.sums_parts:
                # With one part more, they would say how many that one counts.
                rows = without_numbers(rows, getattr(self.serializer_class, "totals", ()))
            rows = without_small_counts(rows, self.serializer_class, self.access.min_count, self.totals())
        return rows

    def in_scope(self, rows: Rows) -> Rows:
        """Return the rows of the courses that a limited key may see.

        Raises:
            NotForLimitedKeys: It cannot be said of which course a row is.
        """
        return rows if self.entity == COURSE_ID else rows_in_scope(rows, self.access, is_selected=self.is_scoped)

    def totals(self) -> Collection[str]:
        """Return the fields of the items that are never hidden, however small: totals."""
        return () if self.sums_parts else getattr(self.serializer_class, "totals", ())

    @property
    def sums_parts(self) -> bool:
        """Whether the sums of an item are those of the parts that a filter selects, not the totals."""
        dimension = self.dimension
        return dimension is not None and bool(dimension.columns) and dimension.selected(self.query_params) is not None

    def left_out(self, dimension: Dimension, fields: tuple[str, ...]) -> frozenset[str]:
        """Return the fields that the items lack because the filter does not select them.

        Raises:
            UnknownFieldError: One of them is selected by name.
        """
        left_out = dimension.left_out(self.query_params)
        for field in left_out.intersection(fields):
            raise UnknownFieldError(field, (name for name in shape(self.serializer_class) if name not in left_out))
        return left_out

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if self.entity is not None:
            self.entity_id = parameters.entity_id(kwargs[self.entity])
        self.query_params = request.query_params
        super().initial(request, *args, **kwargs)
        auth: Any = request.auth
        self.access = auth
        if request.method == "POST":
            self.query_params = posted.parameters(request)
        if query := request.META.get("QUERY_STRING"):
            require_text(query)
        if self.is_list:
            given = self.query_params
            if SORT in given and not isinstance(request.accepted_renderer, RowRenderer):
                # The order of the table in a page is no parameter of the answer.
                given = given.copy()
                del given[SORT]
            refuse_unknown(given, self.known_parameters(request.method))
        elif self.refuses_filters:
            refuse_filters(self.query_params, self.known_parameters(request.method))

    def known_parameters(self, method: str | None) -> list[str]:
        """Return the names of the parameters that a request may have; pages are of GET alone."""
        names = [parameter.name for parameter in self.query if method != "POST" or parameter not in PAGES]
        return [*names, parameters.FIELDS, *([] if method == "POST" else ["format"])]

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        made = super().initialize_request(request, *args, **kwargs)
        # Only parsers read it. It refers to the request, which would keep both in memory until the garbage collector
        # runs.
        made.parser_context = {}
        return made

    @property
    def default_response_headers(self) -> dict[str, str]:
        """The headers of every response, errors included."""
        return {**self.common_headers, **(self.deprecation.headers(self.request.path) if self.deprecation else {})}

    def get_renderers(self) -> list[BaseRenderer]:
        """Return the formats of the answer: for OPTIONS those that can write a description, for POST no page."""
        renderers = super().get_renderers()
        method = self.request.method
        if method == "OPTIONS":
            renderers = [renderer for renderer in renderers if getattr(renderer, "describes", True)]
        if method == "POST":
            renderers = [renderer for renderer in renderers if isinstance(renderer, RowRenderer)]
        return renderers


class ManyReportView(ReportView):
    """What tables have about many courses or programs, by parameters of a query string or of a body."""

    http_method_names = list(POST_METHODS)
    common_headers = POST_HEADERS
    entity = None
    error_statuses = (400, 401, 403, 404, 406, 413, 415, 429, 500, 503)

    def file_name(self) -> str | None:
        return None if self.single else self.slug


class DatedReportView(ReportView):
    """What a table has about a course in a range of dates, or on the latest date on record.

    Attributes:
        is_series: Whether ``query`` has the parameters that select the last dates, weeks and months.
        reader: The method of the queryset that returns the report of a range.
    """

    entity = "course_id"
    query: ClassVar[tuple[Parameter, ...]] = parameters.DAYS
    is_series: ClassVar[bool] = False
    reader: ClassVar[str] = "report"

    def report(self) -> Rows:
        if self.is_series:
            request = courses_request(self.query_params, self.query, self.dimension)
            if request.last or request.interval or request.values is not None:
                rows: Rows = rows_of(self.models[0]).report_of_courses(request._replace(courses=[self.entity_id]))
                return rows
        read = getattr(rows_of(self.models[0]), self.reader)
        found: Rows = read(self.entity_id, parameters.date_range(self.query_params))
        return found

    def nothing(self) -> NoData:
        span = rows_of(self.models[0]).span(self.entity_id)
        if span is None:
            return super().nothing()
        given = ", ".join(
            f"{parameter.name} {quote_value(value)}"
            for parameter in self.query
            if (value := self.query_params.get(parameter.name))
        )
        first, last = (date[:10] for date in span)
        return NoData(
            f"The {self.entity} {quote_value(self.entity_id)} has no {self.label} in the range {given}; "
            f"on record are dates from {first} to {last}.",
            "no_data_in_range",
        )


class ActivityTypeReportView(ReportView):
    """What a table has about a course and one type of activity, in the latest week on record."""

    entity = "course_id"
    query = parameters.ACTIVITY_TYPE
    single = True
    renderer_classes = OBJECT_FORMATS

    def totals(self) -> Collection[str]:
        # Of any activity it is the total of which the other types are parts.
        return ("count",) if parameters.activity_type(self.query_params) == activity_types.ANY else ()

    def report(self) -> Rows:
        rows: Rows = rows_of(self.models[0]).recent(self.entity_id, parameters.activity_type(self.query_params))
        return rows

    def nothing(self) -> NoData:
        if rows_of(self.models[0]).span(self.entity_id) is None:
            return super().nothing()
        activity_type = parameters.activity_type(self.query_params)
        return NoData(
            f"The {self.entity} {quote_value(self.entity_id)} has activity on record, "
            f"but none of the activity_type {quote_value(activity_type)}.",
            "no_activity_of_type",
        )


def course_file_name(course_id: str) -> str:
    """Return the part of a file's name that names a course; a custom course (CCX) has the name of its course."""
    custom = CUSTOM_COURSE.fullmatch(course_id)
    course = custom[1] if custom else course_id.removeprefix("course-v1:")
    return course.replace("/", "-").replace("+", "-")


def list_file_name(path: str) -> str:
    """Return the name of the file, without its ending, of a list that is about no single entity: the path's words.

    Args:
        path: The path behind the version, without a suffix: ``enrollment/mode``.
    """
    return "-".join(filter(None, path.split("/")))
