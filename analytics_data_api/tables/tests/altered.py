"""Tables as other sites have them: each function alters the analytics database and takes that back afterwards.

Only for tests with ``transaction=True``: on MySQL, no transaction would take it back.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from django.apps import apps
from django.db import connections
from django.db.models import Field, Index, Model

from analytics_data_api.tables import models
from analytics_data_api.tables.models import (
    ProblemFirstLastResponseAnswerDistribution,
    ProblemResponseAnswerDistribution,
)

# A server may have nameless users at localhost, which would be taken for one that is named for every host.
HOSTS: Final = ("localhost", "%")

OF_DATED_TABLES: Final = (("course_id",), ("course_id", "date"))
# The indexes that the pipeline makes, by what they are over.
PIPELINE_INDEXES: Final[dict[type[Model], tuple[tuple[str, ...], ...]]] = {
    models.CourseActivityWeekly: (("course_id", "activity_type"), ("interval_end",)),
    models.CourseEnrollmentDaily: OF_DATED_TABLES,
    models.CourseEnrollmentModeDaily: OF_DATED_TABLES,
    models.CourseEnrollmentByGender: OF_DATED_TABLES,
    models.CourseEnrollmentByBirthYear: (),
    models.CourseEnrollmentByEducation: OF_DATED_TABLES,
    models.CourseEnrollmentByCountry: OF_DATED_TABLES,
    ProblemFirstLastResponseAnswerDistribution: (
        *(("course_id",), ("module_id",), ("part_id",)),
        ("course_id", "module_id"),
    ),
    models.GradeDistribution: (("module_id",), ("course_id",)),
    models.SequentialOpenDistribution: (("module_id",), ("course_id",)),
    models.Video: (("course_id", "encoded_module_id"),),
    models.VideoTimeline: (("pipeline_video_id",),),
    models.CourseMetaSummaryEnrollment: (("course_id",),),
    models.CourseProgramMetadata: (("course_id",),),
    models.TagsDistribution: (("course_id",), ("module_id",), ("course_id", "module_id")),
}


def editor() -> Any:
    return connections["analytics"].schema_editor()


def tables() -> list[type[Model]]:
    """Return the models whose tables the migrations make."""
    return [model for model in apps.get_app_config("v0").get_models() if model._meta.managed]


@contextmanager
def without_columns(*columns: tuple[type[Model], str]) -> Iterator[None]:
    """Remove columns."""
    fields: list[tuple[type[Model], Any]] = [(model, model._meta.get_field(name)) for model, name in columns]
    with editor() as altering:
        for model, field in fields:
            altering.remove_field(model, field)
    try:
        yield
    finally:
        with editor() as altering:
            for model, field in fields:
                altering.add_field(model, field)


@contextmanager
def with_column(model: type[Model], name: str, field: Field) -> Iterator[None]:
    """Add a column that no model knows."""
    field.set_attributes_from_name(name)
    with editor() as altering:
        altering.add_field(model, field)
    try:
        yield
    finally:
        with editor() as altering:
            altering.remove_field(model, field)


@contextmanager
def other_column(model: type[Model], name: str, field: Field) -> Iterator[None]:
    """Make a column one of another type or collation."""
    usual: Any = model._meta.get_field(name)
    field.set_attributes_from_name(name)
    field.model = model
    with editor() as altering:
        altering.alter_field(model, usual, field)
    try:
        yield
    finally:
        with editor() as altering:
            altering.alter_field(model, field, usual)


@contextmanager
def without_table(model: type[Model]) -> Iterator[None]:
    with editor() as altering:
        altering.delete_model(model)
    try:
        yield
    finally:
        with editor() as altering:
            altering.create_model(model)


@contextmanager
def as_view(model: type[Model], select: str | None = None) -> Iterator[None]:
    """Make a table a view of one with another name.

    Args:
        model: The table.
        select: The SELECT of the view, with ``{table}`` in it; all columns where none is given.
    """
    connection = connections["analytics"]
    table = model._meta.db_table
    elsewhere = f"{table}_elsewhere"
    with editor() as altering:
        altering.alter_db_table(model, table, elsewhere)
    try:
        with connection.cursor() as cursor:
            rows = (select or str(model._default_manager.all().query).replace(table, "{table}")).format(table=elsewhere)
            cursor.execute(f"CREATE VIEW {table} AS {rows}")
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP VIEW IF EXISTS {table}")
        with editor() as altering:
            altering.alter_db_table(model, elsewhere, table)


@contextmanager
def older_answers() -> Iterator[None]:
    """Make ``answer_distribution`` one with one count, as it was before first responses were counted."""
    newer, older = ProblemFirstLastResponseAnswerDistribution, ProblemResponseAnswerDistribution
    indexes = made(PIPELINE_INDEXES[newer], "older")
    with without_table(newer):
        with editor() as altering:
            altering.create_model(older)
            for index in indexes:
                altering.add_index(older, index)
        try:
            yield
        finally:
            with editor() as altering:
                altering.delete_model(older)


def made(indexes: Iterable[tuple[str, ...]], prefix: str) -> list[Index]:
    return [Index(fields=fields, name=f"{prefix}_{number}") for number, fields in enumerate(indexes)]


@contextmanager
def other_indexes(model: type[Model], *indexes: Index) -> Iterator[None]:
    """Make these the indexes of a table, in place of those that the migrations make."""
    usual = model._meta.indexes

    def replace(old: Iterable[Index], new: Iterable[Index]) -> None:
        with editor() as altering:
            for index in old:
                altering.remove_index(model, index)
            for index in new:
                altering.add_index(model, index)

    replace(usual, indexes)
    try:
        yield
    finally:
        replace(indexes, usual)


@contextmanager
def pipeline_indexes() -> Iterator[None]:
    """Give every table the indexes that the pipeline makes, in place of ours."""
    with ExitStack() as altering:
        for number, (model, indexes) in enumerate(PIPELINE_INDEXES.items()):
            altering.enter_context(other_indexes(model, *made(indexes, f"pipeline_{number}")))
        yield


@contextmanager
def reader(*grants: str) -> Iterator[None]:
    """Connect as a user of MySQL who has these rights and no other.

    Args:
        grants: Each as what stands between GRANT and TO.
    """
    connection: Any = connections["analytics"]
    owner = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    # The tests run side by side on one server, which has its users in common.
    name = f"reader_{connection.settings_dict['NAME']}"[-32:]
    with connection.cursor() as cursor:
        for host in HOSTS:
            cursor.execute("DROP USER IF EXISTS %s@%s", [name, host])
            cursor.execute("CREATE USER %s@%s IDENTIFIED BY 'only reads'", [name, host])
            for grant in grants:
                cursor.execute(f"GRANT {grant} TO %s@%s", [name, host])
    connection.close()
    connection.settings_dict.update(USER=name, PASSWORD="only reads")
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(owner)
        with connection.cursor() as cursor:
            for host in HOSTS:
                cursor.execute("DROP USER %s@%s", [name, host])


@contextmanager
def read_only() -> Iterator[None]:
    """Allow SELECT on the analytics database and nothing else: as such a user, or by SQLite's own switch."""
    connection = connections["analytics"]
    if connection.vendor == "mysql":
        with reader(f"SELECT ON {connection.ops.quote_name(str(connection.settings_dict['NAME']))}.*"):
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = OFF")
