"""The shape of each endpoint's items.

A serializer only declares: names, order, types, what each field means. Answers are written from it by
:class:`~analytics_data_api.formats.row_set.RowSet`. A field that is not ``required`` may be missing from an item.
``totals`` names the whole numbers that are served however small they are, also to a key that was made with a smallest
count: sums over a course, and numbers that count nobody. Every other whole number is taken for a count.
"""

from typing import Any

from rest_framework import serializers

from analytics_data_api.formats.fields import NumberField, ObjectSerializer, TimeField, ZonedTimeField
from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.constants.countries import country

COURSE_ID = "The course."
MODULE_ID = "The problem or subsection."
DATE = "The day that the numbers are of, UTC."
CREATED = "When the numbers were computed, UTC."


class CourseActivityWeeklySerializer(serializers.Serializer[Any]):
    """A week of a course: how many users did something of each kind at least once."""

    totals = ("any",)

    interval_start = TimeField(help_text="When the week starts: Monday 00:00, UTC.")
    interval_end = TimeField(help_text="When the week ends, itself not part of it: the next Monday 00:00, UTC.")
    course_id = serializers.CharField(help_text=COURSE_ID)
    any = serializers.IntegerField(
        required=False, allow_null=True, help_text="Users who did anything at all, also what has no field here."
    )
    attempted_problem = serializers.IntegerField(
        required=False, allow_null=True, help_text="Users who submitted an answer to a problem."
    )
    played_video = serializers.IntegerField(
        required=False, allow_null=True, help_text="Users who began to watch a video."
    )
    posted_forum = serializers.IntegerField(
        required=False, allow_null=True, help_text="Users who posted, replied or commented in a discussion."
    )
    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")


class CourseActivityMostRecentWeekSerializer(serializers.Serializer[Any]):
    """How many users did something of one kind in the latest week."""

    interval_start = ZonedTimeField(help_text="When the week starts: Monday 00:00, UTC.")
    interval_end = ZonedTimeField(help_text="When the week ends, itself not part of it, UTC.")
    activity_type = serializers.ChoiceField(activity_types.NAMES, help_text="What they did.")
    count = serializers.IntegerField(allow_null=True, help_text="How many users did it at least once.")
    course_id = serializers.CharField(help_text=COURSE_ID)


class CourseEnrollmentDailySerializer(serializers.Serializer[Any]):
    """A day of a course: its enrolled users."""

    totals = ("count",)

    course_id = serializers.CharField(help_text=COURSE_ID)
    date = serializers.DateField(help_text=DATE)
    count = serializers.IntegerField(allow_null=True, help_text="Enrolled users.")
    created = TimeField(help_text=CREATED)


class CourseEnrollmentModeDailySerializer(serializers.Serializer[Any]):
    """A day of a course: its enrolled users by enrollment mode."""

    totals = ("count", "cumulative_count")

    course_id = serializers.CharField(help_text=COURSE_ID)
    date = serializers.DateField(help_text=DATE)
    count = serializers.IntegerField(help_text="Enrolled users in every mode, also those that have no field here.")
    cumulative_count = serializers.IntegerField(help_text="Users who were ever enrolled, in every mode.")
    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")
    honor = serializers.IntegerField(help_text="Enrolled users in the modes honor and audit.")
    professional = serializers.IntegerField(help_text="Enrolled users in the modes professional, with and without id.")
    verified = serializers.IntegerField(help_text="Enrolled users in the mode verified.")


class CourseEnrollmentByBirthYearSerializer(serializers.Serializer[Any]):
    """A day of a course and a year: the enrolled users who were born in it."""

    totals = ("birth_year",)

    course_id = serializers.CharField(help_text=COURSE_ID)
    date = serializers.DateField(help_text=DATE)
    birth_year = serializers.IntegerField(allow_null=True, help_text="The year; null for users who gave none.")
    count = serializers.IntegerField(allow_null=True, help_text="Enrolled users born in that year.")
    created = TimeField(help_text=CREATED)


class CourseEnrollmentByEducationSerializer(serializers.Serializer[Any]):
    """A day of a course and a level of education: the enrolled users who have it."""

    course_id = serializers.CharField(help_text=COURSE_ID)
    date = serializers.DateField(help_text=DATE)
    education_level = serializers.CharField(allow_null=True, help_text="The level; null for users who gave none.")
    count = serializers.IntegerField(allow_null=True, help_text="Enrolled users of that level.")
    created = TimeField(help_text=CREATED)


class CourseEnrollmentByGenderSerializer(serializers.Serializer[Any]):
    """A day of a course: its enrolled users by gender."""

    course_id = serializers.CharField(help_text=COURSE_ID)
    date = serializers.DateField(help_text=DATE)
    female = serializers.IntegerField(help_text="Enrolled users who call themselves female.")
    male = serializers.IntegerField(help_text="Enrolled users who call themselves male.")
    other = serializers.IntegerField(help_text="Enrolled users who gave another gender.")
    unknown = serializers.IntegerField(help_text="Enrolled users whose gender is not known.")
    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")


