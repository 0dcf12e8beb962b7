"""Grades of problems and openings of subsections, of the LMS's records of its modules."""

import ibis.expr.types as ir

from analytics_data_api.computing import lms
from analytics_data_api.computing.tables.rules import (
    Computed,
    Engine,
    as_number,
    fits_key,
    kept,
    lms_rows,
    present,
    reason,
)


def modules(engine: Engine) -> ir.Table:
    """Return how many records of modules the LMS has, by module type, module, course, grade and max_grade."""
    rows = lms_rows(lms.MODULES)
    rows = rows.mutate(grade=present(rows.grade.strip()), max_grade=present(rows.max_grade.strip()))
    keys = ("module_type", "module_id", "course_id", "grade", "max_grade")
    return engine.save("modules", rows.group_by(*keys).agg(records=rows.count()))


def counted_records(rows: ir.Table) -> ir.Table:
    """Return how many records each ``reason`` has."""
    named = rows.filter(rows.reason.notnull())
    return named.group_by("reason").agg(count=named.records.sum())


def misfits(rows: ir.Table) -> tuple[tuple[ir.BooleanValue, str], ...]:
    return (
        (present(rows.module_id).isnull() | present(rows.course_id).isnull(), "record without a module or a course"),
        (~fits_key(rows.module_id) | ~fits_key(rows.course_id), "module or course id longer than 255 characters"),
    )


def grade_distribution(engine: Engine) -> Computed:
    """Count the records with a grade by module, course, grade and max_grade."""
    rows = modules(engine)
    rows = rows.mutate(
        reason=reason(
            (rows.grade.isnull(), "record without a grade"),
            *misfits(rows),
            (as_number(rows.grade).isnull(), "grade that is no finite number"),
            (rows.max_grade.notnull() & as_number(rows.max_grade).isnull(), "max_grade that is no finite number"),
        )
    )
    graded = kept(rows)
    # As numbers: 1 and 1.0 are the same grade.
    graded = graded.mutate(grade=as_number(graded.grade), max_grade=as_number(graded.max_grade))
    counts = graded.group_by("module_id", "course_id", "grade", "max_grade").agg(count=graded.records.sum())
    return Computed(counts, (counted_records(rows),))


def sequential_open_distribution(engine: Engine) -> Computed:
    """Count the records of sequentials by module and course."""
    rows = modules(engine)
    other = rows.module_type.isnull() | (rows.module_type != "sequential")
    rows = rows.mutate(reason=reason((other, "record of another type of module"), *misfits(rows)))
    opened = kept(rows)
    counts = opened.group_by("module_id", "course_id").agg(count=opened.records.sum())
    return Computed(counts, (counted_records(rows),))
