"""Reading a page as a browser does."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

# Attributes whose value is an address that a browser follows or loads.
ADDRESSES = {"href", "src", "action", "formaction", "data", "poster", "srcset"}
# Elements without an end.
VOID = {"meta", "link", "input", "img", "br", "hr", "rect", "wbr"}


class Page(HTMLParser):
    """An HTML page, taken apart.

    Attributes:
        elements: The name and the attributes of each element, in order.
        links: The text of each link with its address.
        body: The text of the answer that the page shows.
        table: The text of the cells of the answer's table, by row.
    """

    def __init__(self, response: Any) -> None:
        super().__init__()
        assert response["Content-Type"] == "text/html; charset=utf-8"
        self.source = response.content.decode()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.links: dict[str, str] = {}
        self.texts: list[str] = []
        self.body = ""
        self.table: list[list[str]] = []
        self.open: list[tuple[str, dict[str, str]]] = []
        self.feed(self.source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)
        if tag == "tr":
            self.table.append([])
        elif tag in ("th", "td"):
            self.table[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        for tag, attributes in self.open:
            if tag == "a":
                self.links[data.strip()] = attributes["href"]
            if tag in ("th", "td"):
                self.table[-1][-1] += data
            if tag == "pre" and attributes.get("class") == "body":
                self.body += data

    @property
    def text(self) -> str:
        """What can be read, without the spaces between the words."""
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def field(self, name: str) -> dict[str, str]:
        """Return the attributes of the form's field of a name."""
        (field,) = (field for field in (*self.all("input"), *self.all("select")) if field.get("name") == name)
        return field

    def addresses(self) -> list[str]:
        return [value for _, attributes in self.elements for name, value in attributes.items() if name in ADDRESSES]

    def require_own_files_only(self) -> None:
        """Check that the page loads nothing from another host, runs no script, and needs no inline style."""
        assert {urlsplit(each).netloc for each in self.addresses()} <= {"", "testserver"}
        assert not self.all("script")
        assert not self.all("style")
        assert not [each for _, attributes in self.elements for each in attributes if each.startswith(("on", "style"))]
