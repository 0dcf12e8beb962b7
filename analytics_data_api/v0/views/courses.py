"""Endpoints about courses."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from analytics_data_api.formats.registry import OBJECT_FORMATS
from analytics_data_api.http import parameters, report_files
from analytics_data_api.http.deprecation import Deprecation
from analytics_data_api.http.views import ActivityTypeReportView, DatedReportView, ReportView, rows_of
from analytics_data_api.tables import models, summaries
from analytics_data_api.tables.querysets.courses import courses_of_all_tables
from analytics_data_api.tables.rows import Row, Rows
from analytics_data_api.v0 import serializers


class CourseActivityWeeklyView(DatedReportView):
    """Get the weekly activity in a course.

    An activity without a number that week is left out of the item. Without dates, the latest week on record is
    returned.
    """

    models = (models.CourseActivityWeekly,)
    serializer_class = serializers.CourseActivityWeeklySerializer
    label = "activity"
    slug = "engagement-activity"
    query = parameters.WEEKS


class CourseActivityMostRecentWeekView(ActivityTypeReportView):
    """Get the latest weekly count of one type of activity in a course.

    Deprecated: the endpoint for activity returns all types at once, of any week.
    """

    models = (models.CourseActivityWeekly,)
    serializer_class = serializers.CourseActivityMostRecentWeekSerializer
    label = "activity"
    # The day of version 0's last reference, whose implementation already warned the clients of this endpoint.
    deprecation = Deprecation(datetime(2015, 9, 24, tzinfo=UTC), "activity")


class CourseEnrollmentView(DatedReportView):
    """Get the daily enrollment of a course.

    Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentDaily,)
    serializer_class = serializers.CourseEnrollmentDailySerializer
    label = "enrollment"
    slug = "enrollment"


class CourseEnrollmentModeView(DatedReportView):
    """Get the daily enrollment of a course by enrollment mode.

    The mode audit is counted as honor, no-id-professional as professional. ``count`` and ``cumulative_count`` count
    every mode. Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentModeDaily,)
    serializer_class = serializers.CourseEnrollmentModeDailySerializer
    label = "enrollment by mode"
    slug = "enrollment_mode"


class CourseEnrollmentByBirthYearView(DatedReportView):
    """Get the daily enrollment of a course by year of birth.

    Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByBirthYear,)
    serializer_class = serializers.CourseEnrollmentByBirthYearSerializer
    label = "enrollment by birth year"
    slug = "enrollment-age"


class CourseEnrollmentByEducationView(DatedReportView):
    """Get the daily enrollment of a course by level of education.

    Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByEducation,)
    serializer_class = serializers.CourseEnrollmentByEducationSerializer
    label = "enrollment by education"
    slug = "enrollment-education"


class CourseEnrollmentByGenderView(DatedReportView):
    """Get the daily enrollment of a course by gender.

    Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByGender,)
    serializer_class = serializers.CourseEnrollmentByGenderSerializer
    label = "enrollment by gender"
    slug = "enrollment-gender"


class CourseEnrollmentByLocationView(DatedReportView):
    """Get the daily enrollment of a course by country.

    The country is that of a user's last known address. All users whose country is not known are one item a day, with
    the country UNKNOWN. Without dates, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByCountry,)
    serializer_class = serializers.CourseEnrollmentByCountrySerializer
    label = "enrollment by location"
    slug = "enrollment-location"


class VideosListView(ReportView):
    """Get the videos of a course, with the numbers of users who watched their start and end."""

    models = (models.Video,)
    serializer_class = serializers.VideoSerializer
    entity = "course_id"
    label = "videos"
    slug = "videos"

    def in_scope(self, rows: Rows) -> Rows:
        return rows._replace(rows=self.allowed_videos(rows.rows, rows.columns.index("pipeline_video_id")))

    def allowed_videos(self, rows: Iterable[Row], place: int) -> Iterator[Row]:
        """Yield the rows of videos whose timeline the key may see: one may be recorded for another course, too."""
        found = list(rows)
        courses = rows_of(models.Video).courses_of([row[place] for row in found])
        self.access.allowed(set().union(*courses.values()))
        yield from (row for row in found if self.access.allows_video(row[place], courses[row[place]]))


class ProblemsListView(ReportView):
    """Get the problems of a course, with the numbers of submissions."""

    models = (models.ProblemFirstLastResponseAnswerDistribution,)
    serializer_class = serializers.ProblemSerializer
    entity = "course_id"
    label = "problems"
    slug = "problems"

    def report(self) -> Rows:
        return models.answer_distribution().by_problem(self.entity_id)


class ProblemsAndTagsListView(ReportView):
    """Get the problems of a course that have tags, with the numbers of submissions."""

    models = (models.TagsDistribution,)
    serializer_class = serializers.ProblemAndTagsSerializer
    entity = "course_id"
    label = "tags"
    slug = "problems_and_tags"

    def report(self) -> Rows:
        return self.read(summaries.problems_and_tags(self.entity_id))


class ReportDownloadView(ReportView):
    """Get a link to the file of a report about a course.

    The link needs no key, and works for a short time.
    """

    models = ()
    serializer_class = serializers.ReportDownloadSerializer
    entity = "course_id"
    label = "report"
    single = True
    renderer_classes = OBJECT_FORMATS
    is_report_file = True
    error_statuses = (400, 401, 403, 404, 406, 429, 500, 501, 503)

    def report(self) -> Rows:
        report_name = self.kwargs["report_name"]
        if self.access.is_limited:
            # The file may be about another course, whose id differs in characters that no file's name has.
            report_files.require_own_name(self.entity_id, report_name, courses_of_all_tables())
        return Rows(report_files.COLUMNS, report_files.report(self.request, self.entity_id, report_name))
