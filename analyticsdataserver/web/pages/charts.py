"""Charts as SVG that a template writes: which marks there are, and where.

Widths are in percent, so that a chart fits any screen while its text keeps its size; heights are in pixels. Every item
of an answer is one mark, which says its numbers when a pointer rests on it. Charts that stand side by side have one
scale.
"""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple, Protocol

from analyticsdataserver.web.pages.markup import marks

Item = dict[str, Any]
Number = int | float

# The height of a chart, and where its scale begins and ends, in pixels from the top.
HEIGHT: Final = 232
TOP: Final = 20
BOTTOM: Final = 200
# The width of the coordinates of lines, which are stretched to the width of the chart.
WIDTH: Final = 1000
# How many bars are shown at first; the others can be unfolded.
SHOWN_BARS: Final = 12
Y_TICKS: Final = 4
# What stands where there is no number: an en dash.
NO_VALUE: Final = "\u2013"
# How near to the end of a scale a text is not centred, in percent.
EDGE: Final = 5
X_TICKS: Final = 6
# Up to this number of columns, each can have its value below it; of more, those with a round one.
FEW_VALUES: Final = 12

# Where the dates on the scale are, by how many days it covers.
DAYS_A_YEAR: Final = 365
LONG: Final = 3 * DAYS_A_YEAR
MONTHS: Final = 75
WEEKS: Final = 12


class Tick(NamedTuple):
    """A place on a scale, in percent or pixels, with its text; whether a narrow screen leaves it out."""

    place: float
    text: str
    minor: bool = False

    @property
    def anchor(self) -> str:
        """Where the text lies that would not fit around the place: behind it, or before it."""
        return "start" if self.place < EDGE else "end" if self.place > 100 - EDGE else ""


class Mark(NamedTuple):
    """What stands for an item: the strip that a pointer finds, the points in it, and its numbers as text.

    Attributes:
        place: Its middle, in percent.
        left: The left end of the strip, in percent.
        width: The width of the strip, in percent.
        points: The place of each point in pixels, with the number of its series.
        text: Its numbers.
    """

    place: float
    left: float
    width: float
    points: list[tuple[float, int]]
    text: str


class Line(NamedTuple):
    """A series: its number, its name, and the path of its line."""

    number: int
    name: str
    path: str
    last: str


class Column(NamedTuple):
    """A column: its left end and width in percent, its top and height in pixels, and its numbers as text."""

    left: float
    width: float
    top: float
    height: float
    text: str
    is_unknown: bool


class Part(NamedTuple):
    """A part of a bar: its width in percent, and the number of its series."""

    width: float
    number: int


class Bar(NamedTuple):
    """A bar: its label, the address that the label links to, its parts, the largest first, and its numbers as text."""

    label: str
    href: str | None
    parts: list[Part]
    text: str


@dataclass(frozen=True)
class Drawing:
    """A chart, ready for the template.

    Attributes:
        kind: ``lines``, ``columns`` or ``bars``.
        summary: What it shows, in words.
        y_ticks: The scale of numbers.
        x_ticks: The other scale.
        lines: The series.
        marks: The items of a chart of lines, as SVG.
        columns: Those of a chart of columns.
        bars: Those of a chart of bars that are shown at first.
        more: The other bars.
        legend: The series that the chart shows, by number, where there are several.
    """

    kind: str
    summary: str
    y_ticks: list[Tick] = field(default_factory=list)
    x_ticks: list[Tick] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    marks: str = ""
    columns: list[Column] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    more: list[Bar] = field(default_factory=list)
    legend: list[tuple[int, str]] = field(default_factory=list)
    height: int = HEIGHT
    bottom: int = BOTTOM
    width: int = WIDTH


class Chart(Protocol):
    """How the items of an answer are drawn."""

    def draw(self, items: list[Item], beside: Sequence[list[Item]]) -> Drawing:
        """Return the chart of some items, on a scale that also fits those of the charts beside it."""


class Series(NamedTuple):
    """A number of each item."""

    name: str
    label: str


