"""The page at /docs/ as a person uses it, in a headless Chromium."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
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
from analyticsdataserver.tests import accessibility

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

    def open_operation(self, operation: str, tag: str = "#operations-api-") -> str:
        """Try an operation with the key, and return its selector."""
        self.open(f"/docs/#!/api/{operation}")
        self.enter_key(KEY)
        self.click("#explore")
        self.status("good")
        self.click(f"{tag}{operation} .try-out__btn")
        return f"{tag}{operation}"

    def tab_to(self, selector: str) -> WebElement:
        """Press Tab until an element has the focus."""
        for _ in range(200):
            element: WebElement = self.chromium.switch_to.active_element
            if element in self.chromium.find_elements(By.CSS_SELECTOR, selector):
                return element
            element.send_keys(Keys.TAB)
        raise AssertionError(f"{selector} cannot be reached by Tab")

    def messages(self) -> list[str]:
        """Return all messages in the console since the last time, of which there should be none."""
        return [entry["message"] for entry in self.chromium.get_log("browser")]

    def foreign(self) -> list[str]:
        """Return the addresses on other hosts that were asked for since the last time."""
        own = urlsplit(self.server).netloc
        schemes = ("http", "https", "ws", "wss")
        return [url for url in self.requested() if urlsplit(url).scheme in schemes and urlsplit(url).netloc != own]

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


def test_it_leads_by_tab_alone_from_the_key_to_csv(page: Page, tmp_path: Path) -> None:
    page.chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.open()
    page.tab_to("#key-field").send_keys(KEY, Keys.ENTER)
    page.status("good")
    page.tab_to("#search-field").send_keys("v0 enrollment location", Keys.ENTER)
    operation = "#operations-api-get_enrollment_by_location"
    # The search has opened the group, and leads to what it has found.
    page.tab_to(f"{operation} .opblock-summary-control").send_keys(Keys.ENTER)
    page.find(f"{operation} .try-out__btn")
    page.tab_to(f"{operation} .try-out__btn").send_keys(Keys.ENTER)
    page.tab_to(f"{operation} tr[data-param-name=format] select").send_keys("csv")
    page.tab_to(f"{operation} .execute").send_keys(Keys.ENTER)
    page.find(f"{operation} .csv")
    page.tab_to(f"{operation} a.download-contents").send_keys(Keys.ENTER)
    saved = tmp_path / "edX-DemoX-Demo_Course--enrollment-location.csv"
    page.wait(lambda: saved.exists() and saved.stat().st_size)
    key = {"authorization": f"Token {KEY}"}
    answer = Client(headers=key).get("/api/v0/courses/edX/DemoX/Demo_Course/enrollment/location.csv")
    assert saved.read_bytes() == answer.content
    rows = [cell.text for cell in page.chromium.find_elements(By.CSS_SELECTOR, f"{operation} .csv tr")]
    assert [row.split() for row in rows] == [
        line.split(",") for line in answer.content.decode().replace('"', "").splitlines()
    ]
    # No violation of the policy either.
    assert page.messages() == []
    assert page.foreign() == []


def test_the_groups_come_in_order_with_the_operations_last(page: Page) -> None:
    page.open("/docs/#!/api/")
    page.find(OPERATION)
    shown = page.chromium.execute_script(
        "return [...document.querySelectorAll('#endpoints .group, #endpoints .opblock-summary-path')]"
        ".map((each) => each.matches('.group') ? `# ${each.textContent}` : each.dataset.path)"
    )
    headings = [each for each in shown if each.startswith("# ")]
    assert headings == ["# Courses", "# Problems", "# Videos", "# Many courses", "# Operations"]
    last = shown[shown.index("# Operations") + 1 :]
    assert set(last) == {"/api-token-auth/", "/status/", "/health/", "/authenticated/"}
    assert shown[1].startswith("/api/v0/courses/{course_id}/")
    page.click("#search-groups button:last-child")
    assert page.chromium.switch_to.active_element.text == "Operations"


def test_the_search_leaves_what_has_all_words(page: Page) -> None:
    page.open()
    field = page.find("#search-field")
    field.send_keys("GENDER v1")
    page.find("#operations-api-get_v1_enrollment_by_gender")
    status = page.chromium.find_element(By.ID, "search-status")
    page.wait(lambda: str(status.get_attribute("textContent")).startswith("3 of "))
    paths = page.chromium.find_elements(By.CSS_SELECTOR, ".opblock-summary-path")
    assert len(paths) == 3
    assert all("gender" in str(each.get_attribute("data-path")) for each in paths)
    field.clear()
    field.send_keys("nothing of the kind")
    page.wait(lambda: str(status.get_attribute("textContent")).startswith("0 of "))
    assert not page.chromium.find_elements(By.CSS_SELECTOR, ".opblock")


def test_ids_that_the_key_may_see_are_offered_and_filled_in(page: Page) -> None:
    CourseEnrollmentDaily.objects.all().delete()
    for course_id in ("edX/OtherX/2015", "edX/SecretX/2015"):
        make.EnrollmentFactory(course_id=course_id)
    key = keys.create_key("partner", keys.Limits(courses=frozenset({"edX/OtherX/2015"}))).text
    page.open("/docs/#!/api/get_enrollment")
    page.enter_key(key)
    page.click("#explore")
    page.status("good")
    offered = "return [...document.querySelectorAll('#known-course_id option')].map((each) => each.value)"
    page.wait(lambda: page.chromium.execute_script(offered))
    assert page.chromium.execute_script(offered) == ["edX/OtherX/2015"]
    page.click(f"{OPERATION} .try-out__btn")
    field = page.find(f"{OPERATION} input[placeholder=course_id]")
    page.wait(lambda: field.get_attribute("value") == "edX/OtherX/2015")
    assert field.get_attribute("list") == "known-course_id"
    page.click(f"{OPERATION} .execute")
    assert page.find(f"{OPERATION} .live-responses-table .response-col_status").text.startswith("200")
    assert page.messages() == []
    # Another key's courses take their place.
    page.enter_key(KEY)
    page.click("#explore")
    page.wait(lambda: "edX/SecretX/2015" in page.chromium.execute_script(offered))


def test_a_wrong_date_gets_the_services_own_sentence(page: Page) -> None:
    operation = page.open_operation("get_enrollment")
    page.find(f"{operation} input[placeholder=start_date]").send_keys("yesterday")
    page.click(f"{operation} .execute")
    expected = "start_date is 'yesterday'; it takes a date that exists, as YYYY-mm-dd or YYYY-mm-ddTHHMMSS (UTC)."
    assert page.find(f"{operation} .problem").text == expected


def test_a_date_is_chosen_in_a_calendar(page: Page) -> None:
    operation = page.open_operation("get_enrollment")
    assert page.find(f"{operation} [data-param-name=start_date] button.calendar-button").accessible_name
    # The calendar is the browser's own, which no test can open.
    page.chromium.execute_script(
        "const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;"
        "const picker = document.querySelector('[data-param-name=start_date] .calendar-date');"
        "set.call(picker, '2014-12-10'); picker.dispatchEvent(new Event('input', {bubbles: true}));"
    )
    field = page.find(f"{operation} input[placeholder=start_date]")
    page.wait(lambda: field.get_attribute("value") == "2014-12-10")
    page.click(f"{operation} .execute")
    assert "start_date=2014-12-10" in page.find(f"{operation} .request-url").text


SNIPPETS = {
    "curl": "curl -H 'Authorization: Token YOUR-KEY' \\\n  '{url}'",
    "Python": (
        'import io\nimport pandas\nimport requests\n\nresponse = requests.get(\n    "{url}",\n'
        '    headers={{"Authorization": "Token YOUR-KEY"}},\n    timeout=60,\n)\nresponse.raise_for_status()\n'
        "frame = pandas.read_csv(io.StringIO(response.text), keep_default_na=False, na_values=[''])"
    ),
    "R": (
        'library(httr2)\n\nresponse <- request("{url}") |>\n  req_headers(`Authorization` = "Token YOUR-KEY") |>\n'
        "  req_perform()\nframe <- read.csv(text = resp_body_string(response), na.strings = '')"
    ),
    "JavaScript": (
        'const response = await fetch("{url}", {{\n  headers: {{ "Authorization": "Token YOUR-KEY" }},\n}});\n'
        "if (!response.ok) throw new Error((await response.json()).detail);\nconst text = await response.text();"
    ),
}


def test_the_request_is_shown_in_four_languages_without_the_key(page: Page) -> None:
    operation = page.open_operation("get_enrollment")
    Select(page.find(f"{operation} tr[data-param-name=format] select")).select_by_visible_text("csv")
    page.click(f"{operation} .execute")
    url = f"{page.server}/api/v0/courses/edX%2FDemoX%2FDemo_Course/enrollment/?format=csv"
    for number, (language, text) in enumerate(SNIPPETS.items(), 1):
        page.click(f"{operation} .snippet-languages button:nth-child({number})")
        assert page.find(f"{operation} .snippet-languages [aria-pressed=true]").text == language
        assert page.find(f"{operation} pre.curl").text == text.format(url=url)
    assert KEY not in page.chromium.page_source
    program = page.chromium.execute_script("return document.querySelector('pre.curl').textContent")
    assert "Accept" not in program

    # The Python program does what it says.
    page.click(f"{operation} .snippet-languages button:nth-child(2)")
    variables: dict[str, Any] = {}
    exec(page.find(f"{operation} pre.curl").text.replace("YOUR-KEY", KEY), variables)  # noqa: S102 - the page's own
    assert variables["frame"]["count"].tolist() == [1892]


def test_a_password_stays_out_of_the_request_that_is_shown(page: Page) -> None:
    operation = page.open_operation("obtain_key")
    page.find(f"{operation} input[type=password]").send_keys('se"cret&word')
    page.find(f"{operation} input[type=text]").send_keys("reader")
    page.click(f"{operation} .execute")
    shown = page.find(f"{operation} pre.curl").text
    assert "reader" in shown
    assert "YOUR-PASSWORD" in shown
    assert not re.search("se.{0,6}cret|word$|word'", shown.replace("YOUR-PASSWORD", ""))


@pytest.mark.parametrize("scheme", accessibility.SCHEMES)
def test_axe_finds_nothing_serious(page: Page, scheme: str) -> None:
    accessibility.use_scheme(page.chromium, scheme)
    try:
        page.open("/docs/#!/api/")
        page.find(OPERATION)
        assert accessibility.serious(page.chromium) == []
        operation = page.open_operation("get_enrollment")
        page.click(f"{operation} .execute")
        page.find(f"{operation} .live-responses-table .highlight-code")
        assert accessibility.serious(page.chromium) == []
        Select(page.find(f"{operation} tr[data-param-name=format] select")).select_by_visible_text("csv")
        page.click(f"{operation} .execute")
        page.find(f"{operation} .csv")
        assert accessibility.serious(page.chromium) == []
        page.open_operation("post_v1_enrollment_of_courses")
        assert accessibility.serious(page.chromium) == []

        page.requested(), page.messages()
        course = "/api/v0/courses/edX/DemoX/Demo_Course/"
        log_in(page)
        for path in (f"{course}enrollment/location/?_sort=-count", f"{course}problems/", "/api/v1/courses/"):
            page.chromium.get(page.server + path)
            page.find("table.rows")
            assert accessibility.serious(page.chromium) == [], path
        assert page.messages() == []
        for path in (f"{course}enrollment/?start_date=yesterday", f"{course}enrollment/?start_date=2020-01-01", "/no"):
            page.chromium.get(page.server + path)
            page.find(".problem")
            assert accessibility.serious(page.chromium) == [], path
        assert page.foreign() == []
    finally:
        accessibility.use_scheme(page.chromium, "")


def log_in(page: Page) -> None:
    """Open endpoints' pages with the session of a user."""
    client = Client()
    client.force_login(User.objects.get(username="reader"))
    page.chromium.get(f"{page.server}/status/")
    page.chromium.add_cookie(
        {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
    )


@pytest.mark.parametrize("width", [375, 1280])
def test_the_pages_of_endpoints_and_errors_fit(page: Page, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        log_in(page)
        course = "/api/v0/courses/edX/DemoX/Demo_Course/"
        for path in (f"{course}enrollment/location/", f"{course}problems/", "/api/v1/courses/?sort=x", "/no"):
            page.chromium.get(page.server + path)
            assert page.chromium.execute_script("return document.documentElement.scrollWidth") <= width, path
    finally:
        page.chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


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
    # Its very bytes, not what is shown of it.
    path = "/api/v0/courses/edX/DemoX/Demo_Course/enrollment/?start_date=2010-01-01&end_date=2014-10-01"
    assert saved.read_bytes() == Client(headers={"authorization": f"Token {KEY}"}).get(path).content
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
    assert body.startswith('{"module_id":')
