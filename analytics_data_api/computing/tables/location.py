"""Users enrolled in a course, by country."""

import ibis

from analytics_data_api.computing import lms, store
from analytics_data_api.computing.tables.rules import (
    Computed,
    Engine,
    as_integer,
    counted,
    day_number,
    events,
    fits_key,
    flag,
    kept,
    lms_rows,
    present,
    reason,
)


def by_country(engine: Engine) -> Computed:
    """Count the LMS's enrollments by course and the country of the user's newest event, of whatever day.

    Of events of the same time, the one whose country is last in the alphabet counts.
    """
    found = events(store.LOCATION)
    newest = ibis.window(group_by="user_id", order_by=(found.time.desc(), found.country.desc()))
    found = found.mutate(place=ibis.row_number().over(newest))
    countries = found.filter(found.place == 0).select("user_id", country_code=found.country)
    rows = lms_rows(lms.ENROLLMENTS)
    rows = rows.select(
        "course_id",
        user_id=as_integer(rows.user_id),
        active=flag(rows.is_active.strip().lower().isin(("1", "1.0", "t", "true"))),
    )
    rows = engine.save(
        "lms_enrollments",
        rows.mutate(
            reason=reason(
                (present(rows.course_id).isnull(), "enrollment without a course"),
                (~fits_key(rows.course_id), "course id longer than 255 characters"),
            )
        ),
    )
    enrolled = kept(rows).left_join(countries, "user_id")
    counts = enrolled.group_by("course_id", "country_code").agg(
        date=ibis.literal(day_number(engine.period.today), "int64"),
        count=enrolled.active.sum(),
        cumulative_count=enrolled.count(),
    )
    return Computed(counts, (counted(rows),))
