"""The natural key of rows: of two that agree in it one counts, and of any other two both."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Field, FloatField, IntegerField

from analytics_data_api.tables.dates import DateRange
from analytics_data_api.tables.querysets import (
    CourseSummaryQuerySet,
    DatedQuerySet,
    ProgramQuerySet,
    answers,
    base,
    summaries,
    tags,
)
from analytics_data_api.tables.tests import factories as make

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

EVER = DateRange(datetime(2000, 1, 1, tzinfo=UTC), None)
FACTORIES: list[Any] = [
    each for each in vars(make).values() if hasattr(each, "_meta") and not each._meta.abstract and each._meta.model
]


def fields(factory: Any) -> list[Field]:
    """Return the fields in which two rows about the same id can differ."""
    model = factory._meta.model
    entity = model.objects.all().natural_key[0]
    return [field for field in model._meta.concrete_fields if field.name not in ("id", entity)]


def another(field: Field, value: Any) -> Any:
    if field.name == "activity_type":
        return "PLAYED_VIDEO"
    if isinstance(value, date | datetime):
        return value + timedelta(days=7)
    if isinstance(field, IntegerField | FloatField):
        return (value or 0) + 1
    return not value if isinstance(value, bool) else "x"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The rows that reports let count."""
    rows: list[Any] = []
    newest = base.newest

    def keeping(*arguments: Any, **keywords: Any) -> list[Any]:
        counting = newest(*arguments, **keywords)
        rows.extend(counting)
        return counting

    for module in (base, answers, summaries, tags):
        monkeypatch.setattr(module, "newest", keeping)
    return rows


def report(rows: Any, entity_id: str) -> Any:
    """Return the rows of a report about an id."""
    if isinstance(rows, CourseSummaryQuerySet):
        return rows.of_courses([entity_id])
    if isinstance(rows, ProgramQuerySet):
        return rows.programs_of([entity_id])
    return (rows.report(entity_id, EVER) if isinstance(rows, DatedQuerySet) else rows.report(entity_id)).rows


@pytest.mark.parametrize(
    ("factory", "field"),
    [(factory, field) for factory in FACTORIES for field in fields(factory)],
    ids=lambda each: getattr(each, "__name__", None) or each.name,
)
def test_only_rows_that_agree_in_it_are_one(kept: list[Any], factory: Any, field: Field) -> None:
    row = factory()
    values = {each.name: getattr(row, each.name) for each in row._meta.concrete_fields if each.name != "id"}
    type(row).objects.create(**values | {field.name: another(field, values[field.name])})
    rows = type(row).objects.all()
    entity_id = values[rows.natural_key[0]]
    list(report(rows, entity_id))
    assert len(kept) == (2 if field.name in rows.natural_key else 1)
    assert len(set(rows.row_keys())) == len(kept)


def test_every_table_has_a_factory() -> None:
    assert len({factory._meta.model for factory in FACTORIES}) == 15


def test_rows_that_name_no_answer_are_known_by_their_counts_too() -> None:
    nameless = {"value_id": None, "answer_value_text": None, "first_response_count": 3}
    for count in (1, 2, 2):
        make.AnswerFactory(**nameless, last_response_count=count)
    keys = list(make.AnswerFactory._meta.model.objects.order_by("id").row_keys())
    assert keys[0][-2:] == (3, 1)
    assert (keys[0] == keys[1], keys[1] == keys[2]) == (False, True)
