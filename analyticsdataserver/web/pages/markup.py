"""HTML of which a page has thousands: a template takes four times as long to write it."""

from collections.abc import Iterable, Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe


def table_rows(rows: Iterable[tuple[Sequence[str], str | None]]) -> SafeString:
    """Return the rows of a table.

    Args:
        rows: Of each row the cells, of which the first one is its heading, and the address that this links to.
    """
    parts = []
    for (first, *others), href in rows:
        heading = escape(first) if href is None else f'<a href="{escape(href)}">{escape(first)}</a>'
        cells = "</td><td>".join(map(escape, others))
        parts.append(f'<tr><th scope="row">{heading}</th>{f"<td>{cells}</td>" if others else ""}</tr>\n')
    return mark_safe("".join(parts))  # noqa: S308 - escaped before


def marks(found: Iterable[tuple[float, float, float, Sequence[tuple[float, int]], str]], height: int) -> SafeString:
    """Return the marks of a chart of lines.

    Args:
        found: Of each mark its middle, the left end and the width of its strip, its points and its text.
        height: The height of the strips.
    """
    parts = []
    for place, left, width, points, text in found:
        circles = "".join(f'<circle class="fill s{number}" cx="{place}%" cy="{y}" r="4"/>' for y, number in points)
        parts.append(
            f'<g class="datum"><rect class="strip" x="{left}%" width="{width}%" y="0" height="{height}"/>{circles}'
            f"<title>{escape(text)}</title></g>\n"
        )
    return mark_safe("".join(parts))  # noqa: S308 - numbers, and what is escaped before
