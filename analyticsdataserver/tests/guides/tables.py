"""The page about the pipeline's tables, ``docs/tables.rst``, written from the models."""

from collections.abc import Iterator
from typing import Final

from django.apps import apps
from django.db.models import Field, Model

from analytics_data_api.checks.table import index_columns
from analyticsdataserver.tests.guides import DOCS, table

PAGE: Final = DOCS / "tables.rst"

HEAD: Final = """\
.. This page is written by `make guides`, from the models.

Tables
======

The tables that the pipeline fills and the service reads, as ``./manage.py migrate --database analytics`` creates them.
A pipeline's own database can have other indexes and further columns, and can lack columns of later versions: see
:ref:`existing-database`.

Each table begins with ``id``, BIGINT with AUTO_INCREMENT, and ends with ``created``, TIMESTAMP: the time of the load of
the row, in UTC.
"""

# MySQL's name of each type, by Django's.
TYPES: Final = {
    "BooleanField": "TINYINT(1)",
    "DateField": "DATE",
    "SecondsField": "DATETIME",
    "FloatField": "DOUBLE",
    "IntegerField": "INT",
    "TextField": "LONGTEXT",
}


def models() -> list[type[Model]]:
    return [model for model in apps.get_app_config("v0").get_models() if model._meta.managed]


def text() -> str:
    """Return the whole page."""
    parts = [HEAD, table(["Table", "Holds", "Indexes"], [*map(summary, models())], "34 40 26")]
    for model in models():
        name = model._meta.db_table
        parts.append(f"{name}\n{'-' * len(name)}\n")
        parts.append(table(["Column", "Type", "NULL"], [*columns(model)], "40 40 20"))
    return "\n".join(parts)


def summary(model: type[Model]) -> list[str]:
    indexes = [f"``({', '.join(index_columns(model, index))})``" for index in model._meta.indexes]
    docstring = " ".join((model.__doc__ or "").split())
    return [f"``{model._meta.db_table}``", docstring, ", ".join(indexes)]


def columns(model: type[Model]) -> Iterator[list[str]]:
    for field in model._meta.concrete_fields:
        if field.name not in ("id", "created"):
            yield [f"``{field.column}``", type_of(field), "yes" if field.null else ""]


def type_of(field: Field) -> str:
    kind = type(field).__name__
    return f"VARCHAR({field.max_length})" if kind in ("KeyField", "CharField") else TYPES[kind]
