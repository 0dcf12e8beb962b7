"""Endpoints about many courses: those about one, with a list of items that goes on from course to course."""

from analytics_data_api.http.courses import CourseListView, CoursesReportView, TableListView
from analytics_data_api.http.list_parameters import (
    BIRTH_YEAR,
    COUNTRY,
    COURSES,
    EDUCATION_LEVEL,
    GENDER,
    MODE,
    PAGES,
    SERIES,
    WEEKLY_SERIES,
)
from analytics_data_api.tables import models
from analytics_data_api.v0 import serializers as v0
from analytics_data_api.v1 import serializers


class CoursesView(CourseListView):
    """Get the courses that are on record, with their latest enrollment.

    ``count`` and ``count_change_7_days`` are of the latest day on record; the change is that since exactly seven days
    before it. A course that only other tables have is listed without these numbers.
    """

    models = (models.CourseEnrollmentDaily,)
    serializer_class = serializers.CourseSerializer
    label = "courses"
    slug = "courses"


class TablesView(TableListView):
    """Get the tables of the database: which dates they cover, when they were loaded, and which endpoints serve them."""

    serializer_class = serializers.TableSerializer
    label = "tables"
    slug = "tables"


class ActivityView(CoursesReportView):
    """Get the weekly activity in many courses.

    An activity without a number that week is left out of the item. Without dates, ``last`` and ``interval``, the latest
    week on record of each course is returned.
    """

    models = (models.CourseActivityWeekly,)
    serializer_class = v0.CourseActivityWeeklySerializer
    label = "activity"
    slug = "activity"
    query = (*COURSES, *WEEKLY_SERIES, *PAGES)


class EnrollmentView(CoursesReportView):
    """Get the daily enrollment of many courses.

    Without dates, ``last`` and ``interval``, the latest day on record of each course is returned.
    """

    models = (models.CourseEnrollmentDaily,)
    serializer_class = v0.CourseEnrollmentDailySerializer
    label = "enrollment"
    slug = "enrollment"


class EnrollmentModeView(CoursesReportView):
    """Get the daily enrollment of many courses by enrollment mode.

    Each mode is counted by itself; only no-id-professional is counted as professional. ``count`` and
    ``cumulative_count`` count every mode, or those that ``mode`` selects. Without dates, ``last`` and ``interval``, the
    latest day on record of each course is returned.
    """

    models = (models.CourseEnrollmentModeDaily,)
    serializer_class = serializers.CourseEnrollmentByModeSerializer
    label = "enrollment by mode"
    slug = "enrollment-mode"
    query = (*COURSES, *SERIES, MODE.parameter, *PAGES)
    dimension = MODE


class EnrollmentByBirthYearView(CoursesReportView):
    """Get the daily enrollment of many courses by year of birth.

    Without dates, ``last`` and ``interval``, the latest day on record of each course is returned.
    """

    models = (models.CourseEnrollmentByBirthYear,)
    serializer_class = v0.CourseEnrollmentByBirthYearSerializer
    label = "enrollment by birth year"
    slug = "enrollment-birth_year"
    query = (*COURSES, *SERIES, BIRTH_YEAR.parameter, *PAGES)
    dimension = BIRTH_YEAR


class EnrollmentByEducationView(CoursesReportView):
    """Get the daily enrollment of many courses by level of education.

    Without dates, ``last`` and ``interval``, the latest day on record of each course is returned.
    """

    models = (models.CourseEnrollmentByEducation,)
    serializer_class = v0.CourseEnrollmentByEducationSerializer
    label = "enrollment by education"
    slug = "enrollment-education"
    query = (*COURSES, *SERIES, EDUCATION_LEVEL.parameter, *PAGES)
    dimension = EDUCATION_LEVEL


class EnrollmentByGenderView(CoursesReportView):
    """Get the daily enrollment of many courses by gender.

    Without dates, ``last`` and ``interval``, the latest day on record of each course is returned.
    """

    models = (models.CourseEnrollmentByGender,)
    serializer_class = v0.CourseEnrollmentByGenderSerializer
    label = "enrollment by gender"
    slug = "enrollment-gender"
    query = (*COURSES, *SERIES, GENDER.parameter, *PAGES)
    dimension = GENDER


class EnrollmentByLocationView(CoursesReportView):
    """Get the daily enrollment of many courses by country.

    The country is that of a user's last known address. All users whose country is not known are one item a day, with
    the country UNKNOWN. Without dates, ``last`` and ``interval``, the latest day on record of each course is returned.
    """

    models = (models.CourseEnrollmentByCountry,)
    serializer_class = v0.CourseEnrollmentByCountrySerializer
    label = "enrollment by location"
    slug = "enrollment-location"
    query = (*COURSES, *SERIES, COUNTRY.parameter, *PAGES)
    dimension = COUNTRY
