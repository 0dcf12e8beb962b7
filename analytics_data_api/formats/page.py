"""The page that a browser shows for an endpoint."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from heapq import nlargest, nsmallest
from itertools import islice
from typing import Any, Final, NamedTuple

import orjson
from django.http import HttpRequest, QueryDict
from django.urls import NoReverseMatch, get_resolver, resolve, reverse
from django.utils.cache import patch_cache_control
from django.utils.encoding import escape_uri_path
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from rest_framework import renderers
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from analytics_data_api import NAME, TAG
from analytics_data_api.formats.base import RowRenderer, number
from analytics_data_api.formats.json import JSONRenderer
from analytics_data_api.formats.row_set import RowSet, names, shape

# How much a page shows of a longer answer: items, elements of a list in an item, characters of a text.
SHOWN_ITEMS: Final = 100
SHOWN_ELEMENTS: Final = 50
SHOWN_CHARACTERS: Final = 500
# Characters of a text that a cell of the table has in one line.
SHORT_TEXT: Final = 60

# What stands where there is no value: an en dash.
NO_VALUE: Final = "\u2013"

# The parameter of a page, not of the answers in other formats, that orders the items by a column: "-" first descends.
SORT: Final = "_sort"

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
# Where an id leads: a page of the project's, by the name of its route, or else an endpoint of the same version.
COURSE_ID: Final = "course_id"
HOMES: Final = {
    COURSE_ID: ("course", "courses/{}/enrollment/"),
    "problem_id": ("problem", "problems/{}/answer_distribution/"),
    "video_id": ("video", "videos/{}/timeline/"),
}
# The lists of a course that have an id like the one in the path, by the first word of the path.
LISTS: Final = {"problems": "courses/{}/problems/", "videos": "courses/{}/videos/"}
# Columns with ids that have a home, and the endpoints whose items are about them.
COLUMNS: Final = {COURSE_ID: COURSE_ID, "pipeline_video_id": "video_id"}
COLUMNS_OF: Final = {"problems": {"module_id": "problem_id"}, "problems_and_tags": {"module_id": "problem_id"}}


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
    """A parameter in the page's form.

    Attributes:
        fault: What is wrong with its value; empty for nothing.
    """

    name: str
    hint: str
    value: str
    placeholder: str
    kind: str
    choices: tuple[str, ...] = ()
    fault: str = ""


class Heading(NamedTuple):
    """The head of a column: a link that sorts by it, and how it is sorted, in the words of ``aria-sort``."""

    name: str
    href: str
    sorted: str
    kind: str


class Cell(NamedTuple):
    """A value in a table, as text; ``kind`` is number, text, long or null, and ``href`` leads on from an id."""

    text: str
    kind: str
    href: str | None


@dataclass(frozen=True)
class Table:
    """The items that a page shows, a row each.

    ``single`` is an item by itself, as pairs of a name and a value.
    """

    headings: list[Heading]
    rows: list[list[Cell]]
    single: list[tuple[str, Cell]]


@dataclass(frozen=True)
class Address:
    """The parts of an endpoint's path: what is before the id, the id or None, and the words after it.

    ``template`` is the path with the names of ids in braces, ``above`` the path of the version.
    """

    head: str
    entity_id: str | None
    words: tuple[str, ...]
    template: str
    above: str


class PageRenderer(renderers.BrowsableAPIRenderer):
    """A page with the request, the beginning of its answer, and links."""

    template = "analytics_data_api/endpoint.html"

    @staticmethod
    def excerpt(row_set: RowSet, sort: str | None = None) -> Excerpt:
        """Return the part of an answer that the page shows: the first items, and the beginning of long values.

        Args:
            row_set: The answer.
            sort: The column that the items are ordered by; the whole answer is read then, of which only the first items
                are kept.
        """
        records = row_set.records()
        if sort:
            records = iter(ordered(records, sort, SHOWN_ITEMS + 1))
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
        schema = described(view, place)
        sort = request.query_params.get(SORT)
        return {
            "service": NAME,
            "title": schema.get_summary(),
            "description": [with_code(text) for text in schema.get_description().split("\n\n") if text],
            "crumbs": list(crumbs(place, view, request, course_of(excerpt.value, place))),
            "siblings": list(siblings(place, view, request, request.query_params)),
            "method": request.method,
            "url": request.build_absolute_uri(link(request)),
            "status": f"{response.status_code} {response.status_text}",
            "headers": sorted(headers.items()),
            "table": table(excerpt.value, view.serializer_class, place, request, sort) if is_report else None,
            "body": highlighted(orjson.dumps(excerpt.value, number, orjson.OPT_INDENT_2).decode()),
            "sort": sort,
            "cut": excerpt.cut,
            "shortened": excerpt.shortened,
            "shown_items": SHOWN_ITEMS,
            "downloads": [
                Crumb(renderer.format.upper(), link(request, renderer.format))
                for renderer in view.renderer_classes
                if issubclass(renderer, RowRenderer) and renderer.available and (is_report or renderer.describes)
            ],
            "docs": documentation(schema),
            "successor": successor(view, request),
            "inputs": list(inputs(schema.read_parameters(view), request.query_params)),
            "format": request.query_params.get("format"),
            "action": escape_uri_path(request.path),
            # Without a session there is nothing to log out of.
            "user": request.user if getattr(request.auth, "is_session", False) else None,
        }


def described(view: Any, place: Address) -> Any:
    """Return the description of the GET of a view."""
    schema = view.schema
    schema.path, schema.method = place.template, "GET"
    return schema


def documentation(schema: Any) -> str:
    """Return the address of what the documentation says about an operation."""
    return f"{reverse('docs').rstrip('/')}/#!/{TAG}/{schema.get_operation_id()}"


def ordered(records: Iterable[dict[str, Any]], sort: str, size: int) -> list[dict[str, Any]]:
    """Return the first items by a column, of which those that lack a value come last; equal ones keep their order.

    Args:
        records: The items.
        sort: The column, with a ``-`` in front where the highest value comes first.
        size: How many items to return at most.
    """
    column = sort.removeprefix("-")
    if column == sort:
        return nsmallest(size, records, key=lambda item: order_of(value_at(item, column), is_null_high=True))
    return nlargest(size, records, key=lambda item: order_of(value_at(item, column), is_null_high=False))


def order_of(value: Any, *, is_null_high: bool) -> tuple[Any, ...]:
    """Return the place of a value of any kind: numbers before text."""
    if value is None:
        return (is_null_high,)
    if isinstance(value, (str, list, dict)):
        text = value if isinstance(value, str) else written(value)
        return (not is_null_high, 1, text.casefold(), text)
    return (not is_null_high, 0, value)


def value_at(item: dict[str, Any], path: str) -> Any:
    """Return a value of an item; the names of the objects around it come before its own, with dots between them."""
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def flat(item: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of an item by path: those of the objects in it, too, as in CSV."""
    for name, value in item.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def written(value: Any) -> str:
    """Return a value as a cell of the table has it."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, str):
        return value
    return orjson.dumps(value, number).decode()


def table(
    value: Any, serializer_class: type[Serializer[Any]], place: Address, request: Request, sort: str | None
) -> Table:
    """Return the items of an answer as a table, with the columns in the order in which they are declared."""
    known = {name: index for index, name in enumerate(names(shape(serializer_class)))}
    leading = COLUMNS | COLUMNS_OF.get(place.words[-1], {})

    @cache
    def lead(name: str, entity_id: str) -> str | None:
        if name not in leading or entity_id == place.entity_id or entity_id.endswith("…"):
            return None
        return home(leading[name], entity_id, place, request)

    def cell(name: str, item: Any) -> Cell:
        if item is None:
            return Cell(NO_VALUE, "null", None)
        text = written(item)
        kind = "long" if len(text) > SHORT_TEXT else "text"
        if isinstance(item, (int, float, Decimal)) and not isinstance(item, bool):
            kind = "number"
        return Cell(text, kind, lead(name, item) if isinstance(item, str) else None)

    if isinstance(value, dict):
        return Table([], [], [(name, cell(name, item)) for name, item in flat(value)])
    rows = [dict(flat(item)) for item in value]
    columns = sorted(
        dict.fromkeys(name for row in rows for name in row),
        key=lambda name: known.get(name, known.get(name.partition(".")[0], len(known))),
    )
    cells = [[cell(name, row.get(name)) for name in columns] for row in rows]
    kinds = ({each.kind for each in column} for column in zip(*cells, strict=True))
    headings = [heading(name, kind, request, sort) for name, kind in zip(columns, kinds, strict=True)]
    # A missing number stands where the numbers do.
    numbers = {index for index, each in enumerate(headings) if each.kind == "number"}
    aligned = [
        [
            each._replace(kind="null number") if each.kind == "null" and index in numbers else each
            for index, each in enumerate(row)
        ]
        for row in cells
    ]
    return Table(headings, aligned, [])


def heading(name: str, kinds: set[str], request: Request, sort: str | None) -> Heading:
    """Return the head of a column with values of these kinds; a second use of its link turns the order around."""
    direction = {name: "ascending", f"-{name}": "descending"}.get(sort or "", "none")
    query = request.query_params.copy()
    query[SORT] = f"-{name}" if direction == "ascending" else name
    kind = "number" if kinds <= {"number", "null"} else "text"
    return Heading(name, f"{escape_uri_path(request.path)}?{query.urlencode()}", direction, kind)


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


def address(view: Any, request: HttpRequest | Request) -> Address:
    """Return the parts of the path of a request to a view."""
    match: Any = request.resolver_match
    template = "/" + NAMED_GROUP.sub(r"{\1}", match.route.removesuffix(r"/?\Z"))
    # The id begins where the route has its first regular expression; without an id, the words follow the version.
    above = "".join(template.partition(f"/{match.namespace}/")[:2])
    head = template.partition("{")[0] if view.entity else above
    raw = match.kwargs[view.entity] if view.entity else ""
    tail = request.path_info[len(head) + len(raw) :]
    entity_id = getattr(view, "entity_id", raw) if view.entity else None
    return Address(head, entity_id, tuple(tail.strip("/").split("/")), f"{template}/", above)


def page_of(route: str, **ids: str) -> str | None:
    """Return the address of a page of the project around the API; None where it has no such page."""
    try:
        return f"{reverse(route, kwargs=ids).rstrip('/')}/"
    except NoReverseMatch:
        return None


def endpoint(path: str, request: HttpRequest | Request) -> str | None:
    """Return the address of an endpoint, by its path below the service's own; None where there is none."""
    script_name = request.path[: -len(request.path_info)]
    return escape_uri_path(script_name + path) if is_endpoint(path) else None


