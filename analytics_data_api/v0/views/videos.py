"""Endpoints about videos."""

from analytics_data_api.v0 import models, serializers
from analytics_data_api.v0.views.base import SubjectView


class VideoTimelineView(SubjectView):
    """Get how many users watched each segment of a video, and how often.

    A segment that nobody watched has no item.
    """

    model = models.VideoTimeline
    serializer_class = serializers.VideoTimelineSerializer
    what = "timeline"
    subject = "video_id"
