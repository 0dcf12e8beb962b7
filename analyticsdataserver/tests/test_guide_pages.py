"""The guides as pages of the service."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from analytics_data_api.formats.tests.page import Page
from analytics_data_api.http.tests.shape import error_page_of, problem_of
from analyticsdataserver.config import BASE_DIR

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

HTML = "text/html,*/*;q=0.8"


def write(folder: Path, name: str, body: str, before: str | None = None, behind: str | None = None) -> None:
    path = folder / f"{name}.fjson"
    path.parent.mkdir(parents=True, exist_ok=True)
    links = {"prev": before, "next": behind}
    content = {"title": name.title(), "body": body}
    path.write_text(json.dumps(content | {key: to and {"link": to, "title": f"To {to}"} for key, to in links.items()}))


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """Some guides, as Sphinx renders them."""
    settings.GUIDES = tmp_path
    write(tmp_path, "index", "<h1>Index</h1>", behind="calling/")
    write(
        tmp_path,
        "calling",
        '<h1>Calling</h1><pre>x</pre><table><colgroup><col style="width: 3%"/></colgroup><tr><td>y</td></tr></table>'
        '<p class="caption" role="heading">Z</p><a href="../decisions/0001-a/">A</a>',
        "../",
        "../decisions/",
    )
    write(tmp_path, "decisions/index", "<h1>Decisions</h1>", "../calling/", "0001-a/")
    write(tmp_path, "decisions/0001-a", "<h1>A</h1>", "../")
    write(tmp_path, "search", "")
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images" / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "_images" / "a.webp").write_bytes(b"RIFF")
    return tmp_path


def visit(path: str) -> Page:
    response = Client().get(path, headers={"accept": HTML})
    assert response.status_code == 200
    assert "style-src 'self'" in response["Content-Security-Policy"]
    page = Page(response)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith(("on", "style"))]
    assert not page.all("script")
    assert all(each["src"].startswith("../") for each in page.all("img"))
    return page


@pytest.mark.usefixtures("folder")
class TestGuides:
    def test_are_linked_in_the_order_of_reading_with_the_decisions_as_one(self) -> None:
        page = visit("/docs/guides/")
        links = [each["href"] for each in page.all("a") if each["href"].startswith("/docs/guides/")]
        assert links[1:] == ["/docs/guides/calling/", "/docs/guides/decisions/", "/docs/guides/calling/"]

    @pytest.mark.parametrize(
        ("name", "before", "behind"),
        [
            ("calling", "/docs/guides/", "/docs/guides/decisions/"),
            ("decisions", "/docs/guides/calling/", "/docs/guides/decisions/0001-a/"),
            ("decisions/0001-a", "/docs/guides/decisions/", None),
        ],
    )
    def test_have_neighbours(self, name: str, before: str, behind: str | None) -> None:
        page = visit(f"/docs/guides/{name}/")
        found = {each["rel"]: each["href"] for each in page.all("a") if "rel" in each}
        assert found == {"prev": before} | ({"next": behind} if behind else {})

    def test_need_no_inline_style_and_scroll_by_keyboard(self) -> None:
        page = visit("/docs/guides/calling/")
        assert page.all("pre") == [{"tabindex": "0"}]
        assert [each["aria-label"] for each in page.all("div") if each.get("role") == "region"] == ["Table 1"]
        assert [each["aria-level"] for each in page.all("p") if each.get("role") == "heading"] == ["2"]

    def test_have_a_slash_at_the_end_for_the_links_in_them(self) -> None:
        response = Client().get("/docs/guides/calling")
        assert (response.status_code, response["Location"]) == (301, "/docs/guides/calling/")

    def test_have_images(self) -> None:
        for name, media_type in (("a.svg", "image/svg+xml"), ("a.webp", "image/webp")):
            response = Client().get(f"/docs/guides/_images/{name}")
            assert (response.status_code, response["Content-Type"]) == (200, media_type)
            response.close()
        problem_of(Client().get("/docs/guides/_images/b.svg"), 404, "not_found")

    @pytest.mark.parametrize("name", ["nothing", "search", "genindex", "decisions/nothing", "..%2Fcalling", "a/b/c"])
    def test_that_there_are_not_are_404(self, name: str) -> None:
        response = Client().get(f"/docs/guides/{name}/", headers={"accept": HTML})
        error_page_of(response, 404, "not_found")

    def test_are_read_anew_when_they_have_changed(self, folder: Path) -> None:
        visit("/docs/guides/calling/")
        write(folder, "calling", "<h1>Changed</h1>", "../", "../decisions/")
        os.utime(folder / "calling.fjson", (1, 1))
        assert "Changed" in visit("/docs/guides/calling/").text

    def test_are_linked_from_the_documentation(self) -> None:
        assert 'href="/docs/guides/"' in Client().get("/docs/").content.decode()


def test_where_they_are_not_built_nothing_leads_there(tmp_path: Path, settings: Any) -> None:
    settings.GUIDES = tmp_path
    assert "/docs/guides/" not in Client().get("/docs/").content.decode()
    problem = problem_of(Client().get("/docs/guides/"), 404, "not_found")
    assert "make docs" in problem["detail"]


@pytest.mark.process
def test_those_of_this_project_are_pages_without_dead_ends(tmp_path: Path, settings: Any) -> None:
    pytest.importorskip("sphinx", reason="Sphinx is not installed (requirements/docs.txt)")
    build = [sys.executable, "-m", "sphinx", "-q", "-b", "json", str(BASE_DIR / "docs"), str(tmp_path)]
    subprocess.run(build, check=True)
    settings.GUIDES = tmp_path
    page = visit("/docs/guides/")
    names = {each["href"] for each in page.all("a") if each["href"].startswith("/docs/guides/")}
    assert {"/docs/guides/getting_started/", "/docs/guides/cookbook/"} <= names
    for name in names:
        guide = visit(name)
        for each in (*guide.all("a"), *guide.all("img")):
            target = each.get("href") or each.get("src") or ""
            if "://" in target or target.startswith(("#", "/", "mailto:")):
                continue
            parts = name.strip("/").split("/")
            for part in target.partition("#")[0].strip("/").split("/"):
                if part == "..":
                    parts.pop()
                elif part:
                    parts.append(part)
            response: Any = Client().get(f"/{'/'.join(parts)}{'' if '.' in parts[-1] else '/'}")
            assert response.status_code == 200, (name, target)
            assert resolve(response.request["PATH_INFO"]).url_name in ("guides", "guide", "guide_image")
            response.close()
