"""Endpoints about videos."""

from analytics_data_api.http.views import ReportView
from analytics_data_api.tables import models
from analytics_data_api.v0 import serializers


class VideoTimelineView(ReportView):
    """Get the number of users and views for each segment of a video.

    A segment without a view has no item.
    """

    models = (models.VideoTimeline,)
    serializer_class = serializers.VideoTimelineSerializer
    entity = "video_id"
    label = "timeline"
