"""Users with activity of each type in a course, by week."""

import ibis

from analytics_data_api.computing import store
from analytics_data_api.computing.tables.rules import (
    WEEK,
    Computed,
    Engine,
    counted,
    day_number,
    events,
    kept,
    monday,
    reason,
)


def course_activity(engine: Engine) -> Computed:
    """Count the distinct users of a course, label and week; a week that is only partly in the range is left out."""
    found = events(store.ACTIVITY)
    users = found.select("course_id", "label", "user_id", week=monday(found.day)).distinct()
    first, end = day_number(engine.period.first), day_number(engine.period.end)
    cut = (users.week < first) | (users.week + WEEK > end)
    users = engine.save("activity", users.mutate(reason=reason((cut, "users of a week that the range cuts"))))
    whole = kept(users)
    rows = whole.group_by("course_id", "week", "label").agg(count=whole.count())
    rows = rows.select(
        "course_id", "label", "count", interval_start=rows.week, interval_end=rows.week + ibis.literal(WEEK)
    )
    return Computed(rows, (counted(users),))
