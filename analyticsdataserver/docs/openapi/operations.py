"""Makes an OpenAPI operation of a view's declarations."""

import json
import re
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent
from rest_framework import exceptions, serializers

from analytics_data_api import TAG
from analytics_data_api.access import bodies
from analytics_data_api.access.bodies import BodyTooLarge
from analytics_data_api.access.scope import CourseNotAllowed
from analytics_data_api.access.throttling.policies import WRONG_KEYS, TooManyRequests
from analytics_data_api.formats.base import RowRenderer
from analytics_data_api.formats.fields import ObjectSerializer
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.row_set import names, shape
from analytics_data_api.http import problems
from analytics_data_api.http.conditional import PreconditionFailed
from analytics_data_api.http.list_parameters import PAGES
from analytics_data_api.http.listing import endpoint_name
from analytics_data_api.http.negotiation import available_formats
from analytics_data_api.http.parameters import Parameter, exclude_parameter, fields_parameter, format_parameter
from analytics_data_api.http.report_files import LinkNotMade
from analytics_data_api.http.views import ReportView
from analyticsdataserver.docs import examples
from analyticsdataserver.docs.examples.ids import SAMPLE_IDS
from analyticsdataserver.docs.openapi import extensions
from analyticsdataserver.serving.asgi import BodyTimeout
from analyticsdataserver.web import errors

__all__ = ["OperationSchema", "extensions"]

Json = dict[str, Any]

IDS: Final = {
    "course_id": "The course: three parts, as in `org/course/run` or `course-v1:org+course+run`.",
    "problem_id": "The problem.",
    "module_id": "The subsection (sequential).",
    "video_id": "The video, by its `pipeline_video_id`.",
    "report_name": "The report.",
}

# The version in a path.
VERSION: Final = re.compile(r"^api/(v\d+)/")

# The state of a limit, for a response to a request that is counted.
LIMIT_HEADERS: Final = ("RateLimit", "RateLimit-Policy")

# The meaning of each error status, and the headers of its responses.
REFUSALS: Final = {
    400: ("A parameter or the path has a value that is not accepted.", ()),
    401: ("No key was sent, or one that is not valid.", ("WWW-Authenticate", *LIMIT_HEADERS)),
    403: ("The key is limited to other courses, or what the request needs is switched off.", ()),
    404: ("There are no data for the request. `error_code` distinguishes an unknown id from a range without data.", ()),
    406: ("The response cannot have the requested format.", ()),
    408: ("The body did not arrive in time.", ()),
    412: ("The present version is not the one that `If-Match` or `If-Unmodified-Since` names.", ()),
    413: ("The body is too large.", ()),
    415: ("The body is neither JSON nor an urlencoded form.", ()),
    429: (
        "The client has reached a limit: on wrong keys or passwords of its address, or on requests of its user.",
        ("Retry-After", *LIMIT_HEADERS),
    ),
    501: ("The storage of reports makes no links to its files.", ()),
    500: ("The service has a defect. The log has the reason.", ()),
    503: ("A database, or the service, cannot serve the request at the moment; `detail` says why.", ("Retry-After",)),
}
# The errors that only a request with a body can have.
BODY_REFUSALS: Final = (413, 415)
# The errors of which each endpoint has examples of its own; the other responses are the same everywhere.
OWN_REFUSALS: Final = (400, 404)
# The headers of reports for caches.
CACHING: Final = ("Cache-Control", "ETag", "Last-Modified")
HEADERS: Final = {
    "Cache-Control": ("Which caches may store it, and how.", {"type": "string", "examples": ["private, no-cache"]}),
    "Deprecation": ("Since when the endpoint is deprecated (RFC 9745).", {"type": "string", "pattern": r"^@\d+$"}),
    "ETag": ("Identifies this version of the response.", {"type": "string", "pattern": r'^(W/)?"[^"]+"$'}),
    "Last-Modified": ("The time of the latest load or change of the data.", {"type": "string"}),
    "Link": ("The endpoint to use instead, or the next page of a list.", {"type": "string"}),
    "RateLimit": (
        "For a limit: its name; `r`, how many requests remain; `t`, the seconds until its window ends.",
        {"type": "string", "examples": ['"data";r=99;t=60']},
    ),
    "RateLimit-Policy": (
        "For a limit: its name; `q`, how many requests it allows; `w`, in how many seconds.",
        {"type": "string", "examples": ['"data";q=100;w=60']},
    ),
    "Retry-After": ("The seconds after which to repeat the request.", {"type": "integer"}),
    "WWW-Authenticate": ("What the header Authorization accepts.", {"type": "string", "examples": ["Token"]}),
}


