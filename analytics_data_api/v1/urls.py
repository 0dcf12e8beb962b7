"""The endpoints of version 1: those of version 0, of which some are others here, and what only version 1 has."""

from typing import Final

from analytics_data_api.http.routing import Endpoints, routes
from analytics_data_api.v0.urls import ENDPOINTS as VERSION_0
from analytics_data_api.v1.views import courses

ENDPOINTS: Final[Endpoints] = {
    **VERSION_0,
    "courses/{course_id}/enrollment/mode": courses.CourseEnrollmentModeView,
}

app_name = "v1"
urlpatterns = routes(ENDPOINTS)