def is_endpoint(path: str) -> bool:
    """Return whether a path is one of an endpoint: a view of REST framework."""
    return hasattr(resolve(path).func, "cls")


def home(name: str, entity_id: str, place: Address, request: HttpRequest | Request) -> str | None:
    """Return where an id leads: to its page, or to an endpoint about it."""
    route, path = HOMES[name]
    return page_of(route, **{name: entity_id}) or endpoint(place.above + path.format(entity_id), request)


def course_of(value: Any, place: Address) -> str | None:
    """Return the course that all items are of; None where that cannot be said."""
    items = value if isinstance(value, list) else [value]
    courses = {item.get(COURSE_ID) for item in items if isinstance(item, dict)}
    if place.entity_id and "|" in place.entity_id and courses <= {None}:
        # A video's id begins with its course's.
        courses = {place.entity_id.partition("|")[0]}
    course = courses.pop() if len(courses) == 1 else None
    return course if isinstance(course, str) and "…" not in course else None


def crumbs(place: Address, view: Any, request: HttpRequest | Request, course_id: str | None) -> Iterator[Crumb]:
    """Yield the way to an endpoint from the list of courses, the last part of which is the page itself.

    Args:
        place: The parts of its path.
        view: Its view.
        request: The request.
        course_id: The course that a problem, subsection or video is of; None where it is not known.
    """
    path, entity_id = place.head, place.entity_id
    if entity_id is not None:
        first = place.head.strip("/").rpartition("/")[2]
        courses = page_of("courses") or endpoint(f"{place.above}courses/", request)
        if view.entity != COURSE_ID:
            yield Crumb("Courses", courses)
            if course_id:
                yield Crumb(course_id, home(COURSE_ID, course_id, place, request))
            list_path = place.above + LISTS[first].format(course_id) if course_id else ""
            yield Crumb(first.capitalize(), endpoint(list_path, request) if list_path else None)
        else:
            yield Crumb("Courses", courses)
        href = home(view.entity, entity_id, place, request) if view.entity in HOMES else None
        is_here = href is not None and href.rstrip("/") == escape_uri_path(request.path).rstrip("/")
        yield Crumb(entity_id, None if is_here else href)
        path += f"{entity_id}/"
    for word in place.words:
        path += f"{word}/"
        yield Crumb(word.replace("_", " "), endpoint(path, request))


