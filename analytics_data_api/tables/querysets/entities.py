"""The tables of videos, their segments, grades and subsections."""

from analytics_data_api.tables.querysets.base import ENTITY_ID, EntityQuerySet
from analytics_data_api.tables.selection import Filter, Selection


class VideoQuerySet(EntityQuerySet):
    """A row for each video of a course, in table order."""

    entity = "course_id"
    natural_key = ("course_id", "pipeline_video_id", "encoded_module_id")
    columns = ("pipeline_video_id", "encoded_module_id", "duration", "segment_length", "users_at_start", "users_at_end")
    late_columns = ("total_viewed_seconds",)

    def courses_of(self, video_id: str) -> set[str]:
        """Return the courses that have a video of this id."""
        selection = Selection((Filter("pipeline_video_id", ENTITY_ID),), order_by=())
        return {row[0] for row in self.read_selected(selection, ("course_id",), entity_id=video_id)}


class VideoTimelineQuerySet(EntityQuerySet):
    """A row for each segment of a video, by segment."""

    entity = "pipeline_video_id"
    natural_key = ("pipeline_video_id", "segment")
    columns = ("segment", "num_users", "num_views")
    sorted_by = "segment"


class GradeDistributionQuerySet(EntityQuerySet):
    """A row for each grade that was given for a problem, by grade."""

    entity = "module_id"
    natural_key = ("module_id", "course_id", "grade", "max_grade")
    columns = ("course_id", "grade", "max_grade", "count")
    sorted_by = "grade"


class SequentialOpenDistributionQuerySet(EntityQuerySet):
    """A row for each course that has the subsection."""

    entity = "module_id"
    natural_key = ("module_id", "course_id")
    columns = ("course_id", "count")
