"""What the guides in ``docs/`` show, made anew: the tests compare, and ``make guides`` writes."""

from pathlib import Path
from typing import Final

from analyticsdataserver.config import BASE_DIR

DOCS: Final = BASE_DIR / "docs"
README: Final = BASE_DIR / "README.rst"


def pages() -> list[Path]:
    """Return every page of the documentation, the one in front of it included."""
    return [README, *sorted(path for path in DOCS.rglob("*.rst") if "_build" not in path.parts)]


def table(header: list[str], rows: list[list[str]], widths: str) -> str:
    """Return a table; a cell may have several lines."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (header, *rows):
        for place, cell in enumerate(row):
            first, *others = cell.splitlines() or [""]
            lines.append(f"   {'-' if place else '*'} - {first}".replace("   - -", "     -").rstrip())
            lines.extend(f"       {line}".rstrip() for line in others)
    return "\n".join(lines) + "\n"


def indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())
