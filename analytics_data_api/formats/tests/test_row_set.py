"""Rows in a declared shape: which columns, in which order, written how; as objects and as flat rows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from analytics_data_api.formats.fields import NumberField, TimeField, ZonedTimeField
from analytics_data_api.formats.row_set import (
    BATCH_SIZE,
    CACHED_VALUES,
    SHORT,
    RowSet,
    UnknownFieldError,
    ValueCache,
)
from analytics_data_api.tables.rows import ABSENT, Row, Rows

PLACES = {"fr": "France", "de": "Germany"}


class PlaceSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    code = serializers.CharField(allow_null=True)

    def to_representation(self, instance: str | None) -> dict[str, Any]:
        return {"name": PLACES.get(instance or "", "nowhere"), "code": instance}


class VisitSerializer(serializers.Serializer[Any]):
    who = serializers.CharField()
    place = PlaceSerializer()
    day = serializers.DateField()
    guests = serializers.ListField(child=serializers.CharField())
    paid = serializers.BooleanField()
    note = serializers.CharField(required=False, allow_null=True)
    at = TimeField()


COLUMNS = ("place", "day", "guests", "paid", "note", "at")
DAY = "2014-12-10"
AT = "2014-12-10 19:31:46"
ROWS: tuple[Row, ...] = (
    ("fr", DAY, ["Bo", "Al"], True, "wet", AT),
    (None, DAY, [], False, None, AT),
    ("de", DAY, ["Cy"], False, ABSENT, AT),
)


def visits(*fields: str, rows: tuple[Row, ...] = ROWS) -> RowSet:
    return RowSet(VisitSerializer, Rows(COLUMNS, rows, {"who": "Ann"}), fields)


def flat_rows(table: RowSet) -> Iterator[list[Any]]:
    """Yield the header and the cells of a table as CSV has them."""
    cells = table.plan.flat_columns
    yield [cell.name for cell in cells]
    for _, columns in table.batches([(cell, partial(map, cell.convert) if cell.convert else iter) for cell in cells]):
        yield from map(list, zip(*columns, strict=True))


class TestObjects:
    def test_have_every_declared_column_in_the_declared_order(self) -> None:
        first, second, third = visits().records()
        assert first == {
            "who": "Ann",
            "place": {"name": "France", "code": "fr"},
            "day": DAY,
            "guests": ["Bo", "Al"],
            "paid": True,
            "note": "wet",
            "at": "2014-12-10T193146",
        }
        assert list(first) == ["who", "place", "day", "guests", "paid", "note", "at"]
        assert (second["place"], second["note"]) == ({"name": "nowhere", "code": None}, None)
        assert list(third) == ["who", "place", "day", "guests", "paid", "at"]

    @pytest.mark.parametrize(
        ("fields", "item"),
        [
            (("day",), {"day": DAY}),
            # The shape's order, whatever that of the names.
            (("day", "who"), {"who": "Ann", "day": DAY}),
            (("place",), {"place": {"name": "France", "code": "fr"}}),
            (("place.code",), {"place": {"code": "fr"}}),
            (("place.code", "who"), {"who": "Ann", "place": {"code": "fr"}}),
            (("place.code", "place"), {"place": {"name": "France", "code": "fr"}}),
            (("place", "place.code"), {"place": {"name": "France", "code": "fr"}}),
            (("note",), {"note": "wet"}),
        ],
    )
    def test_have_the_fields_that_are_asked_for(self, fields: tuple[str, ...], item: dict[str, Any]) -> None:
        record = next(visits(*fields).records())
        assert record == item
        assert list(record) == list(item)

    def test_of_which_nothing_is_left_are_still_items(self) -> None:
        assert list(visits("note").records()) == [{"note": "wet"}, {"note": None}, {}]


class TestFlatRows:
    def test_have_every_column_by_name_with_objects_flattened_and_lists_joined(self) -> None:
        assert list(flat_rows(visits())) == [
            ["at", "day", "guests", "note", "paid", "place.code", "place.name", "who"],
            ["2014-12-10T193146", DAY, "Bo, Al", "wet", True, "fr", "France", "Ann"],
            ["2014-12-10T193146", DAY, "", None, False, None, "nowhere", "Ann"],
            ["2014-12-10T193146", DAY, "Cy", None, False, "de", "Germany", "Ann"],
        ]

    @pytest.mark.parametrize(
        ("fields", "header", "first"),
        [
            (("who",), ["who"], ["Ann"]),
            (("who", "day"), ["who", "day"], ["Ann", DAY]),
            (("day", "who"), ["day", "who"], [DAY, "Ann"]),
            (("who", "place"), ["who", "place.code", "place.name"], ["Ann", "fr", "France"]),
            (("place.name",), ["place.name"], ["France"]),
            (("place.name", "place.code"), ["place.name", "place.code"], ["France", "fr"]),
            (("place.name", "who", "place.code"), ["place.name", "who", "place.code"], ["France", "Ann", "fr"]),
            (("place.name", "who", "place"), ["place.name", "who", "place.code"], ["France", "Ann", "fr"]),
            (("place", "who", "place.name"), ["place.code", "place.name", "who"], ["fr", "France", "Ann"]),
        ],
    )
    def test_have_the_fields_that_are_asked_for_in_their_order(
        self, fields: tuple[str, ...], header: list[str], first: list[Any]
    ) -> None:
        cells = flat_rows(visits(*fields))
        assert (next(cells), next(cells)) == (header, first)

    def test_without_items_are_a_header(self) -> None:
        assert list(flat_rows(visits("who", rows=()))) == [["who"]]


class TestAbsence:
    class AllOptionalSerializer(serializers.Serializer[Any]):
        at = TimeField(required=False)
        place = PlaceSerializer(required=False)
        tags = serializers.ListField(required=False)
        text = serializers.CharField(required=False)

    rows = Rows(("at", "place", "tags", "text"), [(ABSENT,) * 4])

    def test_leaves_fields_of_every_kind_out_of_objects(self) -> None:
        assert list(RowSet(self.AllOptionalSerializer, self.rows).records()) == [{}]

    def test_leaves_cells_of_every_kind_empty(self) -> None:
        _, row = flat_rows(RowSet(self.AllOptionalSerializer, self.rows))
        assert row == [None] * 5

    def test_is_not_null(self) -> None:
        nulls = Rows(("at", "text"), [(None, None)])
        assert list(RowSet(self.AllOptionalSerializer, nulls).records()) == [{"at": None, "text": None}]


def test_more_distinct_values_than_are_remembered_are_written_all_the_same() -> None:
    class NumberSerializer(serializers.Serializer[Any]):
        number = NumberField(required=False)

    values = [ABSENT, *map(float, range(CACHED_VALUES + 10)), ABSENT]
    written = RowSet(NumberSerializer, Rows(("number",), [(value,) for value in values])).records()
    assert list(written) == [{}, *({"number": number} for number in range(CACHED_VALUES + 10)), {}]


def test_what_is_absent_is_not_converted_while_another_thread_has_cleared_the_cache() -> None:
    cache = ValueCache(float, absent="none")
    cache.clear()
    assert (cache[ABSENT], cache["1.5"]) == ("none", 1.5)


class TestFields:
    @pytest.mark.parametrize(
        "field",
        ["colour", "Who", " who", "who.name", "place.colour", "place.", ".name", ".", "place.name.first", "x" * 10_000],
    )
    def test_an_unknown_one_is_refused_by_name_and_the_known_ones_told(self, field: str) -> None:
        with pytest.raises(UnknownFieldError) as caught:
            visits("who", field)
        assert caught.value.field == field
        assert ", ".join(caught.value.known) == "who, place, place.name, place.code, day, guests, paid, note, at"

    @given(st.lists(st.text() | st.sampled_from(["who", "place", "place.name", "day"]), unique=True))
    def test_any_text_names_columns_or_is_the_callers_mistake(self, fields: list[str]) -> None:
        known = {"who", "place", "place.name", "place.code", "day", "guests", "paid", "note", "at"}
        if known.issuperset(fields):
            assert len(next(flat_rows(visits(*fields)))) == len(list(flat_rows(visits(*fields)))[1])
        else:
            with pytest.raises(UnknownFieldError):
                visits(*fields)


class TestColumnsThatTheDatabaseDoesNotHave:
    rows = Rows(("who", "place", "day", "guests", "paid", "at"), [("Ann", "fr", DAY, [], True, AT)])

    def test_are_left_out_everywhere_where_the_shape_allows_it(self) -> None:
        table = RowSet(VisitSerializer, self.rows)
        assert "note" not in next(table.records())
        assert "note" not in next(flat_rows(RowSet(VisitSerializer, self.rows)))

    def test_cannot_be_asked_for_then(self) -> None:
        with pytest.raises(UnknownFieldError, match="'note'"):
            RowSet(VisitSerializer, self.rows, ("note",))

    @pytest.mark.parametrize("missing", ["who", "at"])
    def test_are_a_fault_where_the_shape_needs_them(self, missing: str) -> None:
        columns = [name for name in self.rows.columns if name != missing]
        with pytest.raises(KeyError, match=missing):
            next(RowSet(VisitSerializer, Rows(tuple(columns), [])).records(), None)


def test_a_column_that_the_shape_does_not_declare_is_not_written() -> None:
    table = RowSet(PlaceSerializer, Rows(("name", "code", "secret"), [("France", "fr", "s")]))
    assert list(table.records()) == [{"name": "France", "code": "fr"}]


@pytest.mark.parametrize("fields", [(), ("place.code", "who")])
@pytest.mark.parametrize("batch", [False, True])
def test_rows_are_taken_only_when_they_are_asked_for(fields: tuple[str, ...], batch: bool) -> None:
    taken = 0

    def rows() -> Iterator[Row]:
        nonlocal taken
        for row in ROWS * BATCH_SIZE:
            taken += 1
            yield row

    table = RowSet(VisitSerializer, Rows(COLUMNS, rows(), {"who": "Ann"}), fields)
    assert taken == 0
    assert not table.is_empty
    assert len(table.first_rows) == SHORT + 1
    assert taken == SHORT + 1
    if batch:
        for times in (1, 2):
            size, _ = next(table.batches([]))
            assert (size, taken) == (BATCH_SIZE, BATCH_SIZE * times)
    else:
        records = table.records()
        for number in range(1, 2 * SHORT):
            next(records)
            assert taken == max(SHORT + 1, number)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_asking_whether_there_is_a_row_loses_none(count: int) -> None:
    table = visits("who", rows=ROWS[:1] * count)
    assert table.is_empty == (count == 0)
    assert table.is_empty == (count == 0)
    assert len(list(table.records())) == count


def test_a_read_that_waits_keeps_no_other_read_waiting() -> None:
    begun, go_on = Event(), Event()

    def waiting() -> Iterator[Row]:
        begun.set()
        assert go_on.wait(10)
        yield ROWS[0]

    blocked = RowSet(VisitSerializer, Rows(COLUMNS, waiting(), {"who": "Ann"}))
    with ThreadPoolExecutor() as executor:
        blocked_is_empty = executor.submit(lambda: blocked.is_empty)
        assert begun.wait(10)
        try:
            assert not executor.submit(lambda: visits().is_empty).result(timeout=5)
        finally:
            go_on.set()
        assert not blocked_is_empty.result(timeout=5)


@pytest.mark.parametrize(
    ("field", "value", "written"),
    [
        (TimeField(), AT, "2014-12-10T193146"),
        (TimeField(), "0987-01-02 03:04:05.000678", "0987-01-02T030405"),
        (TimeField(), None, None),
        (ZonedTimeField(), AT, "2014-12-10T19:31:46Z"),
        (ZonedTimeField(), "0987-01-02 03:04:05.000678", "0987-01-02T03:04:05Z"),
        (ZonedTimeField(), None, None),
        (NumberField(), 1.0, 1),
        (NumberField(), -0.0, 0),
        (NumberField(), 0.75, 0.75),
        (NumberField(), -2.5, -2.5),
        (NumberField(), 3, 3),
        (NumberField(), 2.0**53, 2**53),
        (NumberField(), 1e300, 1e300),
        (NumberField(), None, None),
        (NumberField(), Decimal("3.00"), 3),
        (NumberField(), Decimal("0.75"), 0.75),
    ],
)
def test_values_are_written_as_the_contract_says(field: Any, value: Any, written: Any) -> None:
    representation = field.to_representation(value)
    # 1 equals 1.0, which is not how it is written.
    assert repr(representation) == repr(written)
