"""The page that a browser shows for an endpoint."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson
from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils.cache import patch_cache_control
from django.utils.encoding import escape_uri_path
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from rest_framework import renderers
from rest_framework.request import Request

from analytics_data_api import NAME, TAG
from analytics_data_api.formats.base import RowRenderer, number
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.row_set import RowSet

# How much a page shows of a longer answer: items, elements of a list in an item, characters of a text.
SHOWN_ITEMS: Final = 100
SHOWN_ELEMENTS: Final = 50
SHOWN_CHARACTERS: Final = 500

# Pages load only the service's own style, run no script, and cannot be framed.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

# The tokens of JSON that are coloured; a string before a colon is a name.
JSON_TOKEN: Final = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*")(?=: )|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d[\d.eE+-]*)|(?P<word>true|false|null)"
)
CODE: Final = re.compile(r"`([^`]+)`")
# An id in a route.
NAMED_GROUP: Final = re.compile(r"\(\?P<(\w+)>[^()]*\)")
# Parameters that get a browser's own date picker, as long as it can hold the value: it has no time of day.
DATE_PARAMETERS: Final = {"start_date", "end_date", "recent_date"}
PLAIN_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Excerpt(NamedTuple):
    """What a page shows of an answer.

    Attributes:
        value: The JSON value.
        cut: Whether there are more items.
        shortened: Whether an item has more than what is shown of it.
    """

    value: Any
    cut: bool
    shortened: bool


class Crumb(NamedTuple):
    """A link; ``href`` is None for a part of a path that no endpoint has."""

    text: str
    href: str | None


@dataclass(frozen=True)
class Input:
    """A parameter in the page's form."""

    name: str
    hint: str
    value: str
    placeholder: str
    kind: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Address:
    """The parts of an endpoint's path: what is before the id, the id or None, and the words after it.

    ``template`` is the path with the names of ids in braces.
    """

    head: str
    entity_id: str | None
    words: tuple[str, ...]
    template: str


class PageRenderer(renderers.BrowsableAPIRenderer):
    """A page with the request, the beginning of its answer, and links."""

    template = "analytics_data_api/endpoint.html"

    @staticmethod
    def excerpt(row_set: RowSet) -> Excerpt:
        """Return the part of an answer that the page shows: the first items, and the beginning of long values."""
        records = row_set.records()
        items = list(islice(records, SHOWN_ITEMS))
        cut = next(records, None) is not None
        short = [{name: shortened(value) for name, value in item.items()} for item in items]
        return Excerpt(short[0] if row_set.single else short, cut, shortened=short != items)

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        view, request, response = (renderer_context[name] for name in ("view", "request", "response"))
        # The headers of the answer in JSON; those that are set below are the page's own.
        headers = {**response.headers, "Content-Type": JSONRenderer.media_type}
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        # The page shows the user's name.
        patch_cache_control(response, private=True, no_cache=True)
        is_report = isinstance(data, Excerpt)
        excerpt = data if is_report else Excerpt(data, cut=False, shortened=False)
        place = address(view, request)
        schema = view.schema
        schema.path, schema.method = place.template, "GET"
        return {
            "service": NAME,
            "title": schema.get_summary(),
            "description": [with_code(text) for text in schema.get_description().split("\n\n") if text],
            "crumbs": list(crumbs(place, request)),
            "method": request.method,
            "url": request.build_absolute_uri(),
            "status": f"{response.status_code} {response.status_text}",
            "headers": sorted(headers.items()),
            "body": highlighted(orjson.dumps(excerpt.value, number, orjson.OPT_INDENT_2).decode()),
            "cut": excerpt.cut,
            "shortened": excerpt.shortened,
            "shown_items": SHOWN_ITEMS,
            "downloads": [
                Crumb(renderer.format.upper(), link(request, renderer.format))
                for renderer in view.renderer_classes
                if issubclass(renderer, RowRenderer) and renderer.available and (is_report or renderer.describes)
            ],
            "docs": f"{reverse('docs').rstrip('/')}/#!/{TAG}/{schema.get_operation_id()}",
            "successor": successor(view, request),
            "inputs": list(inputs(view, schema.read_parameters(view))),
            "format": request.query_params.get("format"),
            "action": escape_uri_path(request.path),
            # Without a session there is nothing to log out of.
            "user": request.user if getattr(request.auth, "is_session", False) else None,
        }


