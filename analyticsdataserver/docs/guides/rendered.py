"""What Sphinx's JSON builder has made of ``docs/``: a file with the HTML and the title of each guide."""

import json
import re
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.conf import settings

INDEX: Final = "index"
# Sphinx renders them, but they are not for readers of the service.
LISTS: Final = {"genindex", "search"}

# Attributes that the Content-Security-Policy forbids, that a heading lacks, and that what a keyboard scrolls needs.
CHANGES: Final = (
    (re.compile(r' style="[^"]*"'), ""),
    (re.compile(r' role="heading"'), ' role="heading" aria-level="2"'),
    (re.compile(r"<pre\b"), '<pre tabindex="0"'),
)
TABLE: Final = re.compile(r"<table\b.*?</table>", re.DOTALL)


class Guide(NamedTuple):
    """A guide.

    Attributes:
        name: Its name in an address; that of the first page is ``index``.
        title: Its title, as HTML.
        body: Its text, as HTML, without scripts and inline styles.
        previous: The name and the title of the guide before it; None for the first one.
        next: The name and the title of the guide behind it; None for the last one.
    """

    name: str
    title: str
    body: str
    previous: tuple[str, str] | None
    next: tuple[str, str] | None


def folder() -> Path:
    return Path(settings.GUIDES)


def are_built() -> bool:
    """Return whether the guides have been rendered."""
    return path_of(INDEX).is_file()


def path_of(name: str) -> Path:
    # The index of a folder is a file in it.
    nested = folder() / name / f"{INDEX}.fjson"
    return nested if nested.is_file() else folder() / f"{name}.fjson"


def guide(name: str) -> Guide | None:
    """Return a guide by its name, None where there is none."""
    path = path_of(name)
    if name in LISTS or not path.is_file():
        return None
    return read(name, path, path.stat().st_mtime_ns)


@lru_cache(100)
def read(name: str, path: Path, changed: int) -> Guide:
    """Return the guide in a file, which was changed at a time."""
    content: dict[str, Any] = json.loads(path.read_text())
    body = content["body"]
    for pattern, replacement in CHANGES:
        body = pattern.sub(replacement, body)
    numbers = count(1)
    body = TABLE.sub(
        lambda table: (
            f'<div class="table" role="region" aria-label="Table {next(numbers)}" tabindex="0">{table[0]}</div>'
        ),
        body,
    )
    return Guide(name, content["title"], body, neighbour(name, content["prev"]), neighbour(name, content["next"]))


def neighbour(name: str, link: dict[str, str] | None) -> tuple[str, str] | None:
    """Return the name and the title of the guide that a link leads to, relative to the address of a guide."""
    if link is None:
        return None
    parts = [] if name == INDEX else name.split("/")
    for part in link["link"].strip("/").split("/"):
        if part == "..":
            parts.pop()
        elif part:
            parts.append(part)
    return "/".join(parts) or INDEX, link["title"]


def contents() -> list[tuple[str, str]]:
    """Return the names and titles of all guides, in the order of reading; of the decisions only their list."""
    return listed(path_of(INDEX).stat().st_mtime_ns) if are_built() else []


@lru_cache(1)
def listed(changed: int) -> list[tuple[str, str]]:
    """Return the same; Sphinx writes every file anew when one of them has another neighbour."""
    found, present = [], guide(INDEX)
    while present is not None and present.next is not None:
        name, title = present.next
        if name.count("/") == 0:
            found.append((name, title))
        present = guide(name)
    return found
