"""Endpoints about problems and subsections."""

from analytics_data_api.http.views import ReportView
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v0 import serializers


class GradeDistributionView(ReportView):
    """Get the distribution of grades for a problem."""

    models = (models.GradeDistribution,)
    serializer_class = serializers.GradeDistributionSerializer
    entity = "problem_id"
    label = "grades"


class ProblemResponseAnswerDistributionView(ReportView):
    """Get the distribution of answers to each part of a problem.

    A problem that was randomised by mistake shows every user the same question in several variants; the counts of such
    variants are summed.
    """

    models = (models.ProblemFirstLastResponseAnswerDistribution,)
    serializer_class = serializers.ProblemResponseAnswerDistributionSerializer
    entity = "problem_id"
    label = "answers"

    def report(self) -> Rows:
        return models.answer_distribution().report(self.entity_id)


class SequentialOpenDistributionView(ReportView):
    """Get the number of views of a subsection (a sequential)."""

    models = (models.SequentialOpenDistribution,)
    serializer_class = serializers.SequentialOpenDistributionSerializer
    entity = "module_id"
    label = "views"
