"""The page at /docs/ as a person uses it, in a headless Chromium."""

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars
import pytest
from django.core.cache import cache
from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from analytics_data_api.access import keys
from analytics_data_api.loading.sample_data import FIXTURES, load_fixture
from analytics_data_api.tables import ANALYTICS_DATABASE
from analytics_data_api.tables.models import CourseEnrollmentDaily
from analytics_data_api.tables.tests import factories as make

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.django_db(databases=["default", "analytics"], transaction=True),
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER), reason="no Chromium is installed (Debian: apt-get install chromium chromium-driver)"
    ),
    # One browser for all of them.
    pytest.mark.xdist_group("browser"),
]

KEY = "a-key-of-the-docs-page"
EXAMPLE = [{"course_id": "edX/DemoX/Demo_Course", "date": "2014-12-10", "count": 1892, "created": "2014-12-10T193146"}]
OPERATION = "#operations-api-get_enrollment"
SECONDS = 20


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in (
        "--headless=new",
        # Containers lack what the sandbox and the usual shared memory need.
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        # Nothing of the browser's own may go out, either.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--no-first-run",
        "--window-size=1280,900",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


class Page:
    """The page in the browser."""

    def __init__(self, chromium: webdriver.Chrome, server: str) -> None:
        self.chromium = chromium
        self.server = server

    def open(self, address: str = "/docs/") -> None:
        # From elsewhere, so that the page is loaded anew also where only the part behind # differs.
        self.chromium.get("about:blank")
        self.chromium.get(self.server + address)
        self.find("body[data-ready]")

    def wait(self, condition: Callable[[], Any]) -> Any:
        return WebDriverWait(self.chromium, SECONDS).until(lambda _: condition())

    def find(self, selector: str) -> WebElement:
        element: WebElement = self.wait(
            lambda: next(
                (each for each in self.chromium.find_elements(By.CSS_SELECTOR, selector) if each.is_displayed()), None
            )
        )
        return element

    def click(self, selector: str) -> None:
        def clicked() -> bool:
            element = self.find(selector)
            # At once, as the page itself scrolls smoothly and moves what is clicked.
            self.chromium.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
            try:
                element.click()
            except (ElementClickInterceptedException, StaleElementReferenceException):
                return False
            return True

        self.wait(clicked)

    def enter_key(self, key: str) -> None:
        field = self.find("#key-field")
        field.clear()
        field.send_keys(key)

    def status(self, state: str) -> str:
        return self.find(f"#key-status[data-state={state}]").text

    def requested(self) -> list[str]:
        """Return the addresses that were asked for since the last time."""
        messages = (json.loads(entry["message"])["message"] for entry in self.chromium.get_log("performance"))
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.chromium.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(chromium: webdriver.Chrome, live_server: Any) -> Page:
    cache.clear()
    load_fixture(FIXTURES / "edX_DemoX_Demo_Course.json", ANALYTICS_DATABASE)
    keys.set_key("reader", KEY)
    page = Page(chromium, live_server.url)
    page.requested()
    page.errors()
    return page


def test_an_endpoint_is_tried_with_a_key(page: Page) -> None:
    page.open("/docs/#!/api/")
    page.enter_key(KEY)
    page.click("#explore")
    assert "valid" in page.status("good")
    page.click(f"{OPERATION} button.opblock-summary-control")
    page.click(f"{OPERATION} .try-out__btn")
    assert page.find(f"{OPERATION} input[placeholder=course_id]").get_attribute("value") == "edX/DemoX/Demo_Course"
    page.click(f"{OPERATION} .execute")
    answer = page.find(f"{OPERATION} .live-responses-table")
    assert page.find(f"{OPERATION} .live-responses-table .response-col_status").text.startswith("200")
    body = page.find(f"{OPERATION} .live-responses-table .response-col_description .highlight-code").text
    assert json.loads(body[body.index("[") : body.rindex("]") + 1]) == EXAMPLE
    assert "content-type: application/json" in answer.text
    url = page.find(f"{OPERATION} .request-url").text
    assert "/api/v0/courses/edX%2FDemoX%2FDemo_Course/enrollment/" in url

    # The key is nowhere but in the field, and nothing has left this host.
    assert KEY not in page.chromium.page_source
    assert KEY not in page.chromium.current_url
    stored = page.chromium.execute_script("return JSON.stringify([{...localStorage}, document.cookie])")
    assert KEY not in stored
    # Others, such as chrome:, are the browser's own pages and never leave it.
    requested = [url for url in page.requested() if urlsplit(url).scheme in ("http", "https", "ws", "wss")]
    assert requested
    assert {urlsplit(url).netloc for url in requested} == {urlsplit(page.server).netloc}
    assert not any(KEY in url for url in requested)
    assert page.errors() == []


@pytest.mark.parametrize("key", ["nobodys-key", "not a key"])
def test_a_wrong_key_is_told_at_once(page: Page, key: str) -> None:
    page.open()
    page.enter_key(key)
    page.find("#key-field").send_keys(Keys.ENTER)
    assert "not valid" in page.status("bad")


def test_the_group_is_closed_at_first_and_opened_by_its_address(page: Page) -> None:
    page.open()
    page.find(".opblock-tag")
    assert not page.chromium.find_elements(By.CSS_SELECTOR, OPERATION)
    page.open("/docs/#!/api/")
    page.find(OPERATION)


def test_an_operation_is_opened_by_its_address(page: Page) -> None:
    page.open("/docs/#!/api/get_enrollment_by_gender")
    page.find("#operations-api-get_enrollment_by_gender .try-out__btn")
    assert not page.chromium.find_elements(By.CSS_SELECTOR, f"{OPERATION} .try-out__btn")


def test_the_address_follows_what_is_opened(page: Page) -> None:
    page.open("/docs/#!/api/")
    page.click(f"{OPERATION} button.opblock-summary-control")
    page.wait(lambda: page.chromium.current_url.endswith("/docs/#!/api/get_enrollment"))


@pytest.mark.parametrize("name", ["url", "configUrl", "spec"])
def test_a_link_cannot_put_another_description_in_the_place_of_ours(page: Page, name: str) -> None:
    elsewhere = "https://elsewhere.example/openapi.json"
    page.open(f"/docs/?{name}={elsewhere}#!/api/")
    page.find(OPERATION)
    assert not any(url.startswith("https://elsewhere") for url in page.requested())


def test_it_fits_a_narrow_screen(page: Page) -> None:
    size = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    page.chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.open("/docs/#!/api/get_enrollment")
        page.find(f"{OPERATION} .try-out__btn")
        assert page.chromium.execute_script("return document.documentElement.scrollWidth") <= 375
    finally:
        page.chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_is_used_by_keyboard_alone(page: Page) -> None:
    page.open("/docs/#!/api/")
    page.find("#key-field").send_keys(KEY, Keys.ENTER)
    page.status("good")
    page.find(f"{OPERATION} button.opblock-summary-control").send_keys(Keys.ENTER)
    page.find(f"{OPERATION} .try-out__btn").send_keys(Keys.ENTER)
    page.find(f"{OPERATION} .execute").send_keys(Keys.ENTER)
    assert page.find(f"{OPERATION} .live-responses-table .response-col_status").text.startswith("200")


def test_download_saves_the_whole_of_a_long_response(page: Page, tmp_path: Path) -> None:
    first = date(2010, 1, 1)
    days = [first + timedelta(days=day) for day in range(1500)]
    CourseEnrollmentDaily.objects.bulk_create(
        CourseEnrollmentDaily(course_id="edX/DemoX/Demo_Course", date=day, count=7, created=make.CREATED)
        for day in days
    )
    page.chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.open("/docs/#!/api/get_enrollment")
    page.enter_key(KEY)
    page.click("#explore")
    page.status("good")
    page.click(f"{OPERATION} .try-out__btn")
    page.find(f"{OPERATION} input[placeholder=start_date]").send_keys("2010-01-01")
    page.find(f"{OPERATION} input[placeholder=end_date]").send_keys("2014-10-01")
    page.click(f"{OPERATION} .execute")
    shown = page.find(f"{OPERATION} .live-responses-table .response-col_description .highlight-code").text
    assert "more characters. Download saves the whole response." in shown
    assert len(shown) < 50_000
    page.click(f"{OPERATION} .live-responses-table .download-contents")
    saved = page.wait(lambda: next((path for path in tmp_path.iterdir() if path.suffix == ".json"), None))
    items = page.wait(lambda: json.loads(saved.read_text() or "null"))
    assert [item["date"] for item in items] == [day.isoformat() for day in days]


def try_format(page: Page, operation: str, format_: str) -> None:
    """Send the sample request of an operation in a format."""
    page.open(f"/docs/#!/api/{operation}")
    page.enter_key(KEY)
    page.click("#explore")
    page.status("good")
    selector = f"#operations-api-{operation}"
    page.click(f"{selector} .try-out__btn")
    Select(page.find(f"{selector} tr[data-param-name=format] select")).select_by_visible_text(format_)
    page.click(f"{selector} .execute")


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        ("get_enrollment", "edX-DemoX-Demo_Course--enrollment"),
        # The service names no file.
        ("get_grade_distribution", "grade_distribution"),
    ],
)
@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_a_binary_format_is_a_download(page: Page, tmp_path: Path, operation: str, name: str, format_: str) -> None:
    page.chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    try_format(page, operation, format_)
    page.click(f"#operations-api-{operation} .live-responses-table a[download]")
    saved = tmp_path / f"{name}.{format_}"
    page.wait(lambda: saved.exists() and saved.stat().st_size)
    read = polars.read_parquet if format_ == "parquet" else polars.read_ipc_stream
    assert read(saved)["count"].sum() > 0
    assert page.errors() == []


def test_lines_of_json_are_shown(page: Page) -> None:
    operation = "get_grade_distribution"
    try_format(page, operation, "ndjson")
    body = page.find(
        f"#operations-api-{operation} .live-responses-table .response-col_description .highlight-code"
    ).text
    assert body.removeprefix("Download\n").startswith('{"module_id":')
    assert "can't parse" not in body
