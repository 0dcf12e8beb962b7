"""What the endpoints of version 0 share."""

from functools import cache
from typing import Any, ClassVar

from django.db.models import Model

from analytics_data_api.http import parameters
from analytics_data_api.http.problems import NoData, quote_value
from analytics_data_api.http.views import ReportView
from analytics_data_api.tables import querysets
from analytics_data_api.tables.rows import Rows


@cache
def rows_of(model: type[Model]) -> Any:
    """Return the rows of a table, to be query_params for reports: its queryset, made once, not for each request."""
    return model._default_manager.all()


class EntityView(ReportView):
    """Everything that a table has about the course, problem, subsection or video in the address."""

    def report(self) -> Rows:
        rows: querysets.EntityQuerySet = rows_of(self.model)
        return rows.report(self.entity_id)


class CourseView(ReportView):
    """Something about a course.

    Attributes:
        slug: What the file of a CSV answer is called, behind the course; None for no name.
    """

    entity = "course_id"
    slug: ClassVar[str | None] = None

    def file_name(self) -> str | None:
        if self.slug is None:
            return None
        course = self.entity_id.removeprefix("course-v1:").replace("/", "-").replace("+", "-")
        return f"{course}--{self.slug}.csv"


class DatedCourseView(CourseView):
    """What a table has about a course in a range of dates, or on the latest date on record."""

    query = parameters.DAYS

    @property
    def days(self) -> querysets.DatedQuerySet:
        rows: querysets.DatedQuerySet = rows_of(self.model)
        return rows

    def report(self) -> Rows:
        return self.days.report(self.entity_id, parameters.date_range(self.query_params))

    def nothing(self) -> NoData:
        span = self.days.span(self.entity_id)
        if span is None:
            return super().nothing()
        query_params = ", ".join(
            f"{name} {quote_value(value)}"
            for name in (parameters.START_DATE, parameters.END_DATE)
            if (value := self.query_params.get(name))
        )
        first, last = (date[:10] for date in span)
        return NoData(
            f"The {self.entity} {quote_value(self.entity_id)} has no {self.label} in the range {query_params}; "
            f"on record are dates from {first} to {last}.",
            "no_data_in_range",
        )
