"""The page about each endpoint, ``docs/reference.rst``, written from the schema and its examples."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from analyticsdataserver.docs import examples
from analyticsdataserver.tests.guides import DOCS, indented, table

PAGE: Final = DOCS / "reference.rst"

HEAD: Final = """\
.. This page is written by `make guides`, from the schema and the sample data.

Reference
=========

Each endpoint with its parameters, the fields of its items, and a response from the sample data. ``/docs/`` shows the
same, and sends requests; ``/api/schema/`` has it as OpenAPI 3.1. :doc:`calling` describes what is common to all
endpoints, such as keys, dates and formats, and :doc:`numbers` defines the numbers.

A *date* is written ``YYYY-mm-dd``, a *time* ``YYYY-mm-ddTHHMMSS``, a *zoned time* ``YYYY-mm-ddTHH:MM:SSZ``, all in UTC.
Of a response that is a list, at most three items are shown.
"""

GROUPS: Final = {
    "/api/v0/courses/": "Courses",
    "/api/v0/problems/": "Problems and subsections",
    "/api/v0/videos/": "Videos",
    "/api/v0/": "Many courses, and programs",
    "/api/v1/courses/": "Version 1: courses",
    "/api/v1/problems/": "Version 1: problems and subsections",
    "/api/v1/videos/": "Version 1: videos",
    "/api/v1/": "Version 1: many courses, and programs",
    "/": "Keys and operation",
}

Json = dict[str, Any]


def text(schema: Json) -> str:
    """Return the whole page.

    Args:
        schema: The OpenAPI document.
    """
    parts = [HEAD]
    rest = dict(schema["paths"])
    for prefix, title in GROUPS.items():
        parts.append(f"{title}\n{'-' * len(title)}\n")
        for path in [path for path in rest if path.startswith(prefix)]:
            for method, operation in rest.pop(path).items():
                parts.extend(section(schema, f"{method.upper()} {path}", path, operation))
    return "\n".join(parts)


def section(schema: Json, title: str, path: str, operation: Json) -> Iterator[str]:
    yield f".. _{operation['operationId']}:\n"
    yield f"{title}\n{'~' * len(title)}\n"
    yield f"{rst(operation['summary'])}.\n"
    if operation.get("description"):
        yield f"{rst(operation['description'])}\n"
    if operation.get("parameters"):
        yield table(["Parameter", "Values", "Meaning"], [*map(parameter, operation["parameters"])], "20 30 50")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if path.startswith("/api/v") and body:
        yield "The body, a form or JSON, has the parameters of the ``GET``; see :ref:`posting`.\n"
    elif body:
        names = [name for name, each in resolved(schema, body)["properties"].items() if not each.get("readOnly")]
        yield f"The body, a form or JSON, has {' and '.join(f'``{name}``' for name in names)}.\n"
    yield from answer(schema, operation, path, title)
    error_statuses = [status for status in operation["responses"] if status >= "400"]
    if error_statuses:
        yield f"Other statuses: {', '.join(error_statuses)}; see :ref:`errors`.\n"


def answer(schema: Json, operation: Json, path: str, title: str) -> Iterator[str]:
    content = operation["responses"]["200"]["content"]["application/json"]
    items = content["schema"]
    is_list = items.get("type") == "array"
    fields = list(described(schema, items["items"] if is_list else items))
    if not fields:
        yield "Returns 200 and ``{}``.\n"
        return
    heading = "Field of an item" if is_list else "Field"
    yield table([heading, "Type", "Meaning"], fields, "28 20 52")
    example = examples.load().get(path)
    if example is None or title.startswith("POST"):
        return
    yield ".. code-block:: console\n"
    yield indented(f"$ curl -H 'Authorization: Token edx' 'http://localhost:8000{example['address']}'") + "\n"
    yield ".. code-block:: json\n"
    yield indented(json.dumps(content["example"], indent=2, ensure_ascii=False)) + "\n"


def parameter(parameter: Json) -> list[str]:
    name = f"``{parameter['name']}``"
    if parameter["in"] == "path":
        name += ", in the path"
    meaning = rst(parameter["description"])
    if parameter.get("deprecated"):
        meaning += " Deprecated."
    values = parameter["schema"]
    if "enum" in values:
        takes = ", ".join(f"``{value}``" for value in values["enum"])
        if "default" in values:
            takes += f"; ``{values['default']}`` by default"
    elif "enum" in values.get("items", {}):
        takes = "names of fields"
    elif values.get("type") == "array":
        takes = f"``{','.join(parameter['example'])}``, for example"
    else:
        takes = f"``{parameter['example']}``, for example"
    return [name, takes, meaning]


def described(schema: Json, model: Json, prefix: str = "") -> Iterator[list[str]]:
    """Yield the name, the type and the meaning of each field of a model, those of inner objects behind a dot."""
    model = resolved(schema, model)
    for name, field in model.get("properties", {}).items():
        inner = resolved(schema, field)
        kinds = [inner["type"]] if isinstance(inner.get("type"), str) else inner.get("type", [])
        kind = " or ".join(kinds)
        if inner.get("format") in ("date", "date-time"):
            kind = kind.replace("string", inner["format"].replace("date-time", "zoned time"))
        elif "T" in inner.get("pattern", ""):
            kind = kind.replace("string", "time")
        elif kinds[:1] == ["array"]:
            kind = f"list of {resolved(schema, inner['items'])['type']}s"
        if name not in model.get("required", ()):
            kind += "; may be missing"
        yield [f"``{prefix}{name}``", kind, rst(field.get("description", inner.get("description", "")))]
        if "properties" in inner:
            yield from described(schema, inner, f"{prefix}{name}.")


def resolved(schema: Json, part: Json) -> Json:
    """Return a part of the document, or what it refers to."""
    for each in part.get("allOf", [part]):
        if "$ref" in each:
            found: Json = schema
            for key in each["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            return found
    return part


def rst(markdown: str) -> str:
    return re.sub(r"`([^`]+)`", r"``\1``", markdown)
