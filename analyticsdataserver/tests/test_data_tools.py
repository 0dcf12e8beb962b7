"""The programs of the guide for other tools: Google's is run by Node, of R's and Excel's only the request is sent."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from pyarrow import parquet

from analytics_data_api.formats.base import TypedRenderer
from analytics_data_api.tables.tests import factories as make
from analyticsdataserver.config import BASE_DIR
from analyticsdataserver.tests.guides import examples

pytestmark = pytest.mark.django_db(databases=["default", "analytics"])

NODE = shutil.which("node")
BLOCK = r"^\.\. code-block:: {}\n\n((?: {{3}}.*\n|\n)+)"

# What of Google's services the program uses.
GOOGLE = """
const input = JSON.parse(require("fs").readFileSync(0));
const written = {};
const UrlFetchApp = {
  fetch: (url, options) => {
    Object.assign(written, { url, options });
    return { getContentText: () => input.body };
  },
};
const Utilities = { parseCsv: (text) => text === input.body ? input.rows : null };
const SpreadsheetApp = {
  getActiveSheet: () => ({
    clearContents: () => { written.cleared = true; },
    getRange: (...range) => ({ setValues: (values) => Object.assign(written, { range, values }) }),
  }),
};
"""


def program(language: str) -> str:
    """Return the block of the guide in a language."""
    page = (BASE_DIR / "docs" / "data_tools.rst").read_text()
    (found,) = re.findall(BLOCK.format(language), page, re.MULTILINE)
    return str(found)


@pytest.fixture
def send(client: Client) -> Callable[..., bytes]:
    """Send a request to an address of the guide with the guide's key."""
    make.EnrollmentFactory(date=date(2014, 12, 1), count=7)
    make.EnrollmentFactory(date=date(2014, 12, 10), count=8)

    def send(url: str, **query: str) -> bytes:
        assert url.startswith(examples.SERVICE)
        address = urlsplit(url)
        response = client.get(f"{address.path}?{address.query}", query_params=query or None)
        assert response.status_code == 200
        return b"".join(response)

    return send


@pytest.mark.process
@pytest.mark.skipif(NODE is None, reason="Node is not installed (Debian: apt-get install nodejs)")
def test_google_sheets(send: Callable[..., bytes]) -> None:
    source = program("javascript")
    url = re.findall(r'"(http://[^"]+)"', source)[0]
    body = send(url).decode()
    rows = list(csv.reader(io.StringIO(body)))
    script = f"{GOOGLE}\n{source}\nimportEnrollment();\nconsole.log(JSON.stringify(written));"
    run = subprocess.run(
        [NODE or "", "-e", script],
        input=json.dumps({"body": body, "rows": rows}),
        capture_output=True,
        text=True,
        check=True,
    )
    written: Any = json.loads(run.stdout)
    assert (written["url"], written["options"]) == (url, {"headers": {"Authorization": f"Token {examples.KEY}"}})
    assert written["cleared"]
    assert written["range"] == [1, 1, 3, 4]
    assert written["values"] == rows
    assert rows[0] == ["count", "course_id", "created", "date"]


def test_the_request_of_excel(send: Callable[..., bytes]) -> None:
    source = program("none")
    url = re.findall(r'"(http://[^"]+)"', source)[0]
    (listed,) = re.findall(r"Query = \[(.*?)\]", source)
    query = dict(re.findall(r'(\w+) = "([^"]*)"', listed))
    header, *rows = csv.reader(io.StringIO(send(url, **query).decode()))
    assert query["format"] == "csv"
    assert (header, len(rows)) == (["date", "count"], 2)
    assert re.findall(r'{"(\w+)", ', source) == header
    assert f'Authorization = "Token {examples.KEY}"' in source


def test_the_request_of_r(send: Callable[..., bytes]) -> None:
    source = program("r")
    url = re.findall(r'"(http://[^"]+)"', source)[0]
    (listed,) = re.findall(r"req_url_query\((.*?)\)", source)
    query = dict(re.findall(r'(\w+) = "([^"]*)"', listed))
    assert parquet.read_table(io.BytesIO(send(url, **query))).column("count").to_pylist() == [7, 8]
    assert f'Authorization = "Token {examples.KEY}"' in source


@pytest.mark.process
def test_nothing_imports_pyarrow_before_it_is_needed() -> None:
    source = (
        "import sys, django; django.setup(); import analyticsdataserver.urls;"
        "assert 'analytics_data_api.formats.parquet' in sys.modules; assert 'pyarrow' not in sys.modules"
    )
    environ = os.environ | {"DJANGO_SETTINGS_MODULE": "analyticsdataserver.settings.test"}
    subprocess.run([sys.executable, "-c", source], env=environ, cwd=BASE_DIR, check=True)


def test_the_requirements_of_typed_formats_are_named_once_more() -> None:
    groups = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["dependency-groups"]
    lines = (BASE_DIR / "requirements" / "data.in").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == groups["data"]
    assert "requirements/data.txt" in TypedRenderer.requirement
    (_, *packages) = groups["spark"]
    lines = (BASE_DIR / "requirements" / "spark.in").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-r data.in", *packages]
