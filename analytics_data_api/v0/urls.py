"""The endpoints of version 0: the list from which routes, documentation and contract tests are made."""

from typing import Final

from django.urls import URLPattern, re_path

from analytics_data_api.http.negotiation import program_formats
from analytics_data_api.http.views import ReportView
from analytics_data_api.v0.views import courses, problems, videos

ENDPOINTS: Final[dict[str, type[ReportView]]] = {
    "courses/{course_id}/activity": courses.CourseActivityWeeklyView,
    "courses/{course_id}/recent_activity": courses.CourseActivityMostRecentWeekView,
    "courses/{course_id}/enrollment": courses.CourseEnrollmentView,
    "courses/{course_id}/enrollment/mode": courses.CourseEnrollmentModeView,
    "courses/{course_id}/enrollment/birth_year": courses.CourseEnrollmentByBirthYearView,
    "courses/{course_id}/enrollment/education": courses.CourseEnrollmentByEducationView,
    "courses/{course_id}/enrollment/gender": courses.CourseEnrollmentByGenderView,
    "courses/{course_id}/enrollment/location": courses.CourseEnrollmentByLocationView,
    "courses/{course_id}/videos": courses.VideosListView,
    "courses/{course_id}/problems": courses.ProblemsListView,
    "problems/{problem_id}/grade_distribution": problems.GradeDistributionView,
    "problems/{problem_id}/answer_distribution": problems.ProblemResponseAnswerDistributionView,
    "problems/{module_id}/sequential_open_distribution": problems.SequentialOpenDistributionView,
    "videos/{video_id}/timeline": videos.VideoTimelineView,
}

# Ids in a decoded path. No id holds a control character; those of modules and videos may hold slashes, so that the word
# behind the id is what ends it. The run of a course may hold more "+", as in ccx-v1:org+course+run+ccx@15.
NAME: Final = r"[^/+\x00-\x1f\x7f]+"
RUN: Final = r"[^/\x00-\x1f\x7f]+"
MODULE_ID: Final = r"[^\x00-\x1f\x7f]+"
IDS: Final = {
    "course_id": rf"{NAME}[/+]{NAME}[/+]{RUN}",
    "problem_id": MODULE_ID,
    "module_id": MODULE_ID,
    "video_id": MODULE_ID,
}


def route(path: str, view: type[ReportView], suffix: str = "") -> URLPattern:
    """Return the route of an endpoint, with an optional slash at the end."""
    pattern = path.format(**{name: f"(?P<{name}>{form})" for name, form in IDS.items()})
    return re_path(rf"^{pattern}{suffix}/?\Z", view.as_view(), name=view.__name__)


def format_suffix(view: type[ReportView]) -> str:
    """Return the suffix that names a format, which REST framework reads as the keyword argument ``format``."""
    return rf"\.(?P<format>{'|'.join(program_formats(view.renderer_classes))})"


app_name = "v0"
urlpatterns = [
    *(route(path, view) for path, view in ENDPOINTS.items()),
    *(route(path, view, format_suffix(view)) for path, view in ENDPOINTS.items()),
]
