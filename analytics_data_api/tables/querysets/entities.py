"""The tables of videos, their segments, grades and subsections."""

from collections.abc import Sequence
from typing import Final

from analytics_data_api.tables.querysets.base import EntityQuerySet
from analytics_data_api.tables.querysets.courses import blocks
from analytics_data_api.tables.querysets.many import padded
from analytics_data_api.tables.selection import Filter, Selection

# The name of a parameter.
VIDEOS: Final = "videos"


class VideoQuerySet(EntityQuerySet):
    """A row for each video of a course, in table order."""

    entity = "course_id"
    natural_key = ("course_id", "pipeline_video_id", "encoded_module_id")
    columns = ("pipeline_video_id", "encoded_module_id", "duration", "segment_length", "users_at_start", "users_at_end")
    late_columns = ("total_viewed_seconds",)

    def courses_of(self, video_ids: Sequence[str]) -> dict[str, set[str]]:
        """Return the courses that have a video of each of some ids."""
        courses: dict[str, set[str]] = {video_id: set() for video_id in video_ids}
        for block in blocks(list(courses)):
            named = padded(block)
            selection = Selection((Filter("pipeline_video_id__in", VIDEOS, len(named)),), order_by=())
            for video_id, course_id in self.read_selected(selection, ("pipeline_video_id", "course_id"), videos=named):
                # A column's collation may find ids that are only alike.
                if video_id in courses:
                    courses[video_id].add(course_id)
        return courses


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
