"""Serializer fields for values that are not written as the database returns them.

Each converts with ``to_representation``, which takes None as well. Writers call it once for each distinct value, not
for each row: it has to be a function of the value alone.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from rest_framework import serializers

from analytics_data_api.tables.statements import is_date


class WrittenField(serializers.Field):
    """A value that is converted before it is written.

    Attributes:
        written: What is written for a value that is not None, as a JSON schema.
    """

    written: ClassVar[Mapping[str, Any]]


class ObjectSerializer(serializers.Serializer[Any]):
    """An object that rows have as it is written, a ``dict``, and that differs from row to row."""


class TimeField(WrittenField):
    """A time in UTC, ``YYYY-mm-dd HH:MM:SS``, as ``YYYY-mm-ddTHHMMSS``: without colons, without a zone."""

    written = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{6}$"}

    def to_representation(self, value: str | None) -> str | None:
        return f"{value[:10]}T{value[11:13]}{value[14:16]}{value[17:19]}" if value and is_date(value) else None


class ZonedTimeField(WrittenField):
    """A time in UTC, ``YYYY-mm-dd HH:MM:SS``, as ``YYYY-mm-ddTHH:MM:SSZ``."""

    written = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$"}

    def to_representation(self, value: str | None) -> str | None:
        return f"{value[:10]}T{value[11:19]}Z" if value and is_date(value) else None


class NumberField(WrittenField):
    """A number that is written without a fraction where it has none: 1, not 1.0."""

    written = {"type": "number"}

    # Larger floats are not exact integers.
    LARGEST_EXACT = 2.0**53

    def to_representation(self, value: float | Decimal | None) -> float | None:
        if isinstance(value, Decimal):
            value = float(value)
        if isinstance(value, float) and abs(value) <= self.LARGEST_EXACT and value.is_integer():
            return int(value)
        return value
