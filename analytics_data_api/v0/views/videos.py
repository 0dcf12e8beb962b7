"""Endpoints about videos."""

from django.db.models import Model

from analytics_data_api.http.views import ReportView, rows_of
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v0 import serializers


class VideoTimelineView(ReportView):
    """Get the number of users and views for each segment of a video.

    A segment without a view has no item.
    """

    models: tuple[type[Model], ...] = (models.VideoTimeline,)
    serializer_class = serializers.VideoTimelineSerializer
    entity = "video_id"
    label = "timeline"

    def in_scope(self, rows: Rows) -> Rows:
        # The table has no course. Which one a video belongs to, its id and the table of videos say.
        self.models = (models.VideoTimeline, models.Video)
        courses = rows_of(models.Video).courses_of([self.entity_id])
        allowed = self.access.allows_video(self.entity_id, courses[self.entity_id])
        return rows if allowed else rows._replace(rows=())
