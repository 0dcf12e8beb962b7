"""All the rows of a generated course."""

from analytics_data_api.loading import course_tables
from analytics_data_api.loading.course_tables import CourseTable, Outcome
from analytics_data_api.loading.fake_data.catalog import catalog_tables
from analytics_data_api.loading.fake_data.course import FakeCourse
from analytics_data_api.loading.fake_data.enrollment import activity_table, enrollment_tables, learners
from analytics_data_api.loading.fake_data.problems import problem_tables
from analytics_data_api.loading.fake_data.videos import sequential_table, video_tables


def tables(course: FakeCourse) -> list[CourseTable]:
    """Return a course's rows in each of the pipeline's tables; equal courses have equal rows."""
    enrolled = learners(course)
    return [
        activity_table(course, enrolled),
        *enrollment_tables(course, enrolled),
        *problem_tables(course, len(enrolled)),
        *catalog_tables(course, enrolled),
        sequential_table(course, len(enrolled)),
        *video_tables(course, len(enrolled)),
    ]


def generate(course: FakeCourse, database: str) -> list[Outcome]:
    """Write the generated rows of a course into a database, in place of the rows that it has there.

    Args:
        course: The course.
        database: The database, by its key in the setting ``DATABASES``.

    Returns:
        The outcome for each table.
    """
    return course_tables.replace(course.course_id, tables(course), database)