class ErrorSerializer(serializers.Serializer[Any]):
    """Why a request could not be served (RFC 9457)."""

    type = serializers.CharField(help_text="Always `about:blank`: the status is the kind of problem.")
    title = serializers.CharField(help_text="The status in words.")
    status = serializers.IntegerField(help_text="The HTTP status.")
    detail = serializers.CharField(help_text="What is wrong, and what is accepted instead; for people.")
    error_code = serializers.RegexField(
        r"^[a-z]+(_[a-z]+)*$", help_text="What is wrong, as a stable word; for programs."
    )
    developer_message = serializers.CharField(help_text="The same as `detail`, under its older name.")


class OperationSchema(AutoSchema):
    """REST framework's ``DEFAULT_SCHEMA_CLASS``.

    A view's docstring gives the summary, which is its first paragraph, and the description; its ``error_statuses`` are
    the statuses of its error responses. For reports, everything else follows from what
    :class:`ReportView` has its subclasses declare, from their route, and from the examples.
    """

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Json | None:
        operation: Json | None = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None:
            return None
        if isinstance(self.view, ReportView):
            is_post = method == "POST"
            read = [each for each in self.read_parameters(self.view) if not is_post or each not in PAGES]
            in_query = [parameter for parameter in read if not is_post or parameter.name == "format"]
            operation["parameters"] = [*self.path_parameters(), *map(query_parameter, in_query)]
            if is_post:
                operation["requestBody"] = request_body(read[:-1])
            operation["responses"]["200"] |= self.answer(self.view, operation["responses"]["200"], is_post=is_post)
            if self.has_version(method):
                operation["responses"]["304"] = self.unchanged()
        if hasattr(self.view, "policy"):
            headers = operation["responses"]["200"].setdefault("headers", {})
            headers |= {name: header(name) for name in LIMIT_HEADERS}
        for status in self.error_statuses(method):
            operation["responses"].setdefault(str(int(status)), self.refusal(status))
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def error_statuses(self, method: str) -> list[int]:
        """Return the statuses of error responses, of which some are about bodies, or versions of the data, only."""
        statuses = [
            status
            for status in getattr(self.view, "error_statuses", ())
            if method == "POST" or status not in BODY_REFUSALS
        ]
        if any(status in BODY_REFUSALS for status in statuses):
            statuses.append(HTTPStatus.REQUEST_TIMEOUT)
        if self.has_version(method):
            statuses.append(HTTPStatus.PRECONDITION_FAILED)
        return statuses

    def has_version(self, method: str) -> bool:
        """Return whether the response has a version that a conditional request can name."""
        return isinstance(self.view, ReportView) and bool(self.view.models or self.view.is_list) and method != "POST"

    def get_operation_id(self) -> str:
        """Return the method, the version unless it is 0, and the endpoint's name: a good name for a function."""
        *version, path = VERSION.split(self.path.strip("/").replace("-", "_"))
        return "_".join(
            (self.method.lower(), *(name for name in version if name not in ("", "v0")), endpoint_name(path))
        )

    def get_summary(self) -> str:
        return " ".join(self.paragraphs()[0].split()).rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]  # the stubs say None
        return "\n\n".join(self.paragraphs()[1:]).replace("``", "`")

    def paragraphs(self) -> list[str]:
        """Return the paragraphs of the view's docstring."""
        description: str = super().get_description()
        return re.split(r"\n\s*\n", description.strip())

    def get_tags(self) -> list[str]:
        return [TAG]

    def is_deprecated(self) -> bool:
        return getattr(self.view, "deprecation", None) is not None

    def get_response_serializers(self) -> Any:
        if isinstance(self.view, ReportView):
            return self.view.serializer_class(many=not self.view.single)
        return super().get_response_serializers()

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Json:
        mapped: Any = super()._map_basic_serializer
        schema: Json = mapped(serializer, direction)
        if isinstance(self.view, ReportView) and not isinstance(serializer, ErrorSerializer):
            # Each may be left out, by the parameter `fields`.
            schema.pop("required", None)
            if isinstance(serializer, ObjectSerializer):
                # There may be further members of the same kind.
                schema["additionalProperties"] = {"$ref": first_reference(schema["properties"])}
        return schema

    def path_parameters(self) -> list[Json]:
        """Return the ids in the path, with the form that the route requires and an example from the sample data."""
        resolve: Any = self._resolve_path_parameters
        return [
            parameter | {"description": IDS[parameter["name"]], "example": SAMPLE_IDS[parameter["name"]]}
            for parameter in resolve(re.findall(r"{(\w+)}", self.path))
        ]

    def read_parameters(self, view: ReportView) -> list[Parameter]:
        """Return the parameters of the query string, or of the body of a POST; ``format``, the last, is in no body."""
        known = list(names(shape(view.serializer_class)))
        exclude = (exclude_parameter(known),) if view.has_exclude else ()
        formats = format_parameter(available_formats(view.renderer_classes))
        return [*view.query, fields_parameter(known), *exclude, formats]

    def answer(self, view: ReportView, described: Json, *, is_post: bool) -> Json:
        """Return the response of a report: the items in each format, with an example of each that is text."""
        example = examples.load()[self.path]
        content: Json = {
            # In OpenAPI 3.1, bytes have no schema.
            renderer.media_type: {}
            if renderer.binary
            else {"schema": {"type": "string"}, "example": example[renderer.format]}
            for renderer in view.renderer_classes
            if issubclass(renderer, RowRenderer) and renderer.available
        }
        content[JSONRenderer.media_type]["schema"] = described["content"][JSONRenderer.media_type]["schema"]
        answer: Json = {
            "description": (view.serializer_class.__doc__ or "").strip(),
            "content": content,
        }
        answer["headers"] = {
            name: header(name) for name in (CACHING if (view.models or view.is_list) and not is_post else CACHING[:1])
        }
        if PAGES[0] in view.query and not is_post:
            answer["headers"]["Link"] = header("Link")
        if view.deprecation is not None:
            headers = view.deprecation.headers(self.path.format(**SAMPLE_IDS))
            answer["headers"] |= {name: header(name, example) for name, example in headers.items()}
        return answer

    def unchanged(self) -> Json:
        """Return a reference to the response to a client that has the present version of a report."""
        answer = {
            "description": "The client has this version already, according to `If-None-Match` or `If-Modified-Since`.",
            "headers": {name: header(name) for name in CACHING},
        }
        return self.component(HTTPStatus.NOT_MODIFIED, answer)

    def component(self, status: int, answer: Json) -> Json:
        """Return a reference to a response that is the same for every operation."""
        name = HTTPStatus(status).phrase.replace(" ", "")
        component = ResolvedComponent(name, ResolvedComponent.RESPONSE, answer, HTTPStatus)
        self.registry.register_on_missing(component)
        return component.ref

    def refusal(self, status: int) -> Json:
        """Return the error response of a status: a reference, unless it is the endpoint's own."""
        if isinstance(self.view, ReportView) and status in OWN_REFUSALS:
            shown = examples.load()[self.path]["problems"][str(status)]
        else:
            shown = refusal_examples(status)
        meaning, headers = REFUSALS[status]
        answer: Json = {
            "description": meaning,
            "content": {
                problems.CONTENT_TYPE: {
                    "schema": self.resolve_serializer(ErrorSerializer, "response").ref,
                    "examples": {code: {"value": body} for code, body in shown.items()},
                }
            },
        }
        if headers:
            answer["headers"] = {name: header(name) for name in headers}
        if status in OWN_REFUSALS:
            return answer
        return self.component(status, answer)


