"""Endpoints about one course: version 0's, with the parameters that only version 1 has."""

from analytics_data_api.http.list_parameters import (
    BIRTH_YEAR,
    COUNTRY,
    EDUCATION_LEVEL,
    GENDER,
    MODE,
    SERIES,
    WEEKLY_SERIES,
)
from analytics_data_api.http.views import DatedReportView
from analytics_data_api.tables import models
from analytics_data_api.v0 import serializers as v0
from analytics_data_api.v1 import serializers


class CourseActivityWeeklyView(DatedReportView):
    """Get the weekly activity in a course.

    An activity without a number that week is left out of the item. Without dates, ``last`` and ``interval``, the latest
    week on record is returned.
    """

    models = (models.CourseActivityWeekly,)
    serializer_class = v0.CourseActivityWeeklySerializer
    label = "activity"
    slug = "engagement-activity"
    query = WEEKLY_SERIES
    is_series = True


class CourseEnrollmentView(DatedReportView):
    """Get the daily enrollment of a course.

    Without dates, ``last`` and ``interval``, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentDaily,)
    serializer_class = v0.CourseEnrollmentDailySerializer
    label = "enrollment"
    slug = "enrollment"
    query = SERIES
    is_series = True


class CourseEnrollmentModeView(DatedReportView):
    """Get the daily enrollment of a course by enrollment mode.

    Each mode is counted by itself; only no-id-professional is counted as professional. ``count`` and
    ``cumulative_count`` count every mode, or those that ``mode`` selects. Without dates, ``last`` and ``interval``, the
    latest day on record is returned.
    """

    models = (models.CourseEnrollmentModeDaily,)
    serializer_class = serializers.CourseEnrollmentByModeSerializer
    label = "enrollment by mode"
    slug = "enrollment_mode"
    query = (*SERIES, MODE.parameter)
    dimension = MODE
    is_series = True
    reader = "unmerged"


class CourseEnrollmentByBirthYearView(DatedReportView):
    """Get the daily enrollment of a course by year of birth.

    Without dates, ``last`` and ``interval``, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByBirthYear,)
    serializer_class = v0.CourseEnrollmentByBirthYearSerializer
    label = "enrollment by birth year"
    slug = "enrollment-age"
    query = (*SERIES, BIRTH_YEAR.parameter)
    dimension = BIRTH_YEAR
    is_series = True


class CourseEnrollmentByEducationView(DatedReportView):
    """Get the daily enrollment of a course by level of education.

    Without dates, ``last`` and ``interval``, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByEducation,)
    serializer_class = v0.CourseEnrollmentByEducationSerializer
    label = "enrollment by education"
    slug = "enrollment-education"
    query = (*SERIES, EDUCATION_LEVEL.parameter)
    dimension = EDUCATION_LEVEL
    is_series = True


class CourseEnrollmentByGenderView(DatedReportView):
    """Get the daily enrollment of a course by gender.

    Without dates, ``last`` and ``interval``, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByGender,)
    serializer_class = v0.CourseEnrollmentByGenderSerializer
    label = "enrollment by gender"
    slug = "enrollment-gender"
    query = (*SERIES, GENDER.parameter)
    dimension = GENDER
    is_series = True


class CourseEnrollmentByLocationView(DatedReportView):
    """Get the daily enrollment of a course by country.

    The country is that of a user's last known address. All users whose country is not known are one item a day, with
    the country UNKNOWN. Without dates, ``last`` and ``interval``, the latest day on record is returned.
    """

    models = (models.CourseEnrollmentByCountry,)
    serializer_class = v0.CourseEnrollmentByCountrySerializer
    label = "enrollment by location"
    slug = "enrollment-location"
    query = (*SERIES, COUNTRY.parameter)
    dimension = COUNTRY
    is_series = True
