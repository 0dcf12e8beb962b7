"""The endpoints of version 0: the list from which routes, documentation and contract tests are made."""

from typing import Final

from analytics_data_api.http.routing import Endpoints, routes
from analytics_data_api.v0.views import courses, problems, summaries, videos

ENDPOINTS: Final[Endpoints] = {
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
    "courses/{course_id}/problems_and_tags": courses.ProblemsAndTagsListView,
    "courses/{course_id}/reports/{report_name}": courses.ReportDownloadView,
    "problems/{problem_id}/grade_distribution": problems.GradeDistributionView,
    "problems/{problem_id}/answer_distribution": problems.ProblemResponseAnswerDistributionView,
    "problems/{module_id}/sequential_open_distribution": problems.SequentialOpenDistributionView,
    "videos/{video_id}/timeline": videos.VideoTimelineView,
    "course_summaries": summaries.CourseSummariesView,
    "course_totals": summaries.CourseTotalsView,
    "programs": summaries.ProgramsView,
}

app_name = "v0"
urlpatterns = routes(ENDPOINTS)