def siblings(place: Address, view: Any, request: HttpRequest | Request, given: Mapping[str, str]) -> Iterator[Crumb]:
    """Yield the endpoints about the same id, or about many courses, in the same version; no link for the present one.

    The range of dates that is given is kept where the other endpoint has one, too.
    """
    match: Any = request.resolver_match
    _, resolver = get_resolver().namespace_dict[match.namespace]
    first = place.head[len(place.above) :]
    for pattern in resolver.url_patterns:
        found: Any = pattern
        route = NAMED_GROUP.sub(r"{\1}", str(found.pattern).removeprefix("^").removesuffix(r"/?\Z"))
        other = found.callback.cls
        if r"\." in route or other.entity != view.entity or not route.startswith(first):
            continue
        words = route.removeprefix(first).removeprefix(f"{{{view.entity}}}/")
        if "{" in words:
            continue
        text = words.replace("/", " by ").replace("_", " ")
        if other is type(view):
            yield Crumb(text, None)
            continue
        read = {parameter.name for parameter in other.query}
        kept = QueryDict(mutable=True)
        kept.update({name: given[name] for name in ("start_date", "end_date") if name in read and given.get(name)})
        path = f"{place.head}{place.entity_id}/{words}/" if place.entity_id else f"{place.head}{words}/"
        script_name = request.path[: -len(request.path_info)]
        yield Crumb(text, f"{escape_uri_path(script_name + path)}{'?' if kept else ''}{kept.urlencode()}")


