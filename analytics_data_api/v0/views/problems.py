"""Endpoints about problems and subsections."""

from analytics_data_api.http.views import ReportView
from analytics_data_api.tables import models
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v0 import serializers
from analytics_data_api.v0.views.base import EntityView


class GradeDistributionView(EntityView):
    """Get the grades that were given for a problem, and how often each was given."""

    model = models.GradeDistribution
    serializer_class = serializers.GradeDistributionSerializer
    label = "grades"
    entity = "problem_id"


class ProblemResponseAnswerDistributionView(ReportView):
    """Get the answers that were given to each part of a problem, and how often each was given.

    A problem that was randomised by mistake shows everybody the same question in several variants; their numbers are
    added up.
    """

    model = models.ProblemFirstLastResponseAnswerDistribution
    serializer_class = serializers.ProblemResponseAnswerDistributionSerializer
    label = "answers"
    entity = "problem_id"

    def report(self) -> Rows:
        return models.answer_distribution().report(self.entity_id)


class SequentialOpenDistributionView(EntityView):
    """Get how often a subsection (a sequential) was opened."""

    model = models.SequentialOpenDistribution
    serializer_class = serializers.SequentialOpenDistributionSerializer
    label = "views"
    entity = "module_id"
