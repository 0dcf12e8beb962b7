"""Users enrolled in a course, by day: all, and by mode, gender, year of birth and level of education.

No table of users and days is made. Of each user, only the days on which something changes are kept, with the state and
the mode before and after. Their differences, added up over the days, are the numbers.
"""

from typing import Final

import ibis
import ibis.expr.types as ir

from analytics_data_api.computing import lms, store
from analytics_data_api.computing.tables.rules import (
    Computed,
    Engine,
    as_integer,
    counted,
    day_number,
    events,
    fits_integer,
    fits_key,
    flag,
    kept,
    lms_rows,
    numbers,
    present,
    reason,
)

LEVELS: Final = {
    "el": "primary",
    "jhs": "junior_secondary",
    "hs": "secondary",
    "a": "associates",
    "b": "bachelors",
    "m": "masters",
    "p": "doctorate",
    "p_se": "doctorate",
    "p_oth": "doctorate",
    "none": "none",
    "other": "other",
}
# Characters of the column gender.
LONGEST_GENDER: Final = 6


def changes(engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Return each user's state and mode at the end of each day with an event, and what was dropped.

    Columns: course_id, user_id, day, mode, state (1 or 0), and those before, old_mode and old_state, which are NULL on
    the first day. Events of the same time are in the order of type and mode.
    """
    found = events(store.ENROLLMENT).distinct()
    found = found.mutate(reason=reason((~fits_key(found.mode), "mode longer than 255 characters")))
    found = engine.save("enrollment_events", found)
    known = kept(found)
    in_order = ibis.window(group_by=("course_id", "user_id"), order_by=("time", "type", "mode"))
    so_far = ibis.window(
        group_by=("course_id", "user_id"), order_by=("time", "type", "mode"), preceding=None, following=0
    )
    known = known.mutate(
        next_day=known.day.lead().over(in_order), switch=flag(known.type != "mode_changed").sum().over(so_far)
    )
    # Events since the last one that sets the state have its number.
    since = ibis.window(group_by=("course_id", "user_id", "switch"))
    known = known.mutate(state=flag(known.type == "activated").max().over(since))
    last = known.filter(known.next_day.isnull() | (known.next_day != known.day))
    by_day = ibis.window(group_by=("course_id", "user_id"), order_by="day")
    last = last.select(
        "course_id",
        "user_id",
        "day",
        "mode",
        "state",
        old_mode=last.mode.lag().over(by_day),
        old_state=last.state.lag().over(by_day),
    )
    return engine.save("enrollment_changes", last), counted(found)


def differences(changed: ir.Table, *keys: str) -> ir.Table:
    """Return by day, course and keys of the user how many users more are enrolled, and were so far."""
    return changed.select(
        "course_id",
        "day",
        *keys,
        count=changed.state - changed.old_state.fill_null(0),
        cumulative_count=flag(changed.old_state.isnull()),
    )


def summed(rows: ir.Table, *keys: str) -> ir.Table:
    return rows.group_by("course_id", "day", *keys).agg(
        count=rows["count"].sum().cast("int64"), cumulative_count=rows.cumulative_count.sum().cast("int64")
    )


def every_day(engine: Engine, differing: ir.Table, *keys: str) -> ir.Table:
    """Return the numbers of each day from the first on, of which the rows are the differences."""
    differing = summed(differing, *keys)
    first = differing.group_by("course_id", *keys).agg(first_day=differing.day.min())
    days = numbers("day", day_number(engine.period.first), day_number(engine.period.end))
    calendar = first.cross_join(days).filter(lambda each: each.day >= each.first_day)
    nothing = ibis.literal(0, "int64")
    calendar = calendar.select("course_id", "day", *keys, count=nothing, cumulative_count=nothing)
    rows = summed(differing.select("course_id", "day", *keys, "count", "cumulative_count").union(calendar), *keys)
    until = ibis.window(group_by=("course_id", *keys), order_by="day", preceding=None, following=0)
    return rows.select(
        "course_id",
        *keys,
        date=rows.day,
        count=rows["count"].sum().over(until),
        cumulative_count=rows.cumulative_count.sum().over(until),
    )


def last_day(engine: Engine, differing: ir.Table, *keys: str) -> ir.Table:
    """Return the numbers of the range's last day, of which the rows are the differences."""
    return differing.group_by("course_id", *keys).agg(
        date=ibis.literal(day_number(engine.period.end) - 1, "int64"),
        count=differing["count"].sum(),
        cumulative_count=differing.cumulative_count.sum(),
    )


def daily(engine: Engine) -> Computed:
    """Count the users who are enrolled at the end of each day, and those who have had an event so far."""
    changed, dropped = changes(engine)
    return Computed(every_day(engine, differences(changed)), (dropped,))


def by_mode(engine: Engine) -> Computed:
    """Count users by mode at the end of each day; in ``cumulative_count`` those who have it then, enrolled or not."""
    changed, dropped = changes(engine)
    one = ibis.literal(1, "int64")
    entered = changed.select("course_id", "day", "mode", count=changed.state, cumulative_count=one)
    had = changed.filter(changed.old_mode.notnull())
    left = had.select("course_id", "day", mode=had.old_mode, count=-had.old_state, cumulative_count=-one)
    rows = every_day(engine, entered.union(left), "mode")
    return Computed(rows.filter(rows.cumulative_count > 0), (dropped,))


def profiles(engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Return gender, year of birth and level of education of the LMS's users, and what was dropped.

    What is empty is NULL, and so is a value that its column cannot hold. Of several profiles of a user, the greatest
    value of each column counts.
    """
    rows = lms_rows(lms.PROFILES)
    rows = rows.select(
        user_id=as_integer(rows.user_id),
        gender=present(rows.gender),
        birth_year=as_integer(rows.year_of_birth),
        is_year=present(rows.year_of_birth.strip()).isnull()
        | fits_integer(as_integer(rows.year_of_birth)).fill_null(False),
        education_level=rows.level_of_education.cases(*LEVELS.items(), else_=ibis.null("string")),
    )
    rows = engine.save("profile_rows", rows)
    dropped = [
        counted(rows.select(reason=reason(each)))
        for each in (
            (rows.user_id.isnull(), "profile without a user id"),
            (rows.gender.length() > LONGEST_GENDER, "gender longer than 6 characters (counted as NULL)"),
            (~rows.is_year, "year of birth that is no whole number (counted as NULL)"),
        )
    ]
    rows = rows.filter(rows.user_id.notnull())
    rows = rows.group_by("user_id").agg(
        gender=ibis.ifelse(rows.gender.length() <= LONGEST_GENDER, rows.gender, ibis.null("string")).max(),
        birth_year=ibis.ifelse(fits_integer(rows.birth_year), rows.birth_year, ibis.null("int64")).max(),
        education_level=rows.education_level.max(),
    )
    return engine.save("profiles", rows), ibis.union(*dropped)


def of_profiles(engine: Engine, column: str) -> tuple[ir.Table, tuple[ir.Table, ...]]:
    """Return the differences by a column of the profile, and what was dropped; NULL for users without a profile."""
    changed, dropped = changes(engine)
    known, unknown = profiles(engine)
    differing = changed.left_join(known.select("user_id", column), "user_id")
    return differences(differing, column), (dropped, unknown)


def by_gender(engine: Engine) -> Computed:
    """Count users by the gender of their profile of now, on all days."""
    differing, dropped = of_profiles(engine, "gender")
    return Computed(every_day(engine, differing, "gender"), dropped)


def by_birth_year(engine: Engine) -> Computed:
    """Count users by year of birth, on the last day."""
    differing, dropped = of_profiles(engine, "birth_year")
    return Computed(last_day(engine, differing, "birth_year"), dropped)


def by_education_level(engine: Engine) -> Computed:
    """Count users by level of education, on the last day."""
    differing, dropped = of_profiles(engine, "education_level")
    return Computed(last_day(engine, differing, "education_level"), dropped)
