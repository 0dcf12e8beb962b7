"""The endpoints of version 0: the list that routing, documentation and contract tests go by."""

from typing import Final

from django.urls import URLPattern, re_path

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

# Ids as they stand in an address, percent-encoding resolved. No id holds a control character; those of modules and
# videos may hold slashes, so that the word behind the id tells where it ends.
NAME: Final = r"[^/+\x00-\x1f\x7f]+"
MODULE_ID: Final = r"[^\x00-\x1f\x7f]+"
IDS: Final = {
    "course_id": rf"(?:course-v1:{NAME}\+{NAME}\+{NAME}|{NAME}/{NAME}/{NAME})",
    "problem_id": MODULE_ID,
    "module_id": MODULE_ID,
    "video_id": MODULE_ID,
}


def route(path: str, view: type[ReportView]) -> URLPattern:
    """Return the route of an endpoint, which a trailing slash may or may not end."""
    pattern = path.format(**{name: f"(?P<{name}>{form})" for name, form in IDS.items()})
    return re_path(rf"^{pattern}/?\Z", view.as_view(), name=view.__name__)


app_name = "v0"
urlpatterns = [route(path, view) for path, view in ENDPOINTS.items()]
