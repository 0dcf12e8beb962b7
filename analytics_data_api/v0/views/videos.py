"""Endpoints about videos."""

from analytics_data_api.tables import models
from analytics_data_api.v0 import serializers
from analytics_data_api.v0.views.base import EntityView


class VideoTimelineView(EntityView):
    """Get how many users watched each segment of a video, and how often.

    A segment that nobody watched has no item.
    """

    model = models.VideoTimeline
    serializer_class = serializers.VideoTimelineSerializer
    label = "timeline"
    entity = "video_id"
