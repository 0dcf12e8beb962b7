"""The table of weekly activity."""

from collections.abc import Iterator

from analytics_data_api.tables.constants import activity_types
from analytics_data_api.tables.querysets.base import COURSE_ID, DatedQuerySet, latest_created
from analytics_data_api.tables.rows import ABSENT, Row, Rows
from analytics_data_api.tables.selection import Filter, Selection
from analytics_data_api.tables.statements import is_date

LABELS = tuple(activity_types.BY_LABEL)
OF_TYPE = (Filter("activity_type", "label"), Filter("course_id", COURSE_ID))


class ActivityQuerySet(DatedQuerySet):
    """Weekly activity; the columns ``interval_start`` and ``interval_end`` bound a row's week, in UTC.

    A row of the report is a week: its bounds, the count of each kind of activity (ABSENT without a row), ``created``.
    """

    natural_key = ("course_id", "interval_start", "interval_end", "activity_type")
    conditions = (Filter("activity_type__in", "labels", len(LABELS)), Filter("course_id", COURSE_ID))
    bound = {"labels": LABELS}
    period = ("interval_start", "interval_end")
    latest_by = "interval_end"
    items = ("interval_start", "interval_end", *activity_types.NAMES, "created")
    sorted_by = 2

    def items_of(self, rows: list[Row]) -> Iterator[Row]:
        counted = [row for row in rows if row[2] in activity_types.BY_LABEL]
        counts = dict.fromkeys(LABELS, ABSENT) | {row[2]: row[3] for row in counted}
        if counted:
            yield (*rows[0][:2], *counts.values(), latest_created(counted))

    def recent(self, course_id: str, activity_type: str) -> Rows:
        """Return the count of one kind of activity in the latest week that has one: one row or none.

        Args:
            course_id: The course.
            activity_type: One of ``activity_types.NAMES``.
        """
        return Rows(
            ("interval_start", "interval_end", "count"),
            self.latest_week(course_id, activity_types.LABELS[activity_type]),
            {"activity_type": activity_type, "course_id": course_id},
        )

    def latest_week(self, course_id: str, label: str) -> Iterator[Row]:
        """Yield the newest row of the latest week; all rows are read only where its week is none, which is seldom."""
        for limit in (1, None):
            selection = Selection(OF_TYPE, order_by=("-interval_end", "-created", "-id"), limit=limit)
            columns = (*self.period, *self.columns)
            rows = self.read_selected(selection, columns, course_id=course_id, label=label)
            row = next((row for row in rows if limit or (is_date(row[0]) and is_date(row[1]))), None)
            if row is None or (is_date(row[0]) and is_date(row[1])):
                break
        if row is not None:
            yield row
