"""The tables that the data pipeline writes, one model each.

Names, columns and types are the pipeline's: the service is pointed at databases that already hold these tables. Such a
database may differ from one that the migrations here create. Its tables have no unique keys, so that a load that ran
twice leaves each row twice; an old layout lacks some columns, and a later one may have more. Therefore answers read
these tables only by ``querysets``, which names the columns it needs and counts only the newest row of a key.
"""

from django.db import models

from analytics_data_api.tables import introspection, querysets
from analytics_data_api.tables.fields import CreatedField, KeyField, SecondsField


class CourseActivityWeekly(models.Model):
    """Users with activity of one type in a course, by week (Monday 00:00 to Monday 00:00, UTC)."""

    course_id = KeyField()
    interval_start = SecondsField()
    interval_end = SecondsField()
    activity_type = KeyField(db_column="label")
    count = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.ActivityQuerySet.as_manager()

    class Meta:
        db_table = "course_activity"
        indexes = (
            models.Index(fields=["course_id", "activity_type", "interval_end"], name="activity_course_label_end"),
            models.Index(fields=["course_id", "interval_end"], name="activity_course_end"),
        )


class CourseEnrollmentDaily(models.Model):
    """Users enrolled in a course, by day."""

    course_id = KeyField()
    date = models.DateField()
    count = models.IntegerField(null=True)
    cumulative_count = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.EnrollmentQuerySet.as_manager()

    class Meta:
        db_table = "course_enrollment_daily"
        indexes = (models.Index(fields=["course_id", "date"], name="enrollment_course_date"),)


class CourseEnrollmentModeDaily(models.Model):
    """Users enrolled in a course, by day and enrollment mode."""

    date = models.DateField()
    course_id = KeyField()
    mode = KeyField()
    count = models.IntegerField(null=True)
    cumulative_count = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.EnrollmentModeQuerySet.as_manager()

    class Meta:
        db_table = "course_enrollment_mode_daily"
        indexes = (models.Index(fields=["course_id", "date"], name="mode_course_date"),)


class CourseEnrollmentByGender(models.Model):
    """Users enrolled in a course, by day and gender."""

    date = models.DateField()
    course_id = KeyField()
    gender = KeyField(max_length=6, null=True)
    count = models.IntegerField(null=True)
    cumulative_count = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.EnrollmentGenderQuerySet.as_manager()

    class Meta:
        db_table = "course_enrollment_gender_daily"
        indexes = (models.Index(fields=["course_id", "date"], name="gender_course_date"),)


class CourseEnrollmentByBirthYear(models.Model):
    """Users enrolled in a course, by day and year of birth."""

    date = models.DateField()
    course_id = KeyField()
    birth_year = models.IntegerField(null=True)
    count = models.IntegerField(null=True)
    cumulative_count = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.EnrollmentBirthYearQuerySet.as_manager()

    class Meta:
        db_table = "course_enrollment_birth_year_daily"
        indexes = (models.Index(fields=["course_id", "date"], name="birth_year_course_date"),)


class CourseEnrollmentByEducation(models.Model):
    """Users enrolled in a course, by day and highest level of education."""

    date = models.DateField()
    course_id = KeyField()
    education_level = KeyField(max_length=16, null=True)
    count = models.IntegerField(null=True)
    cumulative_count = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.EnrollmentEducationQuerySet.as_manager()

    class Meta:
        db_table = "course_enrollment_education_level_daily"
        indexes = (models.Index(fields=["course_id", "date"], name="education_course_date"),)


class CourseEnrollmentByCountry(models.Model):
    """Users enrolled in a course, by day and the country of their last known address."""

    date = models.DateField()
    course_id = KeyField()
    country_code = KeyField(max_length=10, null=True)
    count = models.IntegerField()
    cumulative_count = models.IntegerField()
    created = CreatedField()

    objects = querysets.EnrollmentLocationQuerySet.as_manager()

    class Meta:
        db_table = "course_enrollment_location_current"
        indexes = (models.Index(fields=["course_id", "date"], name="location_course_date"),)


class ProblemFirstLastResponseAnswerDistribution(models.Model):
    """How often each answer to a part of a problem was a user's first, and last, response."""

    course_id = KeyField()
    module_id = KeyField()
    part_id = KeyField()
    correct = models.BooleanField()
    first_response_count = models.IntegerField()
    last_response_count = models.IntegerField()
    value_id = KeyField(null=True)
    answer_value_text = models.TextField(null=True)
    answer_value_numeric = models.FloatField(null=True)
    variant = models.IntegerField(null=True)
    problem_display_name = models.TextField(null=True)
    question_text = models.TextField(null=True)
    created = CreatedField()

    objects = querysets.AnswerDistributionQuerySet.as_manager()

    class Meta:
        db_table = "answer_distribution"
        indexes = (
            models.Index(fields=["module_id"], name="answer_module"),
            models.Index(fields=["course_id", "module_id"], name="answer_course_module"),
        )


class ProblemResponseAnswerDistribution(models.Model):
    """The same table in its older layout, with one ``count`` of last responses; no migration creates it."""

    course_id = KeyField()
    module_id = KeyField()
    part_id = KeyField()
    correct = models.BooleanField()
    count = models.IntegerField(null=True)
    value_id = KeyField(null=True)
    answer_value_text = models.TextField(null=True)
    answer_value_numeric = models.FloatField(null=True)
    variant = models.IntegerField(null=True)
    problem_display_name = models.TextField(null=True)
    question_text = models.TextField(null=True)
    created = CreatedField()

    objects = querysets.AnswerDistributionQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "answer_distribution"


