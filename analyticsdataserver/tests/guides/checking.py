"""The database whose check ``docs/check_tables_example.txt`` shows."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from analytics_data_api.loading import sample_data
from analytics_data_api.tables import ANALYTICS_DATABASE, models
from analytics_data_api.tables.tests import altered
from analyticsdataserver.tests.guides import DOCS

PAGE: Final = DOCS / "check_tables_example.txt"


@contextmanager
def old_pipeline() -> Iterator[None]:
    """Make the analytics database one of an old pipeline: its indexes, an older layout, a load that ran twice."""
    for fixture in sorted(sample_data.FIXTURES.glob("*.json")):
        sample_data.load_fixture(fixture, ANALYTICS_DATABASE)
    rows: list[Any] = list(models.CourseEnrollmentModeDaily.objects.order_by("id"))
    for row in rows:
        row.pk = None
    models.CourseEnrollmentModeDaily.objects.bulk_create(rows)
    with (
        altered.without_columns(
            (models.CourseEnrollmentDaily, "cumulative_count"), (models.CourseEnrollmentByGender, "cumulative_count")
        ),
        altered.pipeline_indexes(),
    ):
        yield
