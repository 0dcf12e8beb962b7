"""The shape of each item that differs from version 0."""

from typing import Any

from rest_framework import serializers

from analytics_data_api.formats.fields import TimeField, ZonedTimeField
from analytics_data_api.v0.serializers import COURSE_ID, CREATED, DATE


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


class CourseSerializer(serializers.Serializer[Any]):
    """A course that is on record."""

    totals = ("count", "count_change_7_days")

    course_id = serializers.CharField(help_text=COURSE_ID)
    org = serializers.CharField(help_text="Its organization, the first part of its id.")
    title = serializers.CharField(allow_null=True, help_text="Its title in the catalog.")
    count = serializers.IntegerField(allow_null=True, help_text="Enrolled users on the last day.")
    count_change_7_days = serializers.IntegerField(
        allow_null=True, help_text="By how much the count is higher than seven days before."
    )
    first_date = serializers.DateField(allow_null=True, help_text="The first day of enrollment on record, UTC.")
    last_date = serializers.DateField(allow_null=True, help_text="The last day of enrollment on record, UTC.")
    created = TimeField(allow_null=True, help_text=CREATED)
    tables = serializers.ListField(child=serializers.CharField(), help_text="The tables that have rows of the course.")


class TableSerializer(serializers.Serializer[Any]):
    """A table of the database."""

    table = serializers.CharField(help_text="Its name.")
    first_date = serializers.DateField(allow_null=True, help_text="The first day that it has; null without days.")
    last_date = serializers.DateField(allow_null=True, help_text="The last day that it has; null without days.")
    loaded = TimeField(allow_null=True, help_text="When it was last loaded, UTC.")
    endpoints = serializers.ListField(
        child=serializers.CharField(), help_text="The endpoints that serve it, as URI templates (RFC 6570)."
    )


class KeyDescriptionSerializer(serializers.Serializer[Any]):
    """The key of the request, and what it may see."""

    id = serializers.CharField(allow_null=True, help_text="Its id, with which lists and the log name it.")
    user = serializers.CharField(help_text="The name of its user.")
    name = serializers.CharField(allow_null=True, help_text="What it is for.")
    courses = serializers.ListField(
        child=serializers.CharField(),
        help_text="The courses that it is limited to. With none and no org: every course.",
    )
    orgs = serializers.ListField(
        child=serializers.CharField(), help_text="The organizations whose courses it may see, too."
    )
    expires = ZonedTimeField(allow_null=True, help_text="When it ends, UTC; null for never.")
    rate = serializers.CharField(allow_null=True, help_text="Its own limit on requests; null for that of all keys.")
