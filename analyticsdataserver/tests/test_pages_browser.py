"""The pages of courses as people use them, in a headless Chromium."""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from analytics_data_api.access import keys
from analytics_data_api.access.keys import Limits
from analytics_data_api.loading.sample_data import FIXTURES, load_fixture
from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.accessibility import SCHEMES, serious, use_scheme
from analyticsdataserver.tests.test_docs_page_browser import (  # noqa: F401 - a fixture
    CHROMIUM,
    DRIVER,
    Page,
    chromium,
)
from analyticsdataserver.web import login_links
from analyticsdataserver.web.pages import sections

pytestmark = [
    pytest.mark.django_db(databases=["default", "analytics"], transaction=True),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no Chromium is installed (Debian: apt-get install chromium chromium-driver)"
    ),
    pytest.mark.xdist_group("browser"),
]

KEY = "a-key-of-the-pages"
COURSE_ID = "edX/DemoX/Demo_Course"
COURSE = f"/courses/{COURSE_ID}/"
OTHER_ID = "UniversityX/UX.3.01x/1T2015"
PROBLEM = "/problems/i4x://edX/DemoX/Demo_Course/problem/268b43628e6d45f79c52453a590f9829/"
VIDEO = "/videos/edX/DemoX/Demo_Course|i4x-edX-DemoX-video-2bf12de59273c0e22b5e2c416e31abdb/"
PAGES = {
    "courses": "/courses/",
    "course": COURSE,
    "two": f"{COURSE}?with={OTHER_ID}&range=all",
    "problem": PROBLEM,
    "video": VIDEO,
}
# The pictures in the guide: a page each, and the height that is shown of it. They are 1,100 pixels wide.
PICTURES = {"courses": 370, "course": 800, "video": 750}
PICTURE_WIDTH = 1100
GUIDE = BASE_DIR / "docs" / "pages.rst"
# Of a first page, compressed.
MOST_BYTES = 500_000


class Browser(Page):
    """A page of courses in the browser."""

    def open(self, address: str = "/courses/") -> None:
        self.chromium.get(self.server + address)
        self.find("main h1")

    def resize(self, width: int) -> None:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def all(self, selector: str) -> list[Any]:
        return self.chromium.find_elements(By.CSS_SELECTOR, selector)

    def hosts(self) -> set[str]:
        """Return the hosts that were asked for since the last time."""
        addresses = (urlsplit(url) for url in self.requested())
        return {each.netloc for each in addresses if each.scheme in ("http", "https", "ws", "wss")}


@pytest.fixture
def page(chromium: webdriver.Chrome, live_server: Any, settings: Any) -> Iterator[Browser]:  # noqa: F811 - the same
    cache.clear()
    settings.LOGIN_LINKS = True
    for fixture in sorted(FIXTURES.glob("*.json")):
        load_fixture(fixture, ANALYTICS_DATABASE)
    keys.set_key("reader", KEY)
    page = Browser(chromium, live_server.url)
    chromium.delete_all_cookies()
    page.requested()
    page.errors()
    yield page
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    use_scheme(chromium, "light")
    chromium.delete_all_cookies()


def let_in(page: Browser) -> None:
    """Follow a login link."""
    page.open(login_links.make_path(User.objects.get(username="reader")))
    assert urlsplit(page.chromium.current_url).path == "/courses/"
    assert not urlsplit(page.chromium.current_url).query


def answer(address: str) -> Any:
    return json.loads(Client(headers={"authorization": f"Token {KEY}"}).get(address).content)


def numbers(items: list[dict[str, Any]], section: sections.Section) -> list[list[str]]:
    """Return the items as the table has them; a dash for null, and yes and no."""
    columns = [path for _, path in section.columns if any(path.partition(".")[0] in item for item in items)]
    rows = []
    for item in items:
        row = []
        for path in columns:
            value: Any = item
            for name in path.split("."):
                value = value.get(name) if value else None
            if isinstance(value, bool):
                row.append("yes" if value else "no")
            elif isinstance(value, int) and path not in ("birth_year", "segment", "variant"):
                row.append(f"{value:,}")
            else:
                row.append("\N{EN DASH}" if value is None else str(value).removesuffix("T000000").removesuffix(".0"))
        rows.append(row)
    return rows


def check_sections(page: Browser, declared: tuple[sections.Section, ...]) -> None:
    """Check that each chart has a mark for each row of the endpoint, and each table the same numbers."""
    for section in declared:
        block = page.chromium.find_element(By.CSS_SELECTOR, f"section[aria-labelledby={section.slug}]")
        (address,) = (
            href
            for link in block.find_elements(By.CSS_SELECTOR, ".under a")
            if (href := link.get_attribute("href") or "").endswith("format=json")
        )
        items = answer(address.removeprefix(page.server))
        expected = 4 if section.slug == "gender" else len(items)
        assert len(block.find_elements(By.CSS_SELECTOR, ".datum")) == expected
        rows = page.chromium.execute_script(
            "return [...arguments[0].querySelectorAll('tbody tr')]"
            ".map((row) => [...row.children].map((cell) => cell.textContent))",
            block,
        )
        assert sorted(rows) == sorted(numbers(items, section))


