"""The tables of enrollment by day."""

from collections.abc import Iterable, Iterator
from operator import itemgetter

from analytics_data_api.tables.constants import countries, enrollment_modes, genders
from analytics_data_api.tables.querysets.base import DatedQuerySet, latest_created, null_first
from analytics_data_api.tables.rows import Row


class EnrollmentQuerySet(DatedQuerySet):
    """A row for each date: ``(date, count, created)``."""

    natural_key = ("course_id", "date")
    items = ("date", "count", "created")


class EnrollmentBirthYearQuerySet(DatedQuerySet):
    """A row for each date and year of birth, null first."""

    natural_key = ("course_id", "date", "birth_year")
    items = ("date", "birth_year", "count", "created")

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        return sorted(rows, key=lambda row: null_first(row[1]))


class EnrollmentEducationQuerySet(DatedQuerySet):
    """A row for each date and level of education, null first."""

    natural_key = ("course_id", "date", "education_level")
    items = ("date", "education_level", "count", "created")

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        return sorted(rows, key=lambda row: null_first(row[1]))


class EnrollmentModeQuerySet(DatedQuerySet):
    """A row for each date: the sums over every mode, and the count of each mode that has a column."""

    natural_key = ("course_id", "date", "mode")
    columns = ("count", "cumulative_count")
    items = ("date", "count", "cumulative_count", "created", *enrollment_modes.COLUMNS)

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        counts = dict.fromkeys(enrollment_modes.COLUMNS, 0)
        for _, mode, count, _, _ in rows:
            column = enrollment_modes.COLUMN_OF_MODE.get(mode)
            if column is not None:
                counts[column] += count or 0
        total, cumulative = sum(row[2] or 0 for row in rows), sum(row[3] or 0 for row in rows)
        return ((rows[0][0], total, cumulative, latest_created(rows), *counts.values()),)


class EnrollmentGenderQuerySet(DatedQuerySet):
    """A row for each date: the count of each gender that has a column."""

    natural_key = ("course_id", "date", "gender")
    items = ("date", *genders.COLUMNS, "created")

    def items_of(self, rows: list[Row]) -> Iterable[Row]:
        counts = dict.fromkeys(genders.COLUMNS, 0)
        for _, gender, count, _ in rows:
            counts[genders.COLUMN_OF_CODE.get(gender, genders.UNKNOWN)] += count or 0
        return ((rows[0][0], *counts.values(), latest_created(rows)),)


class EnrollmentLocationQuerySet(DatedQuerySet):
    """A row for each date and country, the unknown one first: ``(date, alpha-2 or None, count, created)``."""

    natural_key = ("course_id", "date", "country_code")
    items = ("date", "country", "count", "created")

    def items_of(self, rows: list[Row]) -> Iterator[Row]:
        known = [row for row in rows if row[1] in countries.COUNTRIES]
        known.sort(key=itemgetter(1))
        if len(known) < len(rows):
            unknown = [row for row in rows if row[1] not in countries.COUNTRIES]
            yield (rows[0][0], None, sum(row[2] or 0 for row in unknown), latest_created(unknown))
        yield from known
