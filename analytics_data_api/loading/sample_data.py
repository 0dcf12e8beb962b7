"""The sample data: the courses in ``fixtures/``, and a generated one with two years of data."""

from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final

from django.apps import apps
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Model

from analytics_data_api.loading import course_tables
from analytics_data_api.loading.course_tables import CourseTable, Outcome
from analytics_data_api.loading.fake_data.course import FakeCourse
from analytics_data_api.loading.fake_data.generation import generate

FIXTURES: Final = Path(__file__).resolve().parents[2] / "fixtures"

# Its last day is that of the fixtures: 2014-12-10.
GENERATED_COURSE: Final = FakeCourse(
    course_id="course-v1:edX+DemoX+Demo_2014", start_date=date(2012, 12, 6), num_weeks=105, seed=2014
)


def load(database: str) -> Iterator[tuple[str, list[Outcome]]]:
    """Replace the sample courses' rows in a database; rows of other courses stay.

    Args:
        database: The database, by its key in the setting ``DATABASES``.

    Yields:
        Each course's id with the outcome for each table.
    """
    for fixture in sorted(FIXTURES.glob("*.json")):
        yield load_fixture(fixture, database)
    yield GENERATED_COURSE.course_id, generate(GENERATED_COURSE, database)


def load_reports() -> list[str]:
    """Write the sample files of reports into the storage of reports, in place of older ones; returns their names."""
    storage = storages["reports"]
    names = []
    for path in sorted((FIXTURES / "reports").glob("*.csv")):
        content = path.read_bytes()
        if not storage.exists(path.name) or storage.open(path.name).read() != content:
            storage.delete(path.name)
            storage.save(path.name, ContentFile(content))
        names.append(path.name)
    return names


def load_fixture(fixture: Path, database: str) -> tuple[str, list[Outcome]]:
    """Replace the rows of a fixture's course in every table of a database.

    Args:
        fixture: A file in Django's JSON format, with all the rows of one course.
        database: The database, by its key in the setting ``DATABASES``.

    Returns:
        The course's id with the outcome for each table.
    """
    rows: dict[type[Model], list[Model]] = {
        model: [] for model in apps.get_app_config("v0").get_models() if model._meta.managed
    }
    with fixture.open("rb") as file:
        for deserialized in serializers.deserialize("json", file, using=database):
            rows[type(deserialized.object)].append(deserialized.object)
    (course_id,) = {row.course_id for row in chain.from_iterable(rows.values()) if hasattr(row, "course_id")}
    tables = [course_table(model, rows_of_model) for model, rows_of_model in rows.items()]
    return course_id, course_tables.replace(course_id, tables, database)


def course_table(model: type[Model], rows: list[Model]) -> CourseTable:
    columns = tuple(field.attname for field in model._meta.concrete_fields if not field.primary_key)
    return CourseTable(model, columns, [tuple(getattr(row, column) for column in columns) for row in rows])
