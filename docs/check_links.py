"""Finds links between built pages that lead nowhere: `make docs` runs it over what Sphinx has built.

Sphinx checks the references of the sources; this checks what became of them, and of what the theme adds.
"""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name == "id" and value:
                self.anchors.add(value)


def broken_links(folder: Path) -> Iterator[str]:
    """Yield each link of a folder's pages to a file, or to a part of a page, that is not there."""
    pages = {path.resolve(): Page(path) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        for link in sorted(page.links):
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            found = target.is_file() and (
                not address.fragment or target not in pages or unquote(address.fragment) in pages[target].anchors
            )
            if not found:
                yield f"{path.relative_to(folder.resolve())}: {link}"


if __name__ == "__main__":
    broken = list(broken_links(Path(sys.argv[1])))
    for each in broken:
        sys.stderr.write(f"Broken link in {each}\n")
    sys.exit(bool(broken))
