"""Adds to the description what all responses have, and the formats: drf-spectacular's ``POSTPROCESSING_HOOKS``."""

from collections.abc import Iterator
from typing import Any, Final

from analyticsdataserver.docs.openapi.introduction import FORMATS
from analyticsdataserver.observability.request_context import HEADER, SANE

Json = dict[str, Any]

COMPONENT: Final = "RequestId"
REQUEST_ID: Final = {
    "description": "The id of the request in the service's log: the one that the client sent in the same header, or a "
    "new one.",
    "schema": {"type": "string", "pattern": f"^{SANE.pattern}$"},
    "required": True,
}


def declare_request_id(result: Json, **_: Any) -> Json:
    """Declare the header that every response has."""
    components = result["components"]
    components.setdefault("headers", {})[COMPONENT] = REQUEST_ID
    for response in answers(result):
        response.setdefault("headers", {})[HEADER] = {"$ref": f"#/components/headers/{COMPONENT}"}
    return result


def answers(description: Json) -> Iterator[Json]:
    """Yield each description of a response, but no references."""
    yield from description["components"].get("responses", {}).values()
    for path in description["paths"].values():
        for operation in path.values():
            yield from (response for response in operation["responses"].values() if "$ref" not in response)


def describe_formats(result: Json, **_: Any) -> Json:
    """Complete the introduction with the formats of the registry, which settings cannot import."""
    from analytics_data_api.formats.registry import DATA_FORMATS

    default, *others = (each for each in DATA_FORMATS if each.available)
    lists_only = ", ".join(f"`{each.format}`" for each in others if each.lists_only)
    listed = ", ".join(f"`{each.format}` (`{each.media_type}`)" for each in others)
    text = (
        f"`{default.format}` is the default. A suffix (`.csv`), a parameter (`?format=csv`) or the header `Accept` "
        f"(`text/csv`) requests another one: {listed}. Only endpoints that return lists have {lists_only}."
    )
    result["info"]["description"] = result["info"]["description"].replace(FORMATS, text)
    return result
