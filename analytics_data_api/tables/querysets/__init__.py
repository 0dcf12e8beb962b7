"""The queries of each endpoint: filters, the latest date, groups.

Each report is returned as :class:`~analytics_data_api.tables.rows.Rows`. Nothing here makes model instances, and
nothing holds more than one date's (one problem's, one video's) rows at a time.

Two rules hold throughout, since the pipeline's tables have no unique keys. Of the rows with the same key only the
newest counts (``base.newest``), and keys are compared as Python compares strings, which is byte for byte, whatever the
database's collation is. The rows come from the database in the order of the dates and then of their ids, which is the
order of the pipeline's own indexes, so that no database has to sort them.
"""

from analytics_data_api.tables.querysets.activity import ActivityQuerySet
from analytics_data_api.tables.querysets.answers import AnswerDistributionQuerySet
from analytics_data_api.tables.querysets.base import COURSE_ID, ENTITY_ID, DatedQuerySet, EntityQuerySet, ReportQuerySet
from analytics_data_api.tables.querysets.courses import courses_on_record, latest_dates
from analytics_data_api.tables.querysets.enrollment import (
    EnrollmentBirthYearQuerySet,
    EnrollmentEducationQuerySet,
    EnrollmentGenderQuerySet,
    EnrollmentLocationQuerySet,
    EnrollmentModeQuerySet,
    EnrollmentQuerySet,
)
from analytics_data_api.tables.querysets.entities import (
    GradeDistributionQuerySet,
    SequentialOpenDistributionQuerySet,
    VideoQuerySet,
    VideoTimelineQuerySet,
)
from analytics_data_api.tables.querysets.summaries import CourseSummaryQuerySet, ProgramQuerySet, Summary
from analytics_data_api.tables.querysets.tags import TagsQuerySet

__all__ = [
    "COURSE_ID",
    "ENTITY_ID",
    "ActivityQuerySet",
    "AnswerDistributionQuerySet",
    "CourseSummaryQuerySet",
    "DatedQuerySet",
    "EnrollmentBirthYearQuerySet",
    "EnrollmentEducationQuerySet",
    "EnrollmentGenderQuerySet",
    "EnrollmentLocationQuerySet",
    "EnrollmentModeQuerySet",
    "EnrollmentQuerySet",
    "EntityQuerySet",
    "GradeDistributionQuerySet",
    "ProgramQuerySet",
    "ReportQuerySet",
    "SequentialOpenDistributionQuerySet",
    "Summary",
    "TagsQuerySet",
    "VideoQuerySet",
    "VideoTimelineQuerySet",
    "courses_on_record",
    "latest_dates",
]
