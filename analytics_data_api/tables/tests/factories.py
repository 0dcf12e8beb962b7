"""Rows of the pipeline's tables for tests: plausible by default, each column free to be set."""

from collections.abc import Iterable
from collections.abc import Sequence as Values
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connections, transaction
from django.db.models import Model
from factory.declarations import LazyAttribute, Sequence
from factory.django import DjangoModelFactory

from analytics_data_api.tables import models

COURSE_ID = "edX/DemoX/Demo_Course"
PROBLEM_ID = "i4x://edX/DemoX/Demo_Course/problem/p1"
SEQUENTIAL_ID = "i4x://edX/DemoX/Demo_Course/sequential/s1"
VIDEO_ID = f"{COURSE_ID}|i4x-edX-DemoX-video-v1"
DAY = date(2014, 12, 10)
CREATED = datetime(2014, 12, 10, 19, 31, 46, tzinfo=UTC)
MONDAY = datetime(2014, 12, 8, tzinfo=UTC)


def insert(model: type[Model], columns: Values[str], rows: Iterable[Values[Any]]) -> None:
    """Insert many rows of plain values, without the many times as long that Django takes to make each an object."""
    connection = connections["analytics"]
    table, *names = map(connection.ops.quote_name, (model._meta.db_table, *columns))
    values = ", ".join(["%s"] * len(names))
    stored = connection.ops.adapt_datetimefield_value
    with transaction.atomic("analytics"), connection.cursor() as cursor:
        of_driver = [[stored(value) if isinstance(value, datetime) else value for value in row] for row in rows]
        cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({values})", of_driver)  # noqa: S608  # the model's names


class RowFactory(DjangoModelFactory[Any]):
    class Meta:
        abstract = True

    created = CREATED


class DailyFactory(RowFactory):
    class Meta:
        abstract = True

    course_id = COURSE_ID
    date = DAY
    count = Sequence(lambda number: 100 + number)
    cumulative_count = LazyAttribute(lambda row: (row.count or 0) + 7)


class CourseActivityFactory(RowFactory):
    class Meta:
        model = models.CourseActivityWeekly

    course_id = COURSE_ID
    interval_start = MONDAY
    interval_end = LazyAttribute(lambda row: row.interval_start + timedelta(days=7))
    activity_type = "ACTIVE"
    count = Sequence(lambda number: 300 + number)


class EnrollmentFactory(DailyFactory):
    class Meta:
        model = models.CourseEnrollmentDaily


class EnrollmentModeFactory(DailyFactory):
    class Meta:
        model = models.CourseEnrollmentModeDaily

    mode = "honor"


class EnrollmentGenderFactory(DailyFactory):
    class Meta:
        model = models.CourseEnrollmentByGender

    gender = "f"


class EnrollmentBirthYearFactory(DailyFactory):
    class Meta:
        model = models.CourseEnrollmentByBirthYear

    birth_year = 1984


class EnrollmentEducationFactory(DailyFactory):
    class Meta:
        model = models.CourseEnrollmentByEducation

    education_level = "bachelors"


class EnrollmentLocationFactory(DailyFactory):
    class Meta:
        model = models.CourseEnrollmentByCountry

    country_code = "CA"


class AnswerFactory(RowFactory):
    """An answer to a choice, in the newer layout of the table."""

    class Meta:
        model = models.ProblemFirstLastResponseAnswerDistribution

    course_id = COURSE_ID
    module_id = PROBLEM_ID
    part_id = "i4x-edX-DemoX-problem-p1_2_1"
    correct = False
    first_response_count = 3
    last_response_count = 4
    value_id = Sequence(lambda number: f"choice_{number}")
    answer_value_text = LazyAttribute(lambda row: f"Text of {row.value_id}")
    answer_value_numeric = None
    variant = None
    problem_display_name = "Multiple Choice"
    question_text = "Which one?"


class GradeFactory(RowFactory):
    class Meta:
        model = models.GradeDistribution

    course_id = COURSE_ID
    module_id = PROBLEM_ID
    grade = 1.0
    max_grade = 2.0
    count = 5


class SequentialFactory(RowFactory):
    class Meta:
        model = models.SequentialOpenDistribution

    course_id = COURSE_ID
    module_id = SEQUENTIAL_ID
    count = 23


class VideoFactory(RowFactory):
    class Meta:
        model = models.Video

    course_id = COURSE_ID
    encoded_module_id = Sequence(lambda number: f"i4x-edX-DemoX-video-v{number}")
    pipeline_video_id = LazyAttribute(lambda row: f"{row.course_id}|{row.encoded_module_id}")
    duration = 142
    segment_length = 5
    users_at_start = 2
    users_at_end = 0
    total_viewed_seconds = 900


class TimelineFactory(RowFactory):
    class Meta:
        model = models.VideoTimeline

    pipeline_video_id = VIDEO_ID
    segment = Sequence(lambda number: number)
    num_users = 472
    num_views = 539


class SummaryFactory(RowFactory):
    class Meta:
        model = models.CourseMetaSummaryEnrollment

    course_id = COURSE_ID
    catalog_course_title = "Demonstration Course"
    catalog_course = "edX+DemoX"
    start_time = datetime(2014, 10, 27, 12, 30, tzinfo=UTC)
    end_time = datetime(2015, 2, 1, tzinfo=UTC)
    pacing_type = "instructor_paced"
    availability = "Current"
    enrollment_mode = "honor"
    count = Sequence(lambda number: 100 + number)
    count_change_7_days = 5
    cumulative_count = LazyAttribute(lambda row: (row.count or 0) + 7)
    passing_users = 3


class ProgramFactory(RowFactory):
    class Meta:
        model = models.CourseProgramMetadata

    course_id = COURSE_ID
    program_id = "acb243a0-1234-5abe-099e-ffcae2a340d4"
    program_type = "MicroMasters"
    program_title = "Demonstrations"


class TagsFactory(RowFactory):
    class Meta:
        model = models.TagsDistribution

    course_id = COURSE_ID
    org_id = "edX"
    module_id = PROBLEM_ID
    tag_name = "difficulty"
    tag_value = "Easy"
    total_submissions = 11
    correct_submissions = 4
