"""The shape of each item that differs from version 0."""

from typing import Any

from rest_framework import serializers

from analytics_data_api.formats.fields import TimeField
from analytics_data_api.v0.serializers import COURSE_ID, DATE


class CourseEnrollmentByModeSerializer(serializers.Serializer[Any]):
    """A day of a course: its enrolled users by enrollment mode, each mode by itself."""

    totals = ("count", "cumulative_count")

    course_id = serializers.CharField(help_text=COURSE_ID)
    date = serializers.DateField(help_text=DATE)
    count = serializers.IntegerField(help_text="Enrolled users in every mode, also those that have no field here.")
    cumulative_count = serializers.IntegerField(help_text="Users who were ever enrolled, in every mode.")
    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")
    audit = serializers.IntegerField(help_text="Enrolled users in the mode audit.")
    credit = serializers.IntegerField(help_text="Enrolled users in the mode credit.")
    honor = serializers.IntegerField(help_text="Enrolled users in the mode honor.")
    professional = serializers.IntegerField(help_text="Enrolled users in the modes professional, with and without id.")
    verified = serializers.IntegerField(help_text="Enrolled users in the mode verified.")
    masters = serializers.IntegerField(help_text="Enrolled users in the mode masters.")