def answer_distribution(alias: str | None = None) -> querysets.AnswerDistributionQuerySet:
    """Return the rows of ``answer_distribution``, by the model of the layout that the connected database has.

    Args:
        alias: The database, by its key in the setting ``DATABASES``; None for the one that the router names.
    """
    newer, older = ProblemFirstLastResponseAnswerDistribution.objects, ProblemResponseAnswerDistribution.objects
    present = introspection.columns(alias or newer.db, newer.model._meta.db_table)
    fitting = older if "count" in present and "last_response_count" not in present else newer
    return fitting.using(alias) if alias else fitting.all()


class GradeDistribution(models.Model):
    """How often each grade was given for a problem."""

    module_id = KeyField()
    course_id = KeyField()
    grade = models.FloatField(null=True)
    max_grade = models.FloatField(null=True)
    count = models.IntegerField()
    created = CreatedField()

    objects = querysets.GradeDistributionQuerySet.as_manager()

    class Meta:
        db_table = "grade_distribution"
        indexes = (
            models.Index(fields=["module_id"], name="grade_module"),
            # Which courses the table has, lists of courses need.
            models.Index(fields=["course_id"], name="grade_course"),
        )


class SequentialOpenDistribution(models.Model):
    """How often a subsection (a sequential) was opened."""

    module_id = KeyField()
    course_id = KeyField()
    count = models.IntegerField()
    created = CreatedField()

    objects = querysets.SequentialOpenDistributionQuerySet.as_manager()

    class Meta:
        db_table = "sequential_open_distribution"
        indexes = (
            models.Index(fields=["module_id"], name="sequential_module"),
            models.Index(fields=["course_id"], name="sequential_course"),
        )


class Video(models.Model):
    """A course's videos and how many users reached their start and end; lengths and times in seconds."""

    pipeline_video_id = KeyField()
    course_id = KeyField()
    encoded_module_id = KeyField()
    duration = models.IntegerField(null=True)
    segment_length = models.IntegerField(null=True)
    users_at_start = models.IntegerField(null=True)
    users_at_end = models.IntegerField(null=True)
    total_viewed_seconds = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.VideoQuerySet.as_manager()

    class Meta:
        db_table = "video"
        indexes = (
            models.Index(fields=["course_id", "encoded_module_id"], name="video_course_module"),
            # Which course a video belongs to, a limited key needs.
            models.Index(fields=["pipeline_video_id"], name="video_pipeline_video"),
        )


class VideoTimeline(models.Model):
    """Users and views of each segment of a video; a segment without views has no row."""

    pipeline_video_id = KeyField()
    segment = models.IntegerField(null=True)
    num_users = models.IntegerField(null=True)
    num_views = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.VideoTimelineQuerySet.as_manager()

    class Meta:
        db_table = "video_timeline"
        indexes = (models.Index(fields=["pipeline_video_id"], name="timeline_video"),)


class CourseMetaSummaryEnrollment(models.Model):
    """A course's enrollment by mode at its latest date, with what the catalog says of the course."""

    course_id = KeyField()
    catalog_course_title = models.CharField(max_length=255, null=True)
    catalog_course = models.CharField(max_length=255, null=True)
    start_time = SecondsField(null=True)
    end_time = SecondsField(null=True)
    pacing_type = models.CharField(max_length=255, null=True)
    availability = models.CharField(max_length=255, null=True)
    enrollment_mode = KeyField(max_length=100)
    count = models.IntegerField(null=True)
    count_change_7_days = models.IntegerField(null=True)
    cumulative_count = models.IntegerField(null=True)
    passing_users = models.IntegerField(null=True)
    created = CreatedField()

    objects = querysets.CourseSummaryQuerySet.as_manager()

    class Meta:
        db_table = "course_meta_summary_enrollment"
        indexes = (models.Index(fields=["course_id"], name="summary_course"),)


class CourseProgramMetadata(models.Model):
    """The programs that a course is part of."""

    course_id = KeyField()
    program_id = KeyField(max_length=36)
    program_type = models.CharField(max_length=32)
    program_title = models.CharField(max_length=255, null=True)
    created = CreatedField()

    objects = querysets.ProgramQuerySet.as_manager()

    class Meta:
        db_table = "course_program_metadata"
        indexes = (models.Index(fields=["course_id"], name="program_course"),)


class TagsDistribution(models.Model):
    """The tags of a problem, each with the submissions of the problem."""

    course_id = KeyField()
    org_id = KeyField()
    module_id = KeyField()
    tag_name = KeyField()
    tag_value = KeyField()
    total_submissions = models.IntegerField()
    correct_submissions = models.IntegerField()
    created = CreatedField()

    objects = querysets.TagsQuerySet.as_manager()

    class Meta:
        db_table = "tags_distribution"
        indexes = (
            models.Index(fields=["course_id"], name="tags_course"),
            models.Index(fields=["module_id"], name="tags_module"),
            models.Index(fields=["course_id", "module_id"], name="tags_course_module"),
        )


class TableUpdate(models.Model):
    """The pipeline's note of each load; the table is optional, and no migration creates it."""

    id = models.BigIntegerField(null=True)
    update_id = KeyField(max_length=128, primary_key=True)
    target_table = KeyField(max_length=128, null=True)
    inserted = CreatedField()

    class Meta:
        managed = False
        db_table = "table_updates"