class CountrySerializer(serializers.Serializer[Any]):
    """A country of ISO 3166, or the one that stands for every other place."""

    alpha2 = serializers.RegexField(
        "^[A-Z]{2}$", allow_null=True, help_text="Its code of two letters; null for unknown."
    )
    alpha3 = serializers.RegexField(
        "^[A-Z]{3}$", allow_null=True, help_text="Its code of three letters; null for unknown."
    )
    name = serializers.CharField(help_text="Its English name; UNKNOWN where there is no country.")

    def to_representation(self, instance: str | None) -> dict[str, Any]:
        return dict(country(instance))


class CourseEnrollmentByCountrySerializer(serializers.Serializer[Any]):
    """A day of a course and a country: the enrolled users who were last seen there."""

    date = serializers.DateField(help_text=DATE)
    course_id = serializers.CharField(help_text=COURSE_ID)
    country = CountrySerializer(help_text="Where the users' addresses are.")
    count = serializers.IntegerField(allow_null=True, help_text="Enrolled users in that country.")
    created = TimeField(help_text=CREATED)


class VideoSerializer(serializers.Serializer[Any]):
    """A video of a course."""

    totals = ("duration", "segment_length")

    pipeline_video_id = serializers.CharField(help_text="The video, as courses/…/videos and videos/…/timeline name it.")
    encoded_module_id = serializers.CharField(help_text="The video's module, as web pages name it.")
    duration = serializers.IntegerField(allow_null=True, help_text="Its length in seconds.")
    segment_length = serializers.IntegerField(allow_null=True, help_text="The length of its segments in seconds.")
    users_at_start = serializers.IntegerField(allow_null=True, help_text="Users who watched its beginning.")
    users_at_end = serializers.IntegerField(allow_null=True, help_text="Users who watched its end.")
    created = TimeField(help_text=CREATED)


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem of a course: how often it was answered."""

    totals = ("total_submissions",)

    module_id = serializers.CharField(help_text="The problem.")
    total_submissions = serializers.IntegerField(help_text="Users' last responses, an average over the parts.")
    correct_submissions = serializers.IntegerField(help_text="Those of them that were correct.")
    part_ids = serializers.ListField(child=serializers.CharField(), help_text="The problem's parts, sorted.")
    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")


class GradeDistributionSerializer(serializers.Serializer[Any]):
    """A grade of a problem: how often it was given."""

    module_id = serializers.CharField(help_text=MODULE_ID)
    course_id = serializers.CharField(help_text=COURSE_ID)
    grade = NumberField(allow_null=True, help_text="The grade.")
    max_grade = NumberField(allow_null=True, help_text="The best grade that the problem gives.")
    count = serializers.IntegerField(help_text="How often the grade was given.")
    created = TimeField(help_text=CREATED)


class ProblemResponseAnswerDistributionSerializer(serializers.Serializer[Any]):
    """An answer to a part of a problem: how often it was given."""

    totals = ("variant",)

    course_id = serializers.CharField(help_text=COURSE_ID)
    module_id = serializers.CharField(help_text=MODULE_ID)
    part_id = serializers.CharField(help_text="The part of the problem.")
    correct = serializers.BooleanField(help_text="Whether the answer is correct.")
    count = serializers.IntegerField(allow_null=True, help_text="How often it was a user's last response.")
    value_id = serializers.CharField(allow_null=True, help_text="The choice, where the part offers choices.")
    answer_value = serializers.CharField(allow_null=True, help_text="The answer's text.")
    answer_value_text = serializers.CharField(allow_null=True, help_text="The answer's text.")
    answer_value_numeric = serializers.FloatField(allow_null=True, help_text="The answer, where it is a number.")
    problem_display_name = serializers.CharField(allow_null=True, help_text="The problem's name.")
    question_text = serializers.CharField(allow_null=True, help_text="The question.")
    variant = serializers.IntegerField(
        allow_null=True, help_text="The random seed, where the problem varies between users."
    )
    created = TimeField(help_text=CREATED)
    consolidated_variant = serializers.BooleanField(
        help_text="Whether the numbers of several variants that show the same answer were added up."
    )
    first_response_count = serializers.IntegerField(
        required=False, help_text="How often it was a user's first response, where the pipeline counts that."
    )
    last_response_count = serializers.IntegerField(
        required=False, help_text="How often it was a user's last response, where the pipeline counts the first, too."
    )


class SequentialOpenDistributionSerializer(serializers.Serializer[Any]):
    """A subsection: how often it was opened."""

    module_id = serializers.CharField(help_text=MODULE_ID)
    course_id = serializers.CharField(help_text=COURSE_ID)
    count = serializers.IntegerField(help_text="How often users opened it.")
    created = TimeField(help_text=CREATED)


class VideoTimelineSerializer(serializers.Serializer[Any]):
    """A segment of a video: how often it was watched."""

    totals = ("segment",)

    segment = serializers.IntegerField(allow_null=True, help_text="Its place in the video, counted from 0.")
    num_users = serializers.IntegerField(allow_null=True, help_text="Users who watched it.")
    num_views = serializers.IntegerField(allow_null=True, help_text="How often it was watched.")
    created = TimeField(help_text=CREATED)


class ModeCountsSerializer(serializers.Serializer[Any]):
    """The numbers of an enrollment mode."""

    count = serializers.IntegerField(help_text="Enrolled users in the mode.")
    cumulative_count = serializers.IntegerField(help_text="Users who were ever enrolled in the mode.")
    count_change_7_days = serializers.IntegerField(help_text="The change of `count` in seven days.")
    passing_users = serializers.IntegerField(allow_null=True, help_text="Users in the mode who have a passing grade.")


class EnrollmentModesSerializer(ObjectSerializer):
    """The numbers of each enrollment mode; a mode that has no field here may follow."""

    audit = ModeCountsSerializer(help_text="The mode audit.")
    credit = ModeCountsSerializer(help_text="The mode credit.")
    honor = ModeCountsSerializer(help_text="The mode honor.")
    professional = ModeCountsSerializer(help_text="The modes professional, with and without id.")
    verified = ModeCountsSerializer(help_text="The mode verified.")
    masters = ModeCountsSerializer(help_text="The mode masters.")


class CourseSummarySerializer(serializers.Serializer[Any]):
    """A course: what the catalog says of it, and its enrollment."""

    totals = ("count", "cumulative_count", "count_change_7_days", "recent_count_change")

    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")
    course_id = serializers.CharField(help_text=COURSE_ID)
    catalog_course_title = serializers.CharField(allow_null=True, help_text="The title.")
    catalog_course = serializers.CharField(
        allow_null=True, help_text="The course of the catalog that this is a run of."
    )
    start_date = TimeField(allow_null=True, help_text="When the course starts, UTC; null where that is not known.")
    end_date = TimeField(allow_null=True, help_text="When the course ends, UTC; null where that is not known.")
    pacing_type = serializers.CharField(allow_null=True, help_text="Who sets the pace: instructor_paced, self_paced.")
    availability = serializers.CharField(allow_null=True, help_text="Upcoming, Current or Archived.")
    count = serializers.IntegerField(help_text="Enrolled users in every mode.")
    cumulative_count = serializers.IntegerField(help_text="Users who were ever enrolled, in every mode.")
    count_change_7_days = serializers.IntegerField(help_text="The change of `count` in seven days.")
    recent_count_change = serializers.IntegerField(
        allow_null=True, help_text="The change of `count` since `recent_date`; null without that parameter."
    )
    passing_users = serializers.IntegerField(
        allow_null=True, help_text="Users who have a passing grade; null where that is not known."
    )
    enrollment_modes = EnrollmentModesSerializer(help_text="The numbers of each enrollment mode.")
    programs = serializers.ListField(
        required=False, child=serializers.CharField(), help_text="The programs of the course, if `programs` is given."
    )


class CourseTotalsSerializer(serializers.Serializer[Any]):
    """The enrollment of several courses together."""

    totals = ("count", "cumulative_count", "count_change_7_days")

    count = serializers.IntegerField(help_text="Enrollments: users who are in two courses count twice.")
    cumulative_count = serializers.IntegerField(help_text="Enrollments that there ever were.")
    count_change_7_days = serializers.IntegerField(help_text="The change of `count` in seven days.")
    verified_enrollment = serializers.IntegerField(help_text="Enrollments in the mode verified.")


class ProgramSerializer(serializers.Serializer[Any]):
    """A program, and its courses."""

    program_id = serializers.CharField(help_text="The program.")
    program_type = serializers.CharField(help_text="Its type, such as MicroMasters.")
    program_title = serializers.CharField(allow_null=True, help_text="Its title.")
    course_ids = serializers.ListField(child=serializers.CharField(), help_text="Its courses.")
    created = ZonedTimeField(help_text="When the newest of its rows was loaded, UTC.")


class ProblemAndTagsSerializer(serializers.Serializer[Any]):
    """A problem of a course: how often it was answered, and its tags."""

    totals = ("total_submissions",)

    module_id = serializers.CharField(help_text="The problem.")
    total_submissions = serializers.IntegerField(help_text="Submissions of the problem.")
    correct_submissions = serializers.IntegerField(help_text="Those of them that were correct.")
    tags = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="The values of each tag, sorted, by name."
    )
    created = TimeField(help_text="When the newest of the numbers was computed, UTC.")


class ReportDownloadSerializer(serializers.Serializer[Any]):
    """The file of a report about a course."""

    totals = ("file_size",)

    course_id = serializers.CharField(help_text="The course, as the file's name has it.")
    report_name = serializers.CharField(help_text="The report.")
    download_url = serializers.CharField(help_text="Where to get the file, without a key.")
    last_modified = TimeField(required=False, help_text="When the file was written, UTC, where that is known.")
    expiration_date = TimeField(required=False, help_text="Until when the link works, UTC, where that is known.")
    file_size = serializers.IntegerField(required=False, help_text="The bytes of the file, where that is known.")
