"""Adds to every response of the description what all responses have."""

from collections.abc import Iterator
from typing import Any, Final

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
    """Declare the header that every response has: one of drf-spectacular's ``POSTPROCESSING_HOOKS``."""
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
