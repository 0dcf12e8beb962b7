"""Reading the pages of courses: the sections, with the marks of their charts and the cells of their tables."""

from typing import Any
from urllib.parse import urlsplit

from analytics_data_api.formats.tests.page import Page


class Section:
    """A section of a page.

    Attributes:
        marks: How many marks its charts have.
        titles: What the marks say.
        rows: The rows of its tables, as lists of cells; the headings first.
        links: The addresses of its links, by their visible and hidden text.
        text: All of its text.
        codes: The requests as code.
        addresses: The addresses of its links, in their order.
    """

    def __init__(self) -> None:
        self.marks = 0
        self.titles: list[str] = []
        self.rows: list[list[str]] = []
        self.links: dict[str, str] = {}
        self.text = ""
        self.codes: list[str] = []
        self.addresses: list[str] = []

    @property
    def headings(self) -> list[str]:
        return self.rows[0]

    @property
    def body(self) -> list[list[str]]:
        return self.rows[1:]


class CoursesPage(Page):
    """A page of courses, taken apart.

    Attributes:
        sections: The sections, by the id of their headings; what is outside of them by "".
    """

    def __init__(self, response: Any) -> None:
        self.sections: dict[str, Section] = {"": Section()}
        self.current = self.sections[""]
        super().__init__(response)
        self.require_own_files_only()
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "script-src" not in response["Content-Security-Policy"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        self.noted(tag, dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_startendtag(tag, attrs)
        self.noted(tag, dict(attrs))

    def noted(self, tag: str, attributes: dict[str, str | None]) -> None:
        if tag == "section":
            self.current = self.sections.setdefault(attributes["aria-labelledby"] or "", Section())
        if "datum" in (attributes.get("class") or "").split():
            self.current.marks += 1
        if tag == "a":
            self.current.addresses.append(attributes["href"] or "")
        if tag == "tr":
            self.current.rows.append([])
        if tag in ("th", "td"):
            self.current.rows[-1].append("")
        if tag == "title":
            self.current.titles.append("")
        if tag == "pre":
            self.current.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag == "section":
            self.current = self.sections[""]

    def handle_data(self, data: str) -> None:
        super().handle_data(data)
        self.current.text += data
        tags = [tag for tag, _ in self.open]
        if "td" in tags or "th" in tags:
            self.current.rows[-1][-1] = f"{self.current.rows[-1][-1]} {data.strip()}".strip()
        if tags[-1:] == ["title"]:
            self.current.titles[-1] += data
        if tags[-1:] == ["pre"]:
            self.current.codes[-1] += data
        for tag, attributes in self.open:
            if tag == "a":
                self.current.links[data.strip()] = attributes["href"]

    @property
    def words(self) -> str:
        """All text, with a single space between words."""
        return " ".join(self.text.split())

    def address(self, slug: str, format_: str, number: int = 0) -> str:
        """Return where a section leads for its numbers in a format."""
        address = [each for each in self.sections[slug].addresses if each.endswith(f"format={format_}")][number]
        assert urlsplit(address).path.startswith("/api/v1/")
        return address
