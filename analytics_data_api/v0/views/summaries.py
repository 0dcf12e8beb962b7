"""Endpoints about many courses, and about programs."""

from analytics_data_api.formats.registry import OBJECT_FORMATS
from analytics_data_api.http import parameters
from analytics_data_api.http.views import ManyReportView
from analytics_data_api.tables import models, summaries
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v0 import serializers


class CourseSummariesView(ManyReportView):
    """Get the enrollment of many courses, with what the catalog says of them.

    Where the table of summaries is missing or empty, the numbers are those of the latest day of enrollment by mode, and
    the fields of the catalog and ``passing_users`` are null. A mode without enrollment is 0.
    """

    models = (models.CourseMetaSummaryEnrollment,)
    serializer_class = serializers.CourseSummarySerializer
    label = "summaries"
    slug = "course_summaries"
    query = parameters.SUMMARIES
    has_exclude = True
    is_scoped = True

    def report(self) -> Rows:
        query = parameters.summary_query(self.query_params)
        courses = self.access.select(query.courses, summaries.courses_with_summaries)
        return self.read(summaries.course_summaries(query._replace(courses=courses)))


class CourseTotalsView(ManyReportView):
    """Get the enrollment of many courses together."""

    models = (models.CourseMetaSummaryEnrollment,)
    serializer_class = serializers.CourseTotalsSerializer
    label = "enrollment"
    single = True
    renderer_classes = OBJECT_FORMATS
    query = (parameters.COURSE_IDS,)
    is_scoped = True

    def report(self) -> Rows:
        named = parameters.COURSE_IDS.listed(self.query_params)
        courses = self.access.select(named, summaries.courses_with_summaries)
        return self.read(summaries.course_totals(courses, self.access.min_count))


class ProgramsView(ManyReportView):
    """Get programs, with their courses."""

    models = (models.CourseProgramMetadata,)
    serializer_class = serializers.ProgramSerializer
    label = "programs"
    slug = "programs"
    query = (parameters.PROGRAM_IDS,)
    has_exclude = True
    is_scoped = True

    def report(self) -> Rows:
        program_ids = parameters.PROGRAM_IDS.listed(self.query_params)
        return self.read(summaries.programs(program_ids, self.access.chosen))
