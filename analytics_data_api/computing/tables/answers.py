"""How often each answer to a part of a problem was a user's first, and last, response."""

from typing import Final

import ibis
import ibis.expr.types as ir

from analytics_data_api.computing import store
from analytics_data_api.computing.tables.rules import (
    Computed,
    Engine,
    as_integer,
    as_number,
    counted,
    events,
    fits_integer,
    fits_key,
    flag,
    kept,
    present,
    reason,
)

# The response types of which answers can be counted by value.
COUNTED_TYPES: Final = (
    "choiceresponse",
    "optionresponse",
    "multiplechoiceresponse",
    "numericalresponse",
    "stringresponse",
    "formularesponse",
)
USER: Final = ("course_id", "problem_id", "username_hash")
EVENT: Final = (*USER, "time", "event")
PART: Final = ("course_id", "part_id")
# From the newest on. Times are equal for other users' events only, or for those that one user sent at once.
NEWEST: Final = tuple(ibis.desc(name) for name in ("time", "event", "username_hash", "problem_id"))


def responses(engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Return the parts of each user's first and last event of a problem, and what was dropped.

    Columns: those of the store, ``number`` (the variant), and ``first`` and ``last``, 1 or 0. Of a user's events of the
    same time, the store's digest of their contents says which is first.

    A part that no column can hold is left out, and with it an event that has no other.
    """
    found = events(store.ANSWERS).drop("user_id", "day")
    number = as_integer(found.variant)
    found = found.mutate(
        number=number,
        reason=reason(
            (~fits_key(found.problem_id), "problem id longer than 255 characters"),
            (~fits_key(found.part_id), "part id longer than 255 characters"),
            (~fits_key(found.value_id), "value id longer than 255 characters"),
            (
                present(found.variant).notnull() & ~fits_integer(number).fill_null(False),
                "variant that is no whole number, or too large",
            ),
        ),
    )
    fitting = kept(found)
    sent = fitting.select(*EVENT).distinct()
    from_first = ibis.window(group_by=USER, order_by=("time", "event"))
    from_last = ibis.window(group_by=USER, order_by=(ibis.desc("time"), ibis.desc("event")))
    sent = sent.mutate(first=ibis.row_number().over(from_first), last=ibis.row_number().over(from_last))
    sent = sent.mutate(first=flag(sent["first"] == 0), last=flag(sent["last"] == 0))
    sent = engine.save("answer_events", sent)
    between = (sent["first"] == 0) & (sent["last"] == 0)
    ends = sent.filter(~between)
    rows = fitting.filter(fitting.part_id.notnull()).inner_join(ends, EVENT).distinct()
    middle = sent.select(reason=reason((between, "event between a user's first and last")))
    return engine.save("responses", rows), ibis.union(counted(found), counted(middle))


def described(engine: Engine) -> tuple[ir.Table, ir.Table]:
    """Return the responses to parts that are counted, each with what describes its part, and what was dropped."""
    rows, dropped = responses(engine)
    newest = rows.mutate(place=ibis.row_number().over(ibis.window(group_by=PART, order_by=NEWEST)))
    newest = newest.filter(newest.place == 0)
    parts = newest.select(
        *PART,
        module_id=newest.problem_id,
        problem_display_name=newest.display_name,
        is_counted=newest.has_submission.fill_null(False) & newest.response_type.isin(COUNTED_TYPES).fill_null(False),
        has_variant=newest.number.notnull(),
        has_value_id=newest.value_id.notnull(),
    )
    rows = rows.drop("display_name").inner_join(engine.save("answer_parts", parts), PART)
    rows = rows.mutate(
        value=ibis.coalesce(rows.value_id, rows.answer),
        counted_variant=ibis.ifelse(rows.has_variant, rows.number, ibis.null("int64")),
        reason=reason((~rows.is_counted, "answer to a part whose newest answer has no response type that is counted")),
    )
    return kept(rows), ibis.union(dropped, counted(rows))


def answer_distribution(engine: Engine) -> Computed:
    """Count the responses to each part by value, and by variant where the part's newest answer has one."""
    rows, dropped = described(engine)
    same = (*PART, "value", "counted_variant")
    value = ibis.window(group_by=same)
    rows = rows.mutate(
        place=ibis.row_number().over(ibis.window(group_by=same, order_by=NEWEST)),
        first_response_count=rows["first"].sum().over(value),
        last_response_count=rows["last"].sum().over(value),
    )
    rows = rows.filter(rows.place == 0)
    nothing = ibis.null("string")
    own, of_part = rows.value_id.notnull(), rows.has_value_id
    rows = rows.select(
        *PART,
        "module_id",
        "first_response_count",
        "last_response_count",
        "problem_display_name",
        correct=flag(rows.correct.fill_null(False)),
        # A value that has no id, of a part that has ids, is an id itself.
        value_id=present(ibis.cases((own, rows.value_id), (of_part, rows.answer), else_=nothing)),
        answer_value_text=ibis.cases((own, rows.plain), (of_part, nothing), else_=rows.text),
        variant=rows.number,
        question_text=rows.question,
    )
    rows = rows.mutate(
        answer_value_numeric=as_number(rows.answer_value_text),
        reason=reason((~fits_key(rows.value_id), "value, to be a value id, longer than 255 characters")),
    )
    rows = engine.save("answer_values", rows)
    return Computed(kept(rows), (dropped, counted(rows)))