class Scale(NamedTuple):
    """A scale of numbers: its lowest and highest one, and the steps between its ticks."""

    low: Number
    high: Number
    step: Number

    def y(self, value: Number) -> float:
        """Return the place of a number in pixels from the top."""
        return round(BOTTOM - (BOTTOM - TOP) * (value - self.low) / (self.high - self.low), 1)

    @property
    def ticks(self) -> list[Tick]:
        count = round((self.high - self.low) / self.step)
        values = [self.low + index * self.step for index in range(count + 1)]
        return [Tick(self.y(value), shown(value)) for value in values]


def scale(values: Iterable[Number], *, from_zero: bool) -> Scale:
    """Return a scale with round numbers.

    Args:
        values: What has to fit in.
        from_zero: Whether it begins at 0 whatever the values are; else only where the lowest is less than half of the
            highest.
    """
    numbers = list(values) or [0]
    low, high = min(numbers), max(numbers)
    if from_zero or low < high / 2 or low == high:
        low = min(low, 0)
    step = nice((high - low) / Y_TICKS or 1)
    low = math.floor(low / step) * step
    high = max(math.ceil(high / step), math.floor(low / step) + 1) * step
    return Scale(low, high, step)


def nice(step: float) -> Number:
    """Return the next number that is 1, 2 or 5 times a power of ten, a whole one."""
    power = 10 ** math.floor(math.log10(step))
    found: float = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
    return max(1, round(found))


def shown(value: Any) -> str:
    """Return a number as people write it; a dash for none."""
    if value is None:
        return NO_VALUE
    if isinstance(value, float):
        return f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def percent(value: float) -> float:
    return round(value, 3)


class LinesOver:
    """Lines over time, or along a video: an item is a place, and has a number for each line.

    Args:
        x: The field with the place.
        series: The lines.
        place: Returns the number of a place.
        name: Returns the name of a place.
        ticks: Returns the scale from one place to another.
        noun: What the items are.
        step: How far apart neighbours are at most, for a line that is broken elsewhere; None for a whole line.
    """

    def __init__(
        self,
        x: str,
        series: Sequence[Series],
        *,
        place: Callable[[Any], Number],
        name: Callable[[Any], str],
        ticks: Callable[[Number, Number], list[tuple[Number, str]]],
        noun: str,
        step: Number | None = None,
    ) -> None:
        self.step = step
        self.x = x
        self.series = series
        self.place = place
        self.name = name
        self.ticks = ticks
        self.noun = noun

    def draw(self, items: list[Item], beside: Sequence[list[Item]]) -> Drawing:
        placed = [item for item in items if item.get(self.x) is not None]
        everywhere = [item for each in beside for item in each]
        drawn = [
            (number, series)
            for number, series in enumerate(self.series, 1)
            if len(self.series) == 1 or any(item.get(series.name) for item in everywhere)
        ] or [(1, self.series[0])]
        y = scale(
            (value for item in everywhere for _, each in drawn if (value := item.get(each.name)) is not None),
            from_zero=False,
        )
        places = [self.place(item[self.x]) for item in placed]
        first, last = min(places, default=0), max(places, default=0)
        xs = [self.percent(place, first, last) for place in places]
        breaks = {
            index for index, (one, next_) in enumerate(pairwise(places), 1) if self.step and next_ - one > self.step
        }
        return Drawing(
            "lines",
            self.summary(placed, drawn),
            y_ticks=y.ticks,
            x_ticks=[
                Tick(self.percent(place, first, last), text, bool(index % 2))
                for index, (place, text) in enumerate(self.ticks(first, last))
            ],
            lines=[
                Line(
                    number,
                    each.label,
                    path(zip(xs, (item.get(each.name) for item in placed), strict=True), y, breaks),
                    shown(placed[-1].get(each.name)) if placed else "",
                )
                for number, each in drawn
            ],
            marks=marks(self.marks(placed, xs, drawn, y), BOTTOM),
            legend=[(number, each.label) for number, each in drawn] if len(self.series) > 1 else [],
        )

    @staticmethod
    def percent(place: Number, first: Number, last: Number) -> float:
        # The first and the last point are drawn whole.
        return percent(1 + 98 * (place - first) / (last - first)) if last > first else 50.0

    def marks(self, items: list[Item], xs: list[float], drawn: list[tuple[int, Series]], y: Scale) -> Iterator[Mark]:
        borders = [0.0, *((left + right) / 2 for left, right in pairwise(xs)), 100.0]
        for item, x, left, right in zip(items, xs, borders, borders[1:], strict=False):
            points = [(y.y(value), number) for number, each in drawn if (value := item.get(each.name)) is not None]
            numbers = ", ".join(f"{each.label} {shown(item.get(each.name))}" for _, each in drawn)
            yield Mark(x, percent(left), percent(right - left), points, f"{self.name(item[self.x])}: {numbers}")

    def summary(self, items: list[Item], drawn: list[tuple[int, Series]]) -> str:
        if not items:
            return "Line chart without a point"
        first, last = items[0], items[-1]
        lines = "; ".join(
            f"{each.label} from {shown(first.get(each.name))} to {shown(last.get(each.name))}" for _, each in drawn
        )
        return (
            f"Line chart of {len(items):,} {self.noun}, {self.name(first[self.x])} to {self.name(last[self.x])}: "
            f"{lines}. The table below has the same numbers."
        )


