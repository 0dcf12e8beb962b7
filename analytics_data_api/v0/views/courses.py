"""Endpoints about courses."""

from datetime import UTC, datetime

from analytics_data_api.http import parameters
from analytics_data_api.http.deprecation import Deprecation
from analytics_data_api.http.problems import NoData, quote_value
from analytics_data_api.tables import models, querysets
from analytics_data_api.tables.rows import Rows
from analytics_data_api.v0 import serializers
from analytics_data_api.v0.views.base import CourseView, DatedCourseView, EntityView, rows_of


class CourseActivityWeeklyView(DatedCourseView):
    """Get, week by week, how many users did something in a course.

    An activity without a number that week is left out of the item. Without dates, the latest week on record is
    returned.
    """

    model = models.CourseActivityWeekly
    serializer_class = serializers.CourseActivityWeeklySerializer
    label = "activity"
    slug = "engagement-activity"
    query = parameters.WEEKS


class CourseActivityMostRecentWeekView(CourseView):
    """Get how many users did one kind of thing in a course, in the latest week that has a number for it.

    Deprecated: the endpoint for activity returns all kinds at once, of any week.
    """

    model = models.CourseActivityWeekly
    serializer_class = serializers.CourseActivityMostRecentWeekSerializer
    label = "activity"
    single = True
    query = parameters.ACTIVITY_TYPE
    # The day of version 0's last reference, whose implementation already warned those who called this.
    deprecation = Deprecation(datetime(2015, 9, 24, tzinfo=UTC), "activity")

    def report(self) -> Rows:
        weeks: querysets.ActivityQuerySet = rows_of(self.model)
        return weeks.recent(self.entity_id, parameters.activity_type(self.query_params))

    def nothing(self) -> NoData:
        if rows_of(self.model).span(self.entity_id) is None:
            return super().nothing()
        activity_type = parameters.activity_type(self.query_params)
        return NoData(
            f"The {self.entity} {quote_value(self.entity_id)} has activity on record, "
            f"but none of the activity_type {quote_value(activity_type)}.",
            "no_activity_of_type",
        )


class CourseEnrollmentView(DatedCourseView):
    """Get how many users are enrolled in a course, by day.

    Without dates, the latest day on record is returned.
    """

    model = models.CourseEnrollmentDaily
    serializer_class = serializers.CourseEnrollmentDailySerializer
    label = "enrollment"
    slug = "enrollment"


class CourseEnrollmentModeView(DatedCourseView):
    """Get how many users are enrolled in a course, by day and enrollment mode.

    Honor counts audit, too, and professional counts no-id-professional. ``count`` and ``cumulative_count`` count every
    mode. Without dates, the latest day on record is returned.
    """

    model = models.CourseEnrollmentModeDaily
    serializer_class = serializers.CourseEnrollmentModeDailySerializer
    label = "enrollment by mode"
    slug = "enrollment_mode"


class CourseEnrollmentByBirthYearView(DatedCourseView):
    """Get how many users are enrolled in a course, by day and year of birth.

    Without dates, the latest day on record is returned.
    """

    model = models.CourseEnrollmentByBirthYear
    serializer_class = serializers.CourseEnrollmentByBirthYearSerializer
    label = "enrollment by birth year"
    slug = "enrollment-age"


class CourseEnrollmentByEducationView(DatedCourseView):
    """Get how many users are enrolled in a course, by day and level of education.

    Without dates, the latest day on record is returned.
    """

    model = models.CourseEnrollmentByEducation
    serializer_class = serializers.CourseEnrollmentByEducationSerializer
    label = "enrollment by education"
    slug = "enrollment-education"


class CourseEnrollmentByGenderView(DatedCourseView):
    """Get how many users are enrolled in a course, by day and gender.

    Without dates, the latest day on record is returned.
    """

    model = models.CourseEnrollmentByGender
    serializer_class = serializers.CourseEnrollmentByGenderSerializer
    label = "enrollment by gender"
    slug = "enrollment-gender"


class CourseEnrollmentByLocationView(DatedCourseView):
    """Get how many users are enrolled in a course, by day and country.

    The country is that of a user's last known address. Users whose country is not known make one item a day, whose
    country is named UNKNOWN. Without dates, the latest day on record is returned.
    """

    model = models.CourseEnrollmentByCountry
    serializer_class = serializers.CourseEnrollmentByCountrySerializer
    label = "enrollment by location"
    slug = "enrollment-location"


class VideosListView(CourseView, EntityView):
    """Get the videos of a course, and how many users watched their start and end."""

    model = models.Video
    serializer_class = serializers.VideoSerializer
    label = "videos"
    slug = "videos"


class ProblemsListView(CourseView):
    """Get the problems of a course, and how often each was answered."""

    model = models.ProblemFirstLastResponseAnswerDistribution
    serializer_class = serializers.ProblemSerializer
    label = "problems"
    slug = "problems"

    def report(self) -> Rows:
        return models.answer_distribution().by_problem(self.entity_id)
