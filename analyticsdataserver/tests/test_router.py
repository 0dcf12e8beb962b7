"""Each app's tables lie in one database, and are never looked for in the other."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connections, router
from django.db.models import Model

from analytics_data_api.access.models import Key
from analytics_data_api.tables.models import CourseEnrollmentDaily, Video

PIPELINE_TABLES = {
    "course_activity",
    "course_enrollment_daily",
    "course_enrollment_mode_daily",
    "course_enrollment_gender_daily",
    "course_enrollment_birth_year_daily",
    "course_enrollment_education_level_daily",
    "course_enrollment_location_current",
    "answer_distribution",
    "grade_distribution",
    "sequential_open_distribution",
    "video",
    "video_timeline",
    "course_meta_summary_enrollment",
    "course_program_metadata",
    "tags_distribution",
}
# The pipeline's notes of its loads, which no migration makes.
NOTES = "table_updates"


def home_of(model: type[Model]) -> str:
    return "analytics" if model._meta.db_table in {*PIPELINE_TABLES, NOTES} else "default"


def test_there_is_a_model_for_each_of_the_pipelines_tables() -> None:
    assert {model._meta.db_table for model in apps.get_models()} >= PIPELINE_TABLES


@pytest.mark.parametrize("model", apps.get_models(), ids=lambda model: model.__name__)
class TestEveryModel:
    def test_is_read_and_written_where_its_table_is(self, model: type[Model]) -> None:
        assert router.db_for_read(model) == home_of(model)
        assert router.db_for_write(model) == home_of(model)

    def test_is_migrated_there_and_nowhere_else(self, model: type[Model]) -> None:
        migrated = {alias for alias in connections if router.allow_migrate_model(alias, model)}
        assert migrated == {home_of(model)}


@pytest.mark.django_db(databases=["default", "analytics"])
def test_migrations_make_the_tables_there() -> None:
    tables = {alias: set(connections[alias].introspection.table_names()) for alias in connections}
    assert tables["analytics"] - {"django_migrations"} == PIPELINE_TABLES
    assert not tables["default"] & PIPELINE_TABLES
    assert {"auth_user", "api_key", "api_key_scope"} < tables["default"]


def test_rows_of_different_databases_cannot_be_related() -> None:
    assert router.allow_relation(User(), Key())
    assert router.allow_relation(Video(), CourseEnrollmentDaily())
    assert not router.allow_relation(User(), Video())
    assert not router.allow_relation(Video(), User())