def path(points: Iterable[tuple[float, Number | None]], y: Scale, breaks: Container[int] = ()) -> str:
    """Return the path of a line, which is broken where there is no number, and before the points in ``breaks``."""
    words: list[str] = []
    pen = False
    for index, (x, value) in enumerate(points):
        pen = pen and index not in breaks
        if value is None:
            pen = False
            continue
        place = f"{x * WIDTH / 100:g},{y.y(value):g}"
        # A line without a length is drawn as a point.
        words.append(f"L{place}" if pen else f"M{place}h.01")
        pen = True
    return "".join(words)


def day(text: Any) -> int:
    """Return the number of a day that a date, or the beginning of a week, names."""
    return date.fromisoformat(str(text)[:10]).toordinal()


def day_name(text: Any) -> str:
    return str(text)[:10]


def day_ticks(first: Number, last: Number) -> list[tuple[Number, str]]:
    """Return the dates on a scale of days: first days of years or months, Mondays, or days."""
    start, end = date.fromordinal(max(1, int(first))), date.fromordinal(max(1, int(last)))
    span = (end - start).days
    if span > LONG:
        found = [date(year, 1, 1) for year in range(start.year + 1, end.year + 1)]
        return [(each.toordinal(), f"{each.year:04d}") for each in thinned(found)]
    if span > MONTHS:
        months = range(start.year * 12 + start.month, end.year * 12 + end.month)
        found = [date(month // 12, month % 12 + 1, 1) for month in months]
        return [(each.toordinal(), f"{each:%b} {each.year:04d}") for each in thinned(found)]
    if span > WEEKS:
        found = [start + timedelta(number) for number in range(-start.weekday() % 7, span + 1, 7)]
    else:
        found = [start + timedelta(number) for number in range(span + 1)]
    return [(each.toordinal(), f"{each.day} {each:%b}") for each in thinned(found)]


def thinned(found: Sequence[Any]) -> Sequence[Any]:
    """Return every nth of some ticks, so that there is room for each."""
    return found[:: max(1, math.ceil(len(found) / X_TICKS))]


DAY: Final[dict[str, Any]] = {"place": day, "name": day_name, "ticks": day_ticks, "noun": "days"}
WEEK: Final[dict[str, Any]] = {
    **DAY,
    "name": lambda text: f"week from {day_name(text)}",
    "noun": "weeks",
}


class ColumnsBy:
    """A column for each value of a whole number, such as a year; one without a value stands apart.

    Args:
        x: The field with the value.
        y: The field with the number.
        noun: What a value is.
    """

    def __init__(self, x: str, y: str, noun: str) -> None:
        self.x = x
        self.y = y
        self.noun = noun

    def draw(self, items: list[Item], beside: Sequence[list[Item]]) -> Drawing:
        everywhere = [item for each in beside for item in each]
        y = scale((item[self.y] for item in everywhere if item[self.y] is not None), from_zero=True)
        values = sorted({item[self.x] for item in everywhere if item[self.x] is not None})
        # Values that are missing in between leave a gap, unless they are absurdly far apart.
        if values and values[-1] - values[0] <= 2 * WIDTH / 10:
            values = list(range(values[0], values[-1] + 1))
        has_unknown = any(item[self.x] is None for item in everywhere)
        slots = {value: index + (2 if has_unknown else 0) for index, value in enumerate(values)}
        slots |= {None: 0}
        width = 100 / (len(values) + (2 if has_unknown else 0) or 1)
        return Drawing(
            "columns",
            self.summary(items),
            y_ticks=y.ticks,
            x_ticks=[
                *([Tick(percent(width * 0.1), "unknown")] if has_unknown else []),
                *self.ticks(values, slots, width),
            ],
            columns=[
                Column(
                    percent(slots[item[self.x]] * width + width * 0.1),
                    percent(width * 0.8),
                    y.y(item[self.y] or 0),
                    round(BOTTOM - y.y(item[self.y] or 0), 1),
                    f"{self.label(item)}: {shown(item[self.y])}",
                    item[self.x] is None,
                )
                for item in items
            ],
        )

    def label(self, item: Item) -> str:
        return f"{self.noun} unknown" if item[self.x] is None else str(item[self.x])

    @staticmethod
    def ticks(values: Sequence[int], slots: dict[Any, int], width: float) -> Iterator[Tick]:
        every = 10 if len(values) > FEW_VALUES else 1
        # The first ones have no room beside the text for unknown.
        first = 4 * EDGE if values and slots[values[0]] else 0
        found = [value for value in values if value % every == 0 and slots[value] * width >= first] or values[:1]
        ticks = thinned(found)
        for index, value in enumerate(ticks):
            is_minor = len(ticks) > X_TICKS / 2 and bool(index % 2)
            yield Tick(percent((slots[value] + 0.5) * width), str(value), is_minor)

    def summary(self, items: list[Item]) -> str:
        known = [item for item in items if item[self.y] is not None]
        if not known:
            return "Column chart without a number"
        highest = max(known, key=lambda item: item[self.y])
        return (
            f"Column chart of {len(items):,} items by {self.noun}; the highest is {self.label(highest)} with "
            f"{shown(highest[self.y])}. The table below has the same numbers."
        )


class BarsOf:
    """A bar for each item, or for each of several fields of one.

    Args:
        label: Returns the label of an item.
        series: The numbers of an item, the largest first: each is a part of the one before.
        text: Returns the numbers of an item as text.
        colors: The colours of the series, by number.
        color: Returns the colour of an item's bar, where they differ.
        href: Returns the address of an item's own page.
    """

    def __init__(
        self,
        label: Callable[[Item], str],
        series: Sequence[Series],
        *,
        text: Callable[[Item], str] | None = None,
        colors: Sequence[int] = (1,),
        color: Callable[[Item], int] | None = None,
        href: Callable[[Item], str] | None = None,
    ) -> None:
        self.label = label
        self.series = series
        self.text = text or (lambda item: shown(item[series[0].name]))
        self.colors = colors
        self.color = color
        self.href = href

    def draw(self, items: list[Item], beside: Sequence[list[Item]]) -> Drawing:
        largest = self.series[0].name
        peak = max((item.get(each.name) or 0 for all_ in beside for item in all_ for each in self.series), default=0)
        bars = [
            Bar(
                self.label(item),
                self.href(item) if self.href else None,
                [
                    Part(
                        percent(100 * max(0, item.get(each.name) or 0) / (peak or 1)),
                        self.color(item) if self.color else color,
                    )
                    for color, each in zip(self.colors, self.series, strict=True)
                ],
                self.text(item),
            )
            for item in items
        ]
        known = [item for item in items if item.get(largest) is not None]
        summary = f"Bar chart of {len(items):,} items"
        if known:
            highest = max(known, key=lambda item: item[largest])
            summary += f"; the highest is {self.label(highest)} with {self.text(highest)}"
        return Drawing(
            "bars",
            f"{summary}. The table below has the same numbers.",
            bars=bars[:SHOWN_BARS],
            more=bars[SHOWN_BARS:],
            legend=(
                [(color, each.label) for color, each in zip(self.colors, self.series, strict=True)]
                if len(self.series) > 1
                else []
            ),
        )


def sparkline(values: Sequence[Number | None]) -> str:
    """Return the path of a small line, 100 wide and 24 high; empty where there are not two numbers."""
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1
    points = (
        f"{1 + 98 * index / (len(values) - 1):.1f},{22 - 20 * (value - low) / span:.1f}"
        for index, value in enumerate(values)
        if value is not None
    )
    return f"M{' '.join(points)}"
