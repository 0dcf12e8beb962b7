"""axe-core on every page of the service, light and wide, and dark and narrow."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.urls import URLResolver, get_resolver

from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.docs.guides import rendered
from analyticsdataserver.docs.guides.views import address
from analyticsdataserver.tests.accessibility import serious, use_scheme
from analyticsdataserver.tests.test_docs_page_browser import (
    CHROMIUM,
    DRIVER,
    chromium,
)
from analyticsdataserver.tests.test_pages_browser import COURSE, PAGES, PROBLEM, VIDEO, Browser, let_in, page

__all__ = ["chromium", "page"]

pytestmark = [
    pytest.mark.django_db(databases=["default", "analytics"], transaction=True),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no Chromium is installed (Debian: apt-get install chromium chromium-driver)"
    ),
    pytest.mark.xdist_group("browser"),
]

# The pages of a version's endpoints have one template; these have a table of each kind, no table, and errors.
ENDPOINTS: Final = [
    "enrollment/location/?_sort=-count",
    "recent_activity/",
    "problems/",
    "enrollment/?start_date=yesterday",
    "enrollment/?start_date=2020-01-01",
]
# Seconds. A page of some thousand elements takes axe long on a busy machine.
TIMEOUT: Final = 120
# What is left out of a page, as one of 17,000 elements would take minutes: rows of tables, blocks of code, and sections
# of a section of a guide that are like those before them.
ALIKE: Final = (
    "tbody tr:nth-child(n+4), article section > div:nth-of-type(n+4), "
    "article section section > section:nth-of-type(n+3)"
)
# By the name of its route, or of its version, the addresses of each page; None for what browsers show no page of.
ADDRESSES: Final[dict[str, list[str] | None]] = {
    "v0": [f"/api/v0{COURSE}{path}" for path in ENDPOINTS],
    "v1": [f"/api/v1{COURSE}{path}" for path in ENDPOINTS] + [f"/api/v1/{path}/" for path in ("courses", "key")],
    "versions": ["/api/"],
    "endpoints_v0": ["/api/v0/"],
    "endpoints_v1": ["/api/v1/"],
    "docs": ["/docs/"],
    "courses": [PAGES["courses"], f"/courses/?search=nothing&with={COURSE.removeprefix('/courses/')}"],
    "course": [PAGES["course"], PAGES["two"]],
    "problem": [PROBLEM],
    "video": [VIDEO],
    "guides": [address(rendered.INDEX)],
    # All of them, once they are rendered.
    "guide": [],
    "login": ["/api-auth/login/"],
    "not_found": ["/nowhere/", "/api/nowhere/?x=y"],
    # Redirects.
    "root": None,
    "link": None,
    "logout": None,
    **{f"moved_{name}_{version}": None for name in ("status", "health", "authenticated") for version in ("v0", "v1")},
    # For programs.
    "status": None,
    "health": None,
    "authenticated": None,
    "token": None,
    "schema": None,
    # Files.
    "guide_image": None,
    "report_file": None,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guides, as `make docs` renders them."""
    pytest.importorskip("sphinx", reason="Sphinx is not installed (requirements/docs.txt)")
    folder = tmp_path_factory.mktemp("guides")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", "-b", "json", BASE_DIR / "docs", folder], check=True)
    return folder


def names() -> Iterator[str]:
    """Yield the names of the routes, and those of the versions instead of their routes."""
    for pattern in get_resolver().url_patterns:
        found: Any = pattern
        if not isinstance(found, URLResolver):
            yield found.name
        elif found.namespace in ADDRESSES:
            yield found.namespace
        else:
            routes: list[Any] = found.url_patterns
            yield from (each.name for each in routes)


def check(page: Browser, addresses: list[str]) -> None:
    """Check that pages fit the width of the screen, and that axe finds nothing serious, also in what is folded."""
    page.chromium.set_script_timeout(TIMEOUT)
    for scheme, width in (("light", 1280), ("dark", 375)):
        use_scheme(page.chromium, scheme)
        page.resize(width)
        for each in addresses:
            page.chromium.get(page.server + each)
            page.find("main h1, body[data-ready]")
            page.chromium.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            assert page.chromium.execute_script("return document.documentElement.scrollWidth") <= width, each
            page.chromium.execute_script(
                "document.querySelectorAll(arguments[0]).forEach((one) => { one.remove(); })", ALIKE
            )
            assert serious(page.chromium) == [], (each, scheme)


def test_every_route_is_here() -> None:
    assert set(names()) == ADDRESSES.keys()


@pytest.mark.parametrize("name", [name for name, addresses in ADDRESSES.items() if addresses])
def test_a_page(page: Browser, name: str, settings: Any, folder: Path) -> None:
    settings.GUIDES = folder
    if name != "login":
        let_in(page)
    check(page, ADDRESSES[name] or [])


@pytest.mark.slow
def test_every_guide(page: Browser, settings: Any, folder: Path) -> None:
    settings.GUIDES = folder
    guides = [name for name, _ in rendered.contents()]
    assert "reference" in guides
    # The decisions have no markup of their own: one stands for them.
    check(page, [address(name) for name in (*guides, "decisions/0006-docs-page")])