def shortened(value: Any) -> Any:
    """Return a value itself, or the beginning of one that is long."""
    if isinstance(value, str) and len(value) > SHOWN_CHARACTERS:
        return f"{value[:SHOWN_CHARACTERS]}…"
    if isinstance(value, list):
        return [*map(shortened, value[:SHOWN_ELEMENTS]), *(["…"] if len(value) > SHOWN_ELEMENTS else [])]
    return value


def highlighted(text: str) -> SafeString:
    """Return JSON as HTML, each token with the class of its kind."""
    parts: list[SafeString] = []
    end = 0
    for match in JSON_TOKEN.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(format_html('<span class="{}">{}</span>', match.lastgroup, match[0]))
        end = match.end()
    return format_html_join("", "{}", ((part,) for part in (*parts, escape(text[end:]))))


def with_code(text: str) -> SafeString:
    """Return a paragraph as HTML, with text in backticks as code."""
    return mark_safe(CODE.sub(r"<code>\1</code>", escape(text)))  # noqa: S308 - escaped before


def address(view: Any, request: Request) -> Address:
    """Return the parts of the path of a request to a view."""
    match = resolve(request.path_info)
    template = "/" + NAMED_GROUP.sub(r"{\1}", match.route.removesuffix(r"/?\Z"))
    # The id begins where the route has its first regular expression; without an id, the words follow the version.
    head = "".join(template.partition("{" if view.entity else f"/{match.namespace}/")[: 1 if view.entity else 2])
    tail = request.path_info[len(head) + len(view.kwargs[view.entity] if view.entity else "") :]
    entity_id = view.entity_id if view.entity else None
    return Address(head, entity_id, tuple(tail.strip("/").split("/")), f"{template}/")


def crumbs(place: Address, request: HttpRequest) -> Iterator[Crumb]:
    """Yield the parts of an endpoint's path, the last of which is the page itself."""
    script_name = request.path[: -len(request.path_info)]
    yield Crumb(place.head.strip("/").rpartition("/")[2], None)
    path = place.head
    if place.entity_id is not None:
        yield Crumb(place.entity_id, None)
        path += f"{place.entity_id}/"
    for word in place.words:
        path += f"{word}/"
        yield Crumb(word.replace("_", " "), escape_uri_path(script_name + path) if is_endpoint(path) else None)


def is_endpoint(path: str) -> bool:
    """Return whether a path is one of an endpoint: a view of REST framework."""
    return hasattr(resolve(path).func, "cls")


def link(request: Request, format_: str) -> str:
    """Return the URL of the same answer in another format."""
    query = request.query_params.copy()
    query["format"] = format_
    return f"{escape_uri_path(request.path)}?{query.urlencode()}"


def successor(view: Any, request: Request) -> Crumb | None:
    """Return a link to the endpoint that replaces this one; None if there is none."""
    if view.deprecation is None:
        return None
    return Crumb(view.deprecation.successor.replace("_", " "), view.deprecation.address(request.path))


def inputs(view: Any, described: Iterable[Any]) -> Iterator[Input]:
    """Yield the fields of the form: the endpoint's parameters except the format, which has links.

    Args:
        view: The endpoint's view.
        described: Its parameters, as its description has them.
    """
    for parameter in described:
        if parameter.deprecated or parameter.name == "format":
            continue
        value = view.request.query_params.get(parameter.name, "")
        choices: tuple[str, ...] = ()
        kind = "text"
        if parameter.name in DATE_PARAMETERS:
            kind = "date" if not value or PLAIN_DATE.fullmatch(value) else "text"
        elif "enum" in parameter.values and not parameter.comma_separated:
            kind, choices = "choice", tuple(parameter.values["enum"])
            value = value or parameter.values.get("default", "")
        hint = parameter.meaning.partition(". ")[0].replace("`", "").rstrip(".")
        yield Input(parameter.name, hint, value, parameter.shown_example, kind, choices)
