"""What is described of every answer alike, whichever operation gives it."""

from collections.abc import Iterator
from typing import Any, Final

from analyticsdataserver.observability.request_context import HEADER, SANE

Json = dict[str, Any]

COMPONENT: Final = "RequestId"
REQUEST_ID: Final = {
    "description": "What the service's log calls this request: the id that the request came with in the same header, "
    "or a new one.",
    "schema": {"type": "string", "pattern": f"^{SANE.pattern}$"},
    "required": True,
}


def declare_request_id(result: Json, **_: Any) -> Json:
    """Declare the header that every answer has: one of drf-spectacular's ``POSTPROCESSING_HOOKS``."""
    components = result["components"]
    components.setdefault("headers", {})[COMPONENT] = REQUEST_ID
    for response in answers(result):
        response.setdefault("headers", {})[HEADER] = {"$ref": f"#/components/headers/{COMPONENT}"}
    return result


def answers(description: Json) -> Iterator[Json]:
    """Yield each description of an answer, wherever it stands, but no references to it."""
    yield from description["components"].get("responses", {}).values()
    for path in description["paths"].values():
        for operation in path.values():
            yield from (response for response in operation["responses"].values() if "$ref" not in response)
