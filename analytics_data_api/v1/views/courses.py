"""Endpoints about courses that differ from those of version 0."""

from analytics_data_api.http import parameters
from analytics_data_api.http.views import DatedReportView
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v1 import serializers


class CourseEnrollmentModeView(DatedReportView):
    """Get the daily enrollment of a course by enrollment mode.

    Each mode is counted by itself; only no-id-professional is counted as professional. ``count`` and
    ``cumulative_count`` count every mode. Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentModeDaily,)
    serializer_class = serializers.CourseEnrollmentByModeSerializer
    label = "enrollment by mode"
    slug = "enrollment_mode"

    def report(self) -> Rows:
        dates = parameters.date_range(self.query_params)
        rows: Rows = models.CourseEnrollmentModeDaily.objects.all().unmerged(self.entity_id, dates)
        return rows
