"""Endpoints about problems and subsections."""

from analytics_data_api.http.views import ReportView
from analytics_data_api.rows import Rows
from analytics_data_api.v0 import models, serializers
from analytics_data_api.v0.views.base import SubjectView


class GradeDistributionView(SubjectView):
    """Get the grades that were given for a problem, and how often each was given."""

    model = models.GradeDistribution
    serializer_class = serializers.GradeDistributionSerializer
    what = "grades"
    subject = "problem_id"


class ProblemResponseAnswerDistributionView(ReportView):
    """Get the answers that were given to each part of a problem, and how often each was given.

    A problem that was randomised by mistake shows everybody the same question in several variants; their numbers are
    added up.
    """

    model = models.ProblemFirstLastResponseAnswerDistribution
    serializer_class = serializers.ProblemResponseAnswerDistributionSerializer
    what = "answers"
    subject = "problem_id"

    def report(self) -> Rows:
        return models.answer_distribution().report(self.subject_id)


class SequentialOpenDistributionView(SubjectView):
    """Get how often a subsection (a sequential) was opened."""

    model = models.SequentialOpenDistribution
    serializer_class = serializers.SequentialOpenDistributionSerializer
    what = "views"
    subject = "module_id"
