"""The endpoints of version 1: those of version 0, of which some are others here, and what only version 1 has."""

from typing import Final

from analytics_data_api.http.routing import Endpoints, routes
from analytics_data_api.v0.urls import ENDPOINTS as VERSION_0
from analytics_data_api.v1.views import courses, keys, lists

ENDPOINTS: Final[Endpoints] = {
    **VERSION_0,
    "courses/{course_id}/activity": courses.CourseActivityWeeklyView,
    "courses/{course_id}/enrollment": courses.CourseEnrollmentView,
    "courses/{course_id}/enrollment/mode": courses.CourseEnrollmentModeView,
    "courses/{course_id}/enrollment/birth_year": courses.CourseEnrollmentByBirthYearView,
    "courses/{course_id}/enrollment/education": courses.CourseEnrollmentByEducationView,
    "courses/{course_id}/enrollment/gender": courses.CourseEnrollmentByGenderView,
    "courses/{course_id}/enrollment/location": courses.CourseEnrollmentByLocationView,
    "courses": lists.CoursesView,
    "tables": lists.TablesView,
    "activity": lists.ActivityView,
    "enrollment": lists.EnrollmentView,
    "enrollment/mode": lists.EnrollmentModeView,
    "enrollment/birth_year": lists.EnrollmentByBirthYearView,
    "enrollment/education": lists.EnrollmentByEducationView,
    "enrollment/gender": lists.EnrollmentByGenderView,
    "enrollment/location": lists.EnrollmentByLocationView,
    "key": keys.KeyView,
}

lists.TablesView.endpoints = ENDPOINTS

app_name = "v1"
urlpatterns = routes(ENDPOINTS, refuses_filters=True)