def link(request: Request, format_: str | None = None) -> str:
    """Return the URL of the same answer, in another format if one is given; programs get it in its own order."""
    query = request.query_params.copy()
    query.pop(SORT, None)
    if format_ is not None:
        query["format"] = format_
    return f"{escape_uri_path(request.path)}{'?' if query else ''}{query.urlencode()}"


def successor(view: Any, request: Request) -> Crumb | None:
    """Return a link to the endpoint that replaces this one; None if there is none."""
    if view.deprecation is None:
        return None
    return Crumb(view.deprecation.successor.replace("_", " "), view.deprecation.address(request.path))


def is_plain_date(value: str) -> bool:
    """Return whether a browser's date picker can hold a value."""
    try:
        return bool(PLAIN_DATE.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


def inputs(parameters: Iterable[Any], given: Mapping[str, str], fault: str = "") -> Iterator[Input]:
    """Yield the fields of the form: the endpoint's parameters except the format, which has links.

    Args:
        parameters: Those that the endpoint's description has.
        given: What the request gives.
        fault: The detail of the error, which begins with the name of the parameter that it is about.
    """
    at_fault = fault.partition(" ")[0].rstrip(",")
    for parameter in parameters:
        if parameter.deprecated or parameter.name == "format":
            continue
        value = given.get(parameter.name, "")
        choices: tuple[str, ...] = ()
        kind = "text"
        if parameter.name in DATE_PARAMETERS:
            kind = "date" if not value or is_plain_date(value) else "text"
        elif "enum" in parameter.values and not parameter.comma_separated:
            known = tuple(parameter.values["enum"])
            value = value or parameter.values.get("default", "")
            # What is not to be chosen is shown as it was sent.
            if value.lower() in known or not value:
                value = value.lower()
                kind, choices = "choice", known if "default" in parameter.values else ("", *known)
        hint = parameter.meaning.partition(". ")[0].replace("`", "").rstrip(".")
        of_this = fault if parameter.name == at_fault else ""
        yield Input(parameter.name, hint, value, parameter.shown_example, kind, choices, of_this)
