"""What the endpoints of version 0 share."""

from functools import cache
from typing import Any, ClassVar

from django.db.models import Model

from analytics_data_api.http import parameters
from analytics_data_api.http.problems import NoData, shown
from analytics_data_api.http.views import ReportView
from analytics_data_api.rows import Rows
from analytics_data_api.v0 import querysets


@cache
def rows_of(model: type[Model]) -> Any:
    """Return the rows of a table, to be asked for reports: its queryset, made once, not for each request."""
    return model._default_manager.all()


class SubjectView(ReportView):
    """Everything that a table has about the course, problem, subsection or video in the address."""

    def report(self) -> Rows:
        rows: querysets.SubjectQuerySet = rows_of(self.model)
        return rows.report(self.subject_id)


class CourseView(ReportView):
    """Something about a course.

    Attributes:
        slug: What the file of a CSV answer is called, behind the course; None for no name.
    """

    subject = "course_id"
    slug: ClassVar[str | None] = None

    def file_name(self) -> str | None:
        if self.slug is None:
            return None
        course = self.subject_id.removeprefix("course-v1:").replace("/", "-").replace("+", "-")
        return f"{course}--{self.slug}.csv"


class DatedCourseView(CourseView):
    """What a table has about a course in a range of dates, or on the latest date on record."""

    query = parameters.DAYS

    @property
    def days(self) -> querysets.DatedQuerySet:
        rows: querysets.DatedQuerySet = rows_of(self.model)
        return rows

    def report(self) -> Rows:
        return self.days.report(self.subject_id, parameters.date_range(self.asked))

    def nothing(self) -> NoData:
        span = self.days.span(self.subject_id)
        if span is None:
            return super().nothing()
        asked = ", ".join(
            f"{name} {shown(value)}"
            for name in (parameters.START_DATE, parameters.END_DATE)
            if (value := self.asked.get(name))
        )
        first, last = (date[:10] for date in span)
        return NoData(
            f"The {self.subject} {shown(self.subject_id)} has no {self.what} in the range {asked}; "
            f"on record are dates from {first} to {last}.",
            "no_data_in_range",
        )
