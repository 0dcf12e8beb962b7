"""Where the marks of charts are."""

import math
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyticsdataserver.web.pages import charts
from analyticsdataserver.web.pages.charts import DAY, BarsOf, ColumnsBy, LinesOver, Series

COUNTS = st.one_of(st.none(), st.integers(0, 10**9))
DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))

LINES = LinesOver("date", [Series("count", "Enrolled")], **DAY)
COLUMNS = ColumnsBy("year", "count", "year")
BARS = BarsOf(lambda item: str(item["name"]), [Series("count", "Users"), Series("part", "Some")], colors=(1, 2))


class TestScale:
    @given(st.lists(st.integers(0, 10**12), max_size=20), st.booleans())
    def test_has_round_numbers_around_all_values(self, values: list[int], from_zero: bool) -> None:
        scale = charts.scale(values, from_zero=from_zero)
        assert all(scale.low <= value <= scale.high for value in values)
        assert all(charts.TOP <= scale.y(value) <= charts.BOTTOM for value in values)
        assert not (from_zero and scale.low)
        assert 2 <= len(scale.ticks) <= charts.Y_TICKS + 3
        assert scale.step in {factor * 10**power for factor in (1, 2, 5) for power in range(14)}

    @pytest.mark.parametrize(
        ("values", "low", "high", "step"),
        [
            ([], 0, 1, 1),
            ([0], 0, 1, 1),
            ([1], 0, 1, 1),
            ([5, 5], 0, 6, 2),
            ([100, 109], 100, 110, 5),
            ([1000, 1892], 1000, 2000, 500),
        ],
    )
    def test_examples(self, values: list[int], low: int, high: int, step: int) -> None:
        scale = charts.scale(values, from_zero=False)
        assert (scale.low, scale.high, scale.step) == (low, high, step)

    @given(st.floats(1e-9, 1e15))
    def test_a_step_is_at_least_as_large_as_needed(self, step: float) -> None:
        assert charts.nice(step) >= min(step, 1) * (1 - 1e-6)
        assert charts.nice(step) >= math.floor(step)


@given(st.lists(st.tuples(DAYS, COUNTS), unique_by=lambda each: each[0], max_size=40))
def test_lines_have_a_mark_for_each_item(rows: list[tuple[date, int | None]]) -> None:
    items = [{"date": str(day), "count": count} for day, count in sorted(rows)]
    drawing = LINES.draw(items, [items])
    assert drawing.marks.count('<g class="datum">') == len(items)
    assert drawing.marks.count("<circle") == sum(item["count"] is not None for item in items)
    (line,) = drawing.lines
    # A line is interrupted where there is no number.
    numbers = [item["count"] is not None for item in items]
    starts = sum(each and not before for before, each in pairwise([False, *numbers]))
    assert line.path.count("M") == starts
    assert line.path.count("L") == sum(numbers) - starts
    assert all(0 <= tick.place <= 100 for tick in drawing.x_ticks)
    assert len(drawing.x_ticks) <= charts.X_TICKS


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(-10, 10**7)), COUNTS), unique_by=lambda each: each[0]))
def test_columns_have_a_mark_for_each_item_and_do_not_overlap(rows: list[tuple[int | None, int | None]]) -> None:
    items = [{"year": year, "count": count} for year, count in rows]
    drawing = COLUMNS.draw(items, [items])
    assert len(drawing.columns) == len(items)
    columns = sorted(drawing.columns)
    assert all(one.left + one.width <= other.left + 0.01 for one, other in pairwise(columns))
    assert all(each.left >= 0 and each.left + each.width <= 100.01 for each in columns)
    assert all(0 <= each.height <= charts.BOTTOM - charts.TOP for each in columns)


@pytest.mark.parametrize(
    ("years", "texts", "minor"),
    [
        ([1960, 1961], ["1960", "1961"], 0),
        ([1958, 1960, 1962], ["1958", "1959", "1960", "1961", "1962"], 2),
        ([1958, 1985], ["1960", "1970", "1980"], 0),
        ([None, 1961], ["unknown", "1961"], 0),
        ([1963], ["1963"], 0),
        ([], [], 0),
    ],
)
def test_few_columns_have_their_values_below_them(years: list[int | None], texts: list[str], minor: int) -> None:
    items = [{"year": year, "count": 5} for year in years]
    ticks = COLUMNS.draw(items, [items]).x_ticks
    assert [tick.text for tick in ticks] == texts
    assert sum(tick.minor for tick in ticks) == minor


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=40))
def test_bars_have_a_mark_for_each_item(rows: list[tuple[int | None, int | None]]) -> None:
    items = [{"name": number, "count": count, "part": part} for number, (count, part) in enumerate(rows)]
    drawing = BARS.draw(items, [items])
    bars = [*drawing.bars, *drawing.more]
    assert [bar.label for bar in bars] == [str(item["name"]) for item in items]
    assert len(drawing.bars) <= charts.SHOWN_BARS
    assert all(0 <= part.width <= 100 for bar in bars for part in bar.parts)
    highest = max((number or 0 for row in rows for number in row), default=0)
    if highest:
        assert max(part.width for bar in bars for part in bar.parts) == 100


def test_charts_side_by_side_have_one_scale() -> None:
    small: list[dict[str, Any]] = [{"date": "2014-12-10", "count": 5}]
    large: list[dict[str, Any]] = [{"date": "2015-12-10", "count": 5000}]
    first, second = (LINES.draw(each, [small, large]) for each in (small, large))
    assert first.y_ticks == second.y_ticks


@pytest.mark.parametrize(
    ("first", "last", "texts"),
    [
        ("2014-12-10", "2014-12-10", ["10 Dec"]),
        ("2014-12-08", "2014-12-10", ["8 Dec", "9 Dec", "10 Dec"]),
        ("2014-11-19", "2014-12-17", ["24 Nov", "1 Dec", "8 Dec", "15 Dec"]),
        ("2014-09-12", "2014-12-10", ["Oct 2014", "Nov 2014", "Dec 2014"]),
        ("2012-12-11", "2014-12-10", ["Jan 2013", "May 2013", "Sep 2013", "Jan 2014", "May 2014", "Sep 2014"]),
        ("2010-06-01", "2014-12-10", ["2011", "2012", "2013", "2014"]),
    ],
)
def test_dates_are_marked(first: str, last: str, texts: list[str]) -> None:
    assert [text for _, text in charts.day_ticks(charts.day(first), charts.day(last))] == texts


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([], ""),
        ([7], ""),
        ([None, 7], ""),
        ([0, 10], "M1.0,22.0 99.0,2.0"),
        ([5, None, 5], "M1.0,22.0 99.0,22.0"),
    ],
)
def test_small_lines(values: list[int | None], path: str) -> None:
    assert charts.sparkline(values) == path


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, charts.NO_VALUE), (1234567, "1,234,567"), (0.75, "0.75"), (1.0, "1"), (True, "True"), (0, "0")],
)
def test_numbers_as_people_write_them(value: Any, text: str) -> None:
    assert charts.shown(value) == text