def header(name: str, example: str | None = None) -> Json:
    meaning, values = HEADERS[name]
    return {"description": meaning, "schema": values} | ({} if example is None else {"example": example})


def first_reference(properties: Json) -> str:
    """Return what the first property refers to."""
    first = next(iter(properties.values()))
    return next(str(each["$ref"]) for each in (first, *first.get("allOf", ())) if "$ref" in each)


def request_body(parameters: list[Parameter]) -> Json:
    """Return the description of a body with parameters, as JSON or as a form."""
    properties = {}
    for parameter in parameters:
        one: Json = dict(parameter.values)
        schema = {"type": "array", "items": one} if parameter.comma_separated else one
        properties[parameter.name] = {**schema, "description": parameter.meaning, "examples": [parameter.example]}
    content = {"schema": {"type": "object", "properties": properties}}
    return {"content": {parser.media_type: content for parser in (bodies.JSONParser, bodies.FormParser)}}


def query_parameter(parameter: Parameter) -> Json:
    several = {"schema": {"type": "array", "items": parameter.values}, "style": "form", "explode": False}
    return {
        "in": "query",
        "name": parameter.name,
        "description": parameter.meaning,
        "example": parameter.example,
        **(several if parameter.comma_separated else {"schema": dict(parameter.values)}),
        **({"deprecated": True} if parameter.deprecated else {}),
    }


@cache
def refusal_examples(status: int) -> dict[str, Json]:
    """Return bodies of error responses with a status, the same for every endpoint, by error code."""
    answers = {
        400: problems.of_exception(exceptions.ValidationError({"password": ["This field is required."]})),
        403: problems.of_exception(CourseNotAllowed("edX/OtherX/2015")),
        408: problems.of_exception(BodyTimeout()),
        412: problems.of_exception(PreconditionFailed()),
        413: problems.of_exception(BodyTooLarge()),
        415: problems.of_exception(exceptions.UnsupportedMediaType("text/plain")),
        429: problems.of_exception(TooManyRequests(30, WRONG_KEYS.reason)),
        500: errors.server_error(HttpRequest()),
        501: problems.of_exception(LinkNotMade()),
        503: problems.database_unavailable(),
    }
    if answer := answers.get(status):
        body = json.loads(answer.content)
        return {body["error_code"]: body}
    of_a_report: dict[str, Json] = next(iter(examples.load().values()))["problems"][str(status)]
    return of_a_report