def test_from_the_link_of_the_demo_to_the_chart_of_a_course(page: Browser) -> None:
    let_in(page)
    page.chromium.find_element(By.LINK_TEXT, "Open edX Demonstration Course").click()
    assert page.find("main h1").text == "Open edX Demonstration Course"
    check_sections(page, sections.COURSE)
    sizes = page.chromium.execute_script(
        "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".map((entry) => entry.encodedBodySize)"
    )
    assert 0 < sum(sizes) < MOST_BYTES
    problem = page.find("section[aria-labelledby=problems] .datum a")
    page.chromium.get(problem.get_attribute("href") or "")
    check_sections(page, sections.PROBLEM)
    page.find(".crumbs li:nth-child(2) a").click()
    page.wait(lambda: urlsplit(page.chromium.current_url).path == COURSE)
    page.open(VIDEO)
    check_sections(page, (sections.timeline(5),))
    assert page.hosts() == {urlsplit(page.server).netloc}
    # Neither a message nor a violation of the policy.
    assert page.chromium.get_log("browser") == []


def test_a_limited_key_logs_in_and_sees_its_courses(page: Browser) -> None:
    key = keys.create_key("partner", Limits(courses=frozenset({OTHER_ID}))).text
    page.open("/courses/?search=x")
    assert page.find("main h1").text == "Log in"
    page.find("input[name=key]").send_keys(key, Keys.ENTER)
    page.wait(lambda: urlsplit(page.chromium.current_url).path == "/courses/")
    assert urlsplit(page.chromium.current_url).query == "search=x"
    page.open()
    assert [each.text for each in page.all(".courses tbody .id:not(td .id)")] == [OTHER_ID]
    page.open(COURSE)
    assert page.find("main h1").text == "Forbidden"
    assert COURSE_ID in page.find("main").text
    # It leads on.
    assert page.all("main a")


def test_courses_are_searched_sorted_and_compared(page: Browser) -> None:
    make.EnrollmentFactory(course_id=OTHER_ID, count=12)
    let_in(page)
    page.find("#search").send_keys("demonstration", Keys.ENTER)
    page.wait(lambda: len(page.all(".courses tbody tr")) == 1)
    page.chromium.find_element(By.LINK_TEXT, "All courses").click()
    page.wait(lambda: len(page.all(".courses tbody tr")) == 2)
    assert page.find(".courses [aria-sort]").get_attribute("aria-sort") == "descending"
    assert [each.text for each in page.all(".courses tbody .c2")] == ["1,892", "12"]
    page.find(".courses thead .c2 a").click()
    page.wait(lambda: page.find(".courses [aria-sort]").get_attribute("aria-sort") == "ascending")
    assert [each.text for each in page.all(".courses tbody .c2")] == ["12", "1,892"]
    page.open(COURSE)
    page.chromium.find_element(By.XPATH, "//summary[text()='Compare with another course']").click()
    page.find("#with").send_keys(OTHER_ID, Keys.ENTER)
    page.wait(lambda: len(page.all("section[aria-labelledby=enrollment] .panel")) == 2)
    first, second = page.all("section[aria-labelledby=enrollment] .axis")
    assert first.text == second.text != ""


def test_a_chart_is_read_by_keyboard(page: Browser) -> None:
    let_in(page)
    page.open(COURSE)
    summary = page.find("section[aria-labelledby=enrollment] summary")
    for _ in range(60):
        page.chromium.switch_to.active_element.send_keys(Keys.TAB)
        if page.chromium.switch_to.active_element == summary:
            break
    summary.send_keys(Keys.ENTER)
    table = page.find("section[aria-labelledby=enrollment] table")
    assert "2014-12-10" in table.text
    summary.send_keys(Keys.TAB)
    # The table scrolls by keyboard.
    assert page.chromium.switch_to.active_element.get_attribute("role") == "region"


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_a_narrow_screen_and_axe_finds_nothing_serious(page: Browser, name: str) -> None:
    let_in(page)
    for scheme in SCHEMES:
        use_scheme(page.chromium, scheme)
        for width in (1280, 375):
            page.resize(width)
            page.open(PAGES[name])
            assert page.chromium.execute_script("return document.documentElement.scrollWidth") <= width
            # Also of what is folded.
            page.chromium.execute_script(
                "document.querySelectorAll('details').forEach((each) => { each.open = true; })"
            )
            assert page.chromium.execute_script("return document.documentElement.scrollWidth") <= width
            assert serious(page.chromium) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_login_page_has_nothing_serious(page: Browser, scheme: str) -> None:
    use_scheme(page.chromium, scheme)
    page.chromium.get_log("browser")
    page.open("/api-auth/login/")
    assert serious(page.chromium) == []
    assert page.chromium.get_log("browser") == []


@pytest.mark.parametrize("name", PICTURES)
def test_the_guide_has_a_picture(page: Browser, name: str, request: pytest.FixtureRequest) -> None:
    """With ``--write-guides``, take it. Letters differ from machine to machine, so that pictures are not compared."""
    picture = GUIDE.parent / "pictures" / f"{name}.webp"
    if request.config.getoption("--write-guides"):
        let_in(page)
        page.resize(PICTURE_WIDTH)
        page.open(PAGES[name])
        clip = {"x": 0, "y": 0, "width": PICTURE_WIDTH, "height": PICTURES[name], "scale": 1}
        taken = page.chromium.execute_cdp_cmd(
            "Page.captureScreenshot", {"format": "webp", "quality": 60, "clip": clip, "captureBeyondViewport": True}
        )
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes(base64.b64decode(taken["data"]))
    assert picture.read_bytes()[8:12] == b"WEBP"
    assert f".. image:: pictures/{name}.webp" in GUIDE.read_text()
