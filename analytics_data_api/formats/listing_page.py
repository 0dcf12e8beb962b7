"""The page that a browser shows for a list of what the API has: its versions, or the endpoints of one."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.urls import reverse
from django.utils.encoding import escape_uri_path
from rest_framework.renderers import TemplateHTMLRenderer

from analytics_data_api import NAME
from analytics_data_api.formats.page import CONTENT_SECURITY_POLICY, Crumb, documentation

# The group of the endpoints without an id in their path; the others are grouped by what the id is of.
MANY: Final = "Many courses"


class Entry(NamedTuple):
    """What a list has: its path, a link, what it is, and what else there is to say.

    ``href`` leads to the documentation where the path has an id to fill in.
    """

    path: str
    href: str
    meaning: str
    hint: str

    @property
    def parts(self) -> list[str]:
        """The parts of the path, between which a narrow screen breaks it."""
        return re.findall("[^/]*/", self.path)


class ListingPageRenderer(TemplateHTMLRenderer):
    """A page with a link for each of the items, the endpoints in groups."""

    template_name = "analytics_data_api/listing.html"

    def get_template_context(self, data: list[dict[str, Any]], renderer_context: Mapping[str, Any]) -> dict[str, Any]:
        view, request, response = (renderer_context[name] for name in ("view", "request", "response"))
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        groups: dict[str, list[Entry]] = {}
        for item, found in zip(data, view.listed.values(), strict=True):
            group, entry = entry_of(item, found)
            groups.setdefault(group, []).append(entry)
        versions = f"{reverse('versions')}/"
        is_version = request.path.rstrip("/") != versions.rstrip("/")
        name = request.path.rstrip("/").rpartition("/")[2]
        return {
            "service": NAME,
            "title": f"Endpoints of {name}" if is_version else "Versions of the API",
            "crumbs": [Crumb("API", versions), Crumb(name, None)] if is_version else [],
            "groups": groups.items(),
            "schema": f"{reverse('schema')}/",
            "json": f"{escape_uri_path(request.path)}?format=json",
        }


def entry_of(item: Mapping[str, Any], found: Any) -> tuple[str, Entry]:
    """Return an item of a list, and the group that it is in.

    Args:
        item: The item, as JSON has it.
        found: What it is of: the view of an endpoint, or the endpoints of a version.
    """
    path = item["path"]
    if isinstance(found, Mapping):
        return "", Entry(path, escape_uri_path(path), f"{len(found)} endpoints", "")
    schema = found().schema
    schema.path, schema.method = path, "GET"
    is_complete = found.entity is None
    group = MANY if is_complete else path.partition("/{")[0].rpartition("/")[2].capitalize()
    notes = [", ".join(item["formats"])]
    if "POST" in item["methods"]:
        notes.append("also POST")
    if found.deprecation:
        notes.append("deprecated")
    href = escape_uri_path(path) if is_complete else documentation(schema)
    return group, Entry(path, href, f"{schema.get_summary()}.", "; ".join(notes))
