"""The routes of a version's endpoints, and the forms of the ids in their paths."""

from collections.abc import Mapping
from typing import Any, Final

from django.urls import URLPattern, re_path

from analytics_data_api.http.negotiation import program_formats
from analytics_data_api.http.views import ReportView
from analytics_data_api.tables import course_ids

# The endpoints of a version, by path; the name of an id stands in braces.
Endpoints = Mapping[str, type[ReportView]]

# Ids in a decoded path. No id holds a control character; those of modules and videos may hold slashes, so that the word
# behind the id is what ends it.
MODULE_ID: Final = r"[^\x00-\x1f\x7f]+"
IDS: Final = {
    "course_id": course_ids.FORM,
    "problem_id": MODULE_ID,
    "module_id": MODULE_ID,
    "video_id": MODULE_ID,
    "report_name": r"[A-Za-z0-9_]+",
}


def routes(endpoints: Endpoints, **attributes: Any) -> list[URLPattern]:
    """Return the routes of endpoints: each with and without the suffix of a format, and a slash at the end.

    Args:
        endpoints: The endpoints.
        attributes: Those of the views that are the same for all endpoints of the version.
    """
    return [
        *(route(path, view, "", attributes) for path, view in endpoints.items()),
        *(route(path, view, format_suffix(view), attributes) for path, view in endpoints.items()),
    ]


def route(path: str, view: type[ReportView], suffix: str, attributes: Mapping[str, Any]) -> URLPattern:
    """Return the route of an endpoint, with an optional slash at the end."""
    pattern = path.format(**{name: f"(?P<{name}>{form})" for name, form in IDS.items()})
    return re_path(rf"^{pattern}{suffix}/?\Z", view.as_view(**attributes), name=view.__name__)


def format_suffix(view: type[ReportView]) -> str:
    """Return the suffix that names a format, which REST framework reads as the keyword argument ``format``."""
    return rf"\.(?P<format>{'|'.join(program_formats(view.renderer_classes))})"
